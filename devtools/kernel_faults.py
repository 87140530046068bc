# SPDX-License-Identifier: BSD-3-Clause
"""The starts of devtools/kernel-faults, which prepares and starts it, and the table about them."""

import itertools
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "app/test/vm"))

from helpers import kernel_faults
from helpers.kernel_faults import EVERY, MACHINE, Start
from testvm.qemu import Guest
from testvm.util import VmError, progress

MOST_WRONG = 20


class Machine:
    """A guest, and a new one if it broke down."""

    def __init__(self) -> None:
        self._guest: Guest | None = None

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        if self._guest:
            self._guest.close()

    def guest(self) -> Guest:
        """One that runs."""
        if self._guest is None or not self._guest.alive:
            self.__exit__()
            self._guest = Guest(**MACHINE)
            self._guest.boot()
            self._guest.patience = 10.0
            kernel_faults.prepare(self._guest)
        return self._guest


def outcome(start: Start) -> str:
    """In a word."""
    if start.worked:
        return "works"
    return "error of ours" if start.failed and start.failed.is_ours else "error of DPDK's"


def report(front: str, number: int, problems: list[str], output: str = "") -> int:
    """Print what is wrong with a start; how much it is."""
    for problem in problems:
        print(f"{front}, allocation {number}: {problem}", flush=True)
    if problems and output:
        lines = kernel_faults.ANY.findall(output) or output.splitlines()
        print("\n".join(f"    {line}" for line in lines[-25:]), flush=True)
    return len(problems)


def sweep(machine: Machine, front: str, step: int) -> int:
    """A start for each allocation, or each so many; how much went wrong."""
    counted = kernel_faults.run(machine.guest(), front, EVERY)
    progress(f"{front}: a start makes {len(counted.calls)} calls that allocate, with "
             f"{counted.allocations} allocations")
    wrong = report(front, EVERY, kernel_faults.wrong_with(counted), counted.output)
    if counted.allocations == 0:
        return wrong + report(front, EVERY, ["no call was seen that allocates"], counted.output)
    rows: Counter[tuple[str, str, str]] = Counter()
    for number in itertools.count(1, step):
        guest = machine.guest()
        try:
            start = kernel_faults.run(guest, front, number)
        except VmError as err:
            wrong += report(front, number, [f"no end that could be judged: {err}"])
            if wrong >= MOST_WRONG:
                break
            continue
        wrong += report(front, number, kernel_faults.wrong_with(start), start.output)
        if start.failed is None:
            # The kernel's caches are not always as full as they were when it counted.
            if number < counted.allocations * 4 // 5:
                wrong += report(front, number, [f"nothing failed, of {counted.allocations}"])
            break
        rows[start.failed.name, start.where, outcome(start)] += 1
        if rows.total() % 10 == 0:
            progress(f"{front}: {number} of about {counted.allocations}")
    show(front, counted.allocations, rows)
    return wrong


def show(front: str, counted: int, rows: Counter[tuple[str, str, str]]) -> None:
    """What failed where, and what came of it."""
    print(f"{front}: {rows.total()} starts, each with one allocation that failed; one without "
          f"had {counted}")
    for (call, where, result), count in sorted(rows.items()):
        print(f"  {call:<14} {where:<36} {result:<16} {count:4}")
    sys.stdout.flush()


def main() -> int:
    """Exit status: see kernel-faults --help."""
    fronts, step = sys.argv[1].split(","), int(sys.argv[2])
    begun = time.monotonic()
    try:
        with Machine() as machine:
            wrong = sum(sweep(machine, front, step) for front in fronts)
    except VmError as err:
        print(f"kernel-faults: {err}", file=sys.stderr)
        return 2
    progress(f"{time.monotonic() - begun:.0f} s")
    print("nothing was wrong" if wrong == 0 else f"FAILED: {wrong} things were wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
