# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-vfio-cdev doctor in a guest, and its report."""

import json
from collections.abc import Sequence
from typing import Any

from helpers.cli import CLI
from testvm.qemu import Guest

STATUS = {0: "PASS", 1: "WARN", 2: "FAIL"}


class Report:
    """What the doctor reports."""

    def __init__(self, guest: Guest, *args: str, wrapper: Sequence[str] = ()) -> None:
        done = guest.run([*wrapper, CLI, "doctor", "--json", *args])
        assert done.stderr == ""
        self.json: dict[str, Any] = json.loads(done.stdout)
        self.findings: list[dict[str, Any]] = self.json["findings"]
        self.verdict = STATUS[done.returncode]
        assert self.json["verdict"] == self.verdict
        verdicts = {finding["verdict"] for finding in self.findings}
        assert self.verdict == max(verdicts, key=list(STATUS.values()).index)

    def find(self, check: str, device: str | None = None) -> dict[str, Any]:
        """The first finding of a check, of a device if one is given."""
        return next(finding for finding in self.findings if finding["check"] == check
                    and (device is None or finding.get("device") == device))

    def bad(self) -> dict[str, str]:
        """All checks that did not pass, with their verdicts."""
        return {finding["check"]: finding["verdict"] for finding in self.findings
                if finding["verdict"] != "PASS"}

    def cure(self, check: str, device: str | None = None) -> str:
        """What to do about a finding."""
        return str(self.find(check, device)["cure"])
