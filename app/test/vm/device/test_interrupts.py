# SPDX-License-Identifier: BSD-3-Clause
"""Interrupts reach the application, of each kind that VFIO has and with a driver for it."""

import re

import pytest

from helpers.console import await_link
from helpers.nodes import LINKED, NICS
from helpers.programs import built
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import Console, command

ROUNDS = 10
EVENT = "link state change event"
# QEMU's virtio-net has no MSI. The e1000e driver (22.11) gets no MSI-X interrupt, nor does it
# with stock VFIO.
KINDS = pytest.mark.parametrize("mode,model", [
    ("legacy", "e1000e"), ("msi", "e1000e"), ("msix", "virtio-net-pci")])
KERNEL_NAME = {"legacy": "vfio-intx", "msi": "vfio-msi", "msix": "vfio-msix"}


def interrupts(guest: Guest, address: str) -> tuple[set[str], int]:
    """Kinds and number of the device's interrupts so far."""
    listed = guest.run(["cat", "/proc/interrupts"], check=True).stdout
    found = [line.split() for line in listed.splitlines() if f"({address})" in line]
    kinds = {re.match("[a-z-]+", line[-1]).group() for line in found}    # type: ignore[union-attr]
    return kinds, sum(int(word) for line in found for word in line[1:3])


def events(console: Console) -> int:
    """Link events that testpmd has printed."""
    return console.process.stdout.count(EVENT)


def set_link(console: Console, position: int, up: bool) -> None:
    """The cable of a NIC; the event that comes of it shows the state that the link has then."""
    start = len(console.process.stdout)
    console.guest.monitor.execute("set_link", name=f"nic{position}", up=up)
    console.process.expect(EVENT, timeout=20, start=start)
    assert f"Link status: {'up' if up else 'down'}" in console.do("show port info 0")


@KINDS
def test_link_interrupt(cdev: Guest, mode: str, model: str) -> None:
    position = NICS.index(model)
    address = nic_address(position)
    with Console(cdev, [address], eal=[f"--vfio-intr={mode}"]) as console:
        # A cable that is pulled while the link comes up makes no difference to an e1000e.
        await_link(console.ready(), 0)
        kinds, before = interrupts(cdev, address)
        assert kinds == {KERNEL_NAME[mode]}
        for up in (False, True):
            set_link(console, position, up)
        assert interrupts(cdev, address)[1] >= before + 2
        assert console.stop().status == 0


@KINDS
def test_rx_interrupt(cdev: Guest, mode: str, model: str) -> None:
    """A sleeping application is woken once for each packet, and not without one."""
    allow = [word for device in LINKED[model] for word in ("-a", device)]
    done = cdev.run(command([built("rxintr"), "-l", "0", "--no-telemetry", *allow,
                             f"--vfio-intr={mode}", "--", str(ROUNDS)]))
    assert f"ret=0 idle=0 woken={ROUNDS} received={ROUNDS}" in done.stdout, \
        done.stdout + done.stderr
    assert done.stderr.count("VFIO_CDEV: 0000:00:") == 2
    assert done.returncode == 0
