# SPDX-License-Identifier: BSD-3-Clause
"""The programs of app/test/vm/guest, as a guest starts them."""

from pathlib import Path

from testvm.qemu import Guest
from testvm.testpmd import command
from testvm.util import CHECKOUT

from helpers.nodes import DEVICE

SOURCES = Path(__file__).parents[1] / "guest"
BUILT = CHECKOUT / "build/app/test/vm/guest"


def built(name: str) -> str:
    """The path of one in C."""
    return str(BUILT / name)


def python(name: str, *args: object) -> list[str]:
    """The command line of one in Python."""
    return ["/usr/bin/python3", str(SOURCES / name), *map(str, args)]


def setup_device(guest: Guest, policy: str, address: str = DEVICE) -> tuple[int, str]:
    """Call rte_vfio_setup_device() alone; what it returned and what was logged."""
    done = guest.run(command(python("setup_device.py", address), policy), check=True)
    return int(done.stdout), done.stderr


def proc_info(guest: Guest, devices: list[str], policy: str = "prefer") -> str:
    """The output of dpdk-proc-info, a secondary process that reads the ports' registers."""
    allow = [word for device in devices for word in ("-a", device)]
    done = guest.run(command(["dpdk-proc-info", *allow, "--", "--stats"], policy))
    return done.stdout + done.stderr
