# SPDX-License-Identifier: BSD-3-Clause
"""Physical addresses are from pagemap or from a device's IOAS."""

from helpers.faults import without
from helpers.forwarding import forward_over_cdevs, refusal
from helpers.nodes import PAIR
from testvm.qemu import Guest
from testvm.testpmd import Testpmd


def test_addresses_from_the_ioas_only(cdev: Guest) -> None:
    forward_over_cdevs(cdev, PAIR, wrapper=["env", "RTE_VFIO_CDEV_PHYS=ioas"])


def test_addresses_from_pagemap_are_verified(cdev: Guest) -> None:
    forward_over_cdevs(cdev, PAIR, wrapper=["env", "RTE_VFIO_CDEV_PHYS=pagemap"])


def test_device_that_is_blocked_is_not_used_for_addresses(cdev: Guest) -> None:
    """Without pagemap the EAL gets no address, since the only device allowed is in use."""
    with Testpmd(cdev, PAIR[:1], eal=["--file-prefix=first"]) as first:
        first.ready()
        output = refusal(cdev, eal=["--file-prefix=second"], wrapper=without("sys_admin"))
    assert "no physical addresses: pagemap is not used or cannot be read" in output
