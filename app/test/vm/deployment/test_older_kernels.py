# SPDX-License-Identifier: BSD-3-Clause
"""Kernels of older releases of the distribution, which have neither cdevs nor no-IOMMU groups."""

import re
from collections.abc import Callable

import pytest

from helpers.forwarding import forward
from helpers.migration import Migration
from helpers.nodes import LINKED, NICS, PAIR, SYSFS
from testvm.qemu import BootFailed, Guest
from testvm.released import SERIES
from testvm.testpmd import Testpmd

pytestmark = pytest.mark.xdist_group("older-kernels")


@pytest.fixture(scope="module", params=SERIES)
def series(request: pytest.FixtureRequest) -> str:
    """Of the module, so that pytest runs all tests of a kernel in one guest."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def older(guest: Callable[..., Guest], series: str) -> Guest:
    """A guest with this kernel, and two NICs of each model."""
    return guest(config=series, nics=NICS)


def test_kernel_is_the_one_of_its_release(older: Guest, series: str) -> None:
    release = older.run(["uname", "-r"], check=True).stdout
    assert release.startswith(f"{series}.") and release.endswith("-amd64\n")
    older.run(["modprobe", "tun"], check=True)
    older.run(["sh", "-c", f"! ls {SYSFS}/*/vfio-dev"], check=True)


@pytest.mark.parametrize("model", ["virtio-net-pci", "e1000e"])
def test_stock_forwards_on_an_older_kernel(older: Guest, model: str) -> None:
    result, nodes = forward(older, LINKED[model], policy="")
    assert result.all_ports_work(2), result.output
    assert not nodes
    drivers = [older.run(["readlink", f"{SYSFS}/{device}/driver"], check=True).stdout
               for device in LINKED[model]]
    assert all(driver.endswith("/uio_pci_generic\n") for driver in drivers)


@pytest.mark.parametrize("model", ["virtio-net-pci", "e1000e", "vmxnet3"])
def test_memory_is_pinned_for_each_model(older: Guest, model: str) -> None:
    result, nodes = forward(older, LINKED[model])
    assert result.status == 0 and result.all_ports_work(2), result.output
    assert not nodes
    assert re.findall("VFIO_CDEV: (.*): has no cdev: memory is pinned by io_uring",
                      result.output) == LINKED[model][:1]


@pytest.mark.parametrize("release", ["24.11", "25.11"])
@pytest.mark.parametrize("eal", [[], ["--legacy-mem"]], ids=["default", "legacy-mem"])
def test_memory_is_pinned_for_newer_releases(guest: Callable[..., Guest], release: str,
                                             eal: list[str]) -> None:
    machine = guest(config="6.12", dpdk=release, numa=2)
    with Testpmd(machine, PAIR, eal=["--socket-mem", "32,32", *eal]) as testpmd:
        testpmd.ready().flowing()
        tried, moved = Migration(testpmd).begun().counts()
        result = testpmd.stop()
    assert (tried > 0, moved) == (True, 0)
    assert result.status == 0 and result.all_ports_work(2), result.output


def test_kernel_without_a_driver_for_the_iommu_does_not_boot(guest: Callable[..., Guest]) -> None:
    with pytest.raises(BootFailed, match="this kernel has no virtio-iommu"):
        guest(config="6.1", viommu="virtio")
