# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own unit tests, with the backend preloaded, two devices set up, and no CAP_SYS_ADMIN.

devtools/upstream-tests runs all of them, on each release.
"""

import pytest

from helpers.faults import UNCONFIRMED
from helpers.nodes import NO_DEVICE, PAIR
from helpers.upstream import PASSED, PRELOAD, STOCK, UNPRIVILEGED, UNUSED, run_upstream
from testvm.qemu import Guest

# Those of what a front stands in the way of: memory, processes, buses, options, telemetry.
TESTS = ("devargs_autotest", "eal_flags_n_opt_autotest", "eal_fs_autotest", "fbarray_autotest",
         "interrupt_autotest", "malloc_autotest", "memory_autotest", "mempool_autotest",
         "memzone_autotest", "multiprocess_autotest", "vdev_autotest")


@pytest.mark.parametrize("name", TESTS)
def test_upstream_test_passes_as_it_does_on_stock(cdev: Guest, name: str) -> None:
    ours = run_upstream(cdev, name, UNPRIVILEGED, PAIR)
    if not ours.passed and any(run_upstream(cdev, name, STOCK, PAIR).passed for _ in range(3)):
        ours = run_upstream(cdev, name, UNPRIVILEGED, PAIR)
        assert ours.passed, ours.output
    assert "neither pinned nor verified" not in ours.output


def test_upstream_test_passes_and_its_invented_addresses_are_refused(cdev: Guest) -> None:
    """It adds external memory with made-up IOVAs, which no device may be given."""
    ours = run_upstream(cdev, "external_mem_autotest", PRELOAD, PAIR)
    assert ours.verdict == PASSED, ours.output
    assert UNCONFIRMED.search(ours.output)
    assert "neither pinned nor verified" in ours.output


def test_test_that_needs_no_device_is_not_counted_as_ours(cdev: Guest) -> None:
    """The measure of the tests above: the library has to have had both devices."""
    assert run_upstream(cdev, "errno_autotest", PRELOAD, [NO_DEVICE]).verdict == UNUSED
