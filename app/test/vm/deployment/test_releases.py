# SPDX-License-Identifier: BSD-3-Clause
"""The very same library file in the DPDK releases at hand, also without CAP_SYS_ADMIN."""

import pytest

from helpers.faults import within, without
from helpers.forwarding import forward_in_both, forward_over_cdevs
from helpers.nodes import PAIR
from testvm.qemu import Guest
from testvm.testpmd import Testpmd

# The message of stock when it cannot read pagemap.
REFUSALS = {
    "22.11": "Expecting 'PA' IOVA mode but current mode is 'VA'",
    "24.11": "physical addresses are not available",
    "25.11": "physical addresses are not available",
}

pytestmark = pytest.mark.xdist_group("releases")


def test_same_file_serves_release(other: Guest, release: str) -> None:
    """With all of the distribution's drivers, most of which other tests do without."""
    all_plugins = "for dir in /usr/lib/*/dpdk/pmds-*; do umount $dir; done"
    result = forward_over_cdevs(other, PAIR, eal=["-v"], wrapper=within(all_plugins))
    assert f"RTE Version: 'DPDK {release}." in result.output


def test_forwards_without_sys_admin(other: Guest) -> None:
    result = forward_over_cdevs(other, PAIR, wrapper=without("sys_admin"))
    assert "Selected IOVA mode 'PA'" in result.output


def test_secondary_forwards(other: Guest) -> None:
    """The EAL's messages have room for 8 fds up to 24.07, and for 253 from 24.11 on."""
    forward_in_both(other, PAIR)


def test_stock_does_nothing_without_sys_admin(other: Guest, release: str) -> None:
    with Testpmd(other, PAIR, policy="", wrapper=without("sys_admin")) as testpmd:
        result = testpmd.stop()
    assert REFUSALS[release] in result.output
    assert not result.ports


def test_no_huge_is_refused_with_a_message(other: Guest) -> None:
    """Some releases end and some go on without a port, as they do without the backend."""
    with Testpmd(other, PAIR, eal=["--no-huge"]) as testpmd:
        result = testpmd.stop()
    assert f"{PAIR[0]}: cannot be used with --no-huge" in result.output
    assert not result.ports
