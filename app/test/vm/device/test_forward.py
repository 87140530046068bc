# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's dpdk-testpmd forwards over noiommu cdevs, or over the group if it should."""

from contextlib import contextmanager
from typing import Callable, Iterator

import pytest

from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import Result, Testpmd, command

MODELS = ("virtio-net-pci", "e1000e", "e1000", "vmxnet3")
NICS = tuple(model for model in MODELS for _ in range(2))
PAIR = [nic_address(0), nic_address(1)]
CDEVS = {"/dev/iommu", "/dev/vfio/devices/noiommu-vfio0", "/dev/vfio/devices/noiommu-vfio1"}
CONTAINER = "/dev/vfio/vfio"    # stock opens it when the EAL starts


@pytest.fixture
def cdev(guest: Callable[..., Guest]) -> Guest:
    """The default kernel with two NICs of each model."""
    return guest(nics=NICS)


def forward(guest: Guest, devices: list[str], **options: object) -> tuple[Result, set[str]]:
    """Forward until packets come; the result and the nodes that were open meanwhile."""
    with Testpmd(guest, devices, **options) as testpmd:    # type: ignore[arg-type]
        testpmd.ready().flowing()
        nodes = testpmd.nodes() - {CONTAINER}
        return testpmd.stop(), nodes


def without(*capabilities: str) -> list[str]:
    """A wrapper that drops capabilities for good."""
    dropped = ",".join(f"-{name}" for name in capabilities)
    return ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}"]


@contextmanager
def cdev_hidden(guest: Guest, address: str) -> Iterator[None]:
    """A device that has nothing but its group meanwhile."""
    hidden = f"/sys/bus/pci/devices/{address}/vfio-dev"
    guest.run(["mount", "-t", "tmpfs", "none", hidden], check=True)
    try:
        yield
    finally:
        guest.run(["umount", hidden], check=True)


def assert_forwarded_over_cdevs(result: Result, nodes: set[str], devices: list[str]) -> None:
    """Both ports work, nothing but cdevs is open, all that is mapped was verified."""
    assert result.status == 0, result.output
    assert result.all_ports_work(len(devices)), result.output
    cdevs = {f"/dev/vfio/devices/{device.cdev}" for device in result.devices}
    assert [device.address for device in result.devices] == devices
    assert {device.mode for device in result.devices} == {"no-IOMMU"}
    assert nodes == cdevs | {"/dev/iommu"}
    assert result.mapped == result.verified > 0


@pytest.mark.parametrize("model", MODELS)
def test_model_forwards_over_cdevs(cdev: Guest, model: str) -> None:
    first = NICS.index(model)
    devices = [nic_address(first), nic_address(first + 1)]
    result, nodes = forward(cdev, devices)
    assert_forwarded_over_cdevs(result, nodes, devices)


def test_two_models_forward_side_by_side(cdev: Guest) -> None:
    devices = [nic_address(i) for i in range(4)]
    result, nodes = forward(cdev, devices, args=["--port-topology=paired"])
    assert_forwarded_over_cdevs(result, nodes, devices)


def test_off_uses_the_group(cdev: Guest) -> None:
    result, nodes = forward(cdev, PAIR, policy="off")
    assert result.all_ports_work(2), result.output
    assert nodes == {"/dev/vfio/noiommu-0", "/dev/vfio/noiommu-1"}
    assert "VFIO_CDEV" not in result.output


def test_cdev_device_beside_one_left_to_stock(cdev: Guest) -> None:
    with cdev_hidden(cdev, PAIR[1]):
        result, nodes = forward(cdev, PAIR)
    assert result.all_ports_work(2), result.output
    assert [device.address for device in result.devices] == PAIR[:1]
    assert nodes == {"/dev/iommu", "/dev/vfio/devices/noiommu-vfio0", "/dev/vfio/noiommu-1"}
    assert result.mapped == result.verified > 0


def test_cdev_is_used_after_the_parameter_was_turned_off(cdev: Guest) -> None:
    parameter = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
    cdev.run(["sh", "-c", f"echo N > {parameter}"], check=True)
    try:
        result, nodes = forward(cdev, PAIR)
    finally:
        cdev.run(["sh", "-c", f"echo Y > {parameter}"], check=True)
    assert_forwarded_over_cdevs(result, nodes, PAIR)


@pytest.mark.xdist_group("kernels")
def test_kernel_without_groups_forwards(guest: Callable[..., Guest]) -> None:
    result, nodes = forward(guest(config="cdev-only"), PAIR)
    assert_forwarded_over_cdevs(result, nodes, PAIR)


@pytest.mark.xdist_group("kernels")
def test_kernel_without_groups_gives_stock_no_port(guest: Callable[..., Guest]) -> None:
    only = guest(config="cdev-only")
    with Testpmd(only, PAIR, policy="") as testpmd:
        assert "No probed ethernet devices" in testpmd.ready().stop().output


@pytest.mark.xdist_group("kernels")
def test_kernel_without_cdevs_forwards_over_the_group(guest: Callable[..., Guest]) -> None:
    result, nodes = forward(guest(config="group-only"), PAIR)
    assert result.all_ports_work(2), result.output
    assert nodes == {"/dev/vfio/noiommu-0", "/dev/vfio/noiommu-1"}


@pytest.mark.xdist_group("kernels")
def test_require_says_why_a_kernel_without_cdevs_will_not_do(guest: Callable[..., Guest]) -> None:
    with Testpmd(guest(config="group-only"), PAIR, policy="require") as testpmd:
        testpmd.ready()
        assert testpmd.nodes() == {CONTAINER}
        output = testpmd.stop().output
    for device in PAIR:
        assert f"VFIO_CDEV: {device}: cannot set up over a cdev" in output
    assert "CONFIG_VFIO_DEVICE_CDEV" in output
    assert "No probed ethernet devices" in output


@pytest.mark.xdist_group("kernels")
@pytest.mark.parametrize("policy", ["prefer", ""])
def test_stock_kernel_is_unaffected(guest: Callable[..., Guest], policy: str) -> None:
    stock = guest(config="stock", bind="none")
    stock.run(["modprobe", "uio_pci_generic"], check=True)
    for device in PAIR:
        stock.run(["dpdk-devbind.py", "--bind=uio_pci_generic", device], check=True)
    result, nodes = forward(stock, PAIR, policy=policy, eal=["--log-level=lib.vfio_cdev:info"])
    assert result.all_ports_work(2), result.output
    assert not nodes
    assert "VFIO_CDEV" not in result.output


def test_program_that_is_not_dpdk_is_unaffected(cdev: Guest) -> None:
    program = ["python3", "-c", "import os, sys; print(sorted(os.listdir('/proc/self/fd'))); "
               "sys.exit(3)"]
    plain = cdev.run(program)
    loaded = cdev.run(command(program))
    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (3, plain.stdout, "")
