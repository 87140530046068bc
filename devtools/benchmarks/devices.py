# SPDX-License-Identifier: BSD-3-Clause
"""Set-up and release of devices, and of how many of them at once."""

from collections.abc import Sequence

from testvm.machine import nic_address
from testvm.qemu import Guest

from .figures import Figure, Pair, ratio
from .machine import OURS, STOCK, Bench, both

FUNCTIONS = 8       # of a slot
COUNTS = (1, 8, 60)
Found = dict[tuple[str, int], list[list[float]]]     # [set-up, release] of a way and a count


def devices(bench: Bench) -> list[Figure]:
    """Set-up and release per device: of many beside few, and ours beside stock."""
    number = max(COUNTS) + 2
    guest = bench.guest(nics=("e1000",) * number, functions=FUNCTIONS, hugepages=64)
    return beside(bench, guest, [nic_address(i, FUNCTIONS) for i in range(number)], COUNTS)


def beside(bench: Bench, guest: Guest, names: Sequence[str],
           counts: Sequence[int]) -> list[Figure]:
    """The same of a guest that is there."""
    found: Found = {}
    # Each has one device that stays set up, and is given the others in turn.
    with both(guest, [names[0], *names[2:]], names[1:]) as programs:
        for program in programs:
            program.measure("devices", max(counts))
        for turn in range(bench.effort.slow):
            ways = list(zip((STOCK, OURS), programs, strict=True))[::-1 if turn % 2 else 1]
            for count in counts:
                for way, program in ways:
                    found.setdefault((way, count), []).append(program.measure("devices", count))
    return [figure for step in range(2) for figure in step_figures(bench, found, counts, step)]


def step_figures(bench: Bench, found: Found, counts: Sequence[int], step: int) -> list[Figure]:
    """Of one of the two steps."""
    name, unit, few = ("set-up", "release")[step], f"{bench.unit} a device", counts[0]

    def pairs(first: tuple[str, int], second: tuple[str, int]) -> list[Pair]:
        return [(one[step], other[step]) for one, other in
                zip(found[first], found[second], strict=True)]
    return [*(ratio("devices", f"{name}, {count} devices beside {few}",
                    pairs((OURS, few), (OURS, count)), unit, (str(few), str(count)), most=1.1)
              for count in counts[1:]),
            *(ratio("devices", f"{name}, {count} devices", pairs((STOCK, count), (OURS, count)),
                    unit, (STOCK, OURS)) for count in counts)]
