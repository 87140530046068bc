# SPDX-License-Identifier: BSD-3-Clause
"""More devices than stock has places for groups, and virtio NICs of the old kind beside them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from helpers.forwarding import forward_over_cdevs
from helpers.programs import python
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import command

LEGACY = "virtio-net-pci,disable-modern=on"
NUMBER, FUNCTIONS = 70, 8
STOCKS_MOST = 64        # VFIO_MAX_GROUPS of lib/eal/linux/eal_vfio.h
PAIR = [nic_address(i, FUNCTIONS) for i in (0, 1)]
MANY = [nic_address(2 + i, FUNCTIONS) for i in range(NUMBER)]


@pytest.fixture
def crowded(guest: Callable[..., Guest]) -> Guest:
    """A guest with many functions."""
    return guest(nics=(LEGACY, LEGACY, *["e1000"] * NUMBER), functions=FUNCTIONS)


def query(guest: Guest, request: str) -> Any:
    """The answer of telemetry."""
    done = guest.run(["sh", "-c", f"echo {request} | dpdk-telemetry.py"], check=True)
    return json.loads(done.stdout)[request]


def test_legacy_virtio_forwards(crowded: Guest) -> None:
    """Its registers are in a BAR of I/O ports."""
    bars = crowded.run(["cat", f"/sys/bus/pci/devices/{PAIR[0]}/resource"], check=True).stdout
    ids = crowded.run(["cat", f"/sys/bus/pci/devices/{PAIR[0]}/device"], check=True).stdout
    assert int(bars.splitlines()[0].split()[2], 16) & 0x100     # IORESOURCE_IO
    assert ids.strip() == "0x1000"
    forward_over_cdevs(crowded, PAIR)


def many(guest: Guest, policy: str) -> tuple[int, dict[str, Any] | None, str]:
    """Set up all at once: how many were, what telemetry has of them, and what was logged."""
    program = [*python("many.py"), "-l", "0", "-m", "16", "-a", "0000:00:00.0", "--iova-mode=pa",
               "--", *MANY]
    process = guest.start(command(program, policy))
    number = int(process.expect(r"many: (\d+) set up").group(1))
    devices = query(guest, "/vfio_cdev/devices") if policy != "off" else None
    process.close_stdin()
    assert process.wait() == 0, process.stderr
    assert f"many: {number} released" in process.stdout
    return number, devices, process.stderr


def test_all_devices_are_set_up_and_listed(crowded: Guest) -> None:
    number, devices, output = many(crowded, "require")
    assert number == NUMBER, output
    assert devices is not None
    assert devices["count"] == NUMBER
    assert sorted(devices["devices"]) == MANY
    for address in MANY:
        assert f"VFIO_CDEV: {address}: noiommu-vfio" in output


def test_stock_has_fewer_places(crowded: Guest) -> None:
    """The measure of the test above."""
    assert many(crowded, "off")[0] == STOCKS_MOST
