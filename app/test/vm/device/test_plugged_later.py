# SPDX-License-Identifier: BSD-3-Clause
"""Programs that start without a device and plug in all of them later, as Open vSwitch does."""

import re
from collections.abc import Sequence

import pytest

from helpers.console import attach, start_traffic
from helpers.faults import without
from helpers.nodes import CDEVS, CONTAINER, NO_DEVICE, PAIR
from helpers.resources import TRACE, hugepages_kb, nodes_traced, pinned_kb
from testvm.qemu import Guest
from testvm.testpmd import Console

PA = "VFIO_CDEV: IOVA as PA, for devices without an IOMMU that may be plugged in; " \
     "--iova-mode=va if there will be none"
BOUND = re.compile(r"VFIO_CDEV: (\S+): bound noiommu-vfio\d+ for a moment, which resets it: memory "
                   "can be pinned before a device is plugged in")
REFUSED = "Expecting 'PA' IOVA mode but current mode is 'VA'"
NONE = "RTE_VFIO_CDEV_PRIME=none"
UNAVAILABLE = "VFIO_CDEV: no physical addresses: pagemap is not used or cannot be read " \
              "(CAP_SYS_ADMIN), and no device without an IOMMU, none of which is allowed yet, " \
              "can give them; bind one without an IOMMU to vfio-pci, name it in RTE_VFIO_CDEV_PRIME"

in_each_release = pytest.mark.xdist_group("releases")
privileges = pytest.mark.parametrize("wrapper", [[], without("sys_admin")],
                                     ids=["privileged", "without-sys-admin"])


def started(guest: Guest, eal: Sequence[str] = (), wrapper: Sequence[str] = (),
            devices: Sequence[str] = (NO_DEVICE,)) -> Console:
    """testpmd without a port, whose memory has no file."""
    return Console(guest, devices, eal=["--in-memory", *eal], wrapper=wrapper).ready()


def forward_once_plugged_in(console: Console, devices: Sequence[str] = PAIR) -> str:
    """Plug in both NICs, let them forward, and count what is pinned meanwhile; the output."""
    assert console.nodes() <= {CONTAINER, "/dev/iommu"}
    for port, device in enumerate(devices):
        attach(console, device, port)
    start_traffic(console, 0, 1)
    assert 0 < hugepages_kb(console) <= pinned_kb(console)
    console.do("stop")
    result = console.stop()
    assert result.status == 0, result.output
    assert [device.address for device in result.devices] == list(devices)
    assert {device.mode for device in result.devices} == {"no-IOMMU"}
    assert result.mapped == result.verified > 0
    return result.output


@in_each_release
@privileges
@pytest.mark.parametrize("iova_mode", [[], ["--iova-mode=pa"]], ids=["", "pa"])
def test_nics_forward_once_plugged_in(other: Guest, release: str, wrapper: list[str],
                                      iova_mode: list[str]) -> None:
    with started(other, ["-v", *iova_mode], wrapper) as console:
        output = forward_once_plugged_in(console)
    assert f"RTE Version: 'DPDK {release}." in output
    assert "Selected IOVA mode 'PA'" in output
    assert iova_mode or output.count(PA) == 1
    assert BOUND.findall(output) == PAIR[:1]


@in_each_release
def test_virtual_addresses_that_are_asked_for_are_kept(other: Guest) -> None:
    """By the bus; the library says what to do about it once the device is known."""
    with started(other, ["--iova-mode=va"]) as console:
        answer = console.do(f"port attach {PAIR[0]}")
        nodes = console.nodes()
        output = console.stop().output
    assert REFUSED in answer
    assert f"VFIO_CDEV: {PAIR[0]}: cannot be used with virtual addresses (IOVA as VA): Operation " \
           "not supported; the device has no IOMMU and needs physical ones: leave --iova-mode=va " \
           "out" in answer
    assert "Port 0 is attached" not in answer
    assert nodes <= {CONTAINER}
    assert "Selected IOVA mode 'VA'" in output
    assert PA not in output and not BOUND.search(output)


@pytest.mark.parametrize("devices", [[NO_DEVICE], PAIR], ids=["none", "allowed"])
def test_virtual_device_that_wants_virtual_addresses(cdev: Guest, devices: list[str]) -> None:
    """Beside a device that wants physical ones the buses disagree, and stock takes virtual ones."""
    with started(cdev, ["--vdev=dma_skeleton", "--no-telemetry"], devices=devices) as console:
        if devices == PAIR:
            start_traffic(console, 0, 1)
            console.do("stop")
            result = console.stop()
            assert [device.address for device in result.devices] == PAIR
            output = result.output
        else:
            output = console.stop().output
    assert f"Selected IOVA mode '{'PA' if devices == PAIR else 'VA'}'" in output
    assert output.count(PA) == (devices == PAIR)


def test_no_device_primes_if_none_may(cdev: Guest) -> None:
    """With pagemap the EAL has addresses, and the first device that comes pins and compares."""
    with started(cdev, wrapper=["env", NONE]) as console:
        assert console.nodes() <= {CONTAINER}
        assert pinned_kb(console) == 0
        output = forward_once_plugged_in(console)
    assert output.count(PA) == 1
    assert not BOUND.search(output)


def test_without_pagemap_no_device_may_come_if_none_primes(cdev: Guest) -> None:
    with started(cdev, wrapper=[*without("sys_admin"), "env", NONE]) as console:
        answer = console.do(f"port attach {PAIR[0]}")
        assert console.nodes() <= {CONTAINER}
        output = console.stop().output
    assert REFUSED in answer
    assert "Selected IOVA mode 'VA'" in output
    assert output.count("VFIO_CDEV: no physical addresses") == output.count(UNAVAILABLE) == 1


@pytest.mark.parametrize("name", [PAIR[1], PAIR[1].partition(":")[2]], ids=["full", "short"])
def test_device_that_is_named_primes(cdev: Guest, name: str) -> None:
    """And the first one, which would else, is not touched."""
    wrapper = [*TRACE, *without("sys_admin"), "env", f"RTE_VFIO_CDEV_PRIME={name}"]
    with started(cdev, wrapper=wrapper) as console:
        assert nodes_traced(cdev) == ["/dev/iommu", CDEVS[1]]
        output = forward_once_plugged_in(console)
    assert output.count(PA) == 1


def test_first_of_those_named_that_is_idle_primes(cdev: Guest) -> None:
    with Console(cdev, PAIR[:1], eal=["--file-prefix=first"]).ready():
        wrapper = [*TRACE, *without("sys_admin"), "env", f"RTE_VFIO_CDEV_PRIME={','.join(PAIR)}"]
        with started(cdev, ["--log-level=lib.vfio_cdev:info"], wrapper) as console:
            assert nodes_traced(cdev) == ["/dev/iommu", *CDEVS]
            attach(console, PAIR[1], 0)
            result = console.stop()
    assert result.mapped == result.verified > 0
    assert "cannot bind" not in result.output


def test_name_that_no_device_has_is_reported(cdev: Guest) -> None:
    wrapper = [*without("sys_admin"), "env", "RTE_VFIO_CDEV_PRIME=0000:00:1f.7"]
    with started(cdev, wrapper=wrapper) as console:
        output = console.stop().output
    assert output.count("VFIO_CDEV: RTE_VFIO_CDEV_PRIME=0000:00:1f.7: no device of that name, "
                        "without an IOMMU, has a cdev: No such device") == 1
    assert "Selected IOVA mode 'VA'" in output
