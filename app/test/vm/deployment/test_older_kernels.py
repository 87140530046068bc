# SPDX-License-Identifier: BSD-3-Clause
"""Kernels of older releases of the distribution, which have neither cdevs nor no-IOMMU groups."""

from collections.abc import Callable

import pytest

from helpers.forwarding import forward
from helpers.nodes import LINKED, NICS, SYSFS
from testvm.qemu import BootFailed, Guest
from testvm.released import SERIES

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


def test_kernel_without_a_driver_for_the_iommu_does_not_boot(guest: Callable[..., Guest]) -> None:
    with pytest.raises(BootFailed, match="this kernel has no virtio-iommu"):
        guest(config="6.1", viommu="virtio")
