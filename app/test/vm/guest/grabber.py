# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: sees whether somebody writes to hugepages that a process has moved from.

    grabber.py PID NODE

Moves the hugepages of that process to the node, takes all that are free then, and fills them with
a pattern. Prints how many have moved, and how many it has. When its input ends it prints how many
of these have something else in them.
"""

import mmap
import re
import sys

from migrate import HUGEPAGE, hugepages, move

MAP_HUGETLB = 0x40000       # include/uapi/asm-generic/mman.h
PATTERN = b"\xa5" * HUGEPAGE


def free() -> int:
    """Hugepages that nobody has."""
    with open("/proc/meminfo", encoding="ascii") as info:
        found = re.search(r"^HugePages_Free: +(\d+)$", info.read(), re.M)
    assert found
    return int(found[1])


def main() -> None:
    pid, node = map(int, sys.argv[1:])
    before = move(pid, hugepages(pid), None)
    move(pid, hugepages(pid), node)
    after = move(pid, hugepages(pid), None)
    print("moved", sum(was != now for was, now in zip(before, after, strict=True)))
    count = free()
    pages = mmap.mmap(-1, count * HUGEPAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB)
    for number in range(count):
        pages[number * HUGEPAGE:(number + 1) * HUGEPAGE] = PATTERN
    print("taken", count, flush=True)
    sys.stdin.read()
    print("changed", sum(pages[number * HUGEPAGE:(number + 1) * HUGEPAGE] != PATTERN
                         for number in range(count)))


main()
