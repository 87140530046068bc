# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: what a DPDK process has, whenever it is asked, and polls its telemetry.

    watcher.py PID

For each line on its standard input a line of JSON. Meanwhile it asks the EAL's telemetry, each
time with a connection of its own, as tools of operators do.
"""

import json
import os
import re
import select
import socket
import sys
import time
from typing import Any

TELEMETRY = "/var/run/dpdk/rte/dpdk_telemetry.v2"
HUGEPAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB"
HEAPS = ("/eal/heap_info,0", "/eal/heap_info,1")
LOOKS = 10
STACKS = 4      # of the 5 that glibc keeps
POLL = 1.0      # seconds
MOST = 16384    # bytes of an answer (MAX_OUTPUT_LEN of lib/telemetry/telemetry.c)


def connect() -> socket.socket:
    """A connection, for which the EAL starts a thread."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(60)
    peer.connect(TELEMETRY)
    peer.recv(MOST)     # what it is
    return peer


def ask(*commands: str) -> list[dict[str, Any]]:
    """What telemetry answers."""
    answers = []
    with connect() as peer:
        for command in commands:
            peer.send(command.encode())
            answers.append(json.loads(peer.recv(MOST))[command.partition(",")[0]])
    return answers


def warm_up() -> None:
    """The C library keeps the stacks of threads that have ended, and testpmd locks its memory.

    So each is 8 MiB of resident memory. The process gets as many at once as there will ever be.
    """
    for peer in [connect() for _ in range(STACKS)]:
        peer.close()


def number(path: str) -> int:
    """In a file of sysfs."""
    with open(path, encoding="ascii") as file:
        return int(file.read())


def files_and_areas(pid: str) -> tuple[int, int]:
    """The fewest of some looks: the EAL has a file and a thread for each of our own questions."""
    looks = []
    for _ in range(LOOKS):
        with open(f"/proc/{pid}/maps", "rb") as file:
            looks.append((len(os.listdir(f"/proc/{pid}/fd")), len(file.readlines())))
        time.sleep(0.05)
    files, areas = zip(*looks, strict=True)
    return min(files), min(areas)


def sample(pid: str) -> dict[str, int]:
    """All figures."""
    fds, areas = files_and_areas(pid)
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(re.findall(r"^(Vm\w+):\s+(\d+)", file.read(), re.M))
    domains, stats, *heaps = ask("/vfio_cdev/domains", "/vfio_cdev/stats", *HEAPS)
    return {"fds": fds, "pinned_kb": int(status["VmPin"]),
            "resident_kb": int(status["VmRSS"]), "areas": areas,
            "hugepages": number(f"{HUGEPAGES}/nr_hugepages") -
            number(f"{HUGEPAGES}/free_hugepages"),
            "heap_kb": sum(heap["Alloc_size"] for heap in heaps) >> 10,
            "mappings": domains["domains"]["noiommu"]["mappings"],
            "misplaced": stats["misplaced"], "refused": stats["refused"]}


def main() -> None:
    warm_up()
    polls = 0
    while True:
        if select.select([sys.stdin], [], [], POLL)[0]:
            if not sys.stdin.readline():
                return
            print(json.dumps(sample(sys.argv[1]) | {"polls": polls}), flush=True)
        else:
            ask("/vfio_cdev/devices", "/vfio_cdev/stats", "/ethdev/list")
            polls += 1


if __name__ == "__main__":
    main()
