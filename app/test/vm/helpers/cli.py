# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-vfio-cdev in a guest."""

import subprocess

from testvm.qemu import Guest
from testvm.util import CHECKOUT

CLI = str(CHECKOUT / "build/app/dpdk-vfio-cdev")


def shell(guest: Guest, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in which $CLI is the program."""
    return guest.run(["bash", "-c", f"CLI={CLI}\n{script}"])
