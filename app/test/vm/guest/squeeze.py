# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: memory is short, compacted and reclaimed, again and again, beside a process.

    squeeze.py PID

Each round takes most of the memory that is left, gives every second piece of it back, has the
kernel compact the rest and drop its caches, and then reclaim all that it can of what the process's
cgroup has. Then it looks whether pages of the process are elsewhere: those that the library has
pinned, or without the library all that may be some of stock's. Prints a dot for each round, until
its input ends, and then: rounds, kB of the pages, times that one was elsewhere; and meanwhile, of
whomever, the pages that the kernel has migrated, and those of the cgroup that it has swapped out.
"""

import array
import contextlib
import mmap
import re
import select
import sys
from collections.abc import Iterator

from migrate import HUGEPAGE, hugepages
from watcher import ask

PAGE = 4096
PIECE = 1 << 16
SPARE = 64 << 20
MADV_POPULATE_WRITE = 23    # include/uapi/asm-generic/mman-common.h
# More than there is of it; files would only have to be read again.
MOST = "16M swappiness=max"
PRESENT, FRAME = 1 << 63, (1 << 55) - 1     # Documentation/admin-guide/mm/pagemap.rst


def text_of(path: str) -> str:
    """Of a file of the kernel's."""
    with open(path, encoding="ascii") as file:
        return file.read()


def number_of(path: str, name: str) -> int:
    """In a line with a name."""
    found = re.search(rf"^{name}:? +(\d+)", text_of(path), re.M)
    assert found, f"{path} has no {name}"
    return int(found[1])


def write(path: str, text: str) -> None:
    """A file of the kernel's."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def pinned() -> Iterator[tuple[int, int]]:
    """Address and pages of what the library has pinned; nothing without the library."""
    start: str | None = ""
    while start is not None:
        answer = ask(f"/vfio_cdev/mappings{start}")[0] or {"mappings": {}}
        for mapping in answer["mappings"].values():
            assert mapping["state"] == "pinned", mapping
            yield int(mapping["va"], 16), mapping["length"] // PAGE
        start = f",{answer['next']}" if "next" in answer else None


def usual(pid: int) -> Iterator[tuple[int, int]]:
    """Address and pages of hugepages, and of shared memory without a name, as a pool's."""
    for page in hugepages(pid):
        yield page, HUGEPAGE // PAGE
    for start, end in re.findall(r"^(\w+)-(\w+) rw-s 0+ \S+ \d+ +/dev/zero \(deleted\)$",
                                 text_of(f"/proc/{pid}/maps"), re.M):
        yield int(start, 16), (int(end, 16) - int(start, 16)) // PAGE


def frames(pid: int, areas: list[tuple[int, int]]) -> dict[int, int]:
    """Where each page is, or part of a hugepage.

    One that is unmapped only, and not reclaimed, comes back to where it was when it is read.
    """
    found: dict[int, int] = {}
    with (open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap,
          open(f"/proc/{pid}/mem", "rb", buffering=0) as memory):
        for address, count in areas:
            memory.seek(address)
            memory.read(count * PAGE)
            pagemap.seek(address // PAGE * 8)
            entries = array.array("Q", pagemap.read(count * 8))
            found |= {address + i * PAGE: entry & FRAME for i, entry in enumerate(entries)
                      if entry & PRESENT}
    return found


def squeeze() -> None:
    """What the kernel then does is its own affair."""
    size = ((number_of("/proc/meminfo", "MemAvailable") << 10) - SPARE) // PIECE * PIECE
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
        area.madvise(mmap.MADV_NOHUGEPAGE)
        area.madvise(MADV_POPULATE_WRITE)
        for start in range(0, size, 2 * PIECE):
            area.madvise(mmap.MADV_DONTNEED, start, PIECE)
        write("/proc/sys/vm/compact_memory", "1")
        write("/proc/sys/vm/drop_caches", "1")


def main() -> None:
    pid, rounds, moved = int(sys.argv[1]), 0, 0
    write("/proc/self/oom_score_adj", "1000")
    group = "/sys/fs/cgroup" + text_of(f"/proc/{pid}/cgroup").strip().removeprefix("0::")
    counters = ("/proc/vmstat", "pgmigrate_success"), (f"{group}/memory.stat", "pswpout")
    before = [number_of(*counter) for counter in counters]
    areas = list(pinned()) or list(usual(pid))
    was = frames(pid, areas)
    size = len(was) * PAGE >> 10
    while not select.select([sys.stdin], [], [], 0)[0]:
        squeeze()
        # EAGAIN: there was not as much.
        with contextlib.suppress(BlockingIOError):
            write(f"{group}/memory.reclaim", MOST)
        now = frames(pid, areas)
        moved += sum(now.get(page) != frame for page, frame in was.items())
        was = now
        rounds += 1
        print(".", flush=True)
    print(rounds, size, moved,
          *(number_of(*counter) - count for counter, count in zip(counters, before, strict=True)))


main()
