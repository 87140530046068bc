# SPDX-License-Identifier: BSD-3-Clause
"""bench_pages measures something; how long it takes is not tested."""

import re
from collections.abc import Callable

import pytest

from helpers.faults import memlock
from helpers.nodes import GROUP
from helpers.programs import built
from helpers.resources import free_hugepages
from testvm.machine import nic_address
from testvm.qemu import Guest

BENCH = built("bench_pages")

STEPS = ["map + verify", "unmap", "pin page + verify", "unmap again"]
ROW = re.compile(r"^(\S.*?) {2,}(\d+) +(\d+) +(\d+\.\d\d)$", re.M)


def test_table_has_positive_figures_for_each_step(guest: Callable[..., Guest]) -> None:
    before = free_hugepages(guest())
    done = guest().run([BENCH, "-n", "4", "--rounds=3", nic_address(1)])
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{nic_address(1)} (noiommu-vfio1): 4 x 2 MiB" in done.stdout
    rows = ROW.findall(done.stdout)
    assert [row[0] for row in rows] == STEPS
    assert all(int(bare) > 0 and int(library) > 0 for _, bare, library, _ in rows)
    assert free_hugepages(guest()) == before


def test_first_cdev_is_the_default(guest: Callable[..., Guest]) -> None:
    done = guest().run([BENCH, "-n", "1", "-r", "1"], check=True)
    assert done.stdout.startswith(f"{nic_address(0)} (noiommu-vfio0): 1 x 2 MiB")


def test_ratio_of_one_round_is_that_of_its_figures(guest: Callable[..., Guest]) -> None:
    rows = ROW.findall(guest().run([BENCH, "-n", "2", "-r", "1"], check=True).stdout)
    assert [row[0] for row in rows] == STEPS
    for _, bare, library, ratio in rows:
        assert float(ratio) == pytest.approx(int(library) / int(bare), rel=0.01, abs=0.01)


@pytest.mark.parametrize("arguments, message", [
    (["-n", "0"], "0 is no number from 1"),
    (["-r", "3x"], "3x is no number from 1"),
    (["--bogus"], "usage: bench_pages"),
    (["0000:00:03.0", "0000:00:04.0"], "usage: bench_pages"),
    (["0000:00:1f.0"], "0000:00:1f.0 has no cdev"),
    (["../x"], "../x"),
    (["-n", "60000"], "60000 hugepages of 2 MiB: Cannot allocate memory"),
])
def test_bad_arguments_are_reported(guest: Callable[..., Guest], arguments: list[str],
                                    message: str) -> None:
    done = guest().run([BENCH, *arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_device_in_use_is_reported(guest: Callable[..., Guest]) -> None:
    group = f"exec 9<>{GROUP}; "
    done = guest().run(["sh", "-c", f"{group} exec {BENCH} -n 1 -r 1 {nic_address(0)}"])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{nic_address(0)}: " in done.stderr and "Device or resource busy" in done.stderr


def test_failed_call_is_reported(guest: Callable[..., Guest]) -> None:
    done = guest().run([*memlock(1), BENCH])
    assert (done.returncode, done.stdout) == (1, "")
    assert "Cannot allocate memory" in done.stderr and "RLIMIT_MEMLOCK" in done.stderr
