# SPDX-License-Identifier: BSD-3-Clause
"""The programs of app/test/vm/guest, as a guest starts them."""

import re
from pathlib import Path

from helpers.nodes import CONTAINER, DEVICE
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, command
from testvm.util import CHECKOUT

SOURCES = Path(__file__).parents[1] / "guest"
BUILT = CHECKOUT / "build/app/test/vm/guest"
EAL = ["-l", "0", "-n", "2", "-a", DEVICE, "--in-memory", "-m", "16"]


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


def start_eal(guest: Guest, program: str, policy: str = "prefer", preload: bool | str = False,
              child: str = "") -> tuple[set[str], str]:
    """Start the EAL in one of the programs; the nodes that it has open then, and its output."""
    words = [*(python(program) if program == "plugin.py" else [built(program)]), *EAL]
    env = [f"RTE_VFIO_CDEV={policy}", *([f"CHILD={child}"] if child else []),
           *([f"LD_PRELOAD={LIBRARY if preload is True else preload}"] if preload else [])]
    done = guest.run(["env", *env, *words])
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "eal: started" in output
    return set(re.findall(r"^node: (\S+)", output, re.M)) - {CONTAINER}, output
