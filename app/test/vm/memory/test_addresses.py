# SPDX-License-Identifier: BSD-3-Clause
"""An address that was given stays right, since its page is pinned: the cases of addresses.c."""

import re

import pytest

from helpers.nodes import DEVICE
from helpers.programs import built
from helpers.resources import before_and_after
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, command

NO_NIC = "0000:00:00.0"     # allowed, so that the EAL probes no other
AGENT = "0000:00:18.0"      # a device of the kernel's, which DPDK has no driver for
UNPRIMED = ("env", "RTE_VFIO_CDEV_PRIME=none")  # else LATE has its pages pinned at once
ROUNDS = "20"               # with 1000 the same is left, and it takes minutes
LATE = ["-m", "32", "--iova-mode=pa", "-a", NO_NIC]
EARLY = ["-m", "32", "-a", DEVICE]
NO_DEVICE = ["-m", "32", "--no-pci", "--iova-mode=pa"]

pytestmark = pytest.mark.xdist_group("numa")


def run(guest: Guest, eal: list[str], *case: str, wrapper: tuple[str, ...] = (),
        policy: str = "prefer") -> tuple[list[dict[str, int]], str]:
    """The figures of each round, and all that was printed."""
    done = guest.run(command([built("addresses"), "-l", "0", "--no-telemetry", *eal, "--", *case],
                             policy, wrapper=wrapper), timeout=600)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    lines = [line for line in done.stdout.splitlines() if re.match(r"\w+=-?\d+", line)]
    return [{name: int(value) for name, value in re.findall(r"(\w+)=(-?\d+)", line)}
            for line in lines], output


def test_addresses_given_before_the_first_device_are_pinned_with_it(numa: Guest) -> None:
    figures, output = run(numa, LATE, "late", DEVICE, wrapper=UNPRIMED)
    assert figures == [{"probe": 0, "moved": 0, "wrong": 0}], output


def test_addresses_from_stock_do_not_stay_right(numa: Guest) -> None:
    """The measure of the test above."""
    figures, output = run(numa, LATE, "late", DEVICE, policy="off")
    assert figures[0]["probe"] == 0 and figures[0]["moved"] > 0 < figures[0]["wrong"], output


def test_device_is_refused_if_memory_has_moved_before(numa: Guest) -> None:
    """By name, with both addresses; when the memory has gone the device can be had."""
    figures, output = run(numa, LATE, "moved", DEVICE, wrapper=UNPRIMED)
    assert figures[0]["moved"] > 0 > figures[0]["first"], output
    assert figures[0]["second"] == 0, output
    assert re.search(r"VFIO_CDEV: memory: .*0x[0-9a-f]+.*0x[0-9a-f]+", output), output
    assert f"VFIO_CDEV: {DEVICE}: cannot" in output, output


def test_memory_freed_before_does_not_keep_a_device_out(numa: Guest) -> None:
    figures, output = run(numa, LATE, "gone", DEVICE, wrapper=UNPRIMED)
    assert figures == [{"place": 1, "probe": 0}], output


def test_two_views_of_memory_are_mapped(numa: Guest) -> None:
    """While one is mapped the memory stays; when none is it can move."""
    figures, output = run(numa, EARLY, "alias")
    moved_then = figures[0].pop("moved_then")
    assert figures == [{"first": 0, "second": 0, "moved": 0}] and moved_then > 0, output


def test_hugepages_are_free_again_after_munmap(numa: Guest) -> None:
    figures, output = run(numa, EARLY, "foreign", DEVICE, "3")
    assert figures == [{"error": 0, "lost": 0}] * 3, output


@pytest.mark.parametrize("case,eal", [
    ("late", LATE), ("alias", EARLY), ("foreign", EARLY), ("fork", NO_DEVICE)])
def test_no_resource_is_left_after_many_rounds(numa: Guest, case: str, eal: list[str]) -> None:
    done = numa.run(command([built("addresses"), "-l", "0", "--no-telemetry", "--log-level=error",
                             *eal, "--", case, DEVICE, ROUNDS], wrapper=UNPRIMED), timeout=600)
    before, after = before_and_after(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert before == after


def test_forked_child_without_devices_is_left_to_stock(numa: Guest) -> None:
    figures, output = run(numa, NO_DEVICE, "fork")
    assert figures == [{"address": 1, "grows": 1}, {"child": 0}], output
    assert "VFIO_CDEV" not in output


@pytest.mark.parametrize("eal", [NO_DEVICE, ["-m", "32", "--iova-mode=pa", "-a", AGENT],
                                 ["-m", "32", "--vdev=net_null0", "-a", NO_NIC]],
                         ids=["no-pci", "other-device", "vdev"])
def test_program_without_devices_opens_nothing(numa: Guest, eal: list[str]) -> None:
    trace = ("strace", "-f", "-e", "trace=openat,open", "-o", "/tmp/opened")
    figures, output = run(numa, eal, "fork", wrapper=trace)
    assert figures[0]["address"] == 1, output
    opened = re.findall(r'"(.*)"', numa.run(["cat", "/tmp/opened"], check=True).stdout)
    assert str(LIBRARY) in opened and "/proc/self/pagemap" in opened
    assert not [path for path in opened if re.match("/dev/(iommu|vfio/devices)", path)]
    assert "VFIO_CDEV" not in output
