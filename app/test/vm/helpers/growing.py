# SPDX-License-Identifier: BSD-3-Clause
"""grower.c inside a testpmd: memory that grows and shrinks beside the traffic."""

import re

from helpers.programs import built
from helpers.resources import CHANGE
from testvm.testpmd import LIBRARY, Testpmd

GROW = "/run/grow"
REFUSED, REPORT = "grower: refused", r"grower: (rounds=.*)\n"
WITH_GROWER = f"{LIBRARY}:{built('grower.so')}"
GROWER = ["env", f"GROW={GROW}"]


def begin(testpmd: Testpmd, sizes: str) -> int:
    """Blocks of so many MiB; where the output of testpmd is then."""
    start = len(testpmd.process.stdout)
    testpmd.guest.run(["sh", "-c", f"echo {sizes} >{GROW}"], check=True)
    return start


def unmapped(testpmd: Testpmd, start: int) -> int:
    """Pages given back since then."""
    return testpmd.process.stdout.count("VFIO_CDEV: unmapped", start)


def end(testpmd: Testpmd, start: int) -> tuple[dict[str, int], int, int]:
    """Let it stop; what the grower reports, and the pages mapped and unmapped."""
    stop(testpmd)
    return report(testpmd, start)


def stop(testpmd: Testpmd) -> None:
    """After the block that it has, for which packets must come."""
    testpmd.guest.run(["rm", GROW], check=True)


def report(testpmd: Testpmd, start: int) -> tuple[dict[str, int], int, int]:
    """What the grower reports, and the pages mapped and unmapped."""
    found = testpmd.process.expect(REPORT, start=start).group(1)
    changes = [change for change, _, _ in CHANGE.findall(testpmd.process.stdout[start:])]
    return ({name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", found)},
            changes.count("mapped"), changes.count("unmapped"))
