# SPDX-License-Identifier: BSD-3-Clause
"""Memory is short, compacted and reclaimed all the time, under traffic: every frame is compared."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from helpers.migration import MODES, assert_right, checked, start
from helpers.programs import built, python
from helpers.resources import pinned_kb
from helpers.traffic import Traffic
from testvm.qemu import Guest, Process
from testvm.testpmd import LIBRARY, Testpmd

# The less memory there is, the sooner it is short.
MACHINE: dict[str, Any] = {"hugepages": 32, "memory": "448M", "wires": True,
                           "nics": ("virtio-net-pci", "e1000e"),
                           "append": "transparent_hugepage=never"}
HUGE_KB = 32 << 10
ROUNDS = 2
FEW = 100       # frames at a time
GROUP = "/sys/fs/cgroup/squeezed"
# Memory is taken from whom it can be given back to.
PREPARE = f"""\
grep -q zram /proc/swaps && exit
modprobe zram
echo 256M >/sys/block/zram0/disksize
mkswap /dev/zram0
swapon /dev/zram0
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir {GROUP}
"""
INSIDE = ["sh", "-c", f'echo $$ >{GROUP}/cgroup.procs && exec "$@"', "sh"]


@pytest.fixture
def machine(guest: Callable[..., Guest]) -> Guest:
    """With little memory beside the hugepages, and swap."""
    machine = guest(**MACHINE)
    machine.run(["sh", "-ec", PREPARE], check=True)
    return machine


def started(guest: Guest, mode: str, policy: str) -> Testpmd:
    """Nothing but pins keeps its memory from being reclaimed."""
    eal, args = MODES[mode]
    return start(guest, eal=["-m", str(HUGE_KB >> 10), *eal], args=["--no-mlockall", *args],
                 policy=policy, library=f"{built('unlocked.so')}:{LIBRARY}", wrapper=INSIDE)


@contextmanager
def squeezed(testpmd: Testpmd) -> Iterator[Process]:
    """squeeze.py beside it."""
    process = testpmd.guest.start(python("squeeze.py", testpmd.pid))
    yield process
    process.close_stdin()
    assert process.wait(60) == 0, process.stderr


def counts(process: Process) -> list[int]:
    """What squeeze.py has printed last."""
    return [int(count) for count in process.stdout.splitlines()[-1].split()]


@pytest.mark.parametrize("mode", ["default", "anon"])
def test_nothing_is_lost_or_changed_and_no_page_moves(machine: Guest, mode: str) -> None:
    with started(machine, mode, "require") as testpmd:
        testpmd.ready(180)
        traffic, pinned = Traffic(machine.wires), pinned_kb(testpmd)
        traffic.flow(FEW)
        with squeezed(testpmd) as process:
            end = time.monotonic() + 120 * machine.patience
            while process.stdout.count(".") < ROUNDS and time.monotonic() < end:
                traffic.flow(FEW)
                assert process.returncode is None, process.stderr
        assert_right(traffic.end(), at_least=FEW)
    rounds, kilobytes, moved, migrated, swapped = counts(process)
    assert rounds >= ROUNDS and kilobytes <= pinned
    assert (kilobytes > HUGE_KB) == (mode == "anon") and kilobytes >= HUGE_KB
    assert moved == 0
    assert migrated > 0 and swapped > 0


def test_pages_of_stock_move(machine: Guest) -> None:
    """Those of a pool of small pages: in hugepages the kernel has no interest then.

    Frames that come afterwards would be written to memory of others.
    """
    with started(machine, "anon", "off") as testpmd:
        testpmd.ready(180)
        assert_right(checked(machine, FEW), at_least=FEW)
        with squeezed(testpmd) as process:
            process.expect(r"\.", 120)
    assert counts(process)[2] > 0
