# SPDX-License-Identifier: BSD-3-Clause
"""Headers that stay in their folder, and tests that stay apart."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import PurePath

from .tree import TESTS, Tree, is_product

INCLUDE = re.compile(r'(?m)^\s*#\s*include\s+["<]([^">]+)[">]')
# Headers of lib/ and drivers/ that other folders may include; all others are private there.
SHARED = ("rte_*.h", "iommufd.h", "iommufd_uapi.h", "vfio_cdev_monitor.h")
PRIVATE = ("*_private.h", "private.h")


def is_private(name: str) -> bool:
    """Whether only the header's own folder may include it."""
    base = PurePath(name).name
    if any(fnmatch(base, form) for form in PRIVATE):
        return True
    return name.startswith(("lib/", "drivers/")) and not any(fnmatch(base, s) for s in SHARED)


def headers(tree: Tree) -> Iterator[str]:
    """A private header is included from its own folder only."""
    folders: dict[str, set[str]] = {}
    for name in tree.ending(".h"):
        if is_product(name):
            path = PurePath(name)
            folders.setdefault(path.name, set()).add(str(path.parent))
    for name in filter(is_product, tree.ending(".c", ".h")):
        mine = str(PurePath(name).parent)
        for included in INCLUDE.findall(tree.text(name)):
            base = PurePath(included).name
            homes = folders.get(base, set())
            if mine not in homes:
                yield from (f"{name}: includes {home}/{base}, which is private to its folder"
                            for home in sorted(homes) if is_private(f"{home}/{base}"))


def tests(tree: Tree) -> Iterator[str]:
    """No test imports a test, and none includes a source."""
    for name in tree.ending(".py"):
        if name.startswith(TESTS):
            yield from (f"{name}:{line}: imports {module}: what tests share is in helpers"
                        for line, module in imports(tree.text(name)) if is_test(module))
    for name in tree.ending(".c", ".h"):
        if name.startswith(TESTS):
            yield from (f"{name}: includes {included}: link with it instead"
                        for included in INCLUDE.findall(tree.text(name))
                        if included.endswith(".c"))


def is_test(module: str) -> bool:
    """Whether a dotted name is that of a module with tests."""
    return any(part.startswith("test_") for part in module.split("."))


def imports(text: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that a module imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # "from . import test_x" names the module last; from a module, a test is a function.
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.lineno, name) for name in names)
