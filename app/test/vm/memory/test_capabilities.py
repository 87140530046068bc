# SPDX-License-Identifier: BSD-3-Clause
"""A program that gives up capabilities after its start, in all threads: what goes on, what fails.

Under both fronts: DPDK shared, and DPDK inside the program.
"""

import re
from collections.abc import Callable, Sequence

import pytest

from helpers.migration import MEMORY, assert_right
from helpers.programs import built
from helpers.resources import hugepages_kb, pinned_kb
from helpers.static_programs import (
    FRONT,
    GROWN,
    MACHINE,
    Forwarder,
    assert_over_cdevs,
    assert_pages_are_pinned_in_place,
    compared,
    unused_hugepages,
)
from helpers.waiting import eventually
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY

pytestmark = pytest.mark.xdist_group("static")

RAWIO, IPC_LOCK = 17, 14
DEVICES = [nic_address(0), nic_address(1)]
# The program and what is preloaded.
FRONTS = {"eal": ("forward_shared", str(LIBRARY)), "libc": ("forward_static", FRONT)}
FEW = 400      # frames
# Of locked memory: it counts once CAP_IPC_LOCK is gone.
LIMIT_KB = 100 << 10
LIMIT = ["prlimit", f"--memlock={LIMIT_KB << 10}"]


@pytest.fixture
def own(guest: Callable[..., Guest]) -> Guest:
    """Two nodes, with wires to what forwards."""
    return guest(**MACHINE)


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    """Which of them."""
    name: str = request.param
    return name


def start(guest: Guest, front: str, eal: Sequence[str] = MEMORY,
          wrapper: Sequence[str] = ()) -> Forwarder:
    """The program forwards."""
    program, library = FRONTS[front]
    process = Forwarder(guest, DEVICES, [built(program)], eal=eal, wrapper=wrapper,
                        library=library)
    process.ready()
    return process


def drop(process: Forwarder, capability: int) -> None:
    """It gives up a capability, and no thread keeps it."""
    answer = process.do(f"drop {capability}")
    script = f"cat /proc/{process.pid}/task/*/status"
    status = process.guest.run(["sh", "-c", script], check=True).stdout
    sets = [int(mask, 16) for mask in re.findall(r"^CapEff:\s*(\w+)", status, re.M)]
    assert re.search(rf"dropped by {len(sets)} threads", answer), answer
    assert len(sets) > 1 and not any(mask >> capability & 1 for mask in sets)


def assert_forwards_on(process: Forwarder) -> None:
    """Every frame as it was, over cdevs, and all memory pinned where the program has it."""
    assert_over_cdevs(process)
    assert_right(compared(process.guest, frames=FEW), FEW // 2)
    assert_pages_are_pinned_in_place(process)


def test_without_rawio_all_goes_on_but_growth_and_new_devices(own: Guest, front: str) -> None:
    """rte_malloc() leaves rte_errno as it was, as it does wherever there is no more memory."""
    free = unused_hugepages(own)
    with start(own, front) as process:
        first = pinned_kb(process)
        process.do(f"grow {GROWN}")
        drop(process, RAWIO)
        before = pinned_kb(process), len(process.pages())
        answer = process.do(f"grow {3 * GROWN}")
        assert "no memory, rte_errno 0\n" in answer
        assert "Operation not permitted; CAP_SYS_RAWIO was dropped after the start, but each new " \
               "page needs it: keep it, or take all memory at the start" in answer
        # What was refused is not kept: no page is in use without having been compared.
        assert (pinned_kb(process), len(process.pages())) == before
        answer = process.do(f"plug {nic_address(2)}")
        assert re.search(r"plugged: -\d+", answer)
        assert "CAP_SYS_RAWIO is needed in the initial user namespace" in answer
        process.do("shrink")
        assert eventually(own, lambda: pinned_kb(process) <= first), \
            f"{first} kB pinned before, {pinned_kb(process)} after"
        assert_forwards_on(process)
        process.end()
    assert unused_hugepages(own) == free


@pytest.mark.parametrize("more", [[], ["--legacy-mem"]], ids=["socket-mem", "legacy-mem"])
def test_memory_that_is_taken_at_the_start_needs_no_capability_later(
        own: Guest, front: str, more: list[str]) -> None:
    """The way for a program that wants to give it up: all that it will ever need."""
    with start(own, front, ["--socket-mem", "96,32", *more]) as process:
        pages = len(process.pages())
        drop(process, RAWIO)
        assert "no memory" not in process.do(f"grow {GROWN}")
        process.do("shrink")
        assert "no memory" not in process.do(f"grow {GROWN}")
        assert len(process.pages()) == pages == (hugepages_kb(process) >> 11)
        assert_forwards_on(process)
        process.end()


def test_without_ipc_lock_memory_grows_to_the_limit(own: Guest, front: str) -> None:
    with start(own, front, wrapper=LIMIT) as process:
        first = pinned_kb(process)
        drop(process, IPC_LOCK)
        answer = process.do(f"grow {3 * GROWN}")
        assert "no memory, rte_errno 0\n" in answer
        assert "Cannot allocate memory; memory is short, or RLIMIT_MEMLOCK" in answer
        # It has had all of the limit, to which what was pinned before does not count: there is no
        # room for two more hugepages.
        assert LIMIT_KB - 2 * 2048 < pinned_kb(process) - first <= LIMIT_KB
        assert_forwards_on(process)
        process.end()
