# SPDX-License-Identifier: BSD-3-Clause
"""Layout and length of files and functions, and what a library must not do."""

import ast
import re
from collections.abc import Iterator

from .tree import Tree

SOURCE = (".c", ".h", ".py", ".sh", ".rst", ".map", ".build", ".toml")
CODE = (".c", ".h", ".py")
MOST_COLUMNS, MOST_LINES, MOST_FUNCTION_LINES = 100, 600, 60
LIBRARY = ("lib/", "drivers/")
EXITS = re.compile(r"\b(?:exit|_exit|abort|assert|printf|fprintf|puts|perror)\s*\(")
DPDK = re.compile(r"#include <rte_")
IOCTL = re.compile(r"(?<![\w>.])ioctl\s*\(")
LICENSE = "SPDX-License-Identifier: BSD-3-Clause"
# Inputs of the fuzz targets: any bytes.
INPUTS = "app/test/fuzz/corpus/"


def layout(tree: Tree) -> Iterator[str]:
    """License, columns, white space at the end of lines."""
    for name in tree.names:
        if name.startswith(INPUTS):
            continue
        try:
            text = tree.text(name)
        except UnicodeDecodeError:
            yield f"{name}: not text"
            continue
        if not name.endswith(SOURCE) and not text.startswith("#!"):
            continue
        lines = text.split("\n")
        if LICENSE not in "\n".join(lines[:3]):
            yield f"{name}: no {LICENSE} at the top"
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > MOST_COLUMNS:
                yield f"{name}:{number}: over {MOST_COLUMNS} columns"
            if line != line.rstrip():
                yield f"{name}:{number}: white space at the end"


def length(tree: Tree) -> Iterator[str]:
    """Files of at most 600 lines, functions of at most 60."""
    for name in dict.fromkeys([*tree.ending(*CODE), *tree.python()]):
        text = tree.text(name)
        lines = text.count("\n")
        if lines > MOST_LINES:
            yield f"{name}: {lines} lines, over {MOST_LINES}"
        measured = c_functions(text) if name.endswith((".c", ".h")) else python_functions(text)
        for line, long in measured:
            if long > MOST_FUNCTION_LINES:
                yield f"{name}:{line}: function of {long} lines, over {MOST_FUNCTION_LINES}"


def c_functions(text: str) -> Iterator[tuple[int, int]]:
    """Line and length of each function of C, whose braces stand alone in the first column."""
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start
            start = 0


def python_functions(text: str) -> Iterator[tuple[int, int]]:
    """Line and length of each function of Python."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


# The second one stands in front of ioctl().
IOCTLS = ("lib/iommufd/", "drivers/compat/vfio_cdev/hooks.c")


def library(tree: Tree) -> Iterator[str]:
    """lib/ and drivers/ neither exit nor print; DPDK and ioctl() have one place each."""
    for name in tree.ending(".c", ".h"):
        if not name.startswith(LIBRARY):
            continue
        code = re.sub(r"/\*.*?\*/", "", tree.text(name), flags=re.DOTALL)
        if EXITS.search(code):
            yield f"{name}: exits, asserts or prints"
        if name.startswith("lib/") and DPDK.search(code):
            yield f"{name}: includes a header of DPDK"
        if not name.startswith(IOCTLS) and IOCTL.search(code):
            yield f"{name}: calls ioctl(), which only lib/iommufd does"
