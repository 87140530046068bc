# SPDX-License-Identifier: BSD-3-Clause
"""The tools, and a program that carries DPDK inside."""

import json
from collections.abc import Callable

import pytest

from helpers.cli import CLI
from helpers.doctor import Report
from helpers.migration import assert_right
from helpers.resources import pinned_kb
from helpers.static_programs import (
    MACHINE,
    NAME,
    RIGHTS,
    assert_over_cdevs,
    compared,
    linked,
    start,
)
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.root import host_release

pytestmark = pytest.mark.xdist_group("static")


@pytest.fixture
def own(guest: Callable[..., Guest]) -> Guest:
    """With the program of the machine's own release."""
    return guest(**MACHINE)


def test_run_takes_the_front_of_the_c_library_and_list_names_it(own: Guest) -> None:
    """The devices of the command line prime, not the first idle one."""
    run = [*RIGHTS["no-sys-admin"], CLI, "run", "--require", "--"]
    with start(own, nics=(1, 2), policy="", wrapper=run) as process:
        process.ready()
        assert_over_cdevs(process, (1, 2))
        assert f"{nic_address(0)}: bound" not in process.process.stdout
        assert f"{nic_address(1)}: bound" in process.process.stdout
        assert_right(compared(own, (1, 2)))
        listed = json.loads(own.run([CLI, "list", "--json"], check=True).stdout)
        openers = {device["address"]: device["openers"] for device in listed["devices"]}
        assert [opener["front"] for nic in (1, 2) for opener in openers[nic_address(nic)]] == \
            ["libc", "libc"]
        assert openers[nic_address(1)][0]["pinned_kb"] == pinned_kb(process)


def test_doctor_names_the_front_of_the_program(own: Guest) -> None:
    finding = Report(own, "--app", str(linked(host_release()) / NAME)).find("app")
    assert (finding["verdict"], "the C library front" in finding["text"]) == ("PASS", True), finding
