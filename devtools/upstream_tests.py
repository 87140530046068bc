# SPDX-License-Identifier: BSD-3-Clause
"""The table of devtools/upstream-tests, which prepares and starts it."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app/test/vm"))

from helpers.guests import USUAL_BOOT
from helpers.upstream import (
    ABSENT,
    DRIVERS,
    LIBC,
    PRELOAD,
    STOCK,
    UNPRIVILEGED,
    Mode,
    Outcome,
    fast_tests,
    run_upstream,
)
from testvm.qemu import Guest, GuestError
from testvm.root import host_release
from testvm.util import VmError, output_file, progress

RELEASES = ("22.11", "24.11", "25.11")
TRIES = 4               # of each side, where they differ first
CLEAR = 2               # by how many of these a difference is one
LINES = 25              # of the output of a test that did not pass, for --json
HUGEPAGES = 1024    # table_autotest needs more than half of them
EPILOG = """\
Each test runs in a process of its own, in a VM, with two devices set up: as it is (stock), with
the backend preloaded, and with that and without CAP_SYS_ADMIN. Where stock does not pass there is
nothing to compare. Where a test passes on stock and not with the library both are tried three
more times, in turns: the counts are printed, and it is a difference if the library's is lower by
two or more.

exit status: 0 if all tests that pass on stock pass with the library, 1 if not, 2 if it could not
be tried
"""


class Test:
    """One test's outcomes in each mode, in the order of the tries."""

    def __init__(self, name: str, modes: Sequence[Mode]) -> None:
        self.name = name
        self.modes = modes
        self.tries: dict[str, list[Outcome]] = {mode.title: [] for mode in (STOCK, *modes)}

    def passes(self, mode: Mode) -> int:
        """How often it did."""
        return sum(outcome.passed for outcome in self.tries[mode.title])

    def count(self, mode: Mode) -> str:
        """The same, of how many."""
        return f"{self.passes(mode)} of {len(self.tries[mode.title])}"

    def run(self, machine: "Machine") -> None:
        """In all modes; again where it helps."""
        stock = self._once(machine, STOCK)
        if not stock.passed and stock.verdict == "failed":
            stock = self._once(machine, STOCK)
        if not stock.passed:
            return
        for mode in self.modes:
            if not self._once(machine, mode).passed:
                self._again(machine, mode)

    def _once(self, machine: "Machine", mode: Mode) -> Outcome:
        outcome = machine.run(self.name, mode)
        self.tries[mode.title].append(outcome)
        return outcome

    def _again(self, machine: "Machine", mode: Mode) -> None:
        while len(self.tries[mode.title]) < TRIES:
            self._once(machine, STOCK)
            self._once(machine, mode)

    def differs(self, mode: Mode) -> bool:
        """Whether it passes on stock, and not in this mode."""
        tries = self.tries[mode.title]
        missed = len(tries) - self.passes(mode)
        stock = self.tries[STOCK.title]
        return bool(tries) and missed - (len(stock) - self.passes(STOCK)) >= CLEAR

    def row(self) -> list[str]:
        """Of the table."""
        cells, seconds = [], []
        for tries in self.tries.values():
            cells.append((tries[-1].verdict if tries[0].passed == tries[-1].passed or
                          len(tries) == 1 else "unsteady") if tries else "-")
            seconds.append(f"{tries[0].seconds:.1f}" if tries else "-")
        return [self.name, *cells, *seconds]

    def saved(self) -> dict[str, Any]:
        """For --json."""
        return {title: [{"verdict": outcome.verdict, "seconds": round(outcome.seconds, 2)} |
                        ({} if outcome.passed else
                         {"output": outcome.output.splitlines()[-LINES:]})
                        for outcome in tries] for title, tries in self.tries.items()}


class Machine:
    """A guest with a release, which is booted again if a test has hung it."""

    def __init__(self, release: str) -> None:
        self._dpdk = "host" if release == host_release() else release
        self._guest: Guest | None = None

    def guest(self) -> Guest:
        """One that is running."""
        if self._guest is None:
            self._guest = Guest(dpdk=self._dpdk, hugepages=HUGEPAGES, plugins=DRIVERS)
            self._guest.boot()
            # A test that spins ends here: a time-out is no hang, and need not be as patient.
            self._guest.patience = max(1.0, self._guest.boot_seconds / USUAL_BOOT)
        return self._guest

    def run(self, name: str, mode: Mode) -> Outcome:
        """A test; one that ends the guest has failed."""
        guest = self.guest()
        try:
            return run_upstream(guest, name, mode)
        except GuestError as err:
            self.close()
            return Outcome("guest ended", 0.0, str(err))

    def close(self) -> None:
        """End the guest."""
        if self._guest:
            self._guest.close()
            self._guest = None


def table(rows: list[list[str]]) -> str:
    """Columns as wide as they need to be."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in
                               zip(row, widths, strict=True)).rstrip() for row in rows)


def summary(release: str, tests: Sequence[Test], modes: Sequence[Mode]) -> Iterator[str]:
    """What counts, in sentences."""
    first = Counter(test.tries[STOCK.title][-1].verdict for test in tests)
    yield f"DPDK {release}: {len(tests)} fast tests; on stock " + ", ".join(
        f"{count} {verdict}" for verdict, count in first.most_common())
    for mode in modes:
        ran = [test for test in tests if test.tries[mode.title]]
        same = [test for test in ran if test.passes(mode) == len(test.tries[mode.title])]
        yield f"{mode.title}: {len(same)} of {len(ran)} passed"
        for test in ran:
            if test not in same:
                word = "differs" if test.differs(mode) else "is unsteady"
                yield f"  {test.name} {word}: passed {test.count(mode)} times, " \
                      f"stock {test.count(STOCK)}"


def run_release(release: str, modes: Sequence[Mode], wanted: Sequence[str],
                report: dict[str, Any], path: Path | None) -> list[Test]:
    """All tests of a release, or those that it has of the wanted ones."""
    names = [name for name in fast_tests(release) if not wanted or name in wanted]
    tests: list[Test] = []
    machine = Machine(release)
    try:
        for number, name in enumerate(names, 1):
            test = Test(name, modes)
            test.run(machine)
            tests.append(test)
            progress(f"{release} {number}/{len(names)}: " + " ".join(test.row()))
            report.setdefault(release, {})[name] = test.saved()
            if path:
                path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    finally:
        machine.close()
    titles = [mode.title for mode in (STOCK, *modes)]
    shown = [test for test in tests if test.tries[STOCK.title][-1].verdict != ABSENT]
    print(table([["test", *titles, *(f"s {title}" for title in titles)],
                 *(test.row() for test in shown)]))
    print("\n".join(summary(release, tests, modes)), "\n", flush=True)
    return tests


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="devtools/upstream-tests", epilog=EPILOG,
        description="Compare DPDK's own fast unit tests, stock and with the library.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dpdk", action="append", choices=RELEASES,
                        help="a release, may be repeated (default: all of these)")
    parser.add_argument("--libc", action="store_true",
                        help="a fourth mode: libvfio_cdev_compat.so preloaded instead")
    parser.add_argument("--json", metavar="FILE", type=output_file,
                        help="all tries, with the end of the output of those that did not pass; "
                        "written after each test")
    parser.add_argument("tests", metavar="TEST", nargs="*", help="names (default: all)")
    args = parser.parse_args(argv)
    known = {name for release in RELEASES for name in fast_tests(release)}
    if unknown := set(args.tests) - known:
        parser.error(f"no fast test of DPDK: {', '.join(sorted(unknown))}")
    return args


def main() -> int:
    """Exit status: see EPILOG."""
    args = parse(sys.argv[1:])
    modes = [PRELOAD, UNPRIVILEGED, *([LIBC] if args.libc else [])]
    report: dict[str, Any] = {}
    tests: list[Test] = []
    try:
        for release in args.dpdk or RELEASES:
            tests += run_release(release, modes, args.tests, report, args.json)
    except VmError as err:
        print(f"upstream-tests: {err}", file=sys.stderr)
        return 2
    if not any(test.passes(STOCK) for test in tests):
        print("upstream-tests: no test passes on stock: nothing was compared", file=sys.stderr)
        return 2
    return int(any(test.differs(mode) for test in tests for mode in modes))


if __name__ == "__main__":
    sys.exit(main())
