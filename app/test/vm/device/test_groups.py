# SPDX-License-Identifier: BSD-3-Clause
"""Devices with an IOMMU: over their groups where cdevs cannot be opened, and two in one group."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest

from helpers.console import start_traffic
from helpers.faults import CDEVS_HIDDEN, driven_by, iommufd_hidden
from helpers.forwarding import SECONDARY, forward, refusal
from helpers.nodes import CONTAINER, PAIR, SYSFS
from helpers.resources import hugepages_kb
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import Console, Testpmd

# Two groups of two functions each.
FUNCTIONS = 2
FIRST, SECOND = [[nic_address(i, FUNCTIONS) for i in pair] for pair in ((0, 1), (2, 3))]

hidden = pytest.mark.parametrize("what", ["/dev/iommu", "/dev/vfio/devices"])


def without_node(guest: Guest, what: str) -> tuple[AbstractContextManager[None], Sequence[str]]:
    """What to do to the machine, and to the process, so that it cannot open a node."""
    return (iommufd_hidden(guest), ()) if what == "/dev/iommu" else (nullcontext(), CDEVS_HIDDEN)


def group_node(guest: Guest, address: str) -> str:
    """The node of a device's group."""
    link = guest.run(["readlink", f"{SYSFS}/{address}/iommu_group"], check=True).stdout
    return f"/dev/vfio/{link.strip().rpartition('/')[2]}"


def locked_kb(testpmd: Testpmd) -> int:
    """kB that a container of groups accounts to the process."""
    status = testpmd.guest.run(["cat", f"/proc/{testpmd.pid}/status"], check=True).stdout
    return int(status.split("VmLck:")[1].split()[0])


@hidden
def test_group_is_used_where_a_node_is_hidden(intel: Guest, what: str) -> None:
    change, wrapper = without_node(intel, what)
    with change, Testpmd(intel, PAIR, wrapper=wrapper) as testpmd:
        testpmd.ready().flowing()
        nodes = testpmd.nodes()
        assert 0 < hugepages_kb(testpmd) <= locked_kb(testpmd)
        result = testpmd.stop()
    assert result.all_ports_work(2), result.output
    assert nodes == {CONTAINER, *(group_node(intel, address) for address in PAIR)}
    assert not result.devices
    for number, address in enumerate(PAIR):
        assert result.output.count(
            f"VFIO_CDEV: {address}: going on with its VFIO group, since vfio{number} cannot be "
            "used: see the line before; memory behind an IOMMU is pinned there too") == 1
        assert f"{address}: cannot open {what}" in result.output


@pytest.mark.parametrize("wrapper", [CDEVS_HIDDEN, ()], ids=["hidden", "visible"])
def test_secondary_follows_its_primary_to_the_group(intel: Guest, wrapper: Sequence[str]) -> None:
    first_args, second_args = ([f"--portlist={port}", "--port-topology=loop"] for port in (0, 1))
    with Testpmd(intel, PAIR, wrapper=CDEVS_HIDDEN, args=first_args) as first:
        first.ready()
        with Testpmd(intel, PAIR, wrapper=wrapper, eal=SECONDARY, args=second_args) as second:
            second.ready()
            first.flowing()
            result = second.stop()
        own = first.stop()
    assert min(result.ports[1]) > 0, result.output
    assert min(own.ports[0]) > 0, own.output
    for number, address in enumerate(PAIR):
        assert result.output.count(
            f"VFIO_CDEV: {address}: going on with its VFIO group, since the primary process has "
            f"not set it up over vfio{number}") == 1


@hidden
def test_require_refuses_the_group(intel: Guest, what: str) -> None:
    change, wrapper = without_node(intel, what)
    with change:
        output = refusal(intel, PAIR, policy="require", wrapper=wrapper)
    assert f"cannot open {what}" in output
    assert f"VFIO_CDEV: {PAIR[0]}: cannot set up over vfio0: " in output
    assert "going on with its VFIO group" not in output


@pytest.fixture
def functions(guest: Callable[..., Guest]) -> Guest:
    """Functions of one device that may reach each other past the IOMMU: they share a group."""
    machine = guest(viommu="intel", nics=("e1000",) * 4, functions=FUNCTIONS)
    assert group_node(machine, FIRST[0]) == group_node(machine, FIRST[1])
    assert group_node(machine, FIRST[0]) != group_node(machine, SECOND[0])
    return machine


@pytest.mark.parametrize("policy", ["prefer", "off"])
def test_two_of_one_group_forward(functions: Guest, policy: str) -> None:
    result, nodes = forward(functions, FIRST, policy=policy)
    assert result.all_ports_work(2), result.output
    if policy == "prefer":
        assert [device.address for device in result.devices] == FIRST
        assert nodes == {"/dev/iommu", "/dev/vfio/devices/vfio0", "/dev/vfio/devices/vfio1"}


def test_other_of_the_group_needs_no_driver(functions: Guest) -> None:
    with driven_by(functions, "", FIRST[1]):
        result, _ = forward(functions, [FIRST[0], SECOND[0]])
    assert result.all_ports_work(2), result.output
    assert [device.address for device in result.devices] == [FIRST[0], SECOND[0]]


def assert_names_the_other(output: str, owner: str) -> None:
    """The kernel's error is that of interrupts which are not isolated."""
    assert f"VFIO_CDEV: {FIRST[0]}: cannot bind /dev/vfio/devices/vfio0, {FIRST[1]} of its IOMMU " \
           f"group {owner}: Operation not permitted; all devices of an IOMMU group belong to one " \
           "program: bind the others to vfio-pci, and use them there as well" in output


def test_other_of_the_group_belongs_to_the_kernel(functions: Guest) -> None:
    with driven_by(functions, "e1000", FIRST[1]):
        output = refusal(functions, FIRST[:1])
    assert_names_the_other(output, "driven by e1000")


def test_other_of_the_group_belongs_to_another_process(functions: Guest) -> None:
    with Testpmd(functions, FIRST[1:], eal=["--file-prefix=first"]) as first:
        first.ready()
        output = refusal(functions, FIRST[:1], eal=["--file-prefix=second"])
    assert_names_the_other(output, f"open in pid {first.pid} (dpdk-testpmd)")


def test_one_of_the_group_is_taken_away_and_comes_back(functions: Guest) -> None:
    """The kernel's own driver does not get it while the other one is in use."""
    here = f"cd {SYSFS}/{FIRST[1]}; "
    probe = f"echo {FIRST[1]} >/sys/bus/pci/drivers_probe"
    with Console(functions, [*FIRST, SECOND[0]]).ready() as console:
        functions.run(["sh", "-ec", f"{here} echo {FIRST[1]} >driver/unbind"], check=True)
        console.process.expect("Device is detached")
        console.do("stop")
        start_traffic(console, 0, 2)
        functions.run(["sh", "-c", f"{here} echo e1000 >driver_override; {probe}; "
                                   "[ ! -e driver ]"], check=True)
        functions.run(["sh", "-ec", f"{here} echo vfio-pci >driver_override; {probe}"], check=True)
        assert "Port 1 is attached" in console.do(f"port attach {FIRST[1]}")
        assert "Done" in console.do("port start 1")
        console.do("stop")
        start_traffic(console, 0, 1, 2)
        result = console.stop()
    assert result.status == 0
    assert [device.address for device in result.devices] == [*FIRST, SECOND[0], FIRST[1]]
