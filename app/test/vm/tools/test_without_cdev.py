# SPDX-License-Identifier: BSD-3-Clause
"""The doctor, the list and what the library warns of, where no device has a cdev."""

import json
from collections.abc import Callable

import pytest

from helpers.cli import CLI
from helpers.doctor import Report
from helpers.faults import changed, without
from helpers.migration import MEMORY, NUMA, assert_right, checked, start
from helpers.nodes import PAIR
from helpers.validation import finished, options, validate
from testvm.qemu import Guest

pytestmark = pytest.mark.xdist_group("older-kernels")

SWITCH = "/proc/sys/kernel/io_uring_disabled"
FORBIDDEN = f"echo 2 >{SWITCH}"
UNPINNED = "io_uring cannot pin memory for devices without a cdev"
UNCONFIRMED = "addresses from pagemap, not confirmed by an IOAS"
# What the device is used over, and the check that says so.
USED = {"6.12": ("uio_pci_generic", "device-driver", "UIO", "uio"),
        "group-only": ("VFIO group", "device-cdev", "group only", "group")}


@pytest.fixture(scope="module", params=USED)
def config(request: pytest.FixtureRequest) -> str:
    """Of the module, so that pytest runs all tests of a kernel in one guest."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def older(guest: Callable[..., Guest], config: str) -> Guest:
    """The guest of test_pinned_without_cdev.py."""
    return guest(config=config, **NUMA)


def test_doctor_warns_of_what_is_less_than_a_cdev(older: Guest, config: str) -> None:
    report = Report(older)
    way, check, *_ = USED[config]
    assert report.verdict == "WARN", report.findings
    pinned = report.find("io-uring")
    assert pinned["verdict"] == "PASS" and "can be pinned by io_uring" in pinned["text"]
    for device in PAIR:
        finding = report.find(check, device)
        assert finding["verdict"] == "WARN"
        assert way in finding["text"] and UNCONFIRMED in finding["text"]
    if config == "6.12":
        assert "Linux 7.3 or later" in report.cure("device-driver")
        assert "memory is pinned by io_uring instead" in report.find("kernel-version")["text"]
        assert not {"kernel-options", "modules", "iommufd-node"} & set(report.bad())


def test_doctor_names_what_is_missing(older: Guest) -> None:
    finding = Report(older, wrapper=without("sys_admin")).find("io-uring")
    assert finding["verdict"] == "FAIL" and "--cap-add SYS_ADMIN" in finding["cure"]


def test_list_shows_the_way_and_the_process(older: Guest, config: str) -> None:
    *_, mode, opened = USED[config]
    with start(older, eal=MEMORY) as testpmd:
        testpmd.ready()
        done = older.run([CLI, "list", "--json"], check=True)
        table = older.run([CLI, "list"], check=True).stdout
        pid = int(testpmd.pid)
        assert testpmd.stop().status == 0
    assert table.count(f" {mode}, pinned ") == len(PAIR), table
    devices = json.loads(done.stdout)["devices"]
    assert [device["address"] for device in devices] == PAIR
    for device in devices:
        assert (device["mode"], device["cdev"]) == (mode, None)
        assert device["pinning"] == f"pinned by io_uring, {UNCONFIRMED}"
        # A uio node may be opened more than once.
        assert {(opener["pid"], opener["opened"]) for opener in device["openers"]} == {
            (pid, opened)}


def test_validation_proves_what_it_can(guest: Callable[..., Guest], config: str) -> None:
    """In a guest whose NICs are linked: pages do not move; what is about cdevs is skipped."""
    linked = guest(config=config, numa=2, hugepages=512, nics=("e1000e", "e1000e"))
    done = validate(linked, "--keep-going")
    assert done.status == 0, done.stdout
    passed = {"preflight", "forward", "integrity", "pinned"}
    assert {name for name, verdict in done.verdicts.items() if verdict == "passed"} == passed
    assert set(done.verdicts.values()) == {"passed", "skipped"}, done.stdout
    assert f"pinned by io_uring, {UNCONFIRMED}" in done.stderr
    assert done["pinned"]["text"] == f"pinned by io_uring, {UNCONFIRMED}"
    assert done["pinned"]["figure"].startswith("0 of ")
    assert "these have none" in done["bind"]["text"]
    unpinned = ["env", "RTE_VFIO_CDEV_PIN=off"]
    process = linked.start([*unpinned, *options("--phases=pinned")])
    assert finished(linked, process)["pinned"]["verdict"] == "failed"


def test_forbidden_io_uring_is_named_and_stock_goes_on(older: Guest) -> None:
    """By the doctor, whose cure works, and in one warning of a program that runs on."""
    with changed(older, FORBIDDEN, f"echo 0 >{SWITCH}"):
        report = Report(older)
        finding = report.find("io-uring")
        assert (report.verdict, finding["verdict"]) == ("FAIL", "FAIL")
        assert "kernel.io_uring_disabled forbids it" in finding["text"]
        with start(older, eal=MEMORY) as testpmd:
            testpmd.ready()
            assert_right(checked(older, 1000), at_least=100)
            result = testpmd.stop()
        assert result.output.count(UNPINNED) == 1, result.output
        assert "kernel.io_uring_disabled (set it to 0)" in result.output
        assert result.status == 0, result.output
        older.run(["sh", "-c", report.cure("io-uring").rpartition(": ")[2]], check=True)
        assert Report(older).find("io-uring")["verdict"] == "PASS"
