# SPDX-License-Identifier: BSD-3-Clause
"""The long run of devtools/soak, which prepares and starts it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app/test/vm"))

from helpers.guests import PLUGINS, be_patient
from helpers.soak import FEWEST_ROUNDS, MACHINE, Soak
from helpers.soak_report import load, picture, save, table
from testvm.qemu import Guest, went_wrong
from testvm.testpmd import LIBRARY
from testvm.util import CHECKOUT, VmError, progress

EPILOG = """\
An unmodified dpdk-testpmd forwards frames that are checked byte by byte. Meanwhile blocks of
memory come and go, a port is attached and detached, secondary processes come and go and are
killed, all hugepages are asked to move to another NUMA node, and telemetry is polled. After
each round, when all has gone again, the process must have what it had.

exit status: 0 if no frame was wrong or lost and nothing has grown, 1 if not, 2 if it could not be
tried
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="devtools/soak", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run testpmd for long, and look for what it loses.")
    parser.add_argument("--minutes", type=float, default=60, help="default: 60")
    parser.add_argument("--library", metavar="FILE", type=Path, default=LIBRARY,
                        help="another build of the backend")
    parser.add_argument("--draw", metavar="SAMPLES.CSV", type=Path,
                        help="only print the picture of an earlier run")
    parser.add_argument("directory", metavar="DIRECTORY", nargs="?", type=Path,
                        default=CHECKOUT / "build/soak",
                        help="for samples.csv and soak.svg (default: build/soak)")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """The run, its files and its table."""
    args.directory.mkdir(parents=True, exist_ok=True)
    with Guest(plugins=PLUGINS, **MACHINE) as guest:
        be_patient(guest)
        soak = Soak(guest, str(args.library.resolve()), progress=progress)
        try:
            soak.run(args.minutes * 60, FEWEST_ROUNDS)
        finally:
            if soak.samples:
                save(soak.samples, args.directory / "samples.csv")
                (args.directory / "soak.svg").write_text(picture(soak.samples), encoding="utf-8")
    print(table(soak.samples))
    print(f"frames: {soak.report}")
    print("done: " + ", ".join(f"{name} {count:,}" for name, count in sorted(soak.done.items())))
    wrong = soak.problems()
    print("\n".join(f"FAILED: {line}" for line in wrong) or "nothing was lost, and nothing grew")
    return 1 if wrong else 0


def main() -> int:
    """Exit status: see EPILOG."""
    args = parse(sys.argv[1:])
    try:
        if args.draw:
            print(picture(load(args.draw)), end="")
            return 0
        return run(args)
    except (VmError, OSError, AssertionError) as err:
        found = isinstance(err, AssertionError) or went_wrong(err)
        print(f"FAILED: {err}" if found else f"soak: {err}", file=sys.stderr)
        return 1 if found else 2


if __name__ == "__main__":
    sys.exit(main())
