# SPDX-License-Identifier: BSD-3-Clause
"""Errors, progress lines and subprocesses, as every other module here uses them."""

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

CHECKOUT = Path(__file__).resolve().parents[2]


class VmError(Exception):
    """Something the user should read: what failed, why, and what can be done about it."""


def progress(text: str) -> None:
    """Tell a person what takes time. On stderr, since stdout belongs to results."""
    print(f"vm: {text}", file=sys.stderr, flush=True)


def output_file(text: str) -> Path:
    """The type of an argument: a file that is opened before what it is for takes hours."""
    try:
        Path(text).open("a", encoding="utf-8").close()
    except OSError as err:
        raise argparse.ArgumentTypeError(str(err)) from err
    return Path(text)


def tail(path: Path, lines: int = 30) -> str:
    """The last lines of a log that may hold anything, or not exist."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        return f"(no log: {err.strerror})"
    return "\n".join(text.splitlines()[-lines:])


def run(argv: Sequence[str | Path], log: Path | None = None, what: str = "",
        cwd: Path | None = None) -> str:
    """Run a program to its end and return its output, unless that goes to a log."""
    name = what or str(argv[0])
    with contextlib.ExitStack() as stack:
        out: int | IO[bytes] = stack.enter_context(log.open("ab")) if log else subprocess.PIPE
        try:
            done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT if log else subprocess.PIPE,
                                  text=True, errors="replace", cwd=cwd, check=False)
        except FileNotFoundError as err:
            raise VmError(f"{name}: {err.filename} is not installed") from err
    if done.returncode:
        end = tail(log) if log else "\n".join(done.stderr.splitlines()[-30:])
        whole = f"\nThe whole log: {log}" if log else ""
        raise VmError(f"{name} failed (exit status {done.returncode}):\n{end}{whole}")
    return done.stdout or ""


# Which Debian package brings each program that this tool starts.
PACKAGES = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "aarch64-linux-gnu-strip": "binutils-aarch64-linux-gnu",
    "apt-get": "apt", "cc": "gcc", "cp": "coreutils", "depmod": "kmod", "dpkg-deb": "dpkg",
    "busybox": "busybox-static", "mmdebstrap": "mmdebstrap", "modinfo": "kmod",
    "qemu-system-aarch64": "qemu-system-arm", "qemu-system-x86_64": "qemu-system-x86",
    "strip": "binutils", "tar": "tar", "unshare": "util-linux", "xz": "xz-utils",
}


def need(*programs: str) -> None:
    """Say up front, and all at once, which programs are missing and how to get them."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [p for p in programs if not shutil.which(p, path=path)]
    if missing:
        packages = " ".join(sorted({PACKAGES[p] for p in missing}))
        raise VmError(f"not installed: {', '.join(missing)}\n"
                      f"Install with: apt-get install --no-install-recommends {packages}")


def need_root(why: str) -> None:
    """mmdebstrap, mounts and chroot want root; half-working without it helps nobody."""
    if os.geteuid() != 0:
        raise VmError(f"{why} needs root: run this as root")


def digest_files(*paths: Path) -> str:
    """Identifies a recipe by its content, so that editing it makes a new cache entry."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()
