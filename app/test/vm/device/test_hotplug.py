# SPDX-License-Identifier: BSD-3-Clause
"""Devices that come and go while packets flow, and what a process has of them afterwards."""

import re
from collections.abc import Iterator

import pytest

from helpers.console import assert_flows, attach, await_link, start_traffic
from helpers.nodes import ALONE, HOT_PLUG, PAIR, SYSFS, bind
from helpers.programs import built
from helpers.resources import before_and_after, free_hugepages, mappings, open_files, pinned_kb
from helpers.waiting import eventually
from testvm.machine import nic_mac
from testvm.qemu import Guest, Process
from testvm.testpmd import Console, Testpmd

PORT, PLUGGED = "0000:00:02.0", "0000:01:00.0"
# Slot Control of a PCI Express port. With power and its indicator off QEMU takes the device away;
# the kernel's interrupt is off meanwhile, so that it finds the power on and only the device gone.
TEAR_OUT = ["setpci", "-s", PORT, "CAP_EXP+18.w=0700:0720", "CAP_EXP+18.w=0120:0720"]


@pytest.fixture
def slot(hot_plug: Guest) -> Iterator[Guest]:
    """The guest's slot, which is empty again at the end."""
    hot_plug.monitor.execute("netdev_add", type="hubport", id="plugged", hubid=1)
    yield hot_plug
    if has_device(hot_plug, PLUGGED):
        hot_plug.run(TEAR_OUT, check=True)
        await_no_device(hot_plug, PLUGGED)
    hot_plug.monitor.execute("netdev_del", id="plugged")


def has_device(guest: Guest, address: str) -> bool:
    """Whether the kernel has it."""
    return guest.run(["test", "-d", f"{SYSFS}/{address}"]).returncode == 0


def await_no_device(guest: Guest, address: str) -> None:
    """The kernel has let go of it."""
    script = f"while [ -d {SYSFS}/{address} ]; do sleep 0.1; done"
    guest.run(["sh", "-c", script], check=True)


def plug(guest: Guest, model: str) -> None:
    """Put a NIC into the slot."""
    guest.monitor.execute("device_add", driver=model, id="plugged", netdev="plugged",
                          bus="port0", romfile="", mac=nic_mac(len(HOT_PLUG["nics"])))
    bind(guest, PLUGGED)


def start_unbinding(guest: Guest, address: str) -> Process:
    """Take it away from vfio-pci, which waits for those who use it. Prints its pid."""
    return guest.start(["sh", "-c", f"echo $$; echo {address} >{SYSFS}/{address}/driver/unbind"])


def unbind(guest: Guest, address: str) -> None:
    """The same, to its end, and bind it again."""
    assert start_unbinding(guest, address).wait(15) == 0
    bind(guest, address)


def resources(testpmd: Testpmd) -> tuple[int, int, int, list[str]]:
    """Files, kB pinned, mappings by the log, and the hugepages that the guest has free."""
    return (open_files(testpmd), pinned_kb(testpmd), len(mappings(testpmd.process.stdout)),
            free_hugepages(testpmd.guest))


def assert_has_no_more(testpmd: Testpmd, before: tuple[int, int, int, list[str]]) -> None:
    """No more than before, as soon as the EAL has read the kernel's event."""
    eventually(testpmd.guest, lambda: resources(testpmd) == before)
    assert resources(testpmd) == before


def assert_forwards_again(console: Console, *ports: int) -> None:
    """What was under way was dropped when testpmd stopped to remove the port."""
    console.process.expect("Now total ports is")
    console.do("stop")
    start_traffic(console, *ports)


def test_nic_is_plugged_in_and_out_under_traffic(slot: Guest) -> None:
    """device_del: the request reaches testpmd as an interrupt, and it detaches the port."""
    with Console(slot, [ALONE]).ready() as console:
        before = resources(console)
        plug(slot, "e1000e")
        attach(console, PLUGGED, 1)
        await_link(console, 0, 1)
        start_traffic(console, 0, 1)
        start = len(console.process.stdout)
        slot.monitor.execute("device_del", id="plugged")
        slot.monitor.wait_event("DEVICE_DELETED", device="plugged")
        console.process.expect("Device is detached", start=start)
        await_no_device(slot, PLUGGED)
        assert_has_no_more(console, before)
        assert console.stop().status == 0


def test_nic_that_is_torn_out_is_detached(slot: Guest) -> None:
    """While it is polled and others forward: under its own traffic QEMU may hang (7.2)."""
    with Console(slot, PAIR).ready() as console:
        before = resources(console)
        plug(slot, "e1000")
        attach(console, PLUGGED, 2)
        start_traffic(console, 0, 1)
        start = len(console.process.stdout)
        slot.run(TEAR_OUT, check=True)
        slot.monitor.wait_event("DEVICE_DELETED", device="plugged")
        console.process.expect("Device is detached", start=start)
        await_no_device(slot, PLUGGED)
        assert_has_no_more(console, before)
        assert_forwards_again(console, 0, 1)
        assert console.stop().status == 0


def test_port_is_reset_and_changed_beside_traffic(hot_plug: Guest) -> None:
    with Console(hot_plug, [*PAIR, ALONE]).ready() as console:
        console.do("set portlist 0,1")
        start_traffic(console, 0, 1)
        before = resources(console)
        for text in ("port stop 2", "port reset 2", "port start 2", "port stop 2"):
            assert "Done" in console.do(text)
        await_flow_and_detach(console)
        attach(console, ALONE, 2)
        assert_has_no_more(console, before)
        assert_flows(console, 0, 1)
        assert console.stop().status == 0


def await_flow_and_detach(console: Console) -> None:
    """Port 2 goes and its file with it."""
    assert_flows(console, 0, 1)
    assert "/dev/vfio/devices/noiommu-vfio2" in console.nodes()
    assert "Device is detached" in console.do("port detach 2")
    assert "/dev/vfio/devices/noiommu-vfio2" not in console.nodes()


def test_unbinding_in_use_lets_the_application_release(hot_plug: Guest) -> None:
    with Console(hot_plug, [*PAIR, ALONE]).ready() as console:
        start_traffic(console, 0, 1)
        unbind(hot_plug, ALONE)
        console.process.expect("Device is detached")
        assert_forwards_again(console, 0, 1)
        attach(console, ALONE, 2)


def test_unbinding_is_immediate_after_release_and_after_kill(hot_plug: Guest) -> None:
    with Console(hot_plug, PAIR).ready() as console:
        console.do("start tx_first")
        assert "Done" in console.do("stop")
        console.do("port stop 1")
        console.do("port detach 1")
        unbind(hot_plug, PAIR[1])
        attach(console, PAIR[1], 1)
        start_traffic(console, 0, 1)
        hot_plug.run(["kill", "-KILL", console.pid], check=True)
        for device in PAIR:
            unbind(hot_plug, device)


def test_unbinding_waits_for_a_second_opener(hot_plug: Guest) -> None:
    """The measure of the tests above: what a copy of the device's file would do."""
    copy = "import ctypes, os, sys; pid = os.pidfd_open(int(sys.argv[1])); " \
           "print(ctypes.CDLL(None).syscall(438, pid, int(sys.argv[2]), 0), flush=True); " \
           "sys.stdin.read()"     # 438: pidfd_getfd(2)
    with Console(hot_plug, PAIR).ready() as console:
        listed = hot_plug.run(["ls", "-l", f"/proc/{console.pid}/fd"], check=True).stdout
        number = re.findall(r"(\d+) -> /dev/vfio/devices/noiommu-vfio1", listed)[0]
        opener = hot_plug.start(["/usr/bin/python3", "-c", copy, console.pid, number])
        assert int(opener.expect(r"(-?\d+)\n").group(1)) > 0
        unbinding = start_unbinding(hot_plug, PAIR[1])
        console.process.expect("Device is detached")
        assert "/dev/vfio/devices/noiommu-vfio1" not in console.nodes()
        waiting = unbinding.expect(r"(\d+)\n").group(1)
        stack = hot_plug.run(["cat", f"/proc/{waiting}/stack"], check=True).stdout
        assert "vfio_unregister_group_dev" in stack and unbinding.poll() is None
        opener.close_stdin()
        assert unbinding.wait(15) == 0
    bind(hot_plug, PAIR[1])


@pytest.mark.parametrize("step,count,device,others", [
    ("plug", 1000, PAIR[1], []),
    ("plug", 5, ALONE, PAIR),
    ("setup", 100, PAIR[1], PAIR[:1]),
], ids=["virtio-1000", "e1000e", "without-a-driver"])
def test_no_resource_is_left_after_many_times(hot_plug: Guest, step: str, count: int, device: str,
                                              others: list[str]) -> None:
    """The first with no other device, so that each time the last one goes."""
    allowed = [word for other in others or ["0000:ff:00.0"] for word in ("-a", other)]
    done = hot_plug.run([built("plugger"), "-l", "0", "--no-telemetry", "--iova-mode=pa",
                         "--log-level=lib.eal:warning", *allowed, "--", step, str(count), device],
                        timeout=120)
    before, after = before_and_after(done.stdout)
    print(re.findall("^took.*$", done.stdout, re.M))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count(f"VFIO_CDEV: {device}: noiommu-vfio") == count + 3
    assert before == after
