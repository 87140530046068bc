# SPDX-License-Identifier: BSD-3-Clause
"""The doctor on real kernels: what is wrong is found, and the cure that it names cures it."""

import json
import re
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Sequence

import pytest

from testvm.qemu import Guest
from testvm.testpmd import Testpmd
from testvm.util import CHECKOUT

from helpers.faults import group_opened, memlock, within, without
from helpers.forwarding import forward
from helpers.nodes import CDEV, DEVICE, NICS, PAIR, PARAMETER, SYSFS
from helpers.programs import built

PROGRAM = str(CHECKOUT / "build/app/dpdk-vfio-cdev")
STUBS = CHECKOUT / "build/app/test"
DRIVER = "/sys/bus/pci/drivers/vfio-pci"
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
COMPLAINTS = (
    "Cannot use IOVA as 'PA' since physical addresses are not available",
    "Expecting 'PA' IOVA mode but current mode is 'VA'",
    "/proc/self/pagemap: Operation not permitted", "--privileged", "group is not viable",
    "Device or resource busy", "write error: No such device", "CONFIG_VFIO_DEVICE_CDEV",
    "Cannot allocate memory", "/sys/module/vfio", "noiommu-N")
STATUS = {0: "PASS", 1: "WARN", 2: "FAIL"}
NEEDED = "kernel-version kernel-options modules sysfs user-namespace capabilities iommufd-node " \
         "get-pa noiommu-parameter devices device-driver device-cdev device-node group-in-use " \
         "device-in-use memlock hugepages hugepage-mount physical-addresses dpdk".split()


class Report:
    """What the doctor said."""

    def __init__(self, guest: Guest, *args: str, wrapper: Sequence[str] = ()) -> None:
        done = guest.run([*wrapper, PROGRAM, "doctor", "--json", *args])
        assert done.stderr == ""
        report = json.loads(done.stdout)
        self.findings: list[dict[str, Any]] = report["findings"]
        self.verdict = STATUS[done.returncode]
        assert report["verdict"] == self.verdict
        verdicts = {finding["verdict"] for finding in self.findings}
        assert self.verdict == max(verdicts, key=list(STATUS.values()).index)

    def find(self, check: str, device: str | None = None) -> dict[str, Any]:
        """The first finding of a check, of a device if one is given."""
        return next(finding for finding in self.findings if finding["check"] == check
                    and (device is None or finding.get("device") == device))

    def bad(self) -> dict[str, str]:
        """All checks that did not pass, with their verdicts."""
        return {finding["check"]: finding["verdict"] for finding in self.findings
                if finding["verdict"] != "PASS"}

    def cure(self, check: str, device: str | None = None) -> str:
        """What it says to do."""
        return str(self.find(check, device)["cure"])


@contextmanager
def unbound(guest: Guest, parameter: str, override: str) -> Iterator[None]:
    """The device without a driver, and the parameter set to something."""
    script = f"echo {DEVICE} >{DRIVER}/unbind; echo {parameter} >{PARAMETER}; " \
             f"echo '{override}' >{SYSFS}/{DEVICE}/driver_override"
    again = f"echo Y >{PARAMETER}; echo vfio-pci >{SYSFS}/{DEVICE}/driver_override; " \
            f"test -e {SYSFS}/{DEVICE}/driver || echo {DEVICE} >{DRIVER}/bind"
    guest.run(["sh", "-c", script], check=True)
    try:
        yield
    finally:
        guest.run(["sh", "-c", again], check=True)


def test_each_check_and_complaint_is_in_the_guide() -> None:
    """In the order in which they are made."""
    guide = (CHECKOUT / "doc/troubleshooting.rst").read_text(encoding="utf-8")
    source = (CHECKOUT / "app/common/check.c").read_text(encoding="utf-8")
    names = re.findall(r'^\t\{ "(.*)", check_\w+ \},$', source, re.M)
    assert len(names) > 20
    assert re.findall(r"^([a-z-]+) +\S", guide.split("The checks\n")[1].split("\nA check")[0],
                      re.M) == names
    searched = guide.split("The checks\n", maxsplit=1)[0]
    assert {name for name in re.findall("``([a-z-]+)``", searched) if name in names} >= \
        set(names) - {"devices", "device-cdev", "device-numa", "hugepage-mount", "dpdk"}
    for complaint in COMPLAINTS:
        assert complaint in searched


def test_good_machine_passes(cdev: Guest) -> None:
    report = Report(cdev, "--app", "dpdk-testpmd", *PAIR)
    assert report.verdict == "PASS", report.findings
    assert set(NEEDED) | {"app"} <= {finding["check"] for finding in report.findings}
    assert "noiommu-vfio0, no-IOMMU" in report.find("device-cdev", DEVICE)["text"]
    assert "DPDK 22.11" in report.find("dpdk")["text"]
    assert Report(cdev).find("devices")["text"].startswith(f"{len(NICS)} devices")


@pytest.mark.xdist_group("kernels")
def test_kernel_without_groups_passes(guest: Callable[..., Guest]) -> None:
    report = Report(guest(config="cdev-only"))
    assert report.verdict == "PASS", report.findings


@pytest.mark.xdist_group("kernels")
def test_kernel_without_cdevs_fails(guest: Callable[..., Guest]) -> None:
    report = Report(guest(config="group-only"))
    assert report.verdict == "FAIL"
    assert report.find("kernel-options")["text"] == "the kernel is built without " \
        "CONFIG_IOMMUFD, CONFIG_VFIO_DEVICE_CDEV, CONFIG_IOMMUFD_NOIOMMU"
    assert {"kernel-options", "modules", "iommufd-node", "device-cdev"} <= set(report.bad())
    assert "CONFIG_VFIO_DEVICE_CDEV" in report.cure("device-cdev", DEVICE)


@pytest.mark.xdist_group("kernels")
def test_kernel_of_a_distribution_fails(guest: Callable[..., Guest]) -> None:
    stock = guest(config="stock", bind="none")
    stock.run(["sh", "-c", "echo 0 >/proc/sys/vm/nr_hugepages"], check=True)
    report = Report(stock, DEVICE)
    assert report.verdict == "FAIL"
    assert "CONFIG_IOMMUFD, CONFIG_VFIO_DEVICE_CDEV, CONFIG_VFIO_NOIOMMU, " \
           "CONFIG_IOMMUFD_NOIOMMU" in report.find("kernel-options")["text"]
    assert "bound to virtio-pci" in report.find("device-driver")["text"]
    assert "no hugepages are reserved" in report.find("hugepages")["text"]
    read_only = within("mount -o remount,bind,ro /sys")
    assert Report(stock, DEVICE, wrapper=read_only).cure("device-driver").startswith("on the host")
    stock.run(["sh", "-c", report.cure("hugepages")], check=True)
    assert Report(stock).find("hugepages")["verdict"] == "PASS"


@pytest.mark.xdist_group("translated")
def test_devices_with_an_iommu_need_no_capability(intel: Guest) -> None:
    report = Report(intel, DEVICE, wrapper=without("sys_rawio"))
    assert report.verdict == "PASS", report.findings
    assert "vfio0, translated" in report.find("device-cdev")["text"]
    assert report.find("group-viable")["verdict"] == "PASS"


@pytest.mark.parametrize("wrapper, check, verdict, text, others", [
    (without("sys_rawio"), "capabilities", "FAIL", "no CAP_SYS_RAWIO", {"get-pa"}),
    (without("sys_admin"), "capabilities", "PASS", "neither CAP_SYS_ADMIN nor a privileged", set()),
    (["unshare", "--user"], "user-namespace", "FAIL", "rootless", {"get-pa", "capabilities"}),
    (["unshare", "--user", "--map-root-user"], "user-namespace", "FAIL", "rootless", {"get-pa"}),
    (memlock(1), "memlock", "FAIL",
     "RLIMIT_MEMLOCK is 1024 kB, hugepages have 2048 kB each", set()),
    (memlock(8), "memlock", "WARN",
     "Cannot allocate memory", set()),
    (UNPRIVILEGED, "device-node", "FAIL", "Permission denied",
     {"capabilities", "iommufd-node"}),
    (within("mount -t tmpfs none /sys/module"), "sysfs", "WARN", "/sys/module/vfio", set()),
    (within("mount -t tmpfs none /sys"), "sysfs", "FAIL", "masked", {"devices"}),
    (within("mount -t tmpfs none /dev/vfio"), "device-node", "FAIL", "is missing", set()),
    (within("umount /dev/hugepages"), "hugepage-mount", "WARN", "no hugetlbfs", set()),
    (within("umount /dev/hugepages && mount --bind /dev/null /dev/iommu"), "iommufd-node",
     "FAIL", "cannot use /dev/iommu: Inappropriate ioctl", {"hugepage-mount"}),
])
def test_process_that_lacks_something(cdev: Guest, wrapper: list[str], check: str, verdict: str,
                                      text: str, others: set[str]) -> None:
    report = Report(cdev, wrapper=wrapper)
    finding = report.find(check)
    assert finding["verdict"] == verdict
    assert text in finding["text"]
    assert others <= set(report.bad())
    assert verdict == "PASS" or finding["cure"]


def test_complaints_of_the_eal_are_quoted(cdev: Guest) -> None:
    """What 22.11 prints in a process that can have no physical addresses, and the cause."""
    wrapper = without("sys_admin", "sys_rawio")
    finding = Report(cdev, wrapper=wrapper).find("physical-addresses")
    assert finding["verdict"] == "FAIL"
    quoted = re.findall(r'"(.*?)"', finding["text"])
    assert quoted == ["Cannot use IOVA as 'PA' since physical addresses are not available",
                      "Expecting 'PA' IOVA mode but current mode is 'VA'"]
    with Testpmd(cdev, [DEVICE], policy="", wrapper=wrapper) as testpmd:
        assert quoted[1] in testpmd.ready().process.stdout


def test_pod_without_sysfs_of_the_module(cdev: Guest) -> None:
    """Stock DPDK takes VFIO for not loaded; the library does not."""
    wrapper = within("mount -t tmpfs none /sys/module")
    with Testpmd(cdev, PAIR, policy="", wrapper=wrapper) as testpmd:
        assert "No probed ethernet devices" in testpmd.ready().process.stdout
    result, nodes = forward(cdev, PAIR, wrapper=wrapper)
    assert result.all_ports_work(2), result.output
    assert CDEV in nodes


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


def test_device_that_is_not_there(cdev: Guest) -> None:
    done = cdev.run([PROGRAM, "doctor", "0000:7f:1f.7"])
    assert done.returncode == 2
    assert "0000:7f:1f.7" in done.stdout + done.stderr


def test_group_held_by_a_process_is_named(cdev: Guest) -> None:
    with group_opened(cdev):
        report = Report(cdev)
        finding = report.find("group-in-use", DEVICE)
        assert re.search(r"open in pid \d+ \(sleep\).*Device or resource busy", finding["text"])
        assert report.bad() == {"group-in-use": "FAIL"}
        cdev.run(["sh", "-c", finding["cure"].split(": ")[1]], check=True)
    assert Report(cdev).verdict == "PASS"


def test_cdev_held_by_testpmd_is_named(cdev: Guest) -> None:
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


def test_programs_that_the_library_is_not_called_by(cdev: Guest) -> None:
    symbolic = built("eal_symbolic.so")
    cdev.run(["sh", "-c", "cp $(command -v dpdk-testpmd) /run/setuid; chmod 4755 /run/setuid; "
              "cp /run/setuid /run/capable; chmod 755 /run/capable; "
              f"setcap cap_net_admin+ep /run/capable; mkdir -p /run/own; cp {STUBS}/"
              "libstub_eal_functions.so /run/own/librte_eal.so.23; "
              f"test ! -e {symbolic} || cp {symbolic} /run/own/librte_eal.so.23"], check=True)
    own = ["env", "LD_LIBRARY_PATH=/run/own"]
    for app, wrapper, verdict, text in (
            ("dpdk-testpmd", [], "PASS", "DPDK 22.11"),
            ("dpdk-testpmd", own, "FAIL", "/run/own/librte_eal.so.23 calls its own"),
            ("/bin/busybox", [], "FAIL", "is static"),
            ("/run/setuid", [], "PASS", "DPDK 22.11"),
            ("/run/setuid", UNPRIVILEGED, "FAIL", "is setuid or setgid"),
            ("/run/capable", UNPRIVILEGED, "FAIL", "has file capabilities"),
            (str(STUBS / "stub_app_inside"), [], "FAIL", "statically"),
            (built("start_last"), [], "WARN", "behind librte_eal")):
        finding = Report(cdev, "--app", app, wrapper=wrapper).find("app")
        assert (finding["verdict"], text in finding["text"]) == (verdict, True), finding


@pytest.mark.xdist_group("modes")
def test_hugepages_on_a_node_far_from_the_device(numa: Guest) -> None:
    pages = "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
    before = numa.run(["cat", pages], check=True).stdout.strip()
    numa.run(["sh", "-c", f"echo 1 >{SYSFS}/{DEVICE}/numa_node && echo 0 >{pages}"], check=True)
    try:
        finding = Report(numa).find("device-numa", DEVICE)
        assert finding["verdict"] == "WARN"
        assert "the nearest ones are on node 0 (distance 20, its own has 10)" in finding["text"]
        numa.run(["sh", "-c", finding["cure"]], check=True)
        assert Report(numa).find("device-numa", DEVICE)["verdict"] == "PASS"
    finally:
        again = f"echo -1 >{SYSFS}/{DEVICE}/numa_node; echo {before} >{pages}"
        numa.run(["sh", "-c", again], check=True)
