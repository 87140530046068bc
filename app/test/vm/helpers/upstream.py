# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own unit tests (dpdk-test) with two devices set up: stock, and under each front."""

import dataclasses
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from helpers.faults import without
from helpers.guests import PLUGINS
from helpers.static_programs import FRONT
from testvm.qemu import CommandTimeout, Guest, GuestHangs
from testvm.testpmd import LIBRARY, command
from testvm.util import CHECKOUT

LIST = CHECKOUT / "devtools/upstream_tests.txt"
# The virtual devices that the tests make.
DRIVERS = (*PLUGINS, "compress_zlib", "crypto_null", "crypto_openssl", "event_dsw", "event_opdl",
           "net_af_packet", "net_memif", "net_tap")
# On an emulated machine two lcores spin over malloc's lock for minutes, with or without us; the
# test of mempool does not pass with fewer.
LCORES = {"malloc_autotest": "0"}
TIMEOUT = 60    # seconds, scaled; the tests of EAL options start the EAL dozens of times
PASSED, SKIPPED, FAILED, ABSENT, TIMED_OUT, UNUSED = (
    "passed", "skipped", "failed", "absent", "timed out", "without the library")
SKIPPED_STATUS = 77
# Every test leaves the machine as it was: children of it may live longer, and files as well.
CLEAN = ("pkill -KILL -x dpdk-test; rm -rf /dev/hugepages/*map_* /var/run/dpdk/*; "
         "rm -f /tmp/dpdk-test*")


@dataclass(frozen=True)
class Mode:
    """How dpdk-test is started."""
    title: str
    policy: str = "require"
    library: str = str(LIBRARY)
    wrapper: Sequence[str] = ()


STOCK = Mode("stock", policy="")
PRELOAD = Mode("preload")
UNPRIVILEGED = Mode("no-sys-admin", wrapper=tuple(without("sys_admin")))
# With "require" a secondary of this front needs a device that no other process uses.
LIBC = Mode("libc", policy="prefer", library=FRONT)


@dataclass(frozen=True)
class Outcome:
    """What became of a test."""
    verdict: str
    seconds: float
    output: str = dataclasses.field(repr=False)

    @property
    def passed(self) -> bool:
        """The only good one."""
        return self.verdict == PASSED


def fast_tests(release: str) -> list[str]:
    """Those of a release."""
    lines = [line.split() for line in LIST.read_text(encoding="utf-8").splitlines()]
    return [words[0] for words in lines if words[0] != "#" and release in words[1:]]


def verdict(mode: Mode, status: int, output: str) -> str:
    """By what upstream's own runner looks at, the exit status, and by what dpdk-test prints."""
    if "invalid test command" in output:
        return ABSENT
    # A library that had no devices would have shown nothing.
    if mode.policy and len(re.findall(r"VFIO_CDEV: .*: noiommu-vfio\d+, no-IOMMU", output)) < 2:
        return UNUSED
    if status == SKIPPED_STATUS or "Test Skipped" in output:
        return SKIPPED
    if status < 0:
        return f"signal {-status}"
    return PASSED if status == 0 and "Test OK" in output else FAILED


def run_upstream(guest: Guest, name: str, mode: Mode,
                 devices: Sequence[str] = ()) -> Outcome:
    """Run one test to its end, in a process of its own, with all devices or these.

    Some tests fail on stock if there is a list.
    """
    allow = [word for device in devices for word in ("-a", device)]
    program = ["env", f"DPDK_TEST={name}", "dpdk-test", "-l", LCORES.get(name, "0,1"), *allow,
               f"--file-prefix={name}"]
    started = time.monotonic()
    try:
        done = guest.run(command(program, mode.policy, mode.library, mode.wrapper), TIMEOUT)
        output = done.stdout + done.stderr
        found = verdict(mode, done.returncode, output)
    except GuestHangs:
        raise
    except CommandTimeout as late:
        found, output = TIMED_OUT, late.stdout + late.stderr
    seconds = time.monotonic() - started
    guest.run(["sh", "-c", CLEAN])
    return Outcome(found, seconds, output)
