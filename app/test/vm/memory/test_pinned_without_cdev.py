# SPDX-License-Identifier: BSD-3-Clause
"""Pages of a live testpmd cannot move where there is no cdev either: io_uring pins them.

Over a VFIO group on Linux 7.3 without cdevs, and over UIO on the distribution's own kernels.
"""

import re
from collections.abc import Callable

import pytest

from helpers import growing
from helpers.growing import GROWER, WITH_GROWER
from helpers.migration import (
    MEMORY,
    MODES,
    NUMA,
    Migration,
    Moves,
    assert_right,
    checked,
    start,
    start_with_moves,
)
from helpers.nodes import CONTAINER, PAIR
from helpers.programs import built
from helpers.resources import before_and_after, hugepages_kb, pinned_kb
from helpers.traffic import Traffic
from testvm.qemu import Guest
from testvm.released import SERIES
from testvm.testpmd import Testpmd, command

pytestmark = pytest.mark.xdist_group("older-kernels")

KERNELS = ("group-only", *SERIES)
UNCONFIRMED = "no IOAS confirms them"
ALL_MODES: dict[str, tuple[list[str], list[str]]] = MODES | {"in-memory": (["--in-memory"], [])}


@pytest.fixture(scope="module", params=KERNELS)
def config(request: pytest.FixtureRequest) -> str:
    """Of the module, so that pytest runs all tests of a kernel in one guest."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def numa(guest: Callable[..., Guest], config: str) -> Guest:
    """Two nodes, and two NICs that have nothing in common but testpmd."""
    return guest(config=config, **NUMA)


def assert_without_cdev(testpmd: Testpmd) -> None:
    """The library is there, has opened neither iommufd nor cdev, and reports that it pins."""
    nodes = testpmd.nodes() - {CONTAINER}
    assert all(node.startswith("/dev/vfio/noiommu-") for node in nodes), nodes
    assert testpmd.has_library()
    assert testpmd.process.stdout.count(UNCONFIRMED) == 1


@pytest.mark.parametrize("mode", ALL_MODES)
def test_no_page_moves(numa: Guest, mode: str) -> None:
    eal, args = ALL_MODES[mode]
    with start(numa, args, eal=[*MEMORY, *eal]) as testpmd:
        testpmd.ready(180)
        assert_without_cdev(testpmd)
        migration = Migration(testpmd)
        report = checked(numa, 1000)
        tried, moved = migration.begun().counts()
        result = testpmd.stop()
    assert (tried > 0, moved) == (True, 0)
    assert_right(report, at_least=100)
    assert result.status == 0, result.output


@pytest.mark.parametrize("mode", ["default", "legacy-mem"])
def test_no_page_moves_once_its_address_is_given(numa: Guest, mode: str) -> None:
    """Those that have no address yet do move, and nothing comes of it."""
    eal, args = MODES[mode]
    with start_with_moves(numa, eal=[*MEMORY, *eal], args=args) as testpmd:
        testpmd.ready(180)
        report = checked(numa, 1000)
        moves = Moves(numa)
    tried, made = moves.total("inside")
    assert (tried > 0, made) == (True, 0), moves.lines
    assert moves.total("before")[1] > 0, moves.lines
    assert_right(report, at_least=100)


def test_pages_move_if_nothing_pins_them(numa: Guest) -> None:
    """And damage the traffic, as test_pinned.py shows of stock."""
    with start(numa, eal=MEMORY, wrapper=["env", "RTE_VFIO_CDEV_PIN=off"]) as testpmd:
        testpmd.ready()
        assert UNCONFIRMED not in testpmd.process.stdout
        assert Migration(testpmd).begun().counts()[1] > 0


def test_nothing_is_left_after_many_devices(numa: Guest, config: str) -> None:
    """Each time the only one goes. Linux 6.1 needs a second to free a page that was pinned."""
    count = 10 if config == "6.1" else 1000
    done = numa.run([*command([built("plugger")]), "-l", "0", "--no-telemetry", "--iova-mode=pa",
                     "--log-level=lib.eal:warning", "-a", PAIR[0], "--", "plug", str(count),
                     PAIR[0]], timeout=300)
    before, after = before_and_after(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert UNCONFIRMED in done.stderr
    if config == "6.1":
        before, after = (re.sub(" free=.*? ", " ", line) for line in (before, after))
    assert before == after


def has(testpmd: Testpmd) -> tuple[int, int, int]:
    """Its rings, kB of hugepages, and kB that the kernel counts as pinned."""
    script = f"ls -l /proc/{testpmd.pid}/fd | grep -c io_uring"
    rings = int(testpmd.guest.run(["sh", "-c", script], check=True).stdout)
    return rings, hugepages_kb(testpmd), pinned_kb(testpmd)


def test_nothing_is_left_after_memory_has_come_and_gone(numa: Guest, config: str) -> None:
    """20 pages at a time. Linux 6.1 frees them a second later: there may be none left then."""
    with start(numa, eal=[*MEMORY, "--log-level=lib.vfio_cdev:debug"], library=WITH_GROWER,
               wrapper=GROWER) as testpmd:
        testpmd.ready()
        traffic = Traffic(numa.wires)
        traffic.flow(50)
        before = has(testpmd)
        seen = growing.begin(testpmd, "40")
        while growing.unmapped(testpmd, seen) < 200:
            traffic.flow(50)
        growing.stop(testpmd)
        # It frees a block when packets have come. A line about one that was refused may be there.
        while not re.search(growing.REPORT, testpmd.process.stdout):
            traffic.flow(50)
        found = growing.report(testpmd, seen)[0]
        assert_right(traffic.end(), at_least=50)
        assert numa.wait_for(lambda: has(testpmd) == before, 10), (before, has(testpmd))
    assert found["grown"] == found["back"] > 0, found
    assert found["elsewhere"] == found["spoiled"] == 0, found
    assert found["refused"] == 0 or config == "6.1", found
