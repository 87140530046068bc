# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong with a device is found, and the cure that the doctor names cures it."""

import re
from contextlib import AbstractContextManager

import pytest

from helpers.doctor import Report
from helpers.faults import changed, group_opened, within
from helpers.nodes import CDEV, DEVICE, PAIR, PARAMETER, SYSFS
from testvm.qemu import Guest
from testvm.testpmd import Testpmd

DRIVER = "/sys/bus/pci/drivers/vfio-pci"


def unbound(guest: Guest, parameter: str, override: str) -> AbstractContextManager[None]:
    """The device without a driver, and the parameter set to something."""
    script = f"echo {DEVICE} >{DRIVER}/unbind; echo {parameter} >{PARAMETER}; " \
             f"echo '{override}' >{SYSFS}/{DEVICE}/driver_override"
    back = f"echo Y >{PARAMETER}; echo vfio-pci >{SYSFS}/{DEVICE}/driver_override; " \
           f"test -e {SYSFS}/{DEVICE}/driver || echo {DEVICE} >{DRIVER}/bind"
    return changed(guest, script, back)


def test_failed_binding_is_cured(cdev: Guest) -> None:
    with unbound(cdev, "N", "vfio-pci"):
        bind = cdev.run(["bash", "-c", f"echo {DEVICE} >{DRIVER}/bind"])
        report = Report(cdev, DEVICE)
        assert "write error: Invalid argument" in bind.stderr
        assert '"write error: Invalid argument"' in report.find("device-driver")["text"]
        assert report.bad().keys() >= {"noiommu-parameter", "device-driver"}
        cdev.run(["sh", "-c", report.cure("device-driver")], check=True)
        assert Report(cdev, DEVICE).verdict == "PASS"


def test_device_that_no_driver_is_meant_for(cdev: Guest) -> None:
    with unbound(cdev, "Y", ""):
        bind = cdev.run(["bash", "-c", f"echo {DEVICE} >{DRIVER}/bind"])
        report = Report(cdev, DEVICE)
        assert "write error: No such device" in bind.stderr
        assert '"write error: No such device"' in report.find("device-driver")["text"]
        cdev.run(["sh", "-c", report.cure("device-driver")], check=True)
        assert Report(cdev, DEVICE).verdict == "PASS"


def test_parameter_that_was_turned_off_later_is_a_warning(cdev: Guest) -> None:
    cdev.run(["sh", "-c", f"echo N >{PARAMETER}"], check=True)
    try:
        report = Report(cdev)
        assert report.bad() == {"noiommu-parameter": "WARN"}
    finally:
        cdev.run(["sh", "-c", report.cure("noiommu-parameter")], check=True)
    assert Report(cdev).verdict == "PASS"


def test_process_that_has_the_group_open_is_named(cdev: Guest) -> None:
    with group_opened(cdev):
        report = Report(cdev)
        finding = report.find("group-in-use", DEVICE)
        assert re.search(r"open in pid \d+ \(sleep\).*Device or resource busy", finding["text"])
        assert report.bad() == {"group-in-use": "FAIL"}
        cdev.run(["sh", "-c", finding["cure"].split(": ")[1]], check=True)
    assert Report(cdev).verdict == "PASS"


def test_process_that_has_the_cdev_open_is_named(cdev: Guest) -> None:
    with Testpmd(cdev, [DEVICE]) as testpmd:
        testpmd.ready()
        report = Report(cdev)
        assert f"open in pid {testpmd.pid} (dpdk-testpmd)" in \
            report.find("device-in-use", DEVICE)["text"]
        assert report.find("device-in-use", PAIR[1])["verdict"] == "PASS"
        assert testpmd.stop().status == 0


def test_node_that_a_plugin_renamed_is_found(cdev: Guest) -> None:
    """In a mount namespace of its own; following the advice there mends it."""
    number = cdev.run(["stat", "-c", "0x%t 0x%T", CDEV], check=True).stdout.strip()
    script = f"mount -t tmpfs none /dev/vfio && mknod /dev/vfio/7 c {number}"
    report = Report(cdev, DEVICE, wrapper=within(script))
    finding = report.find("device-node")
    assert finding["text"].startswith("its node is at /dev/vfio/7, as a device plugin")
    assert report.bad() == {"device-node": "FAIL"}
    assert Report(cdev, DEVICE, wrapper=within(f"{script} && {finding['cure']}")).verdict == "PASS"
    missing = Report(cdev, DEVICE, wrapper=within("mount -t tmpfs none /dev/vfio"))
    cure = missing.cure("device-node").split("make it: ")[1]
    assert Report(cdev, DEVICE, wrapper=within(f"mount -t tmpfs none /dev/vfio && {cure}")) \
        .verdict == "PASS"


@pytest.mark.xdist_group("numa")
def test_hugepages_on_a_node_far_from_the_device(numa: Guest) -> None:
    node = f"{SYSFS}/{DEVICE}/numa_node"
    pages = "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
    before = numa.run(["cat", pages], check=True).stdout.strip()
    with changed(numa, f"echo 1 >{node} && echo 0 >{pages}",
                 f"echo -1 >{node}; echo {before} >{pages}"):
        finding = Report(numa).find("device-numa", DEVICE)
        assert finding["verdict"] == "WARN"
        assert "the nearest ones are on node 0 (distance 20, its own has 10)" in finding["text"]
        numa.run(["sh", "-c", finding["cure"]], check=True)
        assert Report(numa).find("device-numa", DEVICE)["verdict"] == "PASS"
