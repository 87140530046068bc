# SPDX-License-Identifier: BSD-3-Clause
"""The numbers of a release, and of the ABI: one in all the places that have it."""

import re
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime

from .tree import Tree

# The first one of each decides.
VERSION = (
    ("meson.build", r"^ +version: '(.+)'\)$"),
    ("doc/changelog.rst", r"^(?:Not released: )?(\d+\.\S+).*\n-+$"),
    ("devtools/debian/changelog", r"^dpdk-vfio-cdev \((.+?)\) "),
)
ABI = (
    ("config/meson.build", r"^abi_version = '(.+)'$"),
    ("app/host/launch.h", r'^#define LAUNCH_LIBRARY "\S+\.so\.(.+)"$'),
    ("lib/vfio_cdev/version.map", r"^VFIO_CDEV_(\S+) {$"),
    ("lib/vfio_cdev/librte_vfio_cdev.abi", r" soname='\S+\.so\.(\S+)'"),
    ("devtools/debian/control", r"^Package: librte-bus-vfio-cdev(\d+)$"),
)
DAY = ("doc/changelog.rst", r"^\d+\.\S+ \((.+)\)\n-+$")
DEBIAN_DAY = ("devtools/debian/changelog", r"^ -- .*>  (.+)$")


def versions(tree: Tree) -> Iterator[str]:
    """One version, one day of it and one number of the ABI, wherever they are written."""
    yield from agree(tree, "version", VERSION)
    yield from agree(tree, "ABI", ABI)
    day, debian = find(tree, *DAY), find(tree, *DEBIAN_DAY)
    if day and debian and parsedate_to_datetime(debian).date().isoformat() != day:
        yield f"{DEBIAN_DAY[0]}: {debian}, and {DAY[0]} has {day}"


def find(tree: Tree, name: str, pattern: str) -> str:
    """The first one in a file."""
    found = re.search(pattern, tree.text(name), re.M) if name in tree.names else None
    return found.group(1) if found else ""


def agree(tree: Tree, what: str, places: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Files with another number than the first one."""
    number = find(tree, *places[0])
    for name, pattern in places:
        if name in tree.names and find(tree, name, pattern) != number:
            yield f"{name}: {what} {find(tree, name, pattern) or 'missing'}, not {number} as in " \
                  f"{places[0][0]}"
