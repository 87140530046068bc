# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd, which is linked with DPDK's libraries, under the C library front."""

from collections.abc import Callable
from typing import Any

import pytest

from helpers import migration
from helpers.console import assert_flows, start_traffic
from helpers.faults import without
from helpers.migration import MEMORY, MODES, Migration, assert_right
from helpers.nodes import ALONE, CDEVS, CONTAINER, PAIR, bind
from helpers.resources import free_hugepages, hugepages_kb, open_files, pinned_kb
from helpers.static_programs import FRONT, MACHINE, compared, unused_hugepages
from helpers.waiting import eventually
from testvm.qemu import Guest
from testvm.testpmd import Console, Testpmd

FRONT_OPTIONS: dict[str, Any] = {"library": FRONT, "policy": "require",
                                 "wrapper": without("sys_admin")}
ALL_MODES: dict[str, tuple[list[str], list[str]]] = MODES | {
    "in-memory": (["--in-memory"], []), "huge-unlink": (["--huge-unlink"], []),
    "iova-pa": (["--iova-mode=pa"], [])}


@pytest.fixture
def own(guest: Callable[..., Guest]) -> Guest:
    """That of the static programs."""
    return guest(**MACHINE)


@pytest.mark.xdist_group("static")
@pytest.mark.parametrize("mode", ALL_MODES)
def test_no_page_of_a_mode_moves(own: Guest, mode: str) -> None:
    eal, args = ALL_MODES[mode]
    free = unused_hugepages(own)
    with migration.start(own, args, eal=[*MEMORY, *eal], **FRONT_OPTIONS) as testpmd:
        testpmd.ready(180)
        assert testpmd.nodes() - {CONTAINER} == {*CDEVS, "/dev/iommu"}
        mover = Migration(testpmd)
        assert_right(compared(own, frames=1000), at_least=1000)
        tried, moved = mover.begun().counts()
        assert 0 < hugepages_kb(testpmd) <= pinned_kb(testpmd)
        result = testpmd.stop()
    assert (tried > 0, moved) == (True, 0)
    assert result.status == 0, result.output
    assert unused_hugepages(own) == free


@pytest.mark.xdist_group("static")
def test_restarts_after_it_was_killed(own: Guest) -> None:
    free = unused_hugepages(own)
    for _ in range(3):
        with migration.start(own, eal=MEMORY, **FRONT_OPTIONS) as testpmd:
            testpmd.ready()
            assert_right(compared(own, frames=200), at_least=200)
            own.run(["kill", "-KILL", testpmd.pid], check=True)
            assert testpmd.process.wait() != 0
    assert unused_hugepages(own) == free


def resources(testpmd: Testpmd) -> tuple[int, int, list[str]]:
    """Files, kB pinned, and the hugepages that the guest has free."""
    return open_files(testpmd), pinned_kb(testpmd), free_hugepages(testpmd.guest)


@pytest.mark.xdist_group("hotplug")
def test_device_is_detached_and_attached_beside_traffic(hot_plug: Guest) -> None:
    with Console(hot_plug, [*PAIR, ALONE], **FRONT_OPTIONS).ready() as console:
        console.do("set portlist 0,1")
        start_traffic(console, 0, 1)
        before = resources(console)
        console.do("port stop 2")
        assert "Device is detached" in console.do("port detach 2")
        assert "/dev/vfio/devices/noiommu-vfio2" not in console.nodes()
        assert "Port 2 is attached" in console.do(f"port attach {ALONE}")
        assert "Done" in console.do("port start 2")
        assert "/dev/vfio/devices/noiommu-vfio2" in console.nodes()
        assert eventually(hot_plug, lambda: resources(console) == before), (
            before, resources(console))
        assert_flows(console, 0, 1)
        assert console.stop().status == 0


@pytest.mark.xdist_group("hotplug")
def test_last_device_goes_and_comes(hot_plug: Guest) -> None:
    """What is pinned stays so meanwhile, or is pinned again before it is used."""
    with Console(hot_plug, PAIR, **FRONT_OPTIONS).ready() as console:
        start_traffic(console, 0, 1)
        console.do("stop")
        for port, _ in enumerate(PAIR):
            console.do(f"port stop {port}")
            assert "Device is detached" in console.do(f"port detach {port}")
        assert not console.nodes() & set(CDEVS)
        for port, device in enumerate(PAIR):
            assert f"Port {port} is attached" in console.do(f"port attach {device}")
            assert "Done" in console.do(f"port start {port}")
        start_traffic(console, 0, 1)
        assert 0 < hugepages_kb(console) <= pinned_kb(console)
        assert console.nodes() - {CONTAINER} == {*CDEVS, "/dev/iommu"}
        console.do("stop")
        assert console.stop().status == 0


@pytest.mark.xdist_group("hotplug")
def test_unbinding_in_use_lets_the_application_release(hot_plug: Guest) -> None:
    with Console(hot_plug, [*PAIR, ALONE], **FRONT_OPTIONS).ready() as console:
        start_traffic(console, 0, 1)
        driver = f"/sys/bus/pci/devices/{ALONE}/driver"
        unbinding = hot_plug.start(["sh", "-c", f"echo {ALONE} >{driver}/unbind"])
        console.process.expect("Device is detached")
        assert unbinding.wait(15) == 0
        bind(hot_plug, ALONE)
        # What was under way was dropped when testpmd stopped to remove the port.
        console.process.expect("Now total ports is")
        console.do("stop")
        start_traffic(console, 0, 1)
        assert "Port 2 is attached" in console.do(f"port attach {ALONE}")
        assert console.stop().status == 0
