# SPDX-License-Identifier: BSD-3-Clause
"""What may be wrong with a machine or a process, for as long as a test needs it."""

import re
from contextlib import contextmanager
from typing import Iterator

from testvm.qemu import Guest

from helpers.nodes import DEVICE, GROUP, PARAMETER, SYSFS

# What is logged where a page has moved since its address was read.
UNCONFIRMED = re.compile(
    r"VFIO_CDEV: memory: cannot confirm 0x\w+ \(IOVA 0x\w+, kernel says 0x\w+\): "
    "Cannot assign requested address; the page is elsewhere")


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


@contextmanager
def cdev_hidden(guest: Guest, address: str = DEVICE, instead: str = ":") -> Iterator[None]:
    """The device has nothing but its group, or what a script makes in its vfio-dev directory."""
    hidden = f"{SYSFS}/{address}/vfio-dev"
    guest.run(["mount", "-t", "tmpfs", "none", hidden], check=True)
    try:
        guest.run(["sh", "-c", instead], cwd=hidden, check=True)
        yield
    finally:
        guest.run(["umount", hidden], check=True)


@contextmanager
def group_opened(guest: Guest) -> Iterator[None]:
    """Another program has the first device's group open."""
    process = guest.start(["sh", "-c", f"exec 9<>{GROUP}; echo opened; exec sleep 600"])
    try:
        process.expect("opened")
        yield
    finally:
        process.kill()


@contextmanager
def parameter_off(guest: Guest) -> Iterator[None]:
    """Devices without an IOMMU cannot be bound; those that are stay."""
    guest.run(["sh", "-c", f"echo N >{PARAMETER}"], check=True)
    try:
        yield
    finally:
        guest.run(["sh", "-c", f"echo Y >{PARAMETER}"], check=True)
