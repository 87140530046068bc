# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: moves the hugepages of a live process between NUMA nodes, again and again.

    migrate.py PID

From the first hugepage that there is until its standard input or the process ends. Prints a dot
when each page was tried on every node, and at the end how many moves were tried and how many
the kernel made.
"""

import ctypes
import os
import re
import select
import sys
import time

HUGEPAGE = 2 << 20
MOVE_PAGES = 279            # include/uapi/asm/unistd_64.h
MPOL_MF_MOVE_ALL = 1 << 2   # include/uapi/linux/mempolicy.h
NODES = 2


def hugepages(pid: int) -> list[int]:
    """Addresses of the process's hugepages; those that are not there answer with an error."""
    found: list[int] = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) .*(hugepages/|/anon_hugepage|/memfd:)", line)
            if match:
                found += range(int(match[1], 16), int(match[2], 16), HUGEPAGE)
    return found


def wanted(pid: int) -> bool:
    """Whether to go on."""
    return os.path.exists(f"/proc/{pid}") and not select.select([sys.stdin], [], [], 0)[0]


def move(pid: int, pages: list[int], node: int | None) -> list[int]:
    """Move all pages to a node, or only find out where they are; the node of each."""
    addresses = (ctypes.c_void_p * len(pages))(*pages)
    status = (ctypes.c_int * len(pages))(*([-1] * len(pages)))
    nodes = None if node is None else (ctypes.c_int * len(pages))(*([node] * len(pages)))
    ctypes.CDLL(None).syscall(MOVE_PAGES, pid, ctypes.c_ulong(len(pages)), addresses, nodes,
                              status, MPOL_MF_MOVE_ALL)
    return list(status)


def main() -> None:
    pid = int(sys.argv[1])
    while not hugepages(pid):
        time.sleep(0.01)
    tried = moved = rounds = 0
    while wanted(pid):
        pages = hugepages(pid)
        before = move(pid, pages, None)
        move(pid, pages, rounds % NODES)
        after = move(pid, pages, None)
        tried += sum(node >= 0 and node != rounds % NODES for node in before)
        moved += sum(was >= 0 and now >= 0 and was != now
                     for was, now in zip(before, after, strict=True))
        rounds += 1
        if rounds == NODES:
            print(".", flush=True)
    print(tried, moved)


if __name__ == "__main__":
    main()
