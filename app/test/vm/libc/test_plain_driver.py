# SPDX-License-Identifier: BSD-3-Clause
"""A driver that has nothing of DPDK, on stock and under the front at the C library's boundary."""

from collections.abc import Callable, Sequence

import pytest

from helpers.faults import without
from helpers.libc import FRONT, NIC, SHARED, assert_sent, machine, plain, rows, run
from helpers.nodes import CONTAINER, SYSFS
from helpers.programs import built
from testvm.ether import Wire
from testvm.qemu import Guest
from testvm.testpmd import command

pytestmark = SHARED

UNPRIVILEGED = without("sys_admin")
privileges = pytest.mark.parametrize("wrapper", [(), UNPRIVILEGED], ids=["root", "no-sys_admin"])
ways = pytest.mark.parametrize("args", [(), ("-p",), ("-e",)], ids=["read", "pread", "early"])


@pytest.fixture
def vm(guest: Callable[..., Guest]) -> Guest:
    """The guest that all tests here share."""
    return machine(guest)


def wire(vm: Guest, model: str) -> Wire:
    """The one of a model of NIC."""
    return vm.wires[list(NIC).index(model)]


def cdev(vm: Guest, model: str = "e1000e") -> str:
    """The node of a NIC's cdev."""
    names = vm.run(["ls", f"{SYSFS}/{NIC[model]}/vfio-dev"], check=True).stdout
    return f"/dev/vfio/devices/{names.strip()}"


def group(vm: Guest, model: str = "e1000e") -> str:
    """The node of its group."""
    link = vm.run(["readlink", f"{SYSFS}/{NIC[model]}/iommu_group"], check=True).stdout
    return f"/dev/vfio/noiommu-{link.strip().rpartition('/')[2]}"


def assert_stock(vm: Guest, found: dict[str, str], model: str = "e1000e") -> None:
    """It has worked, over the group."""
    assert found["group"] == group(vm, model)
    assert found["device"] == "anon_inode:[vfio-device]"
    assert_sent(wire(vm, model))
    assert found["moved"] == "1"
    assert found["pinned then"] == "0, hugepages missing: 0"


def assert_pinned(vm: Guest, found: dict[str, str], model: str = "e1000e") -> None:
    """It has worked, over the cdev."""
    assert found["container"] in {CONTAINER, "/dev/iommu"}
    assert found["group"] == found["device"] == cdev(vm, model)
    assert_sent(wire(vm, model))
    assert (found["pinned"], found["moved"]) == ("2048", "0")
    assert found["pinned then"] == "0, hugepages missing: 0"


@ways
@pytest.mark.parametrize("model", NIC)
def test_stock_needs_privileges_and_its_page_moves(vm: Guest, args: Sequence[str],
                                                   model: str) -> None:
    found, _ = plain(vm, *args, model=model)
    assert_stock(vm, found, model)


def test_stock_without_privileges_has_no_address(vm: Guest) -> None:
    found, _ = plain(vm, wrapper=UNPRIVILEGED)
    assert found["failed"].startswith("physical address")


@privileges
@ways
@pytest.mark.parametrize("model", NIC)
def test_page_stays_under_the_front(vm: Guest, args: Sequence[str], model: str,
                                    wrapper: Sequence[str]) -> None:
    found, logged = plain(vm, *args, policy="prefer", wrapper=wrapper, model=model)
    assert_pinned(vm, found, model)
    assert all(line.startswith("VFIO_CDEV: ") for line in logged.splitlines())


@pytest.mark.parametrize("wrapper", [(), UNPRIVILEGED], ids=["root", "no-sys_admin"])
def test_page_that_moves_before_the_device_is_refused(vm: Guest, wrapper: Sequence[str]) -> None:
    """Or does not move, where the address was given by the IOAS."""
    found, logged = plain(vm, "-e", "-m", policy="prefer", wrapper=wrapper)
    if wrapper:
        assert found["moved early"] == "0"
        assert_sent(wire(vm, "e1000e"))
    else:
        assert found["moved early"] == "1"
        assert found["failed"].startswith("VFIO_GROUP_GET_DEVICE_FD")
        assert "cannot confirm" in logged
        assert "sent" not in found


@pytest.mark.parametrize("policy", ["", "prefer"])
@pytest.mark.parametrize("second", ["", "prefer"])
def test_second_process_is_refused(vm: Guest, policy: str, second: str) -> None:
    """And does no harm to the first; with the front and without it in each of the two."""
    program = [built("plain_driver"), "-w", NIC["e1000e"]]
    first = vm.start(command(program, policy, FRONT))
    try:
        first.expect("pinned: ")
        found, _ = plain(vm, policy=second)
    finally:
        first.close_stdin()
        assert first.wait() == 0, first.stdout
    assert found["failed"].endswith("Device or resource busy")
    if policy:
        assert_pinned(vm, rows(first.stdout))
    else:
        assert_stock(vm, rows(first.stdout))


def test_driver_that_opens_the_cdev_is_untouched(vm: Guest) -> None:
    program = [built("cdev_driver"), cdev(vm)]
    stock = run(vm, program)
    assert_sent(wire(vm, "e1000e"))
    assert rows(stock.stdout)["address by pagemap"] == "the same", stock.stdout
    front = run(vm, program, "prefer")
    assert_sent(wire(vm, "e1000e"))
    assert (front.returncode, front.stdout, front.stderr) == (0, stock.stdout, "")
