# SPDX-License-Identifier: BSD-3-Clause
"""The EAL's memory options: each hugepage in use is pinned and verified, as one page."""

from collections.abc import Callable, Sequence

import pytest

from helpers import growing
from helpers.faults import within
from helpers.forwarding import assert_forwarded_over_cdevs
from helpers.nodes import CONTAINER, PAIR
from helpers.resources import free_hugepages, hugepage_areas, mappings, pinned_kb
from testvm.qemu import Guest
from testvm.testpmd import PAGES, Testpmd

KILOBYTES = {"2M": 2 << 10, "1G": 1 << 20}
ONLY_1G = ["--huge-dir", "/dev/hugepages1G"]

pytestmark = pytest.mark.xdist_group("numa")


@pytest.fixture
def both(guest: Callable[..., Guest]) -> Guest:
    """Pages of both sizes, none of which a file has kept since the last test."""
    machine = guest(hugepages=64, hugepages_1g=2)
    machine.run(["sh", "-c", "rm -f /dev/hugepages*/rtemap_*"], check=True)
    return machine


def pages_pinned(testpmd: Testpmd) -> dict[str, int]:
    """Hugepages of the process; each is a mapping, was verified as one page, and is pinned."""
    pinned = list(mappings(testpmd.process.stdout).values())
    pages = {size: pinned.count(kilobytes) for size, kilobytes in KILOBYTES.items()}
    assert pages == {size: sum(sum(nodes.values()) for _, of, nodes in hugepage_areas(testpmd)
                               if of == kilobytes) for size, kilobytes in KILOBYTES.items()}
    assert pinned_kb(testpmd) == sum(pinned)
    counts = PAGES.findall(testpmd.process.stdout)
    assert counts[-1] == (str(len(pinned)), str(len(pinned)))
    assert all(mapped == verified for mapped, verified in counts)
    return pages


def pages_while_forwarding(guest: Guest, eal: list[str]) -> dict[str, int]:
    """Forward, and count what is pinned meanwhile."""
    with Testpmd(guest, PAIR, eal=eal) as testpmd:
        pinned = pages_pinned(testpmd.ready().flowing())
        opened = testpmd.nodes() - {CONTAINER}
        assert_forwarded_over_cdevs(testpmd.stop(), opened, PAIR)
    return pinned


@pytest.mark.parametrize("more", [[], ["--legacy-mem"]], ids=["dynamic", "legacy-mem"])
def test_pages_of_two_nodes_are_pinned(numa: Guest, more: list[str]) -> None:
    with Testpmd(numa, PAIR, eal=["--socket-mem", "32,32", *more]) as testpmd:
        assert pages_pinned(testpmd.ready().flowing()) == {"2M": 32, "1G": 0}
        pages = {address: list(nodes) for address, _, nodes in hugepage_areas(testpmd)}
        assert pages.keys() == mappings(testpmd.process.stdout).keys()
        assert sorted(pages.values()) == [[0]] * 16 + [[1]] * 16
        opened = testpmd.nodes() - {CONTAINER}
        assert_forwarded_over_cdevs(testpmd.stop(), opened, PAIR)


@pytest.mark.parametrize("eal,pages", [
    (["-m", "64"], 32),
    (["--legacy-mem", "-m", "128"], 64),
    (["--in-memory"], None),
    (["--single-file-segments"], None),
    (["--match-allocations"], None),
    (["--huge-unlink"], None),
], ids=lambda value: str(value[0]).lstrip("-") if isinstance(value, list) else None)
def test_2m_pages_are_pinned(cdev: Guest, eal: list[str], pages: int | None) -> None:
    """Without -m the EAL takes as many as it needs, some after the devices are set up."""
    pinned = pages_while_forwarding(cdev, eal)
    assert pinned["2M"] == (pages or pinned["2M"]) > 0


def grow(testpmd: Testpmd, sizes: str, changes_wanted: int) -> tuple[dict[str, int], int, int]:
    """Let memory grow and shrink; what the grower reports, and the pages mapped and unmapped."""
    start = growing.begin(testpmd, sizes)
    assert testpmd.guest.wait_for(
        lambda: growing.unmapped(testpmd, start) >= changes_wanted, 60)
    return growing.end(testpmd, start)


def grow_and_shrink(guest: Guest, eal: list[str], sizes: str, pages: int,
                    wrapper: Sequence[str] = ()) -> None:
    """Blocks of so many MiB, which take at least so many pages a round, under traffic."""
    with Testpmd(guest, PAIR, eal=eal, library=growing.WITH_GROWER,
                 wrapper=[*wrapper, *growing.GROWER]) as testpmd:
        before, free = pages_pinned(testpmd.ready().flowing()), free_hugepages(guest)
        found, mapped, unmapped = grow(testpmd, sizes, 3 * pages)
        assert (pages_pinned(testpmd), free_hugepages(guest)) == (before, free)
        opened = testpmd.nodes() - {CONTAINER}
        result = testpmd.stop()
    assert_forwarded_over_cdevs(result, opened, PAIR)
    assert found["rounds"] > 0
    assert found["grown"] == found["back"] == mapped == unmapped >= pages * found["rounds"]
    assert {found[name] for name in ("refused", "elsewhere", "spoiled", "quiet")} == {0}, found
    assert result.mapped > sum(before.values())


@pytest.mark.parametrize("eal,wrapper", [
    ([], ()),
    (["--in-memory", "-m", "64"], within("umount /dev/hugepages")),
    (["--single-file-segments"], ()),
], ids=["default", "in-memory", "single-file-segments"])
def test_2m_pages_come_and_go_under_traffic(cdev: Guest, eal: list[str],
                                            wrapper: Sequence[str]) -> None:
    """--in-memory without a mount of hugetlbfs, as the message about --no-huge advises."""
    grow_and_shrink(cdev, eal, "1 3 40", 20, wrapper)


def test_pages_of_both_sizes_are_pinned_for_one_process(both: Guest) -> None:
    assert pages_while_forwarding(both, ["-m", "2112"]) == {"2M": 32, "1G": 2}


@pytest.mark.parametrize("eal", [
    [*ONLY_1G, "-m", "1024"],
    [*ONLY_1G, "-m", "1024", "--legacy-mem"],
    ["-m", "1024", "--in-memory"],
    [*ONLY_1G, "--single-file-segments"],
    [*ONLY_1G, "--match-allocations"],
    [*ONLY_1G, "--huge-unlink"],
], ids=lambda eal: str(eal[-1]).lstrip("-"))
def test_1g_page_is_pinned(both: Guest, eal: list[str]) -> None:
    assert pages_while_forwarding(both, eal) == {"2M": 0, "1G": 1}


def test_1g_pages_come_and_go_under_traffic(both: Guest) -> None:
    grow_and_shrink(both, ONLY_1G, "1010", 1)
