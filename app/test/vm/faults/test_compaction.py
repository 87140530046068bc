# SPDX-License-Identifier: BSD-3-Clause
"""Memory is short and compacted all the time, under traffic: every frame is compared."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from helpers.migration import MODES, assert_right, start
from helpers.programs import python
from helpers.resources import pinned_kb
from helpers.traffic import Report, Traffic
from testvm.qemu import Guest

# The less memory there is, the sooner it is short.
MACHINE: dict[str, Any] = {"hugepages": 32, "memory": "448M", "wires": True,
                           "nics": ("virtio-net-pci", "e1000e"),
                           "append": "transparent_hugepage=never"}
ROUNDS = 3
FEW = 100       # frames at a time


@pytest.fixture
def machine(guest: Callable[..., Guest]) -> Guest:
    """With little memory beside the hugepages."""
    return guest(**MACHINE)


def squeezed(guest: Guest, mode: str) -> tuple[Report, list[int], int]:
    """What became of the frames beside squeeze.py, its counts, and the kB that were pinned."""
    eal, args = MODES[mode]
    with start(guest, eal=["-m", "32", *eal], args=args) as testpmd:
        testpmd.ready(180)
        traffic, pinned = Traffic(guest.wires), pinned_kb(testpmd)
        traffic.flow(FEW)
        process = guest.start(python("squeeze.py", testpmd.pid))
        end = time.monotonic() + 120 * guest.patience
        while process.stdout.count(".") < ROUNDS and time.monotonic() < end:
            traffic.flow(FEW)
            assert process.returncode is None, process.stderr
        process.close_stdin()
        assert process.wait(60) == 0, process.stderr
        report = traffic.end()
    return report, [int(count) for count in process.stdout.splitlines()[-1].split()], pinned


@pytest.mark.parametrize("mode", ["default", "anon"])
def test_nothing_is_lost_or_changed_and_no_page_moves(machine: Guest, mode: str) -> None:
    report, (rounds, kilobytes, moved, migrated), pinned = squeezed(machine, mode)
    assert_right(report, at_least=FEW)
    assert rounds >= ROUNDS and 0 < kilobytes <= pinned
    assert moved == 0
    assert migrated > 0
