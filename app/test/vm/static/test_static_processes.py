# SPDX-License-Identifier: BSD-3-Clause
"""Two processes with DPDK inside, and a program without it that opens a plug-in with it."""

from collections.abc import Callable

import pytest

from helpers.forwarding import SECONDARY
from helpers.migration import MEMORY, Migration, assert_right
from helpers.nodes import CDEVS, CONTAINER, PAIR
from helpers.programs import built
from helpers.static_programs import (
    MACHINE,
    RIGHTS,
    Forwarder,
    assert_forwards,
    assert_memory_comes_and_goes,
    assert_pages_are_pinned_in_place,
    compared,
    start,
)
from testvm.qemu import Guest

pytestmark = pytest.mark.xdist_group("static")

PLUGIN = built("forward_plugin.so")


@pytest.fixture
def own(guest: Callable[..., Guest]) -> Guest:
    """That of the programs of the machine's own release."""
    return guest(**MACHINE)


@pytest.mark.parametrize("rights", RIGHTS)
def test_both_processes_forward(own: Guest, rights: str) -> None:
    """Each in one direction: what one of them receives is what the other one's port sends."""
    wrapper = RIGHTS[rights]
    with start(own, ports=[0], wrapper=wrapper) as first:
        first.ready()
        with start(own, ports=[1], eal=SECONDARY, wrapper=wrapper) as second:
            second.ready()
            assert second.nodes() - {CONTAINER, "/dev/iommu"} == set(CDEVS)
            migration = Migration(second)
            assert_right(compared(own))
            tried, moved = migration.begun().counts()
            assert (tried > 0, moved) == (True, 0)
            assert_pages_are_pinned_in_place(first)
            theirs = second.end()
        ours = first.end()
    assert min(ours[0][0], ours[1][1], theirs[1][0], theirs[0][1]) > 0, (ours, theirs)
    assert ours[1][0] == ours[0][1] == theirs[0][0] == theirs[1][1] == 0, (ours, theirs)


def test_secondary_comes_back_after_it_was_killed(own: Guest) -> None:
    with start(own, ports=[0]) as first:
        first.ready()
        for _ in range(2):
            with start(own, ports=[1], eal=SECONDARY) as second:
                second.ready()
                assert_right(compared(own, frames=200), at_least=200)
        assert_pages_are_pinned_in_place(first)


@pytest.mark.parametrize("binding", ["local", "deepbind"])
def test_plug_in_forwards(own: Guest, binding: str) -> None:
    program = [built("forward_host"), binding, PLUGIN]
    with Forwarder(own, PAIR, program, eal=MEMORY, wrapper=RIGHTS["no-sys-admin"]) as process:
        assert_forwards(process)
        assert_memory_comes_and_goes(process)
        process.end()
