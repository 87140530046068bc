# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-test-vfio-cdev in a guest, and its reports."""

import json
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from testvm.qemu import Guest, Process
from testvm.util import CHECKOUT

TOOL = str(CHECKOUT / "build/app/dpdk-test-vfio-cdev")
QUICK = ("--duration=1", "--restarts=2")
JSON, JUNIT = "/tmp/report.json", "/tmp/report.xml"


@dataclass
class Validation:
    """What a run left."""
    status: int
    stdout: str
    stderr: str
    report: dict[str, Any]

    def __getitem__(self, phase: str) -> dict[str, Any]:
        """A phase of the report."""
        return self.phases[phase]

    @property
    def phases(self) -> dict[str, dict[str, Any]]:
        """Of the report, by their names."""
        return {phase["phase"]: phase for phase in self.report["phases"]}

    @property
    def verdicts(self) -> dict[str, str]:
        """Of all phases."""
        return {name: phase["verdict"] for name, phase in self.phases.items()}

    @property
    def output(self) -> str:
        """All that was printed."""
        return self.stdout + self.stderr


def options(*args: str) -> list[str]:
    """The command line of a short run with reports."""
    return [TOOL, *QUICK, f"--json={JSON}", f"--junit={JUNIT}", *args]


def finished(guest: Guest, process: Process, timeout: float = 300) -> Validation:
    """Wait for its end; both reports can be read, and agree."""
    status = process.wait(timeout)
    report = json.loads(guest.run(["cat", JSON], check=True).stdout)
    assert report["status"] == status
    suite = ElementTree.fromstring(guest.run(["cat", JUNIT], check=True).stdout)
    assert [case.get("name") for case in suite] == [one["phase"] for one in report["phases"]]
    return Validation(status, process.stdout, process.stderr, report)


def validate(guest: Guest, *args: str) -> Validation:
    """One run."""
    return finished(guest, guest.start(options(*args)))


def script(guest: Guest, text: str, interpreter: str = "/bin/sh") -> str:
    """--testpmd with a program of our own."""
    path = "/tmp/own-testpmd"
    guest.run(["sh", "-c", f"cat >{path} <<'END'\n#!{interpreter}\n{text}\nEND\nchmod 755 {path}"],
              check=True)
    return f"--testpmd={path}"
