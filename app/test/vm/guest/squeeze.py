# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: memory is short and is compacted, again and again, beside a live process.

    squeeze.py PID

Each round takes most of the memory that is left, gives every second piece of it back, has the
kernel compact the rest and drop its caches, and sees whether pages of the process are elsewhere:
its hugepages, and areas of small pages that are large and all there, as a pool's. Prints a dot for
each round, until its input ends, and then: rounds, kB of the pages, times that one had moved, and
pages that the kernel has migrated meanwhile, of whomever.
"""

import array
import mmap
import re
import select
import sys
from collections.abc import Iterator

from migrate import HUGEPAGE, hugepages

PAGE = 4096
PIECE = 1 << 16
SMALLEST = 16 << 20         # of an area of small pages; of threads they are not all there
SPARE = 64 << 20
MADV_POPULATE_WRITE = 23    # include/uapi/asm-generic/mman-common.h
PRESENT, FRAME = 1 << 63, (1 << 55) - 1     # Documentation/admin-guide/mm/pagemap.rst


def number_of(path: str, pattern: str) -> int:
    """The sum of a kind of counters."""
    with open(path, encoding="ascii") as text:
        return sum(map(int, re.findall(pattern, text.read(), re.M)))


def small_areas(pid: int) -> Iterator[tuple[int, int]]:
    """Address and pages of private memory without a name."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for start, end in re.findall(r"^(\w+)-(\w+) rw-p 0+ 00:00 0 *$", maps.read(), re.M):
            size = int(end, 16) - int(start, 16)
            if size >= SMALLEST:
                yield int(start, 16), size // PAGE


def frames(pid: int) -> dict[int, int]:
    """Where each small page is, or part of a hugepage."""
    found: dict[int, int] = {}
    areas = [*((page, HUGEPAGE // PAGE) for page in hugepages(pid)), *small_areas(pid)]
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for address, count in areas:
            pagemap.seek(address // PAGE * 8)
            entries = array.array("Q", pagemap.read(count * 8))
            if all(entry & PRESENT for entry in entries):
                found |= {address + i * PAGE: entry & FRAME for i, entry in enumerate(entries)}
    return found


def squeeze() -> None:
    """What the kernel then does is its own affair."""
    free = number_of("/proc/meminfo", r"^MemAvailable: +(\d+)") << 10
    size = (free - SPARE) // PIECE * PIECE
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
        area.madvise(mmap.MADV_NOHUGEPAGE)
        area.madvise(MADV_POPULATE_WRITE)
        for start in range(0, size, 2 * PIECE):
            area.madvise(mmap.MADV_DONTNEED, start, PIECE)
        for name in ("compact_memory", "drop_caches"):
            with open(f"/proc/sys/vm/{name}", "w", encoding="ascii") as file:
                file.write("1")


def migrated() -> int:
    """Pages that the kernel has moved since it was booted."""
    return number_of("/proc/vmstat", r"^pgmigrate_success (\d+)$")


def main() -> None:
    pid, rounds, moved = int(sys.argv[1]), 0, 0
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    was, before = frames(pid), migrated()
    while not select.select([sys.stdin], [], [], 0)[0]:
        squeeze()
        now = frames(pid)
        moved += sum(now.get(page) != frame for page, frame in was.items())
        was = now
        rounds += 1
        print(".", flush=True)
    print(rounds, len(was) * PAGE >> 10, moved, migrated() - before)


main()
