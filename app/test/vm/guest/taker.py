# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: another program that wants all hugepages, until its input ends.

    taker.py LEAVE

Takes all that are free but LEAVE, and each that comes free. Prints how many it has, at first and
whenever it has more.
"""

import mmap
import select
import sys

from migrate import HUGEPAGE

MAP_HUGETLB = 0x40000       # include/uapi/asm-generic/mman.h
COUNTS = "/sys/kernel/mm/hugepages/hugepages-2048kB/{}_hugepages"


def count_of(name: str) -> int:
    """Hugepages of a kind."""
    with open(COUNTS.format(name), encoding="ascii") as count:
        return int(count.read())


def take(count: int) -> list[mmap.mmap]:
    """So many hugepages, unless some have gone meanwhile."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB | mmap.MAP_POPULATE
    try:
        return [mmap.mmap(-1, count * HUGEPAGE, flags)]
    except OSError:
        return []


def main() -> None:
    taken: list[mmap.mmap] = []
    leave, printed = int(sys.argv[1]), -1
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        count = count_of("free") - count_of("resv") - leave
        taken += take(count) if count > 0 else []
        has = sum(len(pages) // HUGEPAGE for pages in taken)
        if has != printed:
            print("has", has, flush=True)
            printed = has


main()
