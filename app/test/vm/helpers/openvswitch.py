# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch of the guest's suite, with a bridge of two NICs that are on different hubs."""

import re
from collections.abc import Sequence
from typing import Any

from helpers.faults import without
from helpers.waiting import eventually
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, command

PACKAGE = "openvswitch-switch-dpdk"
# Not the e1000s: in QEMU with Open vSwitch 4.0.0 they lose the last four bytes of each frame, with
# stock as well.
NICS = ("virtio-net-pci", "vmxnet3")
OPTIONS: dict[str, Any] = {"nics": NICS, "packages": (PACKAGE,), "hugepages": 64, "wires": True}
PORTS = {f"p{i}": nic_address(i) for i in range(len(NICS))}
CDEVS = {f"p{i}": f"/dev/vfio/devices/noiommu-vfio{i}" for i in range(len(NICS))}

RUN = "/run/openvswitch"
PID, LOG, CONTROL = (f"{RUN}/vswitchd.{kind}" for kind in ("pid", "log", "ctl"))
# As ovs-ctl starts it. The packages' scripts did not run: /usr/sbin/ovs-vswitchd is not there.
VSWITCHD = ["/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk", "--detach", f"--pidfile={PID}",
            f"--log-file={LOG}", f"--unixctl={CONTROL}", "--mlockall",
            "-vconsole:off"]
ENVIRONMENT = {"OVS_RUNDIR": RUN, "OVS_LOGDIR": RUN, "OVS_DBDIR": RUN, "OVS_SYSCONFDIR": "/etc"}
PREPARE = f"""
mkdir -p {RUN} /etc/openvswitch
modprobe tun
chmod 666 /dev/net/tun
ovsdb-tool create {RUN}/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server --detach --pidfile --log-file --remote=punix:{RUN}/db.sock -vconsole:off {RUN}/conf.db
ovs-vsctl --no-wait -- init -- set Open_vSwitch . other_config:dpdk-init=true \
    other_config:dpdk-socket-mem=32 other_config:pmd-cpu-mask=2
"""


class Switch:
    """Its daemons. start() comes back when vswitchd has all ports that its database names."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        guest.run(["sh", "-ec", PREPARE], env=ENVIRONMENT, check=True)

    def start(self, *options: str, policy: str = "prefer",
              wrapper: Sequence[str] = ()) -> None:
        """A vswitchd without CAP_SYS_ADMIN, whose log begins here."""
        self.guest.run(["rm", "-f", LOG])
        program = command([*VSWITCHD, *options], policy,
                          wrapper=[*without("sys_admin"), *wrapper])
        self.guest.run(program, env=ENVIRONMENT, check=True)
        assert self.log("DPDK Enabled - initialized"), self.log("")
        assert self.has_library() == (policy != "")

    def runs(self) -> bool:
        """Whether there is a vswitchd."""
        return self.guest.run(["sh", "-c", f"kill -0 $(cat {PID})"]).returncode == 0

    def has_library(self) -> bool:
        """Whether the backend is in its address space."""
        maps = self.guest.run(["cat", f"/proc/{self.pid}/maps"], check=True).stdout
        return f"{LIBRARY}\n" in maps

    def capabilities(self) -> int:
        """The effective ones."""
        status = self.guest.run(["cat", f"/proc/{self.pid}/status"], check=True).stdout
        return int(status.split("CapEff:")[1].split()[0], 16)

    def stop(self) -> None:
        """End vswitchd, orderly, and what watches it."""
        self.appctl("exit")
        self.guest.run(["sh", "-c", f"while [ -e {PID} ]; do sleep 0.1; done"], check=True)

    @property
    def pid(self) -> str:
        """Of vswitchd itself, not of what watches it."""
        return self.guest.run(["cat", PID], check=True).stdout.strip()

    def nodes(self) -> set[str]:
        """The cdevs and /dev/iommu, if vswitchd has them open."""
        script = f"readlink /proc/{self.pid}/fd/*"
        files = self.guest.run(["sh", "-c", script]).stdout.splitlines()
        assert len(files) > 2, files
        return {file for file in files if file.startswith(("/dev/vfio/devices", "/dev/iommu"))}

    def vsctl(self, *words: str) -> str:
        """ovs-vsctl, which waits until vswitchd has done it."""
        return self.guest.run(["ovs-vsctl", "--timeout=60", *words], env=ENVIRONMENT, timeout=90,
                              check=True).stdout.strip()

    def appctl(self, *words: str) -> str:
        """A command to vswitchd."""
        return self.guest.run(["ovs-appctl", "-t", CONTROL, *words], env=ENVIRONMENT,
                              check=True).stdout

    def log(self, pattern: str) -> list[str]:
        """The lines of vswitchd's log that have this."""
        text = self.guest.run(["cat", LOG], check=True).stdout
        return [line for line in text.splitlines() if re.search(pattern, line)]

    def add_bridge(self) -> None:
        """With both ports."""
        self.vsctl("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev")
        for port in PORTS:
            self.add_port(port)

    def add_port(self, port: str) -> None:
        """The NIC, which vswitchd plugs in."""
        self.vsctl("add-port", "br0", port, "--", "set", "Interface", port, "type=dpdk",
                   f"options:dpdk-devargs={PORTS[port]}")

    def error(self, port: str) -> str:
        """Why the port does not work; nothing if it does."""
        return self.vsctl("get", "Interface", port, "error").strip('[]"')

    def await_link(self) -> None:
        """Of all ports."""
        def states() -> set[str]:
            return {self.vsctl("get", "Interface", port, "link_state") for port in PORTS}
        assert eventually(self.guest, lambda: states() == {"up"}), self.log("")

    def packets(self, port: str) -> tuple[int, int]:
        """Received and sent."""
        figures = self.appctl("dpctl/show", "-s", "netdev@ovs-netdev")
        found = re.search(rf"port \d+: {port} .*?RX packets:(\d+).*?TX packets:(\d+)", figures,
                          re.S)
        assert found, figures
        return int(found.group(1)), int(found.group(2))
