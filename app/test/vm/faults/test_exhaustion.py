# SPDX-License-Identifier: BSD-3-Clause
"""No hugepages left, or no room in hugetlbfs: at the start, and while a testpmd grows.

Each frame is compared with the one that was sent.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest

from helpers import growing, static_programs
from helpers.faults import within
from helpers.migration import MEMORY, NUMA, assert_right, checked, start
from helpers.programs import python
from helpers.remains import assert_nothing_is_left, look
from helpers.static_programs import FRONT, HUGEPAGE, assert_memory_comes_and_goes, compared
from helpers.traffic import Traffic
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY

pytestmark = pytest.mark.xdist_group("faults")

FRONTS = {"eal": str(LIBRARY), "compat": FRONT}
PAGE = 4096
FEW = 100       # frames at a time
ABORTED = 128 + 6


@pytest.fixture
def machine(guest: Callable[..., Guest]) -> Guest:
    """Two nodes, and two NICs that have nothing in common but testpmd."""
    return guest(**NUMA)


def limited(mebibytes: int) -> list[str]:
    """A wrapper with a hugetlbfs of its own, which has no room for more."""
    return within(f"mount -t hugetlbfs -o size={mebibytes}M none /dev/hugepages")


@contextmanager
def taken(guest: Guest, leave: int = 0) -> Iterator[None]:
    """Another program has all hugepages that were free, but some."""
    process = guest.start(python("taker.py", leave))
    try:
        process.expect("has")
        yield
    finally:
        process.close_stdin()
        assert process.wait() == 0, process.stderr


def assert_starts(guest: Guest, library: str) -> None:
    """With nothing in its way."""
    with start(guest, eal=MEMORY, library=library) as testpmd:
        testpmd.ready()
        assert_right(checked(guest, FEW), at_least=FEW)
        assert testpmd.stop().status == 0


def start_fails(guest: Guest, library: str, wrapper: list[str], cause: str) -> None:
    """testpmd ends by itself, with an error of the EAL's, a panic of ethdev's, or without mbufs."""
    with start(guest, library=library, wrapper=wrapper) as testpmd:
        result = testpmd.wait()
    assert result.status in (1, ABORTED), result.output
    assert cause in result.output, result.output
    assert not result.ports


@pytest.mark.parametrize("front,leave,cause", [
    ("eal", 6, "Cannot allocate"), ("compat", 0, "Cannot get hugepage information")])
def test_start_without_hugepages_leaves_nothing(machine: Guest, front: str, leave: int,
                                                cause: str) -> None:
    """With fewer than the mbufs need, and with none."""
    before = look(machine)
    with taken(machine, leave):
        start_fails(machine, FRONTS[front], [], cause)
    assert_nothing_is_left(machine, before)
    assert_starts(machine, FRONTS[front])


def test_start_without_room_in_hugetlbfs_leaves_nothing(machine: Guest) -> None:
    before = look(machine)
    start_fails(machine, FRONTS["eal"], limited(12), "Cannot allocate memory")
    assert_nothing_is_left(machine, before)


def flow_until(guest: Guest, traffic: Traffic, done: Callable[[], object]) -> None:
    """Compare frames until something comes true, for a minute on a machine that is idle."""
    end = time.monotonic() + 60 * guest.patience
    while not done():
        assert time.monotonic() < end, "it does not come true"
        traffic.flow(FEW)


def grows_under_traffic(guest: Guest, obstacle: AbstractContextManager[None], wrapper: list[str],
                        sizes: str) -> None:
    """A block that finds no room is refused; others are not, as soon as there is some."""
    before = look(guest)
    with start(guest, eal=MEMORY, library=growing.WITH_GROWER,
               wrapper=[*wrapper, *growing.GROWER]) as testpmd:
        testpmd.ready()
        traffic, output = Traffic(guest.wires), testpmd.process
        with obstacle:
            begin = growing.begin(testpmd, "40")
            flow_until(guest, traffic, lambda: growing.REFUSED in output.stdout)
        growing.begin(testpmd, sizes)
        flow_until(guest, traffic, lambda: growing.unmapped(testpmd, begin) >= 6)
        growing.stop(testpmd)
        flow_until(guest, traffic, lambda: re.search(growing.REPORT, output.stdout))
        found, mapped, unmapped = growing.report(testpmd, begin)
        assert_right(traffic.end(), at_least=FEW)
        assert testpmd.stop().status == 0
    assert found["refused"] > 0
    # Pages of a block that is refused are mapped when the EAL asks where they are.
    assert mapped == unmapped >= found["grown"] == found["back"] > 0
    assert {found[name] for name in ("elsewhere", "spoiled", "quiet")} == {0}, found
    assert_nothing_is_left(guest, before)


def test_memory_that_another_program_has_is_refused(machine: Guest) -> None:
    grows_under_traffic(machine, taken(machine), [], "40")


def test_memory_beyond_the_size_of_hugetlbfs_is_refused(machine: Guest) -> None:
    grows_under_traffic(machine, nullcontext(), limited(72), "3")


def test_static_program_grows_when_memory_is_back(machine: Guest) -> None:
    before = look(machine)
    with static_programs.start(machine) as process:
        process.ready()
        pages = process.pages()
        assert look(machine).pinned - before.pinned >= HUGEPAGE // PAGE * len(pages)
        with taken(machine):
            process.do("grow 40")
            assert process.pages() == pages
            assert_right(compared(machine, frames=FEW), at_least=FEW)
            process.do("shrink")
        assert_memory_comes_and_goes(process)
        assert_right(compared(machine, frames=FEW), at_least=FEW)
        process.end()
    assert_nothing_is_left(machine, before)
