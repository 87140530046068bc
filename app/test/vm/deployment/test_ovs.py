# SPDX-License-Identifier: BSD-3-Clause
"""Debian's Open vSwitch with DPDK, as it is started: without CAP_SYS_ADMIN and dpdk-extra.

Version 3.1.0 sets up all devices when the EAL starts, 4.0.0 plugs each in with its port.
"""

from collections.abc import Callable, Iterator

import pytest

from helpers.nodes import SYSFS
from helpers.openvswitch import CDEVS, OPTIONS, PORTS, RUN, Switch
from helpers.resources import hugepages_kb, pinned_kb
from helpers.telemetry import query
from helpers.traffic import Traffic
from helpers.waiting import eventually
from testvm.qemu import Guest

VERSIONS = {"22.11": "3.1.0", "25.11": "4.0.0"}
SYS_ADMIN = 1 << 21
PORT = "p1"
DEVICE = PORTS[PORT]
UNBIND = ["dpdk-devbind.py", "--unbind", DEVICE]
# As `driverctl set-override DEVICE vmxnet3` does.
TO_THE_KERNEL = f"""
modprobe vmxnet3
echo vmxnet3 >{SYSFS}/{DEVICE}/driver_override
echo {DEVICE} >/sys/bus/pci/drivers_probe
ls {SYSFS}/{DEVICE}/net
"""
PRIMED = "VFIO_CDEV: .*: bound .* for a moment, .*before a device is plugged in"
PHYSICAL = "VFIO_CDEV: IOVA as PA, for devices without an IOMMU that may be plugged in"
USER = """
echo ovs:x:995:995::/:/bin/false >>/etc/passwd
echo ovs:x:995: >>/etc/group
"""
GIVE = f"chown -R ovs:ovs {RUN} && chown ovs /dev/iommu /dev/vfio/devices/*"
TAKE_BACK = f"chown -R root:root {RUN} /dev/iommu /dev/vfio/devices"


@pytest.fixture(scope="module", params=VERSIONS)
def release(request: pytest.FixtureRequest) -> str:
    """Of DPDK; each has a guest."""
    release: str = request.param
    return release


@pytest.fixture(scope="module")
def switch(guest: Callable[..., Guest], release: str) -> Switch:
    """A bridge with two ports; vswitchd may run or not."""
    switch = Switch(guest(dpdk=release, **OPTIONS))
    switch.guest.run(["sh", "-ec", USER], check=True)
    switch.start("--monitor")
    switch.add_bridge()
    return switch


@pytest.fixture
def running(switch: Switch) -> Switch:
    """With a vswitchd that its monitor starts again."""
    if not switch.runs():
        switch.start("--monitor")
    return switch


@pytest.fixture
def stopped(switch: Switch) -> Iterator[Switch]:
    """Without one, before and afterwards."""
    if switch.runs():
        switch.stop()
    yield switch
    if switch.runs():
        switch.stop()


@pytest.fixture
def owned(stopped: Switch) -> Iterator[Switch]:
    """Its files and the nodes of the devices are a user's."""
    stopped.guest.run(["sh", "-ec", GIVE], check=True)
    yield stopped
    if stopped.runs():
        stopped.stop()      # it removes files of its own
    stopped.guest.run(["sh", "-ec", TAKE_BACK], check=True)


def assert_passes_packets(switch: Switch) -> None:
    """Both ways, each frame once and unchanged, over cdevs, from memory that is pinned."""
    switch.await_link()
    before = [switch.packets(port) for port in PORTS]
    traffic = Traffic(switch.guest.wires)
    traffic.flow(500)
    report = traffic.end()
    assert (report.lost, report.wrong) == (0, []), report
    after = [switch.packets(port) for port in PORTS]
    for now, then in zip(after, before, strict=True):
        assert min(now[0] - then[0], now[1] - then[1]) > 100, (before, after)
    assert switch.nodes() == {"/dev/iommu", *CDEVS.values()}
    assert 0 < hugepages_kb(switch) == pinned_kb(switch)
    assert not switch.capabilities() & SYS_ADMIN


def test_ports_come_up_and_packets_pass(running: Switch, release: str) -> None:
    running.await_link()
    assert running.log(rf"\(Open vSwitch\) {VERSIONS[release]}$")
    assert running.log(rf"Using DPDK {release}\.")
    arguments, = running.log("EAL ARGS")
    assert "--iova-mode" not in arguments
    assert_passes_packets(running)
    for address in PORTS.values():
        assert running.log(f"VFIO_CDEV: {address}: noiommu-vfio")
    late = "pci:0000:00:00.0" in arguments
    assert late == (release != "22.11")
    assert (len(running.log(PRIMED)), len(running.log(PHYSICAL))) == (late, late)
    answer, = query(running.guest, "/vfio_cdev/domains")
    pages = answer["domains"]["noiommu"]
    assert (pages["devices"], pages["pending"]) == (2, 0)
    assert pages["pages"] == pages["verified"] > 0
    assert pages["bytes"] == pinned_kb(running) << 10


def test_port_goes_to_the_kernel_and_comes_back(running: Switch, release: str) -> None:
    """Unbinding waits for Open vSwitch, which does not listen to the kernel's request."""
    guest = running.guest
    unbinding = guest.start(UNBIND)
    assert eventually(guest, lambda: f"{CDEVS[PORT]} (deleted)" in running.nodes())
    traffic = Traffic(guest.wires)
    traffic.flow(200)
    assert traffic.end().lost == 0
    assert unbinding.poll() is None
    running.vsctl("del-port", PORT)
    if release == "22.11":
        # A device that was there when the EAL started stays until it is detached by name.
        running.appctl("netdev-dpdk/detach", DEVICE)
    assert unbinding.wait() == 0, unbinding.stderr
    assert running.nodes() == {"/dev/iommu", *CDEVS.values()} - {CDEVS[PORT]}
    assert hugepages_kb(running) == pinned_kb(running) > 0
    assert guest.run(["sh", "-ec", TO_THE_KERNEL], check=True).stdout.strip()
    guest.run(["dpdk-devbind.py", "--bind=vfio-pci", DEVICE], check=True)
    running.add_port(PORT)
    assert_passes_packets(running)


def test_monitor_starts_what_crashed(running: Switch) -> None:
    crashed = running.pid
    running.guest.run(["kill", "-SEGV", crashed], check=True)
    assert eventually(running.guest, lambda: running.runs() and running.pid != crashed)
    assert_passes_packets(running)


def test_killed_one_is_started_again(running: Switch) -> None:
    """The monitor takes SIGKILL for an end that is meant."""
    guest = running.guest
    guest.run(["kill", "-KILL", running.pid], check=True)
    assert eventually(guest, lambda: not running.runs())
    running.start("--monitor")
    assert_passes_packets(running)


def test_stock_has_no_port_without_sys_admin(stopped: Switch) -> None:
    stopped.start(policy="")
    for port in PORTS:
        assert "Error attaching device" in stopped.error(port)
    assert stopped.log("Expecting 'PA' IOVA mode but current mode is 'VA'")


def test_own_user_has_ports(owned: Switch, release: str) -> None:
    if release == "22.11":
        # Its --user leaves no CAP_SYS_RAWIO. An empty allow list is usual there.
        owned.vsctl("--no-wait", "set", "Open_vSwitch", ".",
                    "other_config:dpdk-extra=-a 0000:00:00.0")
        kept = "+sys_rawio,+ipc_lock,+net_admin,+net_raw"
        owned.start("--monitor", wrapper=["setpriv", "--reuid=ovs", "--regid=ovs", "--clear-groups",
                                          f"--inh-caps={kept}", f"--ambient-caps={kept}"])
        owned.vsctl("remove", "Open_vSwitch", ".", "other_config", "dpdk-extra")
    else:
        owned.start("--monitor", "--user=ovs:ovs", "--hw-rawio-access")
    uid = owned.guest.run(["grep", "^Uid:", f"/proc/{owned.pid}/status"], check=True).stdout
    assert uid.split()[1:] == ["995"] * 4
    assert (len(owned.log(PRIMED)), len(owned.log(PHYSICAL))) == (1, 1)
    assert_passes_packets(owned)


def test_user_without_rawio_is_told_of_it(owned: Switch) -> None:
    owned.start("--user=ovs:ovs")
    for port in PORTS:
        assert "Error attaching device" in owned.error(port)
    assert owned.log("VFIO_CDEV: .*CAP_SYS_RAWIO is needed")
