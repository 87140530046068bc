# SPDX-License-Identifier: BSD-3-Clause
"""The IOVA mode where the library has no say, and that of a secondary process."""

from collections.abc import Sequence

import pytest

from helpers.faults import driven_by
from helpers.forwarding import SECONDARY, forward_in_both, iova_mode
from helpers.nodes import E1000E, NO_DEVICE, PAIR
from helpers.resources import TRACE, nodes_traced
from testvm.qemu import Guest
from testvm.testpmd import Console

PA = "VFIO_CDEV: IOVA as PA, for devices without an IOMMU"


def mode_chosen(guest: Guest, devices: Sequence[str], eal: Sequence[str] = ()) -> str:
    """Start testpmd; the IOVA mode that its EAL has. Nothing of iommufd or VFIO is opened."""
    with Console(guest, devices, eal=eal, wrapper=TRACE).ready() as console:
        assert console.has_library()
        output = console.stop().output
    assert nodes_traced(guest) == []
    assert PA not in output
    return iova_mode(output)


def stocks_mode(guest: Guest, devices: Sequence[str], eal: Sequence[str] = ()) -> str:
    """The same without the library."""
    with Console(guest, devices, eal=eal, policy="").ready() as console:
        return iova_mode(console.stop().output)


@pytest.mark.parametrize("eal", [["--no-pci"], ["--no-huge", "-m", "256"]],
                         ids=["no-pci", "no-huge"])
def test_options_that_leave_no_device(cdev: Guest, eal: list[str]) -> None:
    devices = [] if "--no-pci" in eal else [NO_DEVICE]
    assert mode_chosen(cdev, devices, eal) == stocks_mode(cdev, devices, eal)


@pytest.mark.parametrize("driver", ["uio_pci_generic", "e1000e", ""],
                         ids=["uio", "kernel", "none"])
def test_allowed_device_of_another_driver(cdev: Guest, driver: str) -> None:
    """No device is bound that the options keep from the application."""
    device = E1000E[1]
    with driven_by(cdev, driver, device):
        assert mode_chosen(cdev, [device]) == stocks_mode(cdev, [device])


@pytest.mark.parametrize("mode,devices", [("VA", PAIR[:1]), ("PA", [NO_DEVICE])])
def test_secondary_has_the_mode_of_its_primary(cdev: Guest, mode: str, devices: list[str]) -> None:
    """By its own options it would have the other one."""
    option = f"--iova-mode={mode.lower()}"
    with Console(cdev, [NO_DEVICE], eal=["--vdev=net_null0", option]).ready(), \
            Console(cdev, devices, eal=SECONDARY).ready() as second:
        output = second.stop().output
    assert iova_mode(output) == mode
    assert stocks_mode(cdev, devices) != mode


def test_secondary_of_translated_devices_has_the_mode_of_its_primary(intel: Guest) -> None:
    """Virtual addresses would be its own choice: test_translated.py."""
    result = forward_in_both(intel, PAIR, "translated", eal=["--iova-mode=pa"])
    assert iova_mode(result.output) == "PA"
