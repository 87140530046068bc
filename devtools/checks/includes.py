# SPDX-License-Identifier: BSD-3-Clause
"""Headers that stay in their folder, and tests that stay apart."""

import ast
import re
from collections.abc import Iterator, Set
from fnmatch import fnmatch
from pathlib import PurePath

from .layers import folder_ranks
from .tree import PRODUCT, TESTS, Tree, is_product

INCLUDE = re.compile(r'(?m)^\s*#\s*include\s+["<]([^">]+)[">]')
# Headers of lib/ and drivers/ that other folders may include; all others are private there.
SHARED = ("rte_*.h", "iommufd.h", "iommufd_uapi.h", "uring.h", "vfio_cdev_monitor.h",
          "device_choice.h", "elf_slots.h", "log_sink.h", "policy.h", "vfio_cdev_front.h")
PRIVATE = ("*_private.h", "private.h")
# What loads a module by a name in a string.
LOADERS = ("__import__", "import_module", "importorskip", "run_module")


def is_private(name: str) -> bool:
    """Whether only the header's own folder may include it."""
    base = PurePath(name).name
    if any(fnmatch(base, form) for form in PRIVATE):
        return True
    return name.startswith(("lib/", "drivers/")) and not any(fnmatch(base, s) for s in SHARED)


def headers(tree: Tree) -> Iterator[str]:
    """A private header stays in its folder, others go to higher folders only."""
    ranks = folder_ranks(tree)
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
            for home in sorted(homes) if mine not in homes else ():
                if is_private(f"{home}/{base}"):
                    yield f"{name}: includes {home}/{base}, which is private to its folder"
                elif ranks.get(home, 0) >= ranks.get(mine, len(ranks)):
                    yield f"{name}: includes {home}/{base}, which is not of a lower folder"


def tests(tree: Tree) -> Iterator[str]:
    """No test imports a test, and no source is included."""
    mine = [name for name in tree.ending(".py") if name.startswith(TESTS)]
    modules = {PurePath(name).stem for name in mine}
    for name in mine:
        yield from (f"{name}:{line}: imports {module}: what tests share is in helpers"
                    for line, module in imports(tree.text(name), modules) if is_test(module))
    for name in tree.ending(".c", ".h"):
        if name.startswith(PRODUCT):
            yield from (f"{name}: includes {included}: link with it instead"
                        for included in INCLUDE.findall(tree.text(name))
                        if included.endswith(".c"))


def is_test(module: str) -> bool:
    """Whether a dotted name is that of a module with tests."""
    return any(part.startswith("test_") for part in module.split("."))


def imports(text: str, modules: Set[str]) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that a module imports; modules are those that tests have."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # The last name is a module in "from folder import test_x", in others a function.
            names = [node.module] if node.module else []
            names += [alias.name for alias in node.names if alias.name in modules]
            yield from ((node.lineno, name) for name in names)
        elif isinstance(node, ast.Call):
            loader = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield from ((node.lineno, word.value) for word in node.args if loader in LOADERS
                        and isinstance(word, ast.Constant) and isinstance(word.value, str))
