# SPDX-License-Identifier: BSD-3-Clause
"""Pages of a live testpmd cannot move: not under traffic, and not at the worst of moments.

Each frame is made here, goes through the guest's two NICs and testpmd, and is compared with what
was sent. The mbufs are used in turn (--mbcache=0), so it passes through all pages that have some.
"""

import threading
from collections.abc import Callable

import pytest

from helpers.faults import UNCONFIRMED
from helpers.migration import (
    FRAMES,
    MBUFS,
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
from helpers.traffic import PATIENCE, Traffic
from testvm.ether import Wire
from testvm.qemu import Guest


@pytest.fixture
def numa(guest: Callable[..., Guest]) -> Guest:
    """Two nodes, and two NICs that have nothing in common but testpmd."""
    return guest(**NUMA)


def test_traffic_is_right(numa: Guest) -> None:
    """And goes through all mbufs."""
    with start(numa, eal=MEMORY) as testpmd:
        testpmd.ready()
        report = checked(numa, 2 * MBUFS)
        result = testpmd.stop()
    assert_right(report, at_least=2 * MBUFS)
    assert result.forwarded == report.sent


def test_changed_byte_is_seen() -> None:
    """Of all frames from one wire to another one lacks a bit and one comes twice."""
    wires = Wire(), Wire()
    done = threading.Event()

    def forward() -> None:
        for number in range(100):
            frame = bytearray(wires[0].theirs.recv(2000))
            frame[number % len(frame)] ^= number == 50
            for _ in range(1 + (number == 60)):
                wires[1].theirs.send(frame)
        done.set()

    traffic = Traffic(wires)
    threading.Thread(target=forward, daemon=True).start()
    traffic.flow(99)
    assert done.wait(PATIENCE)
    report = traffic.end(1)
    for wire in wires:
        wire.close()
    assert (report.received, len(report.wrong), report.damaged) == (99, 2, 1)
    assert report.lost == report.sent - 99


def test_no_page_moves_from_the_first_one_on(numa: Guest) -> None:
    with start(numa, eal=MEMORY) as testpmd:
        migration = Migration(testpmd)
        testpmd.ready()
        report = checked(numa)
        tried, moved = migration.begun().counts()
        result = testpmd.stop()
    assert (tried > 0, moved) == (True, 0)
    assert_right(report)
    assert result.mapped == result.verified > 0


def test_pages_of_stock_move(numa: Guest) -> None:
    """And take the traffic with them."""
    with start(numa, eal=MEMORY, policy="off") as testpmd:
        testpmd.ready()
        assert_right(checked(numa))
        migration = Migration(testpmd).begun()
        report = checked(numa, 100 * FRAMES, patience=2 * numa.patience, late=1)
        assert migration.counts()[1] > 0
    assert report.wrong or report.lost, report


@pytest.mark.parametrize("mode", MODES)
def test_no_page_moves_between_answer_and_use(numa: Guest, mode: str) -> None:
    """Those that have no address yet do move, and nothing comes of it."""
    eal, args = MODES[mode]
    with start_with_moves(numa, eal=[*MEMORY, *eal], args=args) as testpmd:
        testpmd.ready(180)
        report = checked(numa, 1000)
        moves = Moves(numa)
        result = testpmd.stop()
    tried, made = moves.total("inside")
    assert (tried > 0, made) == (True, 0), moves.lines
    assert moves.total("before")[1] > 0, moves.lines
    assert_right(report, at_least=100)
    assert result.mapped == result.verified > 0


def test_no_page_moves_when_addresses_are_from_the_ioas(numa: Guest) -> None:
    with start_with_moves(numa, "RTE_VFIO_CDEV_PHYS=ioas", eal=MEMORY) as testpmd:
        testpmd.ready()
        report = checked(numa, 1000)
        moves = Moves(numa)
    tried, made = moves.total("inside")
    assert (tried > 0, made) == (True, 0), moves.lines
    assert_right(report, at_least=100)


def test_page_that_left_its_address_in_pagemap_is_refused(numa: Guest) -> None:
    """It moves after pagemap was read and before it is pinned, with the device, and never then."""
    with start_with_moves(numa, "RTE_VFIO_CDEV_PHYS=pagemap", eal=MEMORY) as testpmd:
        result = testpmd.ready().stop()
        moves = Moves(numa)
    assert not result.ports
    assert UNCONFIRMED.search(result.output)
    made = {name for name, _, count in moves.lines if count > 0}
    assert {"before-answer"} < made <= {"before-answer", "inside-answer", "before-map"}


def test_page_that_comes_home_before_it_is_pinned(numa: Guest) -> None:
    """On another node when its address is requested; after the answer it stays where it is."""
    with start_with_moves(numa, "MOVES_ONCE=1", eal=MEMORY) as testpmd:
        testpmd.ready()
        report = checked(numa, 1000)
        moves = Moves(numa)
    tried, made = moves.total("inside")
    assert (tried > 0, made) == (True, 0), moves.lines
    assert moves.total("before")[1] > 0, moves.lines
    assert_right(report)


def test_pages_of_stock_move_after_the_answer(numa: Guest) -> None:
    """It mostly hangs when it first uses a device, so the test waits for no more."""
    with start_with_moves(numa, policy="off", eal=MEMORY) as testpmd:
        testpmd.process.expect("Configuring Port 0")
        moves = Moves(numa)
    assert moves.total("inside")[1] > 0, moves.lines
