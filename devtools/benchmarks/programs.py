# SPDX-License-Identifier: BSD-3-Clause
"""Starts: of programs that use DPDK, and of others that have a library preloaded."""

from functools import partial
from pathlib import Path

from testvm.qemu import Guest
from testvm.testpmd import LIBRARY

from .figures import Figure, difference, ratio
from .machine import (
    FRONT,
    HUGEPAGES,
    NICS,
    OURS,
    PAIR,
    PROGRAMS,
    STOCK,
    Bench,
    host_run,
    pairs_parse,
    take_turns,
)

RUNNING = "/bin/true, running"


def start(guest: Guest, bench: Bench, way: str, pages: int) -> float:
    """From exec to the first packet. What the process waits for is not instructions."""
    library = [f"LIBRARY={LIBRARY}", "RTE_VFIO_CDEV=require"] if way == OURS else []
    devices = [word for device in PAIR for word in ("-a", device)]
    # The EAL has a file for each hugepage.
    done = guest.run(["prlimit", f"--nofile={pages + 1024}", "env", *library,
                      PROGRAMS / "bench_start", "-l", "0", "-m", str(2 * pages), *devices],
                     timeout=300, check=True)
    passed, cpu = map(float, done.stdout.splitlines()[-1].split())
    return cpu if bench.counted else passed


def starts(bench: Bench) -> list[Figure]:
    """From exec to the first packet, with so many hugepages, all of which the program takes."""
    figures = []
    for pages in bench.effort.sizes:
        guest = bench.guest(**({} if pages < HUGEPAGES else
                               {"hugepages": pages, "nics": NICS[:2]}))
        start(guest, bench, STOCK, pages)       # it reads the files
        stock, ours = (partial(start, guest, bench, way, pages) for way in (STOCK, OURS))
        pairs = take_turns(bench.effort.slow, stock, ours)
        figures.append(ratio("start", f"exec to packet, {pages} hugepages", pairs, bench.unit,
                             (STOCK, OURS), most=1.02))
    return figures


def front_calls(output: str, unit: str) -> list[Figure]:
    """What each call of the C library takes longer by."""
    return [difference("preload", f"{name}, {FRONT.name.partition('.')[0]}", pairs, unit,
                       ("without", "with"))
            for name, pairs in pairs_parse(output).items() if not name.startswith("/bin/true")]


def command(bench: Bench, library: Path, rounds: int) -> list[str]:
    """The command line of bench_calls.c."""
    return [str(PROGRAMS / "bench_calls"), "--pairs", "-n", str(bench.effort.calls),
            "-r", str(rounds), "-s", str(4 * bench.effort.pairs), str(library)]


def start_cost(output: str, library: Path, unit: str, most: float | None = None) -> Figure:
    """Of microseconds that it ran, or thousands of instructions, thousands."""
    pairs = [(first / 1000, second / 1000) for first, second in pairs_parse(output)[RUNNING]]
    return difference("preload", f"/bin/true, {library.name.partition('.')[0]}", pairs, unit,
                      ("without", "with"), most)


def preloads(bench: Bench) -> list[Figure]:
    """On this machine, without a VM: /bin/true, and calls that are not for the library."""
    bus, front = (host_run(command(bench, library, rounds)) for library, rounds in
                  ((LIBRARY, 1), (FRONT, bench.effort.pairs)))
    return [start_cost(bus, LIBRARY, "ms", 1),
            start_cost(front, FRONT, "ms", 1), *front_calls(front, "ns")]


def preloads_counted(bench: Bench) -> list[Figure]:
    """The same in a guest, if that counts instructions."""
    if not bench.counted:
        return []
    guest = bench.guest()
    bus, front = (guest.run(command(bench, library, rounds), timeout=300, check=True).stdout
                  for library, rounds in ((LIBRARY, 1), (FRONT, 3)))
    unit = "million instructions"
    return [start_cost(bus, LIBRARY, unit), start_cost(front, FRONT, unit),
            *front_calls(front, "instructions")]
