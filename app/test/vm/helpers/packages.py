# SPDX-License-Identifier: BSD-3-Clause
"""The packages of devtools/package, and root file systems that they are installed in."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from helpers.documentation import QUICK_START, blocks
from testvm.util import CHECKOUT

DEVELOPMENT, MODULES = "librte-bus-vfio-cdev-dev", "dpdk-vfio-cdev-dkms"


def build(directory: Path) -> Path:
    """Build them all, as the quick start does, in a copy of the checkout; their directory."""
    tree = directory / "dpdk-vfio-cdev"
    shutil.copytree(CHECKOUT, tree, symlinks=True, ignore=lambda path, names: [
        name for name in names if path == str(CHECKOUT) and name.startswith((".", "build"))])
    for block in blocks(QUICK_START):
        if block.commands.startswith("devtools/"):
            block.execute(partial(subprocess.run, cwd=tree, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False))
    return tree / "build-packages"


def find(directory: Path, name: str) -> Path:
    """One of them."""
    return next(directory.glob(f"{name}_*.deb"))


def in_root(root: Path, argv: Sequence[str], directory: Path,
            check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run a program in a root file system, in /mnt, which is a directory of this machine.

    The mounts are of a namespace, and go with the program, which has no network.
    """
    script = ('mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && '
              'mount --bind "$2" "$1/mnt" && root=$1 && shift 2 && exec chroot "$root" '
              '/usr/bin/env -i --chdir=/mnt PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C '
              'DEBIAN_FRONTEND=noninteractive "$@"')
    done = subprocess.run(["unshare", "--mount", "--net", "--propagation", "private", "sh", "-ec",
                           script, "sh", root, directory, *argv], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@contextmanager
def copied(made: Path, root: Path) -> Iterator[Path]:
    """A root file system of the cache, to install into. It is removed in the end."""
    # What installs files replaces them, so that links do.
    if subprocess.run(["cp", "-al", made, root], check=False).returncode:
        subprocess.run(["cp", "-a", made, root], check=True)
    try:
        yield root
    finally:
        subprocess.run(["rm", "-rf", root], check=True)


def names_in(root: Path) -> set[str]:
    """All its files, but for what databases of packages and logs leave."""
    passed = [word for name in ("lib/apt", "lib/dpkg", "cache", "log")
              for word in ("-not", "-path", f"./var/{name}/*")]
    done = subprocess.run(["find", ".", "-xdev", *passed, "-printf", "%P\\n"], cwd=root,
                          capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())
