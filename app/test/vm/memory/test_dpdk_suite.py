# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own tests of its memory, with the backend preloaded and a device set up."""

import pytest

from helpers.faults import UNCONFIRMED
from helpers.nodes import DEVICE
from testvm.qemu import Guest
from testvm.testpmd import command

# On an emulated machine two lcores spin over malloc's lock for minutes, with or without us; the
# test of mempool does not pass with fewer.
LCORES = {"malloc_autotest": "0"}


def run_upstream(guest: Guest, name: str) -> str:
    """Run one test and return what was logged."""
    program = ["env", f"DPDK_TEST={name}", "dpdk-test", "-l", LCORES.get(name, "0,1"),
               "-a", DEVICE]
    done = guest.run(command(program), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Test OK" in done.stdout
    assert "noiommu-vfio0, no-IOMMU" in done.stderr
    return done.stderr


@pytest.mark.parametrize("name", ["memory_autotest", "malloc_autotest", "mempool_autotest"])
def test_upstream_test_passes(cdev: Guest, name: str) -> None:
    assert "neither pinned nor verified" not in run_upstream(cdev, name)


def test_upstream_test_passes_and_its_invented_addresses_are_refused(cdev: Guest) -> None:
    """It adds external memory with made-up IOVAs, which no device may be given."""
    logged = run_upstream(cdev, "external_mem_autotest")
    assert UNCONFIRMED.search(logged)
    assert "neither pinned nor verified" in logged
