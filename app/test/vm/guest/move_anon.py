# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: moves the memory of a live process that its children do not have.

    move_anon.py PID PAGES

That is memory with MADV_DONTFORK, as in doc/examples/pin. Waits until there are that many pages;
then moves one in STRIDE of them to a NUMA node and has memory compacted, in rounds: to each node,
then the next ones. So it goes on while they are there, as many of the process are pinned, and
standard input is open. Prints a dot for each round, and at the end how many rounds it were and
how many pages were elsewhere after one.
"""

import array
import ctypes
import re
import select
import sys
import time
from pathlib import Path

PAGE = 4096
STRIDE = 64                 # to try a page that is pinned takes milliseconds
MOVE_PAGES = 279            # include/uapi/asm/unistd_64.h
MPOL_MF_MOVE_ALL = 1 << 2   # include/uapi/linux/mempolicy.h
PRESENT, FRAME = 1 << 63, (1 << 55) - 1     # Documentation/admin-guide/mm/pagemap.rst
AREA = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 *\n(?:(?![0-9a-f]+-).*\n)*?"
                  r"VmFlags:.* dc\b", re.M)


def areas_of(pid: int) -> list[range]:
    """Addresses of the pages."""
    smaps = Path(f"/proc/{pid}/smaps").read_text(encoding="ascii")
    return [range(int(start, 16), int(end, 16), PAGE) for start, end in AREA.findall(smaps)]


def frames_of(pid: int, areas: list[range]) -> list[int]:
    """Where those are that are anywhere."""
    entries = array.array("Q")
    try:
        with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
            for area in areas:
                pagemap.seek(area.start // PAGE * 8)
                entries.frombytes(pagemap.read(len(area) * 8))
    except (FileNotFoundError, ProcessLookupError):
        pass    # it has ended, or is about to
    return [entry & FRAME for entry in entries if entry & PRESENT]


def pinned_of(pid: int) -> str:
    """VmPin: it falls when the process gives up a pin, and its pages may move."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return next((line for line in status.splitlines() if line.startswith("VmPin:")), "")


def move(pid: int, pages: list[int], node: int) -> None:
    """Move all of them to a node."""
    count = len(pages)
    ctypes.CDLL(None).syscall(MOVE_PAGES, pid, ctypes.c_ulong(count),
                              (ctypes.c_void_p * count)(*pages),
                              (ctypes.c_int * count)(*([node] * count)),
                              (ctypes.c_int * count)(), MPOL_MF_MOVE_ALL)


def main() -> None:
    pid, count = int(sys.argv[1]), int(sys.argv[2])
    nodes = len(list(Path("/sys/devices/system/node").glob("node[0-9]*")))
    while len(frames_of(pid, areas_of(pid))) < count:
        time.sleep(0.05)
    areas = areas_of(pid)
    pages = [page for area in areas for page in area]
    moved = rounds = 0
    pinned = pinned_of(pid)
    frames = frames_of(pid, areas)
    while len(frames) == count and not select.select([sys.stdin], [], [], 0)[0]:
        before = frames
        move(pid, pages[rounds // nodes % STRIDE::STRIDE], rounds % nodes)
        Path("/proc/sys/vm/compact_memory").write_text("1", encoding="ascii")
        frames = frames_of(pid, areas)
        if len(frames) == count and pinned_of(pid) == pinned:
            moved += sum(was != now for was, now in zip(before, frames, strict=True))
            rounds += 1
            print(".", end="", flush=True)
        else:
            break
    print(f"\n{rounds} {moved}")


main()
