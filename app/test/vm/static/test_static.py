# SPDX-License-Identifier: BSD-3-Clause
"""A program that carries DPDK inside, under the C library front: each frame through it is compared.

Programs of three releases, each linked with the archives of its suite.
"""

from collections.abc import Callable

import pytest

from helpers.faults import cdev_hidden
from helpers.migration import MEMORY, MODES, Migration, assert_right
from helpers.nodes import CONTAINER
from helpers.resources import hugepages_kb, pinned_kb
from helpers.static_programs import (
    MACHINE,
    RIGHTS,
    assert_forwards,
    assert_memory_comes_and_goes,
    assert_pages_are_pinned_in_place,
    compared,
    linked,
    start,
    unused_hugepages,
)
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.root import host_release

pytestmark = pytest.mark.xdist_group("static")

DYNAMIC = {name: eal for name, (eal, _) in MODES.items() if name == "single-file-segments"} | {
    "in-memory": ["--in-memory"]}


@pytest.fixture
def machine(guest: Callable[..., Guest], release: str) -> Guest:
    """A guest with this DPDK, and the directory of the program."""
    shared = {} if release == host_release() else {
        "dpdk": release, "shares": (str(linked(release)),)}
    return guest(**MACHINE, **shared)


@pytest.fixture
def own(guest: Callable[..., Guest]) -> Guest:
    """That of the machine's own release."""
    return guest(**MACHINE)


def test_stock_forwards_as_root_and_its_pages_move(machine: Guest, release: str) -> None:
    with start(machine, release, policy="") as process:
        process.ready()
        assert process.nodes() == {CONTAINER, "/dev/vfio/noiommu-0", "/dev/vfio/noiommu-1"}
        assert_right(compared(machine))
        assert pinned_kb(process) == 0
        assert Migration(process).begun().counts()[1] > 0


def test_stock_has_no_port_without_sys_admin(machine: Guest, release: str) -> None:
    with start(machine, release, policy="", wrapper=RIGHTS["no-sys-admin"]) as process:
        assert "ports: 0\n" in process.output()
        assert process.process.returncode == 2


@pytest.mark.parametrize("rights", RIGHTS)
def test_release_forwards_over_cdevs(machine: Guest, release: str, rights: str) -> None:
    free = unused_hugepages(machine)
    with start(machine, release, wrapper=RIGHTS[rights]) as process:
        assert_forwards(process)
        assert_memory_comes_and_goes(process)
        counts = process.end()
    assert min(sum(counts, ())) >= 500, counts
    assert unused_hugepages(machine) == free


@pytest.mark.parametrize("hidden", [0, 1])
def test_group_of_the_kernel_beside_a_cdev(own: Guest, hidden: int) -> None:
    """One of two devices has no cdev, the first or the second: both are in one container."""
    with (cdev_hidden(own, nic_address(hidden)),
          start(own, policy="prefer") as process):
        process.ready()
        assert process.nodes() == {CONTAINER, "/dev/iommu", f"/dev/vfio/noiommu-{hidden}",
                                   f"/dev/vfio/devices/noiommu-vfio{1 - hidden}"}
        assert_right(compared(own))
        assert_pages_are_pinned_in_place(process)


@pytest.mark.parametrize("rights", RIGHTS)
def test_other_model_forwards_over_cdevs(own: Guest, rights: str) -> None:
    """vmxnet3, which the pair above does without."""
    with start(own, nics=(1, 2), wrapper=RIGHTS[rights]) as process:
        assert_forwards(process, (1, 2))
        process.end()


@pytest.mark.parametrize("mode", DYNAMIC)
def test_memory_of_a_mode_comes_and_goes(own: Guest, mode: str) -> None:
    free = unused_hugepages(own)
    with start(own, eal=[*MEMORY, *DYNAMIC[mode]], wrapper=RIGHTS["no-sys-admin"]) as process:
        assert_forwards(process)
        assert_memory_comes_and_goes(process)
        process.end()
    assert unused_hugepages(own) == free


@pytest.mark.parametrize("rights", RIGHTS)
def test_legacy_memory_forwards(own: Guest, rights: str) -> None:
    """It maps each page twice, and gives back those that it does not want.

    Pages may move until it asks where they are. Beside them, one page of the stack is pinned, by
    which the EAL tries whether it gets addresses.
    """
    free = unused_hugepages(own)
    with start(own, eal=[*MEMORY, "--legacy-mem"], wrapper=RIGHTS[rights]) as process:
        assert_forwards(process, early=False)
        assert hugepages_kb(process) <= pinned_kb(process) <= hugepages_kb(process) + 4
        process.end()
    assert unused_hugepages(own) == free


def test_kernel_without_groups_forwards(guest: Callable[..., Guest]) -> None:
    """Where stock has no port."""
    machine = guest(config="cdev-only", **MACHINE)
    with start(machine, policy="") as process:
        assert "ports: 0\n" in process.output()
    with start(machine, wrapper=RIGHTS["no-sys-admin"]) as process:
        assert_forwards(process)
        process.end()
