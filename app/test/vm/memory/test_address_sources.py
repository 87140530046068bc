# SPDX-License-Identifier: BSD-3-Clause
"""Physical addresses are from pagemap or from a device's IOAS."""

from helpers.faults import without
from helpers.forwarding import forward_over_cdevs, refusal
from helpers.nodes import PAIR
from helpers.resources import TRACE, files_traced
from testvm.qemu import Guest
from testvm.testpmd import Testpmd


def opened_while_forwarding(guest: Guest, source: str) -> list[str]:
    """The files that testpmd opened, with this source of addresses."""
    forward_over_cdevs(guest, PAIR, wrapper=[*TRACE, "env", f"RTE_VFIO_CDEV_PHYS={source}"])
    return files_traced(guest)


def test_addresses_from_the_ioas_only(cdev: Guest) -> None:
    opened = opened_while_forwarding(cdev, "ioas")
    assert "/dev/iommu" in opened and "/proc/self/pagemap" not in opened


def test_addresses_from_pagemap_are_verified(cdev: Guest) -> None:
    assert "/proc/self/pagemap" in opened_while_forwarding(cdev, "pagemap")


def test_device_that_is_blocked_is_not_used_for_addresses(cdev: Guest) -> None:
    """Without pagemap the EAL gets no address, since the only device allowed is in use."""
    with Testpmd(cdev, PAIR[:1], eal=["--file-prefix=first"]) as first:
        first.ready()
        output = refusal(cdev, eal=["--file-prefix=second"], wrapper=without("sys_admin"))
    assert "no physical addresses: pagemap is not used or cannot be read" in output
