# SPDX-License-Identifier: BSD-3-Clause
"""Bad input on the real kernel: a message with device, step, cause and remedy, and nothing left."""

import re
from typing import Any

import pytest

from helpers.faults import (
    UNCONFIRMED,
    cdev_hidden,
    changed,
    group_opened,
    iommufd_hidden,
    memlock,
    parameter_off,
    without,
)
from helpers.forwarding import refusal
from helpers.nodes import CDEV, DEVICE, SYSFS
from helpers.programs import built, setup_device
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Testpmd


def failure(guest: Guest, **options: Any) -> str:
    """Start testpmd, which must end for want of memory, and return its output."""
    with Testpmd(guest, [DEVICE], **options) as testpmd:
        result = testpmd.wait()
    assert result.status != 0
    assert not result.ports
    return result.output


def test_without_rawio_nothing_is_set_up(cdev: Guest) -> None:
    output = refusal(cdev, wrapper=without("sys_rawio"))
    assert "/dev/iommu: cannot use IOMMU_IOAS_NOIOMMU_GET_PA: Operation not permitted; " \
           "CAP_SYS_RAWIO is needed" in output
    assert f"{DEVICE}: cannot set up over noiommu-vfio0: Operation not permitted" in output


def test_group_open_in_another_program(cdev: Guest) -> None:
    with group_opened(cdev):
        output = refusal(cdev)
    assert re.search(rf"{DEVICE}: cannot bind {CDEV}, its group open in pid \d+ \(sleep\): "
                     "Device or resource busy; ", output)
    assert "close it (fuser -v /dev/vfio/*)" in output


def test_cdev_bound_by_another_program(cdev: Guest) -> None:
    with Testpmd(cdev, [DEVICE], eal=["--file-prefix=first"]) as first:
        first.ready()
        output = refusal(cdev, eal=["--file-prefix=second"])
    assert f"{DEVICE}: cannot bind {CDEV}, open in pid {first.pid} (dpdk-testpmd): Invalid " \
           "argument; another program" in output


def test_iommufd_node_missing(cdev: Guest) -> None:
    with iommufd_hidden(cdev):
        output = refusal(cdev)
    assert "cannot open /dev/iommu: No such file or directory; load the module" in output


def test_iommufd_node_unreadable(cdev: Guest) -> None:
    with changed(cdev, "chmod 0 /dev/iommu", "chmod 660 /dev/iommu"):
        output = refusal(cdev, wrapper=without("dac_override"))
    assert "cannot open /dev/iommu: Permission denied; change the owner" in output


@pytest.mark.parametrize("limit", [1, 5])
def test_memory_beyond_the_memlock_limit_is_refused(cdev: Guest, limit: int) -> None:
    """Within the start of the EAL, and when the application needs more."""
    output = failure(cdev, wrapper=memlock(limit))
    assert "Cannot allocate memory; memory is short, or RLIMIT_MEMLOCK" in output
    assert "neither pinned nor verified" not in output


def test_address_that_the_kernel_does_not_confirm(cdev: Guest) -> None:
    """The address from pagemap is compared with that of the first device, which is refused."""
    output = refusal(cdev, library=f"{LIBRARY}:{built('liar.so')}",
                     wrapper=["env", "RTE_VFIO_CDEV_PHYS=pagemap", "LIE=shift"])
    assert UNCONFIRMED.search(output)


def test_address_that_another_page_has(cdev: Guest) -> None:
    output = failure(cdev, library=f"{LIBRARY}:{built('liar.so')}",
                     wrapper=["env", "RTE_VFIO_CDEV_PHYS=pagemap", "LIE=repeat"])
    assert UNCONFIRMED.search(output)


def test_require_reports_how_to_get_a_cdev(cdev: Guest) -> None:
    """With the parameter off the device cannot be bound, so it has no cdev."""
    driver = "/sys/bus/pci/drivers/vfio-pci"
    bind = f"echo {DEVICE} >{driver}/bind"
    with parameter_off(cdev):
        bound = cdev.run(["bash", "-c", f"echo {DEVICE} >{driver}/unbind; {bind}"])
        ret, output = setup_device(cdev, "require")
        stock, _ = setup_device(cdev, "prefer")
    cdev.run(["sh", "-c", bind], check=True)
    assert "write error" in bound.stderr
    assert (ret, stock) == (-1, 1)
    assert f"{DEVICE}: cannot set up over a cdev" in output
    assert "enable_unsafe_noiommu_mode" in output


def test_strange_entry_is_named_and_left_to_stock(cdev: Guest) -> None:
    with cdev_hidden(cdev, instead="mkdir noiommu-vfio0x"):
        ret, output = setup_device(cdev, "require")
    assert ret == -1
    assert f"{DEVICE}: vfio-dev/noiommu-vfio0x is not the name of a VFIO cdev" in output


def test_entry_without_dev_attribute_is_no_cdev(cdev: Guest) -> None:
    with cdev_hidden(cdev, instead="mkdir noiommu-vfio0"):
        ret, output = setup_device(cdev, "require")
    assert ret == -1
    assert "Operation not supported; the kernel gives this device no character device" in output


def test_symlink_loop_in_sysfs(cdev: Guest) -> None:
    with cdev_hidden(cdev, instead="mkdir noiommu-vfio0 && ln -s dev noiommu-vfio0/dev"):
        ret, output = setup_device(cdev, "prefer")
    assert ret == -1
    assert f"{DEVICE}: cannot find the cdev in {SYSFS}/{DEVICE}/vfio-dev: Too many levels" in output


@pytest.mark.parametrize("address", ["", "..", "../devices/0000:00:03.0", "0" * 80])
def test_malformed_address_is_refused(cdev: Guest, address: str) -> None:
    ret, output = setup_device(cdev, "prefer", address)
    assert ret == -1
    assert "Invalid argument; give the address as sysfs writes it" in output


OTHER = "/dev/vfio/devices/noiommu-vfio1"


@pytest.mark.parametrize("instead", [
    f"cp -a {OTHER} {CDEV}", f"ln -s {OTHER} {CDEV}", f"mknod {CDEV} c 1 3", f"mkfifo {CDEV}",
    f"touch {CDEV}",
], ids=lambda command: str(command).split()[0])
def test_node_of_another_device(cdev: Guest, instead: str) -> None:
    """As in a container whose nodes are made up, or are left over."""
    with changed(cdev, f"mv {CDEV} {CDEV}.away && {instead}", f"mv {CDEV}.away {CDEV}"):
        output = refusal(cdev)
    assert f"{DEVICE}: cannot open {CDEV}: No such device or address; the node is not" in output


def test_virtual_addresses_are_refused(cdev: Guest) -> None:
    output = refusal(cdev, eal=["--iova-mode=va"])
    assert "Expecting 'PA' IOVA mode but current mode is 'VA'" in output
    line = f"{DEVICE}: cannot be used with virtual addresses (IOVA as VA): Operation not supported"
    assert output.count(line) == 1
    assert "leave --iova-mode=va out" in output


def test_memory_without_hugepages_is_refused(cdev: Guest) -> None:
    output = refusal(cdev, eal=["--no-huge"])
    line = f"{DEVICE}: cannot be used with --no-huge: Operation not supported; the device has " \
           "no IOMMU and needs memory with physical addresses"
    assert output.count(line) == output.count("VFIO_CDEV: 0000:00:03.0") == 1
    assert "leave --no-huge out (-m 64 --in-memory needs no hugetlbfs mount)" in output


def test_unknown_policy_stops_the_eal(cdev: Guest) -> None:
    with Testpmd(cdev, [DEVICE], policy="sometimes") as testpmd:
        result = testpmd.wait()
    assert result.status != 0
    assert result.output.count("RTE_VFIO_CDEV=sometimes: Invalid argument; set it to prefer") == 1
    assert "require" in result.output and "off" in result.output
