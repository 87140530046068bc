# SPDX-License-Identifier: BSD-3-Clause
"""Devices that have an IOMMU, alone and beside others that have none."""

import re
from collections.abc import Callable

import pytest

from helpers.faults import cdev_hidden, changed, without
from helpers.forwarding import forward, forward_in_both
from helpers.nodes import INTEL, PAIR
from helpers.programs import built, proc_info, setup_device
from testvm.machine import bypass_address, nic_address
from testvm.qemu import Guest
from testvm.testpmd import Result, Testpmd, command

CDEVS = {"/dev/iommu", "/dev/vfio/devices/vfio0", "/dev/vfio/devices/vfio1"}
MIXED = [nic_address(0), bypass_address(0)]
MIXED_CDEVS = {"/dev/iommu", "/dev/vfio/devices/vfio0", "/dev/vfio/devices/noiommu-vfio2"}
# What vdpa_like.c does with memory, of 8 MiB at two IOVAs, and with its container at the end.
USED = ["map-at-0 ok", "map ok", "map-reserved Numerical result out of range",
        "unmap-part Operation not supported", "unmap ok", "unmap-at-0 ok",
        "unmap-again Invalid argument"]
TWICE = [0, 2 * 8192, 0]
DESTROYED = ["destroy ok", "destroy-again failed", "containers 100"]

pytestmark = pytest.mark.xdist_group("translated")


def assert_forwarded(result: Result, nodes: set[str], iova_mode: str) -> None:
    """Over the cdevs of two devices with an IOMMU, and nothing else."""
    assert result.status == 0, result.output
    assert result.all_ports_work(2), result.output
    assert [(device.address, device.mode) for device in result.devices] == [
        (address, "translated") for address in PAIR]
    assert nodes == CDEVS
    assert f"Selected IOVA mode '{iova_mode}'" in result.output
    assert (result.mapped > 0, result.verified) == (True, 0)


@pytest.mark.parametrize("iova_mode", ["VA", "PA"])
def test_translated_devices_forward(intel: Guest, iova_mode: str) -> None:
    """No capability is needed for virtual addresses; pagemap is for physical ones."""
    wrapper = without("sys_rawio", "sys_admin") if iova_mode == "VA" else ()
    result, nodes = forward(intel, PAIR, policy="require", wrapper=wrapper,
                            eal=[f"--iova-mode={iova_mode.lower()}"])
    assert_forwarded(result, nodes, iova_mode)


def test_both_processes_forward(intel: Guest) -> None:
    """The secondary gets the cdevs from the primary, in whose address space they do DMA."""
    result = forward_in_both(intel, PAIR, "translated")
    assert "Selected IOVA mode 'VA'" in result.output


def test_policies_that_differ_are_reported(intel: Guest) -> None:
    with Testpmd(intel, PAIR) as first:
        first.ready()
        output = proc_info(intel, PAIR, policy="off")
    for number, address in enumerate(PAIR):
        assert f"{address}: cannot get vfio{number}: RTE_VFIO_CDEV=off here, and prefer in the " \
               f"primary process (pid {first.pid})" in output, output


def test_virtio_iommu_forwards_if_its_interrupts_are_trusted(guest: Callable[..., Guest]) -> None:
    """It isolates none; virtual addresses are the EAL's own choice."""
    virtio = guest(viommu="virtio", nics=("e1000e", "e1000e"))
    ret, refused = setup_device(virtio, "prefer", PAIR[0])
    unsafe = "/sys/module/iommufd/parameters/allow_unsafe_interrupts"
    with changed(virtio, f"echo Y >{unsafe}", f"echo N >{unsafe}"):
        result, nodes = forward(virtio, PAIR)
    assert ret == -1
    assert "cannot bind /dev/vfio/devices/vfio0: Operation not permitted" in refused
    assert f"set {unsafe} to Y" in refused
    assert_forwarded(result, nodes, "VA")


def test_mixed_host_forwards_with_physical_addresses(intel: Guest) -> None:
    result, nodes = forward(intel, MIXED)
    assert result.all_ports_work(2), result.output
    assert [(device.address, device.mode) for device in result.devices] == [
        (MIXED[0], "translated"), (MIXED[1], "no-IOMMU")]
    assert nodes == MIXED_CDEVS
    assert "Selected IOVA mode 'PA'" in result.output
    assert re.search(rf"{MIXED[1]}: \S+, no-IOMMU, NUMA node \S+ ([1-9]\d*) pages mapped, "
                     r"\1 verified", result.output), result.output


def vdpa_like(guest: Guest, *addresses: str) -> tuple[int, list[str], dict[str, list[int]], str]:
    """What a vDPA driver does with devices: status, steps, kB pinned meanwhile, and messages."""
    done = guest.run(command([built("vdpa_like"), *addresses, "--no-pci", "-l", "0"]))
    steps: list[str] = []
    pinned: dict[str, list[int]] = {"VmLck": [], "VmPin": []}
    for line in done.stdout.splitlines():
        name, _, amount = line.partition(":")
        if name in pinned:
            pinned[name].append(int(amount.split()[0]))
        elif name != "EAL":
            steps.append(line)
    return done.returncode, steps, pinned, done.stdout + done.stderr


def test_container_of_a_vdpa_driver(intel: Guest) -> None:
    """Memory at IOVAs of its own, in as many containers as it likes."""
    status, steps, pinned, output = vdpa_like(intel, PAIR[0])
    assert status == 0, output
    assert steps == ["create ok", "bind ok", "setup ok", *USED, "release ok", "unbind ok",
                     *DESTROYED], output
    assert pinned == {"VmPin": TWICE, "VmLck": [0, 0, 0]}
    assert f"{PAIR[0]}: vfio0, translated" in output
    assert "does not translate 0xfee00000-0xfeefffff" in output


@pytest.mark.parametrize("cdev", [0, 1])
def test_container_of_a_cdev_and_a_group(intel: Guest, cdev: int) -> None:
    """Either comes first; the memory is pinned for each, at the same IOVAs."""
    with cdev_hidden(intel, PAIR[1 - cdev]):
        status, steps, pinned, output = vdpa_like(intel, *PAIR)
    assert status == 0, output
    # Stock unbinds a group when it has released its last device.
    unbind = {cdev: "unbind ok", 1 - cdev: "unbind failed"}
    assert steps == ["create ok", *["bind ok", "setup ok"] * 2, *USED, "release ok", unbind[1],
                     "release ok", unbind[0], *DESTROYED], output
    assert pinned == {"VmPin": TWICE, "VmLck": TWICE}
    assert f"{PAIR[cdev]}: vfio{cdev}, translated" in output
    assert f"{PAIR[1 - cdev]}: vfio" not in output


def test_container_refuses_a_device_without_iommu(intel: Guest) -> None:
    status, steps, _, output = vdpa_like(intel, bypass_address(0))
    assert (status, steps[:3]) == (1, ["create ok", "bind Operation not supported", "destroy ok"])
    assert "its device has no IOMMU, so that its IOVAs are physical addresses" in output


@pytest.mark.parametrize("release", ["24.11", "25.11"])
def test_other_releases_forward(guest: Callable[..., Guest], release: str) -> None:
    """Virtual addresses are the EAL's own choice."""
    result, nodes = forward(guest(dpdk=release, **INTEL), PAIR, eal=["-v"], policy="require",
                            wrapper=without("sys_rawio", "sys_admin"))
    assert f"RTE Version: 'DPDK {release}." in result.output
    assert_forwarded(result, nodes, "VA")
