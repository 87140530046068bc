# SPDX-License-Identifier: BSD-3-Clause
"""What is checked: the files of a checkout, and what a build directory knows of them."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PRODUCT = ("lib/", "drivers/", "app/")
TESTS = "app/test/"


class CheckError(Exception):
    """A rule that cannot be checked: what is missing, and how to get it."""


def progress(text: str) -> None:
    """Report what takes longer than two seconds."""
    print(f"check: {text}", file=sys.stderr, flush=True)


def run(argv: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; whether it succeeded is the caller's affair."""
    try:
        return subprocess.run([str(word) for word in argv], cwd=cwd, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as err:
        raise CheckError(f"{argv[0]} is not installed: apt-get install {argv[0]}") from err


def is_product(name: str) -> bool:
    """Whether a source belongs to what is shipped, not to its tests."""
    return name.startswith(PRODUCT) and not name.startswith(TESTS)


@dataclass(frozen=True)
class Tree:
    """A checkout, and the build directory made of it."""

    top: Path
    build: Path
    need_all: bool = False

    @functools.cached_property
    def names(self) -> list[str]:
        """What git tracks, and new files that it does not ignore."""
        listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], self.top)
        if listed.returncode != 0:
            raise CheckError(f"git ls-files: {listed.stderr.strip()}")
        return sorted(name for name in set(listed.stdout.split("\n"))
                      if name and (self.top / name).is_file())

    def ending(self, *ends: str) -> list[str]:
        """The files whose names end so."""
        return [name for name in self.names if name.endswith(ends)]

    def text(self, name: str) -> str:
        """A file's content; an encoding error is a UnicodeDecodeError."""
        return (self.top / name).read_text(encoding="utf-8")

    def built(self, name: str) -> Path:
        """A file of the build directory, which must be there."""
        path = self.build / name
        if not path.exists():
            raise CheckError(f"{path} is missing: build first (. devtools/common.sh; build build),"
                             " or name another build directory with --build")
        return path

    @functools.cached_property
    def objects(self) -> dict[Path, str]:
        """The objects made of product sources that are still there, and their sources."""
        found = {}
        for entry in json.loads(self.built("compile_commands.json").read_text(encoding="utf-8")):
            source = os.path.relpath(Path(entry["directory"]) / entry["file"], self.top)
            if is_product(source) and (self.top / source).is_file():
                found[self._fresh(self.built(entry["output"]), source)] = source
        return found

    def _fresh(self, path: Path, source: str) -> Path:
        """An object that is not older than its source; ninja compares the same times."""
        if path.stat().st_mtime_ns < (self.top / source).stat().st_mtime_ns:
            raise CheckError(f"{path} is older than {source}: build again")
        return path

    def python(self) -> Iterator[str]:
        """Every Python file, the programs without an ending among them."""
        return (name for name in self.names
                if name.endswith(".py") or self._starts(name).endswith("python3"))

    def shell(self) -> Iterator[str]:
        """Every shell script."""
        return (name for name in self.names
                if name.endswith((".sh", ".bash")) or self._starts(name).endswith("sh"))

    def _starts(self, name: str) -> str:
        """What a program without an ending is started with."""
        if "." in name.rpartition("/")[2]:
            return ""
        with (self.top / name).open("rb") as file:
            first = file.readline(80).decode(errors="replace").strip()
        return first if first.startswith("#!") else ""
