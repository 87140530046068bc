# SPDX-License-Identifier: BSD-3-Clause
"""The devices of the guests, and their nodes in /dev and in sysfs."""

from typing import Any

from testvm.machine import nic_address
from testvm.qemu import Guest

MODELS = ("virtio-net-pci", "e1000e", "e1000", "vmxnet3")
NICS = tuple(model for model in MODELS for _ in range(2))
PAIR = [nic_address(0), nic_address(1)]
# Two NICs of each model are linked to each other.
LINKED = {model: [nic_address(NICS.index(model) + i) for i in range(2)] for model in MODELS}
E1000E = LINKED["e1000e"]
# Two NICs behind an IOMMU, and one past it.
INTEL: dict[str, Any] = {"viommu": "intel", "nics": ("e1000e", "e1000e"), "bypass": ("e1000e",)}
# An empty slot beside two NICs that are linked and one that is alone.
HOT_PLUG: dict[str, Any] = {"nics": ("virtio-net-pci", "virtio-net-pci", "e1000e"), "ports": 1}
ALONE = nic_address(2)
# What programs allow that plug in all devices later: the host bridge, which is no device of theirs.
NO_DEVICE = "0000:00:00.0"

SYSFS = "/sys/bus/pci/devices"
PARAMETER = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
CONTAINER = "/dev/vfio/vfio"    # stock opens it when the EAL starts
# The first device, and what it has where no IOMMU is.
DEVICE = PAIR[0]
CDEV = "/dev/vfio/devices/noiommu-vfio0"
CDEVS = [CDEV, "/dev/vfio/devices/noiommu-vfio1"]
GROUP = "/dev/vfio/noiommu-0"


def bind(guest: Guest, address: str) -> None:
    """To vfio-pci, as soon as it is there; its directory is before the bus has it."""
    script = f"until [ -d {SYSFS}/{address}/vfio-dev ]; do " \
             f"echo vfio-pci >{SYSFS}/{address}/driver_override && " \
             f"echo {address} >/sys/bus/pci/drivers_probe; sleep 0.1; done"
    guest.run(["sh", "-c", script], check=True)
