# SPDX-License-Identifier: BSD-3-Clause
"""What may be wrong with a machine or a process, for as long as a test needs it."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from helpers.nodes import DEVICE, GROUP, PARAMETER, SYSFS
from testvm.qemu import Guest

# What is logged where a page has moved since its address was read.
UNCONFIRMED = re.compile(
    r"VFIO_CDEV: memory: cannot confirm 0x\w+ \(IOVA 0x\w+, kernel reports 0x\w+\): "
    "Cannot assign requested address; the page does not have")


def without(*capabilities: str) -> list[str]:
    """A wrapper that drops capabilities for good."""
    dropped = ",".join(f"-{name}" for name in capabilities)
    return ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}"]


def memlock(mebibytes: int) -> list[str]:
    """A wrapper with a limit of pinned memory."""
    return ["prlimit", f"--memlock={mebibytes << 20}", *without("ipc_lock")]


def within(script: str) -> list[str]:
    """A wrapper with mounts of its own, as a container has."""
    return ["unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh"]


# Wrappers of programs that have no iommufd, as in a pod that was given groups.
CDEVS_HIDDEN = within("mount -t tmpfs none /dev/vfio/devices")


def iommufd_hidden(guest: Guest) -> AbstractContextManager[None]:
    """No process can open it."""
    return changed(guest, "mv /dev/iommu /dev/iommu.away", "mv /dev/iommu.away /dev/iommu")


@contextmanager
def changed(guest: Guest, script: str, back: str) -> Iterator[None]:
    """What a script of the shell changes, until another one changes it back.

    Each step has to work.
    """
    guest.run(["sh", "-ec", script], check=True)
    try:
        yield
    finally:
        guest.run(["sh", "-ec", back], check=True)


def cdev_hidden(guest: Guest, address: str = DEVICE,
                instead: str = ":") -> AbstractContextManager[None]:
    """The device has nothing but its group, or what a script makes in its vfio-dev directory."""
    hidden = f"{SYSFS}/{address}/vfio-dev"
    return changed(guest, f"mount -t tmpfs none {hidden} && cd {hidden} && {instead}",
                   f"umount {hidden}")


def driven_by(guest: Guest, driver: str, address: str) -> AbstractContextManager[None]:
    """The device has another driver than vfio-pci, or none."""
    unbind = f"cd {SYSFS}/{address}; [ ! -e driver ] || echo {address} >driver/unbind"

    def bind(name: str) -> str:
        return f"echo {name} >driver_override; echo {address} >/sys/bus/pci/drivers_probe; " \
               f"[ $(basename $(realpath driver)) = {name} ]"
    taken = f"modprobe {driver}; {unbind}; {bind(driver)}" if driver else unbind
    return changed(guest, taken, f"{unbind}; {bind('vfio-pci')}")


def parameter_off(guest: Guest) -> AbstractContextManager[None]:
    """Devices without an IOMMU cannot be bound; those that are stay."""
    return changed(guest, f"echo N >{PARAMETER}", f"echo Y >{PARAMETER}")


@contextmanager
def group_opened(guest: Guest) -> Iterator[None]:
    """Another program has the first device's group open."""
    process = guest.start(["sh", "-c", f"exec 9<>{GROUP}; echo opened; exec sleep infinity"])
    try:
        process.expect("opened")
        yield
    finally:
        process.kill()
