# SPDX-License-Identifier: BSD-3-Clause
"""The packages of a suite, as devtools/package builds them in a clean root of it."""

import subprocess
from pathlib import Path

from testvm.util import CHECKOUT

LIBRARIES, TOOLS, MODULES = "librte-bus-vfio-cdev1", "dpdk-vfio-cdev", "dpdk-vfio-cdev-dkms"


def build_for(suite: str, directory: Path) -> Path:
    """Build them all; their directory."""
    done = subprocess.run([CHECKOUT / "devtools/package", "--suite", suite, directory],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return directory


def package(directory: Path, name: str) -> Path:
    """One of them."""
    return next(directory.glob(f"{name}_*.deb"))


def inside(directory: Path, *names: str) -> list[str]:
    """Where a root has them, when the directory is at /mnt."""
    return [f"/mnt/{package(directory, name).name}" for name in names]
