# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's own dpdk-testpmd in a guest, with or without the backend preloaded."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from .qemu import Guest
from .util import CHECKOUT

FLOWING = CHECKOUT / "build/app/test/vm/guest/flowing"
LIBRARY = CHECKOUT / "build/drivers/librte_bus_vfio_cdev.so.1"
# LD_PRELOAD is set for the program only, not for what starts it; the shell tells the pid.
START = 'echo "pid $$"; exec "$@"'
# A terminal, without which testpmd would keep its output to itself until it ends.
TERMINAL = ("script", "--quiet", "--flush", "--return", "/dev/null", "--command")
PROMPT = "testpmd> "
PORT = re.compile(r"Forward statistics for port (\d+).*?RX-packets: (\d+).*?TX-packets: (\d+)",
                  re.S)
DEVICE = re.compile(r"VFIO_CDEV: (\S+): (\S+), (\S+), NUMA node (-?\d+), \d+ pages mapped")
PAGES = re.compile(r"VFIO_CDEV: .* (\d+) pages mapped(?:, (\d+) verified)?")


@dataclass(frozen=True)
class Device:
    """What the backend said of a device."""
    address: str
    cdev: str
    mode: str
    numa_node: int


@dataclass
class Result:
    """What is left of a run."""
    status: int
    output: str
    ports: dict[int, tuple[int, int]] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    mapped: int = 0
    verified: int = 0

    @property
    def forwarded(self) -> int:
        """Packets sent by all ports."""
        return sum(sent for _, sent in self.ports.values())

    def all_ports_work(self, count: int) -> bool:
        """That many ports, and each has received and sent."""
        return len(self.ports) == count and all(min(port) > 0 for port in self.ports.values())


def command(program: Sequence[str], policy: str = "prefer", library: str = str(LIBRARY),
            wrapper: Sequence[str] = ()) -> list[str]:
    """The command line of a program with the backend preloaded; policy "" leaves it out."""
    env = ["env", f"LD_PRELOAD={library}", f"RTE_VFIO_CDEV={policy}"] if policy else []
    return [*wrapper, *env, *program]


class Testpmd:
    """testpmd forwarding packets between devices, from the start to stop().

        with Testpmd(guest, ["0000:00:03.0", "0000:00:04.0"]) as testpmd:
            testpmd.ready()
            result = testpmd.stop()
    """

    __test__ = False  # nothing for pytest to collect
    MODE = ("--tx-first", "--no-lsc-interrupt")
    READY = "Press enter to exit"
    END = "\n"

    def __init__(self, guest: Guest, devices: Sequence[str], policy: str = "prefer",
                 eal: Sequence[str] = (), args: Sequence[str] = (),
                 library: str = str(LIBRARY), wrapper: Sequence[str] = (),
                 tx_first: bool = True) -> None:
        """Without tx_first there are no packets but those that somebody sends to it."""
        allow = [word for device in devices for word in ("-a", device)]
        mode = [word for word in self.MODE if tx_first or word != "--tx-first"]
        # Of two levels for one log type the EAL takes the first.
        level = [] if any("lib.vfio_cdev" in word for word in eal) else [
            "--log-level=lib.vfio_cdev:debug"]
        program = ["dpdk-testpmd", "-l", "0,1", "-n", "2", *allow,
                   *level, *eal, "--", "--forward-mode=io",
                   "--total-num-mbufs=8192", *mode, *args]
        started = ["sh", "-c", START, "sh", *command(program, policy, library, wrapper)]
        self.guest = guest
        self.eal = eal
        self.process = guest.start([*TERMINAL, shlex.join(started)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.guest.alive and self.process.poll() is None:
            self.guest.run(["kill", "-KILL", self.pid])
            self.process.wait()

    @property
    def pid(self) -> str:
        """Its process id in the guest."""
        return self.process.expect(r"pid (\d+)").group(1)

    def ready(self, timeout: float = 60) -> Self:
        """Wait until packets flow; an early end is an error that shows the output."""
        self.process.expect(self.READY, timeout)
        return self

    def flowing(self) -> Self:
        """Wait until each port has received packets: some NICs need a second for that."""
        prefix = [word.partition("=")[2] for word in self.eal if word.startswith("--file-prefix=")]
        self.guest.run([FLOWING, *prefix], check=True)
        return self

    def nodes(self) -> set[str]:
        """The VFIO and iommufd nodes that it has open."""
        script = f"readlink /proc/{self.pid}/fd/*"
        files = self.guest.run(["sh", "-c", script]).stdout.splitlines()
        # A process that is not there would have none either.
        assert len(files) > 2, f"pid {self.pid} has only {files} open"
        return {file for file in files if file.startswith(("/dev/vfio", "/dev/iommu"))}

    def has_library(self) -> bool:
        """Whether the backend is in its address space, called or not."""
        maps = self.guest.run(["cat", f"/proc/{self.pid}/maps"], check=True).stdout
        return f"{LIBRARY}\n" in maps

    def stop(self, timeout: float = 60) -> Result:
        """Press enter, or quit, and read the statistics."""
        self.process.write(self.END)
        return self.wait(timeout)

    def wait(self, timeout: float = 60) -> Result:
        """Wait for an end that comes by itself."""
        return parse(self.process.wait(timeout), self.process.stdout.replace("\r\n", "\n"))


class Console(Testpmd):
    """testpmd that does what it is told: do("port attach 0000:01:00.0")."""

    MODE = ("--interactive", "--hot-plug")
    READY = PROMPT
    END = "quit\n"

    def do(self, text: str, timeout: float = 60) -> str:
        """Give a command and return what was printed up to the next prompt.

        A link that changes is reported between the characters of the echo: only its end counts.
        """
        start = len(self.process.stdout)
        self.process.write(text + "\n")
        return self.process.expect(rf"(?s)\n(.*?){PROMPT}", timeout,
                                   start).group(1).replace("\r", "")


def parse(status: int, output: str) -> Result:
    """Statistics of the ports and what the backend said.

    Pages are the most there ever were; of these, verified are all but the most that were not.
    """
    result = Result(status, output)
    for port, received, sent in PORT.findall(output):
        result.ports[int(port)] = int(received), int(sent)
    for address, cdev, mode, node in DEVICE.findall(output):
        result.devices.append(Device(address, cdev, mode, int(node)))
    pages = [(int(mapped), int(verified or 0)) for mapped, verified in PAGES.findall(output)]
    result.mapped = max((mapped for mapped, _ in pages), default=0)
    result.verified = result.mapped - max(
        (mapped - verified for mapped, verified in pages), default=0)
    return result
