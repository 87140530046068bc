# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong with a device is found, and the cure that the doctor names cures it."""

import re
from contextlib import AbstractContextManager

import pytest

from helpers.cli import CLI
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
        report = Report(cdev, DEVICE)
        finding = report.find("group-in-use", DEVICE)
        assert re.search(r"open in pid \d+ \(sleep\).*Device or resource busy", finding["text"])
        assert report.bad() == {"group-in-use": "FAIL"}
        assert "kill" not in finding["cure"]
        # A program that is not to have this device finds others.
        assert Report(cdev).bad() == {"group-in-use": "WARN"}
    assert Report(cdev, DEVICE).verdict == "PASS"


def test_process_that_has_the_cdev_open_is_named(cdev: Guest) -> None:
    with Testpmd(cdev, [DEVICE]) as testpmd:
        testpmd.ready()
        report = Report(cdev, *PAIR)
        finding = report.find("device-in-use", DEVICE)
        assert f"open in pid {testpmd.pid} (dpdk-testpmd)" in finding["text"]
        assert finding["verdict"] == "FAIL" and "kill" not in finding["cure"]
        assert report.find("device-in-use", PAIR[1])["verdict"] == "PASS"
        assert Report(cdev).find("device-in-use", DEVICE)["verdict"] == "WARN"
        assert testpmd.stop().status == 0


def test_pages_of_a_program_that_was_killed(cdev: Guest) -> None:
    """All pages that are left are in its files; the next program gets them back."""
    pool = "/sys/kernel/mm/hugepages/hugepages-2048kB"
    before = cdev.run(["cat", f"{pool}/nr_hugepages"], check=True).stdout.strip()
    with changed(cdev, "true", f"echo {before} >{pool}/nr_hugepages"):
        with Testpmd(cdev, [DEVICE]) as testpmd:
            testpmd.ready()
            cdev.run(["sh", "-c", f"cd {pool}; echo $(($(cat nr_hugepages) - "
                      "$(cat free_hugepages))) >nr_hugepages; grep -qx 0 free_hugepages"],
                     check=True)
            finding = Report(cdev, PAIR[1]).find("hugepages")
            assert finding["verdict"] == "FAIL"
            used = re.match(r"0 of (\d+) hugepages", finding["text"])
            assert used and int(used[1]) > 0
            assert f"echo {int(used[1]) + 512} >{pool}/nr_hugepages" in finding["cure"]
        cdev.run(["sh", "-c", f"grep -qx 0 {pool}/free_hugepages"], check=True)
        finding = Report(cdev, DEVICE).find("hugepages")
        assert finding["verdict"] == "WARN"
        assert f"after a crash ({used[1]} in /dev/hugepages)" in finding["text"]
        with Testpmd(cdev, [DEVICE], policy="", wrapper=[CLI, "run", "--check", "--"]) as testpmd:
            assert testpmd.ready().stop().status == 0


def in_device_cgroup(rule: str) -> list[str]:
    """A wrapper: a container whose device list lacks something (cgroup v1, as v2 has BPF)."""
    script = "mkdir -p /run/devices && mount -t cgroup -o devices none /run/devices && " \
             "mkdir -p /run/devices/x && echo $$ >/run/devices/x/cgroup.procs && " \
             f"echo '{rule}' >/run/devices/x/devices.deny"
    back = 'status=$?; echo 0 >/run/devices/cgroup.procs; rmdir /run/devices/x; exit $status'
    return ["unshare", "--mount", "sh", "-c", f'{script} && "$@"; {back}', "sh"]


def test_node_that_the_device_list_lacks(cdev: Guest) -> None:
    """All of /dev/vfio is mounted into a container, and its list does not have the device."""
    major, minor = (int(number, 16) for number in
                    cdev.run(["stat", "-c", "%t %T", CDEV], check=True).stdout.split())
    wrapper = in_device_cgroup(f"c {major}:{minor} rwm")
    opened = cdev.run([*wrapper, "sh", "-c", f"exec 3<>{CDEV}"])
    assert "Operation not permitted" in opened.stderr
    report = Report(cdev, DEVICE, wrapper=wrapper)
    finding = report.find("device-node")
    assert report.bad() == {"device-node": "FAIL"}
    assert finding["text"] == f"{CDEV} is not allowed by the container's device list: " \
        "Operation not permitted"
    assert f"c {major}:{minor} rw" in finding["cure"] and "ln" not in finding["cure"].split()
    # One of several devices is enough for a program that takes what there is.
    assert Report(cdev, wrapper=wrapper).bad() == {"device-node": "WARN"}


def in_hugetlb_cgroup(*limits: str) -> list[str]:
    """A wrapper: a service in a slice with limits."""
    write = " && ".join(f"echo {limit.partition('=')[2]} >$top/a/hugetlb.{limit.partition('=')[0]}"
                        for limit in limits)
    script = "top=/sys/fs/cgroup; mountpoint -q $top || mount -t cgroup2 none $top; " \
             "echo +hugetlb >$top/cgroup.subtree_control && mkdir -p $top/a/b && " \
             f"{write} && echo $$ >$top/a/b/cgroup.procs"
    back = "status=$?; echo $$ >$top/cgroup.procs; rmdir $top/a/b $top/a; exit $status"
    return ["unshare", "--mount", "sh", "-c", f'{script} && "$@"; {back}', "sh"]


def test_limit_of_hugepages_of_a_slice(cdev: Guest) -> None:
    """A pod has none of the sizes that it did not request; one that has none at all fails."""
    none = Report(cdev, DEVICE, wrapper=in_hugetlb_cgroup("2MB.max=0"))
    assert none.bad() == {"hugepage-limit": "FAIL"}
    assert "no hugepage of 2048 kB" in none.find("hugepage-limit")["text"]
    some = Report(cdev, DEVICE, wrapper=in_hugetlb_cgroup("1GB.max=0", "2MB.max=268435456"))
    assert some.verdict == "PASS", some.findings
    with Testpmd(cdev, [DEVICE], wrapper=in_hugetlb_cgroup("2MB.max=0")) as testpmd:
        assert testpmd.process.wait(60) != 0


def test_interface_with_a_route_is_not_unbound(cdev: Guest) -> None:
    """dpdk-devbind.py refuses it too; without its route the cure works."""
    setup = f"modprobe virtio_net; echo {DEVICE} >{DRIVER}/unbind; " \
            f"echo >{SYSFS}/{DEVICE}/driver_override; echo {DEVICE} >/sys/bus/pci/drivers_probe; " \
            f"until name=$(ls {SYSFS}/{DEVICE}/virtio*/net); do sleep 0.1; done; " \
            "ip link set $name up; ip addr add 192.0.2.1/24 dev $name"
    back = f"test $(basename $(readlink {SYSFS}/{DEVICE}/driver)) = vfio-pci || " \
           f"{{ echo vfio-pci >{SYSFS}/{DEVICE}/driver_override; " \
           f"echo {DEVICE} >{SYSFS}/{DEVICE}/driver/unbind; " \
           f"echo {DEVICE} >/sys/bus/pci/drivers_probe; }}"
    with changed(cdev, setup, back):
        devbind = cdev.run(["dpdk-devbind.py", "--bind=vfio-pci", DEVICE])
        assert "routing table indicates that interface" in devbind.stderr
        finding = Report(cdev, DEVICE).find("device-driver")
        assert re.search(r"this machine uses it: interface \w+ has routes", finding["text"])
        assert "no command is given" in finding["cure"] and ">" not in finding["cure"]
        cdev.run(["sh", "-c", f"ip addr flush dev $(ls {SYSFS}/{DEVICE}/virtio*/net)"], check=True)
        finding = Report(cdev, DEVICE).find("device-driver")
        assert "the driver_override that the cure sets stays" in finding["text"]
        cdev.run(["sh", "-c", finding["cure"]], check=True)
        assert Report(cdev, DEVICE).verdict == "PASS"
        override = cdev.run(["cat", f"{SYSFS}/{DEVICE}/driver_override"], check=True)
        assert override.stdout == "vfio-pci\n"


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
