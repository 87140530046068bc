# SPDX-License-Identifier: BSD-3-Clause
"""Whatever address was told is that of a page that stays: the cases of addresses.c."""

import re

import pytest

from testvm.qemu import Guest
from testvm.testpmd import command

from helpers.nodes import DEVICE
from helpers.programs import built
from helpers.resources import before_and_after

NOBODY = "0000:00:00.0"     # a device that is none of the bus's
ROUNDS = "20"               # with 1000 the same is left, and it takes minutes
LATE = ["-m", "32", "--iova-mode=pa", "-a", NOBODY]
EARLY = ["-m", "32", "-a", DEVICE]
NO_DEVICE = ["-m", "32", "--no-pci", "--iova-mode=pa"]

pytestmark = pytest.mark.xdist_group("numa")


def run(guest: Guest, eal: list[str], *case: str, wrapper: tuple[str, ...] = (),
        policy: str = "prefer") -> tuple[list[dict[str, int]], str]:
    """The figures of each round, and all that was said."""
    done = guest.run(command([built("addresses"), "-l", "0", "--no-telemetry", *eal, "--", *case],
                             policy, wrapper=wrapper), timeout=600)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    lines = [line for line in done.stdout.splitlines() if re.match(r"\w+=-?\d+", line)]
    return [{name: int(value) for name, value in re.findall(r"(\w+)=(-?\d+)", line)}
            for line in lines], said


def test_addresses_told_before_the_first_device_are_pinned_with_it(numa: Guest) -> None:
    figures, said = run(numa, LATE, "late", DEVICE)
    assert figures == [{"probe": 0, "moved": 0, "wrong": 0}], said


def test_stock_lets_them_move(numa: Guest) -> None:
    """The measure of the test above."""
    figures, said = run(numa, LATE, "late", DEVICE, policy="off")
    assert figures[0]["probe"] == 0 and figures[0]["moved"] > 0 < figures[0]["wrong"], said


def test_device_is_refused_if_told_memory_has_moved(numa: Guest) -> None:
    """By name, with both addresses; when the memory has gone the device can be had."""
    figures, said = run(numa, LATE, "moved", DEVICE)
    assert figures[0]["moved"] > 0 > figures[0]["first"], said
    assert figures[0]["second"] == 0, said
    assert re.search(r"VFIO_CDEV: memory: .*0x[0-9a-f]+.*0x[0-9a-f]+", said), said
    assert f"VFIO_CDEV: {DEVICE}: cannot" in said, said


def test_told_memory_that_has_gone_is_in_nobodys_way(numa: Guest) -> None:
    figures, said = run(numa, LATE, "gone", DEVICE)
    assert figures == [{"place": 1, "probe": 0}], said


def test_two_views_of_memory_are_mapped(numa: Guest) -> None:
    """While one is mapped the memory stays; when none is it can move."""
    figures, said = run(numa, EARLY, "alias")
    moved_then = figures[0].pop("moved_then")
    assert figures == [{"first": 0, "second": 0, "moved": 0}] and moved_then > 0, said


def test_hugepages_are_free_again_after_munmap(numa: Guest) -> None:
    figures, said = run(numa, EARLY, "foreign", DEVICE, "3")
    assert figures == [{"error": 0, "lost": 0}] * 3, said


@pytest.mark.parametrize("case,eal", [
    ("late", LATE), ("alias", EARLY), ("foreign", EARLY), ("fork", NO_DEVICE)])
def test_nothing_is_left_of_many_rounds(numa: Guest, case: str, eal: list[str]) -> None:
    done = numa.run(command([built("addresses"), "-l", "0", "--no-telemetry", "--log-level=error",
                             *eal, "--", case, DEVICE, ROUNDS]), timeout=600)
    before, after = before_and_after(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert before == after


def test_child_of_a_program_without_devices_is_stocks(numa: Guest) -> None:
    figures, said = run(numa, NO_DEVICE, "fork")
    assert figures == [{"address": 1, "grows": 1}, {"child": 0}], said
    assert "VFIO_CDEV" not in said


@pytest.mark.parametrize("eal", [NO_DEVICE, ["-m", "32", "--iova-mode=pa", "-a", NOBODY],
                                 ["-m", "32", "--vdev=net_null0", "-a", NOBODY]],
                         ids=["no-pci", "other-device", "vdev"])
def test_program_without_devices_opens_nothing(numa: Guest, eal: list[str]) -> None:
    trace = ("strace", "-f", "-e", "trace=openat,open", "-o", "/tmp/opened")
    figures, said = run(numa, eal, "fork", wrapper=trace)
    assert figures[0]["address"] == 1, said
    opened = numa.run(["grep", "-E", "/dev/(iommu|vfio/devices)", "/tmp/opened"])
    assert opened.stdout == ""
    assert "VFIO_CDEV" not in said
