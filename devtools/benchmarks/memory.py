# SPDX-License-Identifier: BSD-3-Clause
"""Pages, the EAL's memory, addresses, and the records of mappings."""

import re
from functools import partial

from testvm.qemu import CommandFailed
from testvm.util import CHECKOUT

from .figures import Figure, ratio
from .machine import (
    FULL,
    OURS,
    PAIR,
    PROGRAMS,
    STOCK,
    Bench,
    both,
    host_run,
    pairs_parse,
    take_turns,
)

RECORDS = re.compile(r"(\d+) mappings: map +(\d+) ns, lookup +(\d+) ns, unmap +(\d+) ns, +"
                     r"([\d.]+) bytes each")


def pages(bench: Bench) -> list[Figure]:
    """A hugepage over the library, and over the bare ioctls."""
    guest = bench.guest()
    done = guest.run([PROGRAMS / "bench_pages", "--pairs", "-n", str(bench.effort.pages),
                      "-r", str(bench.effort.pairs)], timeout=300, check=True)
    found = pairs_parse(done.stdout)
    return [ratio("pages", name, found[name], f"{bench.unit} a page", ("ioctls", "library"),
                  most=1.05 if name == "map + verify" else None)
            for name in ("map + verify", "unmap")]


def malloc(bench: Bench) -> list[Figure]:
    """rte_malloc() that the EAL's memory has to grow for, and rte_free() that shrinks it."""
    guest = bench.guest()
    count = bench.effort.pages // 2
    with both(guest, PAIR[:1], PAIR[1:]) as programs:
        for program in programs:
            program.measure("grow", count)      # what only the first one takes
        grow = [partial(program.measure, "grow", count) for program in programs]
        found = take_turns(bench.effort.pairs, *grow)
    unit, ways = f"{bench.unit} a page", (STOCK, OURS)
    return [ratio("malloc", name, [(stock[step], ours[step]) for stock, ours in found], unit, ways,
                  most=1.1) for step, name in enumerate(("growth", "shrink"))]


def addresses(bench: Bench) -> list[Figure]:
    """rte_mem_virt2iova(): stock reads pagemap."""
    guest = bench.guest()
    figures = []
    with both(guest, PAIR[:1], PAIR[1:]) as programs:
        for what, name in (("heap", "memory of the EAL"), ("stack", "other memory")):
            calls = [partial(program.measure, what, bench.effort.calls) for program in programs]
            pairs = [(first[0], second[0]) for first, second in
                     take_turns(bench.effort.pairs, *calls)]
            figures.append(ratio("addresses", name, pairs, f"{bench.unit} a call", (STOCK, OURS),
                                 most=1))
    return figures


def records(bench: Bench) -> list[Figure]:
    """The records of a domain, on this machine and without a kernel."""
    few = [] if bench.effort == FULL else ["once"]
    found = RECORDS.findall(host_run([CHECKOUT / "build/app/test/unit/lib/bench_domain", *few]))
    if not found:
        raise CommandFailed("bench_domain: no figures")
    count, *times, size = found[-1]
    return [Figure("records", "memory of a mapping's record", (float(size),), most=64,
                   unit="bytes"),
            *(Figure("records", f"{call}, {count} mappings", (float(time),), unit="ns")
              for call, time in zip(("map", "lookup", "unmap"), times, strict=True))]
