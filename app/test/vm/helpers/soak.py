# SPDX-License-Identifier: BSD-3-Clause
"""A testpmd that lives long: what it goes through, again and again, and what it has each time."""

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from helpers import growing
from helpers.console import attach
from helpers.migration import FEW_LINES, MEMORY, Migration
from helpers.nodes import ALONE, PAIR
from helpers.programs import built, proc_info, python
from helpers.soak_report import FEWEST, WARM_UP, Sample, growth
from helpers.traffic import Report, Traffic
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Console, command

# Two nodes, between which pages can move; two NICs that have nothing in common but testpmd, and one
# that comes and goes: not vmxnet3, which testpmd 22.11 cannot attach (stock's crashes as well).
MACHINE: dict[str, Any] = {"numa": 2, "hugepages": 96, "wires": True,
                           "nics": ("e1000e", "e1000", "virtio-net-pci")}
SIZES = "1 16"          # MiB of blocks that come and go; the second has room in no heap
BURST, BREAK = 64, 0.2      # frames, and seconds between two bursts: others want the CPUs as well
FEWEST_ROUNDS = WARM_UP + FEWEST
ACTIVITIES = ("memory", "ports", "secondaries", "killed", "migrations", "telemetry")


class Pump(threading.Thread):
    """Checked frames in both directions, until end()."""

    def __init__(self, guest: Guest) -> None:
        super().__init__(daemon=True)
        self._traffic = Traffic(guest.wires[:2])
        self._ended = threading.Event()
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Of the thread."""
        try:
            while not self._ended.wait(BREAK):
                self._traffic.flow(BURST)
        except BaseException as err:      # for the one who waits
            self.error = err

    @property
    def report(self) -> Report:
        """So far."""
        return self._traffic.report

    def end(self) -> Report:
        """Wait for all that are on the way."""
        self._ended.set()
        self.join()
        if self.error:
            raise self.error
        return self._traffic.end()


class Soak:
    """One run; at its end there are samples and a report, and how often everything was done."""

    def __init__(self, guest: Guest, library: str = str(LIBRARY), brief: bool = False,
                 progress: Callable[[str], None] = lambda _: None) -> None:
        """A brief one has but what needs no other process."""
        self.guest = guest
        self.samples: list[Sample] = []
        self.report = Report()
        self.done: Counter[str] = Counter()
        self._library = library
        self._brief = brief
        self._random = random.Random(1)
        self._progress = progress
        self._started = 0.0

    def run(self, seconds: float, rounds: int) -> "Soak":
        """For so long, and as many rounds at least, however slow the machine is."""
        self.guest.run(["rm", "-f", growing.GROW], check=True)
        with Console(self.guest, PAIR, policy="require", eal=[*MEMORY, *FEW_LINES],
                     args=["--mbcache=0", "--no-flush-rx"],
                     library=f"{self._library}:{built('grower.so')}",
                     wrapper=growing.GROWER) as self._console:
            self._console.ready().do("start")
            self._pump = Pump(self.guest)
            self._watcher = self.guest.start(python("watcher.py", self._console.pid))
            self._started = time.monotonic()
            number = 0
            while number < rounds or time.monotonic() - self._started < seconds:
                number += 1
                self._round()
                self._progress(f"round {number}: {self.samples[-1]}")
            self.report = self._pump.end()
            self._watcher.close_stdin()
            assert self._watcher.wait() == 0, self._watcher.stderr
            self._console.do("stop")
            assert self._console.stop().status == 0
        return self

    def problems(self) -> list[str]:
        """What must not be."""
        report, rounds = self.report, sum(sample.rest for sample in self.samples)
        return [*growth(self.samples),
                *([f"frames: {report}"] if report.wrong or report.lost else []),
                *(f"{name}: only {self.done[name]} in {rounds} rounds" for name in ACTIVITIES
                  if self.done[name] < rounds)]

    def _round(self) -> None:
        if self._brief:
            self._while_memory_changes(self._ports)
            self._sample(rest=True)
            return
        self._while_memory_changes(self._ports, self._secondary)
        # A secondary that dies while memory changes may take a lock of the EAL's with it.
        self._while_pages_are_moved(self._ports, self._killed)
        self._sample(rest=True)

    def _in_any_order(self, *steps: Callable[[], None]) -> None:
        for step in self._random.sample(steps, len(steps)):
            step()

    def _while_memory_changes(self, *steps: Callable[[], None]) -> None:
        start = growing.begin(self._console, SIZES)
        self._in_any_order(*steps)
        self._sample(rest=False)
        found, _, _ = growing.end(self._console, start)
        # Where a secondary ends before it has answered, the EAL refuses. Pages that it has taken a
        # part of stay: what is left at rest is what counts.
        assert {found[name] for name in ("elsewhere", "spoiled", "quiet")} == {0}, found
        self.done["memory"] += found["back"] > 0
        self.done["blocks"] += found["rounds"]

    def _while_pages_are_moved(self, *steps: Callable[[], None]) -> None:
        migration = Migration(self._console).begun()
        self._in_any_order(*steps)
        tried, moved = migration.counts()
        assert tried > 0 == moved, f"{moved} of {tried} pages moved"
        self.done["migrations"] += tried

    def _ports(self) -> None:
        attach(self._console, ALONE, 2)
        # testpmd adds it to those that are to forward, and these it does not let go.
        for text in ("stop", "set portlist 0,1", "start"):
            self._console.do(text)
        self._sample(rest=False)
        assert "Done" in self._console.do("port stop 2")
        assert "Device is detached" in self._console.do("port detach 2")
        self.done["ports"] += 1

    def _secondary(self) -> None:
        output = proc_info(self.guest, PAIR, "require")
        assert len(re.findall(r"port \d+ +#+\s+RX-packets:\s*[1-9]", output)) == 2, output
        self.done["secondaries"] += 1

    def _killed(self) -> None:
        allow = [word for device in PAIR for word in ("-a", device)]
        victim = self.guest.start(command(
            [built("victim"), "-l", "0", "--proc-type=secondary", *allow], "require"))
        victim.expect("ready")
        victim.kill()
        self.done["killed"] += 1

    def _sample(self, rest: bool) -> None:
        if self._pump.error:
            raise self._pump.error
        start = len(self._watcher.stdout)
        self._watcher.write("\n")
        held: dict[str, int] = json.loads(self._watcher.expect("(.*)\n", start=start).group(1))
        assert (held.pop("misplaced"), held.pop("refused")) == (0, 0)
        self.done["telemetry"] = held.pop("polls")
        report = self._pump.report
        self.samples.append(Sample(seconds=round(time.monotonic() - self._started, 1), rest=rest,
                                   frames=report.received, wrong=len(report.wrong), **held))
