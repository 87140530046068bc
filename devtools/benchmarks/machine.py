# SPDX-License-Identifier: BSD-3-Clause
"""What a benchmark needs: a guest, how often to measure, and what its clock says."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from helpers.guests import PLUGINS
from testvm.machine import kvm_usable, nic_address
from testvm.qemu import CommandFailed, Guest, Process
from testvm.testpmd import LIBRARY, command
from testvm.util import CHECKOUT, VmError, run

from .figures import Pair

PROGRAMS = CHECKOUT / "build/app/test/vm/guest"
FRONT = CHECKOUT / "build/drivers/libvfio_cdev_compat.so.1"
SYSFS = "/sys/bus/pci/devices"
# Two NICs of each model, which are linked to each other.
MODELS = ("virtio-net-pci", "e1000e", "vmxnet3")
NICS = tuple(model for model in MODELS for _ in range(2))
PAIR = [nic_address(0), nic_address(1)]
HUGEPAGES = 256
STOCK, OURS = "stock", "cdev"
T = TypeVar("T")
GuestMaker = Callable[..., Guest]


@dataclass(frozen=True)
class Effort:
    """How often each thing is measured."""
    pairs: int = 15      # of what takes milliseconds
    slow: int = 5        # of what takes seconds
    seconds: float = 1   # of forwarding
    pages: int = 128     # hugepages at once
    calls: int = 2000
    queues: tuple[int, ...] = (1, 2)
    sizes: tuple[int, ...] = (64, 512, 4096)    # hugepages that a program starts with


FULL = Effort()
QUICK = Effort(pairs=7, slow=2, seconds=0.5, queues=(1,), sizes=(64, 512))
TINY = Effort(pairs=2, slow=1, seconds=0.1, pages=32, calls=10, queues=(1,), sizes=(64,))


@dataclass(frozen=True)
class Bench:
    """Passed to each benchmark."""
    make: GuestMaker
    effort: Effort
    counted: bool        # the guest's clock counts instructions

    @property
    def unit(self) -> str:
        """Of what a guest's clock says."""
        return "instructions" if self.counted else "ns"

    def guest(self, **options: Any) -> Guest:
        """A guest that runs already, or a new one; without options the one that most share."""
        return self.make(counted=self.counted, plugins=PLUGINS,
                         **(options or {"nics": NICS, "hugepages": HUGEPAGES}))


class Guests:
    """One guest at a time."""

    def __init__(self) -> None:
        self._guest: Guest | None = None
        self._options: dict[str, Any] = {}

    def make(self, **options: Any) -> Guest:
        """The guest of before, if it has these options."""
        if self._guest is None or not self._guest.alive or self._options != options:
            self.close()
            say("booting a guest" + (" that counts instructions" if options["counted"] else ""))
            self._guest, self._options = Guest(**options), options
            self._guest.boot()
            # Others may want the CPUs too; and of an idle guest that counts, time flies.
            self._guest.patience = 10
        return self._guest

    def close(self) -> None:
        """End it."""
        if self._guest:
            self._guest.close()
        self._guest = None


def say(text: str) -> None:
    """Tell a person what takes time."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def host_run(argv: Sequence[str | Path]) -> str:
    """The output of a program on this machine."""
    try:
        return run(argv)
    except VmError as err:
        raise CommandFailed(str(err)) from err


def emulated() -> bool:
    """Whether a guest's instructions are not run by this machine's CPU."""
    return not kvm_usable()


def take_turns(count: int, first: Callable[[], T], second: Callable[[], T]) -> list[tuple[T, T]]:
    """Measure both so often, each as often before the other as after it."""
    pairs = []
    for turn in range(count):
        if turn % 2:
            late = second()
            pairs.append((first(), late))
        else:
            pairs.append((first(), second()))
    return pairs


def pairs_parse(output: str) -> dict[str, list[Pair]]:
    """What bench_row() of bench.c prints with --pairs."""
    found: dict[str, list[Pair]] = {}
    for line in output.splitlines():
        _, name, first, second = line.split("\t")
        found.setdefault(name, []).append((float(first), float(second)))
    if not found:
        raise CommandFailed("no figures")
    return found


class Program:
    """bench_eal.c, which measures what it is told."""

    def __init__(self, guest: Guest, way: str, devices: Sequence[str], memory: int = 16) -> None:
        options = ["-l", "0", "-m", str(memory), "-a", "0000:00:00.0", "--iova-mode=pa",
                   f"--file-prefix={way}"]
        self.process: Process = guest.start(command(
            [str(PROGRAMS / "bench_eal"), *options, "--", *devices],
            "require" if way == OURS else "", str(LIBRARY)))
        self.process.expect("ready", 120)

    def measure(self, what: str, count: int) -> list[float]:
        """The figures of its answer."""
        start = len(self.process.stdout)
        self.process.write(f"{what} {count}\n")
        return [float(word) for word in self.process.expect(r"(?m)^([\d. ]+)$", 300,
                                                            start).group(1).split()]

    def end(self) -> None:
        """Let it release all."""
        self.process.close_stdin()
        if self.process.wait(120) != 0:
            raise CommandFailed(f"bench_eal failed:\n{self.process.stderr}")


@contextmanager
def both(guest: Guest, stock: Sequence[str], ours: Sequence[str],
         memory: int = 16) -> Iterator[tuple[Program, Program]]:
    """Two programs that take turns, each with devices of its own."""
    programs: list[Program] = []
    try:
        programs.append(Program(guest, STOCK, stock, memory))
        programs.append(Program(guest, OURS, ours, memory))
        yield programs[0], programs[1]
    finally:
        for program in programs:
            program.end()


def bind(guest: Guest, driver: str, devices: Sequence[str]) -> None:
    """Let a driver have devices that another one may have."""
    script = 'driver=$1; shift; modprobe "$driver"; for device; do cd ' + SYSFS + '/"$device"; ' \
             '[ ! -e driver ] || echo "$device" >driver/unbind; echo "$driver" >driver_override; ' \
             'echo "$device" >/sys/bus/pci/drivers_probe; ' \
             '[ "$(basename "$(realpath driver)")" = "$driver" ]; done'
    guest.run(["sh", "-ec", script, "sh", driver, *devices], check=True)
