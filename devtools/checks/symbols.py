# SPDX-License-Identifier: BSD-3-Clause
"""Global names: what objects define and use, what is installed, and what is exported."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

from .tree import CheckError, Tree, is_product, run

ARCHIVE = ("rte_vfio_cdev_", "vfio_cdev_", "iommufd_", "vfio_uring_")
SHARED = ("rte_",)
# Of the functions that public headers declare; a map has those of the EAL, too.
OWN = re.compile(r"rte_(?:bus_)?vfio_cdev_")
DECLARED = re.compile(r"(?m)^(rte_\w+)\(")


def nm(tree: Tree, *words: str | Path) -> Iterator[tuple[str, str, str]]:
    """File, kind and name of each global symbol: `nm -A -P`."""
    listed = run(["nm", "-A", "-P", *words], tree.top)
    if listed.returncode != 0:
        raise CheckError(f"nm: {listed.stderr.strip()}")
    for line in listed.stdout.splitlines():
        file, _, rest = line.partition(": ")
        name, kind, *_ = rest.split()
        yield file, kind, name.partition("@")[0]


@functools.cache
def c_library(tree: Tree) -> frozenset[str]:
    """The names of the C library: who calls mmap() does not mean the backend's."""
    path = run(["cc", "-print-file-name=libc.so.6"], tree.top).stdout.strip()
    return frozenset(name for _, _, name in nm(tree, "-D", "--defined-only", path))


def prefixes(tree: Tree) -> Iterator[str]:
    """Every global name of an installed library has a prefix of ours."""
    text = tree.built("meson-info/intro-installed.json").read_text(encoding="utf-8")
    if not tree.objects:    # also refuses those of old sources
        raise CheckError(f"{tree.build} has no object of lib, drivers or app")
    for name in sorted(json.loads(text)):
        path = tree.build / name
        archive = path.suffix == ".a"
        # Names of links to a library are not paths here.
        if not path.is_file() or not (archive or ".so" in path.suffixes):
            continue
        options = ("-g",) if archive else ("-D",)
        allowed = ARCHIVE if archive else SHARED
        for _, kind, symbol in nm(tree, *options, "--defined-only", path):
            known = kind == "A" or symbol.startswith(allowed)
            if not known and (archive or symbol not in c_library(tree)):
                yield f"{path.name}: {symbol} has no prefix ({', '.join(allowed)})"


def exports(tree: Tree) -> Iterator[str]:
    """Version scripts list what the public headers declare, name by name, in order."""
    headers = [name for name in tree.ending(".h")
               if is_product(name) and name.rpartition("/")[2].startswith("rte_")]
    for script in filter(is_product, tree.ending(".map")):
        text = re.sub(r"/\*.*?\*/", "", tree.text(script), flags=re.DOTALL)
        names = re.findall(r"([\w*?]+);", text.partition("global:")[2].partition("local:")[0])
        yield from (f"{script}: {name} is a pattern: list the names"
                    for name in names if re.search(r"[*?]", name))
        if names != sorted(names):
            yield f"{script}: not in order"
        # The EAL front has the library in it. That of the C library hides it.
        folders = ("lib/", f"{script.rpartition('/')[0]}/")
        declared = {name for header in headers if header.startswith(folders)
                    for name in DECLARED.findall(tree.text(header))}
        own = {name for name in names if OWN.match(name)}
        yield from (f"{script}: {name} is in no public header" for name in sorted(own - declared))
        yield from (f"{script}: {name} is missing, a public header declares it"
                    for name in sorted(declared - own) if own)
