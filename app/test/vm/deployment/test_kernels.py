# SPDX-License-Identifier: BSD-3-Clause
"""Kernels without groups, without cdevs, and without both."""

import re
from collections.abc import Callable

import pytest

from helpers.faults import changed
from helpers.forwarding import forward, forward_over_cdevs, refusal
from helpers.nodes import PAIR
from testvm.qemu import Guest
from testvm.testpmd import Testpmd

pytestmark = pytest.mark.xdist_group("kernels")


def test_kernel_without_groups_forwards(guest: Callable[..., Guest]) -> None:
    forward_over_cdevs(guest(config="cdev-only"), PAIR)


def test_kernel_without_groups_gives_stock_no_port(guest: Callable[..., Guest]) -> None:
    refusal(guest(config="cdev-only"), PAIR, policy="")


def test_kernel_without_cdevs_forwards_over_the_group(guest: Callable[..., Guest]) -> None:
    result, nodes = forward(guest(config="group-only"), PAIR)
    assert result.all_ports_work(2), result.output
    assert nodes == {"/dev/vfio/noiommu-0", "/dev/vfio/noiommu-1"}
    for device in PAIR:
        assert re.search(rf"VFIO_CDEV: {device}: VFIO group, no-IOMMU, [1-9]\d* pages pinned by "
                         "io_uring, addresses from pagemap, not confirmed by an IOAS; it has no "
                         "cdev: .*CONFIG_VFIO_DEVICE_CDEV", result.output)
    assert "neither pinned nor verified" not in result.output


def test_secondary_forwards_where_the_primary_pins(guest: Callable[..., Guest]) -> None:
    """Its memory is the primary's: it opens no ring."""
    machine = guest(config="group-only")
    first_args, second_args = ([f"--portlist={port}", "--port-topology=loop"] for port in (0, 1))
    with Testpmd(machine, PAIR, args=first_args) as first:
        first.ready()
        with Testpmd(machine, PAIR, eal=["--proc-type=secondary"], args=second_args) as second:
            second.ready()
            first.flowing()
            files = machine.run(["sh", "-c", f"ls -l /proc/{second.pid}/fd"], check=True).stdout
            result = second.stop()
        own = first.stop()
    assert "pagemap" not in files and "io_uring" not in files
    assert min(result.ports[1]) > 0 and min(own.ports[0]) > 0, result.output
    assert "pinned by io_uring" in own.output


def test_1g_pages_are_pinned_without_cdevs(guest: Callable[..., Guest]) -> None:
    machine = guest(config="group-only", hugepages=64, hugepages_1g=2)
    result, _ = forward(machine, PAIR, eal=["--huge-dir", "/dev/hugepages1G"])
    assert result.all_ports_work(2), result.output
    mapped = re.findall(r"VFIO_CDEV: mapped \S+ at IOVA \S+, (\d+) bytes", result.output)
    assert set(mapped) == {str(1 << 30)}


def test_kernel_without_cdevs_warns_if_nothing_may_be_pinned(guest: Callable[..., Guest]) -> None:
    result, _ = forward(guest(config="group-only"), PAIR, wrapper=["env", "RTE_VFIO_CDEV_PIN=off"])
    assert result.all_ports_work(2), result.output
    for device in PAIR:
        assert result.output.count(
            f"VFIO_CDEV: {device}: set up over its VFIO group, since it has no cdev: Operation not "
            "supported; its memory is neither pinned nor verified") == 1
    assert result.output.count("neither pinned nor verified") == 2


def test_require_reports_what_a_kernel_without_cdevs_lacks(guest: Callable[..., Guest]) -> None:
    output = refusal(guest(config="group-only"), PAIR, policy="require")
    for device in PAIR:
        assert f"VFIO_CDEV: {device}: cannot set up over a cdev" in output
    assert "CONFIG_VFIO_DEVICE_CDEV" in output


def test_stock_kernel_pins_for_uio(guest: Callable[..., Guest]) -> None:
    stock = guest(config="stock", bind="none")
    stock.run(["modprobe", "uio_pci_generic"], check=True)
    uio, again = (f"dpdk-devbind.py --bind={driver} {' '.join(PAIR)}"
                  for driver in ("uio_pci_generic", "virtio-pci"))
    with changed(stock, uio, again):
        result, nodes = forward(stock, PAIR, eal=["--log-level=lib.vfio_cdev:info"])
    assert result.all_ports_work(2), result.output
    assert not nodes
    assert re.findall("VFIO_CDEV: .*", result.output) == [
        f"VFIO_CDEV: {PAIR[0]}: has no cdev: memory is pinned by io_uring; its addresses come from "
        "pagemap, and no IOAS confirms them"]
