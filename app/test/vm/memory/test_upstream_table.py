# SPDX-License-Identifier: BSD-3-Clause
"""What devtools/upstream-tests makes of the tries of a test, without a guest."""

import pytest

import upstream_tests
from helpers.upstream import (
    ABSENT,
    FAILED,
    PASSED,
    PRELOAD,
    SKIPPED,
    STOCK,
    TIMED_OUT,
    UNUSED,
    Mode,
    Outcome,
    fast_tests,
    verdict,
)

LOG = "".join(f"VFIO_CDEV: 0000:00:0{i}.0: noiommu-vfio{i}, no-IOMMU, NUMA node -1\n"
              for i in range(2))
NAMES = {"p": PASSED, "f": FAILED, "s": SKIPPED, "t": TIMED_OUT}


class Machine(upstream_tests.Machine):
    """One on which it is known how each try ends: a letter for each."""

    def __init__(self, stock: str, ours: str) -> None:
        super().__init__("22.11")
        self.left = {STOCK.title: iter(stock), PRELOAD.title: iter(ours)}

    def run(self, name: str, mode: Mode) -> Outcome:  # noqa: ARG002  (an override)
        """The next one."""
        return Outcome(NAMES[next(self.left[mode.title])], 1.0, "")


def tried(stock: str, ours: str) -> upstream_tests.Test:
    """A test whose tries end so, all of them used."""
    test = upstream_tests.Test("version_autotest", [PRELOAD])
    machine = Machine(stock, ours)
    test.run(machine)
    assert [list(left) for left in machine.left.values()] == [[], []]
    return test


@pytest.mark.parametrize("stock,ours,differs", [
    ("p", "p", False),
    ("fp", "p", False),
    ("ff", "", False),
    ("s", "", False),
    ("t", "", False),
    ("pppp", "ffff", True),
    ("pppp", "ttff", True),
    ("pppp", "fppf", True),
    ("pppp", "fppp", False),
    ("pffp", "fpfp", False),
    ("pppp", "ssss", True),
])
def test_difference_is_told_from_an_unsteady_test(stock: str, ours: str, differs: bool) -> None:
    assert tried(stock, ours).differs(PRELOAD) is differs


def test_summary_has_the_counts() -> None:
    lines = "\n".join(upstream_tests.summary("22.11", [tried("pppp", "fppp"), tried("p", "p"),
                                                       tried("pppp", "ffff")], [PRELOAD]))
    assert "3 fast tests; on stock 3 passed" in lines
    assert "preload: 1 of 3 passed" in lines
    assert "version_autotest is unsteady: passed 3 of 4 times, stock 4 of 4" in lines
    assert "version_autotest differs: passed 0 of 4 times, stock 4 of 4" in lines


@pytest.mark.parametrize("mode,status,output,found", [
    (STOCK, 0, "Test OK", PASSED),
    (STOCK, 0, "", FAILED),
    (STOCK, 255, "Test Failed", FAILED),
    (STOCK, 77, "Test Skipped", SKIPPED),
    (STOCK, -11, "", "signal 11"),
    (STOCK, 255, "Error: invalid test command: 'x'", ABSENT),
    (PRELOAD, 0, f"{LOG}Test OK", PASSED),
    (PRELOAD, 0, "Test OK", UNUSED),
    (PRELOAD, 255, f"{LOG}Test Failed", FAILED),
])
def test_verdict_needs_status_output_and_devices(mode: Mode, status: int, output: str,
                                                 found: str) -> None:
    assert verdict(mode, status, output) == found


def test_each_release_has_its_tests() -> None:
    for release in upstream_tests.RELEASES:
        names = fast_tests(release)
        assert len(names) > 100 and len(names) == len(set(names))
        assert {"memory_autotest", "multiprocess_autotest"} <= set(names)
