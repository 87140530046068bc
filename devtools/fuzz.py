# SPDX-License-Identifier: BSD-3-Clause
"""Runs the fuzz targets that devtools/fuzz has built; see its --help."""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[1]
FUZZ = TOP / "app/test/fuzz"
# Inputs of a target that are kept, and how long one is. They are run in each build.
MOST, LONGEST = 80, 2048
# A hang: an input takes milliseconds.
HANG_S = 120
USAGE = "devtools/fuzz [--seconds N | --hours N | --keep] [TARGET...]"


class FuzzError(Exception):
    """What the user should read."""


class Target(NamedTuple):
    """A program of libFuzzer, its two corpora and its findings."""
    name: str
    program: Path
    build: Path

    @property
    def kept(self) -> Path:
        """Its inputs in the tree."""
        return FUZZ / "corpus" / self.name

    @property
    def made(self) -> Path:
        """Its inputs of all runs in this build."""
        return self.build / "corpus" / self.name

    def options(self) -> list[str]:
        """Of each run. The program's own output is lost, since it slows it down."""
        words = FUZZ / f"{self.name}.dict"
        return [f"-max_len={LONGEST}", f"-timeout={HANG_S}", "-rss_limit_mb=4096",
                "-close_fd_mask=3", f"-artifact_prefix={self.build}/found/{self.name}-",
                *([f"-dict={words}"] if words.exists() else [])]


def progress(text: str) -> None:
    """Tell a person what takes time."""
    print(f"fuzz: {text}", file=sys.stderr, flush=True)


def targets(build: Path, names: list[str]) -> list[Target]:
    """Those that are named, or all."""
    folder = build / "app/test/fuzz"
    there = {path.name.removeprefix("fuzz_"): path for path in sorted(folder.glob("fuzz_*"))
             if path.is_file() and os.access(path, os.X_OK)
             and not path.name.startswith("fuzz_replay_")}
    for name in names:
        if name not in there:
            raise FuzzError(f"there is no target {name}, only {', '.join(there)}")
    return [Target(name, there[name], build) for name in names or there]


def run(argv: list[str], log: Path) -> int:
    """Run a program with its output in a file; its exit status."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    # libFuzzer ends without what atexit() has.
    with log.open("w", encoding="utf-8") as out, tempfile.TemporaryDirectory(dir=memory) as files:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                              env=os.environ | {"TMPDIR": files}, check=False).returncode


def finding(log: str) -> Path | None:
    """The input that libFuzzer has written."""
    found = re.search(r"Test unit written to (\S+)", log)
    return Path(found[1]) if found else None


def fuzz(target: Target, seconds: int) -> int:
    """Run a target. 0: nothing was found; 1: something was; 2: it could not be run."""
    target.made.mkdir(parents=True, exist_ok=True)
    path = target.build / f"fuzz-{target.name}.log"
    status = run([str(target.program), *target.options(), f"-max_total_time={seconds}",
                  "-print_final_stats=1", str(target.made), str(target.kept)], path)
    log = path.read_text(encoding="utf-8", errors="replace")
    runs = re.findall(r"stat::number_of_executed_units: (\d+)", log)
    rate = re.findall(r"stat::average_exec_per_sec: +(\d+)", log)
    reached = re.findall(r"cov: (\d+) ft: (\d+)", log)
    if status == 0 and runs and reached:
        progress(f"{target.name}: {int(runs[-1]):,} inputs, {int(rate[-1]):,} a second, "
                 f"{int(reached[-1][0]):,} branches, {int(reached[-1][1]):,} features: "
                 "nothing found")
        return 0
    unit = finding(log)
    if unit is None:
        progress(f"{target.name} ended with status {status}: {log[-2000:]}")
        return 2
    replay = [str(target.program), str(unit)]
    shown = subprocess.run(replay, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           errors="replace", check=False)
    print(f"{target.name}: found {unit}\n{shown.stderr[-6000:]}\nreplay it: {shlex.join(replay)}",
          flush=True)
    return 1


def features(control: Path) -> Iterator[tuple[Path, frozenset[int]]]:
    """The inputs of a merge, with the features that each one reaches (FuzzerMerge.cpp)."""
    lines = control.read_text(encoding="utf-8", errors="replace").splitlines()
    count = int(lines[0])
    reached: dict[int, set[int]] = {}
    for line in lines[2 + count:]:
        kind, *numbers = line.split()
        if kind == "FT":
            reached.setdefault(int(numbers[0]), set()).update(map(int, numbers[1:]))
    for number, found in reached.items():
        yield Path(lines[2 + number]), frozenset(found)


def keep(target: Target) -> None:
    """Replace what is kept by the inputs that reach most, each of them what no other does."""
    with tempfile.TemporaryDirectory() as scratch:
        control = Path(scratch, "control")
        merged = Path(scratch, "merged")
        merged.mkdir()
        log = target.build / f"fuzz-{target.name}.log"
        folders = [str(folder) for folder in (target.kept, target.made) if folder.is_dir()]
        if run([str(target.program), *target.options(), "-merge=1",
                f"-merge_control_file={control}", str(merged), *folders], log) != 0:
            raise FuzzError(f"cannot merge {target.name}: see {log}")
        rest = dict(features(control))
        named = [path for path in rest if path.parent == target.kept
                 and not re.fullmatch(r"reached-\d+", path.name)]
        chosen: list[Path] = []
        seen: set[int] = set()
        while rest and len(chosen) < MOST:
            best = named.pop() if named else max(rest, key=lambda path: len(rest[path] - seen))
            if not rest[best] - seen and best.parent != target.kept:
                break
            chosen.append(best)
            seen |= rest.pop(best)
        write(target, chosen)
    progress(f"{target.name}: kept {len(chosen)} inputs with {len(seen):,} features")


def write(target: Target, chosen: list[Path]) -> None:
    """Those that have a name of their own keep it."""
    contents = [(path.name if path.parent == target.kept and not path.name.startswith("reached-")
                 else "", path.read_bytes()) for path in chosen]
    target.kept.mkdir(parents=True, exist_ok=True)
    for path in target.kept.iterdir():
        path.unlink()
    for number, (name, content) in enumerate(contents):
        (target.kept / (name or f"reached-{number:02}")).write_bytes(content)


def arguments() -> argparse.Namespace:
    """The command line, without the build directory that devtools/fuzz gives."""
    parser = argparse.ArgumentParser(prog="devtools/fuzz", usage=USAGE, add_help=False)
    parser.add_argument("build", type=Path)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--seconds", type=int, default=20)
    how.add_argument("--hours", type=float)
    how.add_argument("--keep", action="store_true")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    return parser.parse_intermixed_args()


def main() -> int:
    """Run or keep; the exit status."""
    args = arguments()
    chosen = targets(args.build.resolve(), args.targets)
    (args.build / "found").mkdir(exist_ok=True)
    if args.keep:
        for target in chosen:
            keep(target)
        return 0
    seconds = int(args.hours * 3600) if args.hours else args.seconds
    if seconds < 1:
        raise FuzzError("a run takes a second at least")
    cores = len(os.sched_getaffinity(0))
    progress(f"{len(chosen)} targets, {seconds} s each, {cores} at a time: "
             f"{-(-len(chosen) // cores) * seconds} s")
    with ThreadPoolExecutor(cores) as pool:
        done = list(pool.map(lambda target: fuzz(target, seconds), chosen))
    return 1 if 1 in done else max(done)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FuzzError as error:
        progress(str(error))
        sys.exit(2)
