# SPDX-License-Identifier: BSD-3-Clause
"""The command line of devtools/bench; the script has installed and built what it needs."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence

from testvm.qemu import went_wrong
from testvm.util import VmError, output_file

from . import calls, devices, figures, forwarding, memory, plot, programs
from .machine import FULL, QUICK, Bench, Guests, emulated, say

Benchmark = Callable[[Bench], list[figures.Figure]]
BENCHMARKS: dict[str, Benchmark] = {
    "records": memory.records,
    "pages": memory.pages,
    "malloc": memory.malloc,
    "addresses": memory.addresses,
    "preload": programs.preloads,
    "preload-counted": programs.preloads_counted,
    "calls": calls.steady,
    "forward": forwarding.forwarding,
    "devices": devices.devices,
    "start": programs.starts,
}
NO_GUEST = ("records", "preload")
FAILED, UNTRIED = 1, 2


def title(name: str) -> str:
    """What a benchmark measures."""
    return (BENCHMARKS[name].__doc__ or "").partition("\n")[0]


EPILOG = """\
benchmarks:
{}

Each figure is the median of the ratios (or differences) of pairs, which take turns in one guest,
with its quartiles. The clock of a guest is of two kinds:

  instructions  of the guest, user and kernel, by QEMU's -icount: the same on any machine, however
                busy it is, but blind to caches and to what an instruction takes
  time          of the guest; an emulated CPU takes many times as long as a real one

Without --clock it is instructions where the CPU is emulated, else time.

A goal that the median has missed is marked with *, which is no error.

exit status: 0 if all was measured, 1 if something failed, 2 if it could not be tried
"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments."""
    lines = "\n".join(f"  {name:15}  {title(name)}" for name in BENCHMARKS)
    parser = argparse.ArgumentParser(
        prog="devtools/bench", epilog=EPILOG.format(lines),
        description="What the libraries cost, beside stock DPDK and bare ioctls.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME[,NAME]", help="some of the benchmarks")
    parser.add_argument("--fast", action="store_true", help=f"without a VM: {', '.join(NO_GUEST)}")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, less than 8 minutes")
    parser.add_argument("--clock", choices=("instructions", "time"), help="of the guests")
    parser.add_argument("--json", metavar="FILE", type=output_file,
                        help="write all figures and pairs")
    parser.add_argument("--plot", metavar="FILE.svg", type=output_file,
                        help="draw the ratios")
    args = parser.parse_args(argv)
    names = args.only.split(",") if args.only else NO_GUEST if args.fast else list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    args.names = names
    return args


def machine(counted: bool) -> dict[str, object]:
    """Where the figures are from."""
    return {"cpus": os.cpu_count(), "arch": platform.machine(), "load": os.getloadavg(),
            "emulated": emulated(), "clock": "instructions" if counted else "time",
            "date": time.strftime("%F %R")}


def measure(names: Sequence[str], bench: Bench, found: list[figures.Figure]) -> None:
    """All of these; printed as soon as they are there."""
    for name in names:
        started = time.monotonic()
        say(f"{name}: {title(name)}")
        more = BENCHMARKS[name](bench)
        say(f"{name} took {time.monotonic() - started:.0f} s")
        print("\n".join(map(figures.line, more)), flush=True)
        found += more


def save(args: argparse.Namespace, counted: bool, found: Sequence[figures.Figure]) -> None:
    """Write and draw."""
    if args.json:
        report = {"machine": machine(counted), "figures": [figure.json() for figure in found]}
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    if args.plot:
        what = "instructions" if counted else "time"
        args.plot.write_text(plot.svg(found, f"Ratios of {what}, ours to stock"))


def run(args: argparse.Namespace) -> int:
    """Measure; what is there is kept if something fails."""
    counted = args.clock == "instructions" if args.clock else emulated()
    guests = Guests()
    found: list[figures.Figure] = []
    print(figures.HEAD)
    try:
        measure(args.names, Bench(guests.make, QUICK if args.quick else FULL, counted), found)
    finally:
        guests.close()
        save(args, counted, found)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """devtools/bench."""
    try:
        return run(parse(argv))
    except VmError as err:
        print(f"bench: {err}", file=sys.stderr)
        return FAILED if went_wrong(err) else UNTRIED


if __name__ == "__main__":
    sys.exit(main())
