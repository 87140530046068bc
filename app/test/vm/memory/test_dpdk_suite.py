# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own tests of its memory, with the backend preloaded and a device set up."""

from typing import Callable

import pytest

from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import command

from helpers.faults import UNCONFIRMED
from helpers.nodes import NICS


# On an emulated machine two lcores spin over malloc's lock for minutes, with or without us; the
# test of mempool does not pass with fewer.
LCORES = {"malloc_autotest": "0"}


def run_upstream(guest: Guest, name: str) -> str:
    """Run one test and return what was logged."""
    program = ["env", f"DPDK_TEST={name}", "dpdk-test", "-l", LCORES.get(name, "0,1"),
               "-a", nic_address(0)]
    done = guest.run(command(program), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Test OK" in done.stdout
    assert "noiommu-vfio0, no-IOMMU" in done.stderr
    return done.stderr


@pytest.mark.parametrize("name", ["memory_autotest", "malloc_autotest", "mempool_autotest"])
def test_upstream_test_passes(guest: Callable[..., Guest], name: str) -> None:
    assert "neither pinned nor verified" not in run_upstream(guest(nics=NICS), name)


def test_upstream_test_passes_and_its_invented_addresses_are_refused(
        guest: Callable[..., Guest]) -> None:
    """It adds external memory with made-up IOVAs, which no device may be given."""
    logged = run_upstream(guest(nics=NICS), "external_mem_autotest")
    assert UNCONFIRMED.search(logged)
    assert "neither pinned nor verified" in logged
