# SPDX-License-Identifier: BSD-3-Clause
"""A testpmd whose pages are moved, and traffic through it that is checked."""

import math
from collections.abc import Sequence
from typing import Any

from helpers.nodes import PAIR
from helpers.programs import built, python
from helpers.traffic import PATIENCE, Report, Traffic
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Testpmd

# Two nodes, and two NICs that have nothing in common but testpmd.
NUMA: dict[str, Any] = {"numa": 2, "hugepages": 96, "nics": ("virtio-net-pci", "e1000e"),
                        "wires": True}
COUNTS = "/tmp/moves"
MBUFS = 8192
FRAMES = MBUFS // 2
MEMORY = ["--socket-mem", "32,32"]
# Of small pages there are thousands: a line for each takes longer than the moves.
FEW_LINES = ["--log-level=lib.vfio_cdev:info"]
SMALL_PAGES = ["--no-numa", "--total-num-mbufs=2048"]
MODES: dict[str, tuple[list[str], list[str]]] = {
    "default": ([], []),
    "single-file-segments": (["--single-file-segments"], []),
    "legacy-mem": (["--legacy-mem"], []),
    "xmem": (FEW_LINES, ["--mp-alloc=xmem", *SMALL_PAGES]),
    "anon": (FEW_LINES, ["--mp-alloc=anon", *SMALL_PAGES]),
}



def start(guest: Guest, args: Sequence[str] = (), **options: Any) -> Testpmd:
    """testpmd without packets of its own."""
    return Testpmd(guest, PAIR, tx_first=False, args=["--mbcache=0", *args], **options)


def checked(guest: Guest, frames: int = FRAMES, patience: float = PATIENCE,
            late: float = math.inf) -> Report:
    """What became of so many frames."""
    traffic = Traffic(guest.wires, late)
    traffic.flow(frames, patience)
    return traffic.end(patience)


def assert_right(report: Report, at_least: int = 1000) -> None:
    """Nothing was lost or changed."""
    assert not report.wrong, report
    assert report.lost == 0 and report.received >= at_least, report


class Migration:
    """migrate.py beside a testpmd, from its first page to counts()."""

    def __init__(self, testpmd: Testpmd) -> None:
        self._process = testpmd.guest.start(python("migrate.py", testpmd.pid))

    def begun(self) -> "Migration":
        """Wait until a move of each page was tried."""
        self._process.expect(r"\.")
        return self

    def counts(self) -> tuple[int, int]:
        """Moves tried and made."""
        self._process.close_stdin()
        assert self._process.wait(30) == 0, self._process.stderr
        tried, moved = self._process.stdout.split()[-2:]
        return int(tried), int(moved)


class Moves:
    """What mover.c tried and made at each moment."""

    def __init__(self, guest: Guest) -> None:
        lines = guest.run(["cat", COUNTS], check=True).stdout.splitlines()
        self.lines = [(name, int(tried), int(made)) for name, tried, made in map(str.split, lines)]

    def total(self, when: str) -> tuple[int, int]:
        """Tried and made before, or inside."""
        picked = [line[1:] for line in self.lines if line[0].startswith(f"{when}-")]
        return sum(tried for tried, _ in picked), sum(made for _, made in picked)


def start_with_moves(guest: Guest, *env: str, **options: Any) -> Testpmd:
    """testpmd with a page moved at each moment that there is."""
    guest.run(["rm", "-f", COUNTS], check=True)
    return start(guest, library=f"{built('mover.so')}:{LIBRARY}",
                 wrapper=["env", f"MOVES={COUNTS}", *env], **options)
