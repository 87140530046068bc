# SPDX-License-Identifier: BSD-3-Clause
"""Containers made by crun of a bundle that a CDI specification was applied to."""

import json
import re
from collections.abc import Callable

import pytest

from helpers.cli import CLI, shell
from helpers.container import INSIDE, Config, ContainedTestpmd, Container, container, printed_spec
from helpers.doctor import Report
from helpers.faults import changed, within
from helpers.forwarding import assert_forwarded_over_cdevs, forward_over_cdevs
from helpers.nodes import CDEV, CONTAINER, DEVICE, GROUP, PAIR
from helpers.resources import hugepages_kb, pinned_kb
from testvm.qemu import Guest
from testvm.testpmd import Testpmd
from testvm.util import CHECKOUT

HUGEPAGES = "/dev/hugepages"
USER = "1000"
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
           "--inh-caps=+sys_rawio,+ipc_lock", "--ambient-caps=+sys_rawio,+ipc_lock"]
OWN_PAGES = [*within("mount -t hugetlbfs -o mode=1777 none /dev/hugepages"), *AS_USER]


def forward_inside(inside: Container, devices: list[str]) -> None:
    """Forward over cdevs in the container, with all memory pinned."""
    with ContainedTestpmd(inside, devices) as testpmd:
        testpmd.ready().flowing()
        assert testpmd.has_library()
        nodes = testpmd.nodes() - {CONTAINER}
        assert 0 < hugepages_kb(testpmd) <= pinned_kb(testpmd)
        assert_forwarded_over_cdevs(testpmd.stop(), nodes, devices)


def refusal_inside(inside: Container) -> str:
    """Start testpmd in the container, which must not get the device; its output."""
    with ContainedTestpmd(inside, [DEVICE]) as testpmd:
        output = testpmd.ready().stop().output
    assert "No probed ethernet devices" in output
    return output


def test_spec_has_what_the_devices_are(cdev: Guest) -> None:
    spec = printed_spec(cdev, *PAIR)
    assert [device["name"] for device in spec["devices"]] == PAIR
    nodes = spec["containerEdits"]["deviceNodes"] + [
        node for device in spec["devices"] for node in device["containerEdits"]["deviceNodes"]]
    for node in nodes:
        number = cdev.run(["stat", "-c", "%Hr:%Lr", node["path"]], check=True).stdout.strip()
        assert number == f"{node['major']}:{node['minor']}"
    assert printed_spec(cdev, "--no-hugepages", DEVICE)["containerEdits"]["mounts"] == [
        {"hostPath": str(CHECKOUT / "build/drivers/librte_bus_vfio_cdev.so.1"),
         "containerPath": INSIDE, "options": ["ro", "nosuid", "nodev", "bind"]}]


def test_testpmd_forwards_in_a_container(cdev: Guest) -> None:
    with container(cdev, PAIR) as inside:
        report = Report(cdev, "--app", "dpdk-testpmd", *PAIR, wrapper=inside.wrapper())
        assert report.verdict == "PASS", report.findings
        assert "those outside of it cannot be seen" in report.find("device-in-use")["text"]
        forward_inside(inside, PAIR)


def test_testpmd_forwards_with_a_limit_instead_of_the_capability(cdev: Guest) -> None:
    with container(cdev, PAIR) as inside:
        inside.drop_caps("IPC_LOCK")
        for limit in inside.config["process"]["rlimits"]:
            limit["hard"] = limit["soft"] = 2 << 30
        assert Report(cdev, *PAIR, wrapper=inside.wrapper()).verdict == "PASS"
        forward_inside(inside, PAIR)


def test_testpmd_forwards_as_a_user(cdev: Guest) -> None:
    """CDI gives the nodes to the container's user."""
    with container(cdev, PAIR, uid=1000) as inside:
        report = Report(cdev, "--app", "dpdk-testpmd", *PAIR, wrapper=inside.wrapper())
        assert report.verdict == "PASS", report.findings
        forward_inside(inside, PAIR)


TAKEN: list[tuple[Callable[[Container], None], str, str, str]] = [
    (lambda inside: inside.drop_node(CDEV), "device-node", "FAIL", f"its node {CDEV} is missing"),
    (lambda inside: inside.deny_node(CDEV), "device-node", "FAIL", "container's device list"),
    (lambda inside: inside.drop_node("/dev/iommu"), "iommufd-node", "FAIL",
     "though the kernel has it"),
    (lambda inside: inside.deny_node("/dev/iommu"), "iommufd-node", "FAIL",
     "cannot use /dev/iommu: Operation not permitted"),
    (lambda inside: inside.drop_caps("SYS_RAWIO"), "capabilities", "FAIL", "no CAP_SYS_RAWIO"),
    (lambda inside: inside.drop_caps("IPC_LOCK"), "memlock", "WARN", "RLIMIT_MEMLOCK is 8192 kB"),
    (lambda inside: inside.drop_mount(HUGEPAGES), "hugepage-mount", "WARN", "no hugetlbfs"),
    (lambda inside: inside.drop_caps("SYS_NICE"), "mempolicy", "FAIL", "the EAL gets no memory"),
    (lambda inside: inside.hide("/sys"), "sysfs", "FAIL", "/sys/bus/pci/devices"),
]


@pytest.mark.parametrize("take, check, verdict, text", TAKEN,
                         ids=[f"{check}-{i}" for i, (_, check, _, _) in enumerate(TAKEN)])
def test_what_is_taken_away_is_named(cdev: Guest, take: Callable[[Container], None], check: str,
                                     verdict: str, text: str) -> None:
    with container(cdev, PAIR) as inside:
        take(inside)
        finding = Report(cdev, DEVICE, wrapper=inside.wrapper()).find(check)
        assert (finding["verdict"], text in finding["text"]) == (verdict, True), finding


def test_library_that_is_taken_away_is_named(cdev: Guest) -> None:
    """By the dynamic linker too, which goes on without it."""
    with container(cdev, PAIR) as inside:
        inside.drop_mount(INSIDE)
        done = cdev.run([*inside.wrapper(), CLI, "doctor", "--json", DEVICE])
        assert f"'{INSIDE}' from LD_PRELOAD cannot be preloaded" in done.stderr
        failed = [finding for finding in json.loads(done.stdout)["findings"]
                  if finding["verdict"] == "FAIL"]
        assert [finding["check"] for finding in failed] == ["preload"]
        assert failed[0]["text"].startswith(f"LD_PRELOAD has {INSIDE}, which cannot be preloaded")


def test_without_sys_nice_docker_s_profile_stops_dpdk(cdev: Guest) -> None:
    """With the library as without it."""
    with container(cdev, PAIR) as inside:
        inside.drop_caps("SYS_NICE")
        with ContainedTestpmd(inside, PAIR) as testpmd:
            assert testpmd.process.wait(60) != 0
            assert "error allocating rte services array" in testpmd.process.stdout


def test_pod_of_a_plugin_for_groups(cdev: Guest) -> None:
    """/dev/vfio/vfio and /dev/vfio/N are there, as the SR-IOV network device plugin has them."""
    with container(cdev, PAIR) as inside:
        devices = inside.config["linux"]["devices"]
        rules = inside.config["linux"]["resources"]["devices"]
        devices.clear()
        for path, node in (("/dev/vfio/vfio", CONTAINER), ("/dev/vfio/0", GROUP)):
            major, minor = cdev.run(["stat", "-c", "%Hr %Lr", node], check=True).stdout.split()
            number: Config = {"type": "c", "major": int(major), "minor": int(minor)}
            devices.append({"path": path, **number})
            rules.append({"allow": True, "access": "rw", **number})
        report = Report(cdev, DEVICE, wrapper=inside.wrapper())
        finding = report.find("device-node", DEVICE)
        assert f"its nodes {CDEV} and /dev/iommu are missing" in finding["text"]
        assert f'"dpdk-vfio-cdev cdi {DEVICE}"' in finding["cure"]
        line = rf"VFIO_CDEV: {DEVICE}: cannot open /dev/iommu and {CDEV}: No such file"
        assert re.search(line, refusal_inside(inside))


def test_device_that_a_process_outside_has(cdev: Guest) -> None:
    with Testpmd(cdev, [DEVICE]) as outside, container(cdev, PAIR) as inside:
        outside.ready()
        line = rf"cannot bind {CDEV}, held by a process outside this container: Invalid"
        assert re.search(line, refusal_inside(inside))
        assert outside.stop().status == 0


def test_user_forwards_once_udev_gave_him_the_nodes(cdev: Guest) -> None:
    """The rule that is printed, by udev itself."""
    script = "mkdir -p /run/udev/rules.d /run/dpdk && chmod 1777 /run/dpdk && " \
             f"{CLI} udev --group {USER} >/run/udev/rules.d/60-dpdk-vfio-cdev.rules"
    back = "chown 0:0 /dev/iommu /dev/vfio/devices/*; chmod 660 /dev/iommu; " \
           "chmod 600 /dev/vfio/devices/*; chmod 755 /run/dpdk; rm -rf /run/udev /run/dpdk/user"
    with changed(cdev, script, back):
        before = Report(cdev, *PAIR, wrapper=AS_USER)
        assert before.find("device-node")["verdict"] == "FAIL"
        assert "dpdk-vfio-cdev udev" in before.cure("device-node")
        assert "dpdk-vfio-cdev udev" in before.cure("iommufd-node")
        daemon = cdev.start(["/lib/systemd/systemd-udevd"])
        try:
            shell(cdev, "until udevadm control --ping --timeout=5; do sleep 0.1; done; "
                        "udevadm trigger -s vfio-dev -s misc && udevadm settle").check_returncode()
        finally:
            daemon.kill()
        modes = cdev.run(["stat", "-c", "%a %g", CDEV, "/dev/iommu"], check=True).stdout
        assert modes == f"660 {USER}\n" * 2
        report = Report(cdev, *PAIR, wrapper=OWN_PAGES)
        assert report.verdict == "PASS", report.findings
        forward_over_cdevs(cdev, PAIR, eal=["--file-prefix=user"], wrapper=[
            *OWN_PAGES, "env", "XDG_RUNTIME_DIR=/var/run"])


def test_owner_of_the_group_does_not_own_the_cdev(cdev: Guest) -> None:
    """What dpdk-devbind.py --uid does, and what is left to do."""
    with changed(cdev, f"chown {USER} {GROUP}", f"chown 0 {GROUP} {CDEV}"):
        report = Report(cdev, DEVICE)
        assert report.bad() == {"node-owner": "WARN"}
        cure = report.cure("node-owner").rpartition("or: ")[2]
        cdev.run(["sh", "-c", cure], check=True)
        assert Report(cdev, DEVICE).verdict == "PASS"


def test_node_outside_of_a_container_is_made_again(cdev: Guest) -> None:
    """The cures of both nodes, where nothing but the nodes is missing."""
    hide = "mkdir -p /tmp/dev && mount --bind /dev /tmp/dev && mount -t tmpfs none /dev && " \
           "for node in null zero; do cp -a /tmp/dev/$node /dev; done && " \
           "mkdir /dev/hugepages && mount --move /tmp/dev /mnt && mount -t hugetlbfs none " \
           "/dev/hugepages"
    report = Report(cdev, DEVICE, wrapper=within(hide))
    assert report.bad().items() >= {"iommufd-node": "FAIL", "device-node": "FAIL"}.items()
    cures = [report.cure("iommufd-node").rpartition("or: ")[2],
             report.cure("device-node").rpartition("make it: ")[2]]
    assert Report(cdev, DEVICE, wrapper=within(" && ".join([hide, *cures]))).verdict == "PASS"
