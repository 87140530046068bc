# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-vfio-cdev list shows what is there."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from helpers.cli import CLI
from helpers.faults import changed
from helpers.nodes import DEVICE, NICS, PAIR
from testvm.machine import bypass_address, nic_address
from testvm.qemu import Guest
from testvm.testpmd import Testpmd


def listed(guest: Guest, *args: str) -> dict[str, dict[str, Any]]:
    """The devices of the JSON by their addresses."""
    done = guest.run([CLI, "list", "--json", *args], check=True)
    devices = {device["address"]: device for device in json.loads(done.stdout)["devices"]}
    assert done.stderr == ""
    return devices


def table(guest: Guest, *args: str) -> dict[str, str]:
    """The lines of the table by their addresses."""
    lines = guest.run([CLI, "list", *args], check=True).stdout.splitlines()
    assert re.match(r"ADDRESS +ID +NAME +DRIVER +CDEV +MODE +NUMA +GROUP +OPENED BY$", lines[0])
    assert max(map(len, lines)) <= 100
    assert "\033" not in "".join(lines)
    return {line.split()[0]: line for line in lines[1:]}


def assert_agrees(guest: Guest, devices: dict[str, dict[str, Any]]) -> None:
    """Every field that sysfs has as well; "" and -1 are null."""
    fields = ("vendor_id", "device_id", "numa_node", "driver", "iommu_group", "cdev")
    script = """
        for address; do
            cd /sys/bus/pci/devices/$address
            read vendor <vendor; read device <device; read node <numa_node
            driver=$(readlink driver) group=$(readlink iommu_group) cdev=$(echo vfio-dev/*)
            echo ${vendor#0x},${device#0x},$node,${driver##*/},${group##*/},${cdev##*/}
        done"""
    lines = guest.run(["sh", "-c", script, "sh", *devices], check=True).stdout.splitlines()
    for line, device in zip(lines, devices.values(), strict=True):
        for field, value in zip(fields, line.split(","), strict=True):
            shown = device[field]
            assert value in (("", "-1", "*") if shown is None else (str(shown),)), (field, device)


def test_list_without_iommu(cdev: Guest) -> None:
    """All eight NICs, in the table and in the JSON, as sysfs has them."""
    devices = listed(cdev)
    assert list(devices) == list(table(cdev)) == [nic_address(i) for i in range(len(NICS))]
    assert_agrees(cdev, devices)
    for device in devices.values():
        assert (device["mode"], device["driver"], device["openers"]) == ("no-IOMMU", "vfio-pci", [])
    assert "82540EM Gigabit Ethernet Controller" in devices[nic_address(4)]["name"]


def test_list_all_shows_what_has_no_driver(cdev: Guest) -> None:
    """And the guest's other devices, which VFIO does not have."""
    last = nic_address(len(NICS) - 1)
    with changed(cdev, f"echo {last} >/sys/bus/pci/drivers/vfio-pci/unbind",
                 f"echo {last} >/sys/bus/pci/drivers_probe"):
        seen, devices = listed(cdev), listed(cdev, "--all")
        assert_agrees(cdev, devices)
        refused = cdev.run([CLI, "run", "--check", "--", "dpdk-testpmd", "-a", f"{last},x=1", "--"])
        judged = cdev.run([CLI, "doctor", last])
    assert last not in seen
    assert (devices[last]["driver"], devices[last]["mode"]) == (None, "none")
    drivers = {device["driver"] for device in devices.values()}
    assert {"vfio-pci", "virtio-pci"} <= drivers
    assert last in listed(cdev)
    assert (refused.returncode, refused.stdout, judged.returncode) == (2, "", 2)
    assert re.search(r"dpdk-testpmd is not started: \d+ checks? failed\n$", refused.stderr)
    for text in (refused.stderr, judged.stdout):
        assert re.search(rf"^FAIL  device-driver {last}: .*\n      cure: .*drivers_probe", text,
                         re.M), text


def pinned_kb(guest: Guest, pid: str) -> int:
    """What the kernel counts."""
    status = guest.run(["cat", f"/proc/{pid}/status"], check=True).stdout
    return int(status.split("VmPin:")[1].split()[0])


def test_opener_is_shown_while_testpmd_runs(cdev: Guest) -> None:
    with Testpmd(cdev, PAIR) as testpmd:
        testpmd.ready()
        pinned = pinned_kb(cdev, testpmd.pid)
        opener = {"pid": int(testpmd.pid), "program": "dpdk-testpmd", "opened": "cdev",
                  "front": "eal", "pinned_kb": pinned}
        devices = listed(cdev)
        assert [devices[address]["openers"] for address in PAIR] == [[opener], [opener]]
        assert pinned > 0
        assert devices[nic_address(2)]["opener_count"] == 0
        assert f"  {testpmd.pid} eal dpdk-testpmd" in table(cdev)[DEVICE]
        testpmd.stop()
    assert listed(cdev)[DEVICE]["openers"] == []
    with Testpmd(cdev, PAIR, policy="off") as testpmd:
        testpmd.ready()
        opener = {"pid": int(testpmd.pid), "program": "dpdk-testpmd", "opened": "group",
                  "front": "eal", "pinned_kb": pinned_kb(cdev, testpmd.pid)}
        assert listed(cdev)[DEVICE]["openers"] == [opener]
        testpmd.stop()


def test_colour_is_for_terminals(cdev: Guest) -> None:
    script = ["script", "--quiet", "--return", "/dev/null", "--command", f"{CLI} list"]
    on = cdev.run(["env", "TERM=linux", *script], check=True).stdout
    assert on.startswith("\033[1mADDRESS")
    for off in ("NO_COLOR=1", "TERM=dumb"):
        assert "\033" not in cdev.run(["env", "TERM=linux", off, *script], check=True).stdout


@pytest.mark.xdist_group("translated")
def test_list_translated_beside_no_iommu(intel: Guest) -> None:
    devices = listed(intel)
    assert {address: device["mode"] for address, device in devices.items()} == {
        PAIR[0]: "translated", PAIR[1]: "translated", bypass_address(0): "no-IOMMU"}
    assert_agrees(intel, devices)
    assert None not in {device["iommu_group"] for device in devices.values()}
    assert re.search(r" vfio-pci +vfio0 +translated +- +\d+ +-$", table(intel)[PAIR[0]])


@pytest.mark.xdist_group("kernels")
def test_list_of_a_kernel_without_cdevs(guest: Callable[..., Guest]) -> None:
    machine = guest(config="group-only")
    assert [device["mode"] for device in listed(machine).values()] == ["group only"] * 2
    assert [device["cdev"] for device in listed(machine).values()] == [None] * 2
    assert re.search(r" vfio-pci +- +group only ", table(machine)[DEVICE])
