# SPDX-License-Identifier: BSD-3-Clause
"""The doctor on real kernels: what is wrong with a machine or a process is found."""

import re
from collections.abc import Callable

import pytest

from helpers.cli import CLI
from helpers.doctor import STATUS, Report
from helpers.faults import changed, memlock, within, without
from helpers.forwarding import forward, refusal
from helpers.nodes import CDEV, DEVICE, NICS, PAIR, PARAMETER
from helpers.programs import built
from testvm.qemu import Guest
from testvm.testpmd import Testpmd
from testvm.util import CHECKOUT

STUBS = CHECKOUT / "build/app/test/unit/check"
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
COMPLAINTS = (
    "Cannot use IOVA as 'PA' since physical addresses are not available",
    "Expecting 'PA' IOVA mode but current mode is 'VA'",
    "/proc/self/pagemap: Operation not permitted", "--privileged", "group is not viable",
    "Device or resource busy", "write error: No such device", "CONFIG_VFIO_DEVICE_CDEV",
    "Cannot allocate memory", "/sys/module/vfio", "noiommu-N")
NEEDED = "kernel-version kernel-options modules sysfs user-namespace capabilities iommufd-node " \
         "get-pa noiommu-parameter devices device-driver device-cdev device-node group-in-use " \
         "device-in-use memlock hugepages hugepage-mount physical-addresses dpdk".split()


def test_each_check_and_complaint_is_in_the_guide() -> None:
    """In the order in which they are made."""
    guide = (CHECKOUT / "doc/troubleshooting.rst").read_text(encoding="utf-8")
    source = (CHECKOUT / "app/check/checks.c").read_text(encoding="utf-8")
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
def test_kernel_without_cdevs_is_warned_of(guest: Callable[..., Guest]) -> None:
    """Memory is pinned without them; test_without_cdev.py has more."""
    report = Report(guest(config="group-only"))
    assert report.verdict == "WARN"
    assert report.find("kernel-options")["text"] == "the kernel is built without " \
        "CONFIG_IOMMUFD, CONFIG_VFIO_DEVICE_CDEV, CONFIG_IOMMUFD_NOIOMMU, which cdevs need"
    assert {"kernel-options", "modules", "iommufd-node", "device-cdev"} <= set(report.bad())
    assert "CONFIG_VFIO_DEVICE_CDEV" in report.cure("device-cdev", DEVICE)


@pytest.mark.xdist_group("kernels")
def test_kernel_of_a_distribution_fails(guest: Callable[..., Guest]) -> None:
    stock = guest(config="stock", bind="none")
    free = "rm -f /dev/hugepages/rtemap_*; echo 0 >/proc/sys/vm/nr_hugepages"
    stock.run(["sh", "-c", free], check=True)
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


@pytest.mark.xdist_group("translated")
def test_device_behind_an_iommu_that_is_not_bound(intel: Guest) -> None:
    """Its group is enough to know that the unsafe mode is not its cure."""
    driver = "/sys/bus/pci/drivers/vfio-pci"
    script = f"echo N >{PARAMETER}; echo {DEVICE} >{driver}/unbind"
    with changed(intel, script, f"echo Y >{PARAMETER}; echo {DEVICE} >{driver}/bind"):
        report = Report(intel, DEVICE)
        assert report.bad() == {"device-driver": "FAIL"}
        assert report.find("noiommu-parameter")["verdict"] == "PASS"
        assert PARAMETER not in report.cure("device-driver")
        intel.run(["sh", "-c", report.cure("device-driver")], check=True)
        assert Report(intel, DEVICE).verdict == "PASS"
        intel.run(["sh", "-c", f"echo {DEVICE} >{driver}/unbind"], check=True)


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
    (within("umount /dev/hugepages && mount -t hugetlbfs -o pagesize=1G none /dev/hugepages"),
     "hugepage-mount", "WARN", "for pages of 2048 kB", set()),
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
    refusal(cdev, PAIR, policy="", wrapper=wrapper)
    result, nodes = forward(cdev, PAIR, wrapper=wrapper)
    assert result.all_ports_work(2), result.output
    assert CDEV in nodes


def test_device_that_is_not_there(cdev: Guest) -> None:
    done = cdev.run([CLI, "doctor", "0000:7f:1f.7"])
    assert done.returncode == 2
    assert "0000:7f:1f.7" in done.stdout + done.stderr


def test_programs_that_the_library_is_not_called_by(cdev: Guest) -> None:
    symbolic = built("eal_symbolic.so")
    cdev.run(["sh", "-c", "cp $(command -v dpdk-testpmd) /run/setuid; chmod 4755 /run/setuid; "
              "cp /run/setuid /run/capable; chmod 755 /run/capable; "
              f"setcap cap_net_admin+ep /run/capable; mkdir -p /run/own; cp {STUBS}/"
              "libstub_eal_functions.so /run/own/librte_eal.so.23; "
              f"test ! -e {symbolic} || cp {symbolic} /run/own/librte_eal.so.23"], check=True)
    own = ["env", "LD_LIBRARY_PATH=/run/own"]
    programs: list[tuple[str, list[str], str, str]] = [
        ("dpdk-testpmd", [], "PASS", "DPDK 22.11"),
        ("dpdk-testpmd", own, "PASS", "/run/own/librte_eal.so.23 calls its own"),
        ("/bin/busybox", [], "FAIL", "is static"),
        ("/run/setuid", [], "PASS", "DPDK 22.11"),
        ("/run/setuid", UNPRIVILEGED, "FAIL", "is setuid or setgid"),
        ("/run/capable", UNPRIVILEGED, "FAIL", "has file capabilities"),
        (str(STUBS / "stub_app_inside"), [], "PASS", "statically"),
        (built("start_last"), [], "WARN", "behind librte_eal")]
    for app, wrapper, verdict, text in programs:
        finding = Report(cdev, "--app", app, wrapper=wrapper).find("app")
        assert (finding["verdict"], text in finding["text"]) == (verdict, True), finding


def agreeing(guest: Guest, *args: str) -> Report:
    """A report whose counts are right, and whose text is the same."""
    report = Report(guest, *args)
    verdicts = [finding["verdict"] for finding in report.findings]
    passed, warned, failed = counts = [verdicts.count(verdict) for verdict in STATUS.values()]
    assert [report.json["passed"], report.json["warnings"], report.json["failed"]] == counts
    text = guest.run([CLI, "doctor", *args])
    assert STATUS[text.returncode] == report.verdict
    assert re.findall(r"^(PASS|WARN|FAIL)  ([a-z-]+)(?: (\S+))?: ", text.stdout, re.M) == [
        (finding["verdict"], finding["check"], finding["device"] or "")
        for finding in report.findings]
    assert re.search(rf"^{passed} passed, {warned} warnings?, {failed} failed: .+\n\Z",
                     text.stdout, re.M)
    return report


def test_doctor_reports_in_text_and_json(cdev: Guest) -> None:
    """A machine that works; short addresses; and a program that would not."""
    report = agreeing(cdev, DEVICE, PAIR[1].removeprefix("0000:"), "--app", "dpdk-testpmd")
    assert report.verdict != "FAIL", report.findings
    assert {finding["device"] for finding in report.findings} == {None, *PAIR}
    report = agreeing(cdev, "--app", "busybox")
    assert [check for check, verdict in report.bad().items() if verdict == "FAIL"] == ["app"]
