# SPDX-License-Identifier: BSD-3-Clause
"""SIGKILL at random moments between exec and exit leaves nothing, and the next start works.

VM_KILLS is how many (devtools/kill-often), VM_SEED gives the moments of an earlier run again.
"""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable

import pytest

from helpers.migration import MEMORY, NUMA, assert_right, checked, start
from helpers.remains import assert_nothing_is_left, look
from helpers.static_programs import FRONT
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Testpmd
from testvm.util import progress

pytestmark = pytest.mark.xdist_group("faults")

KILLS = int(os.environ.get("VM_KILLS", "12"))
SEED = int(os.environ.get("VM_SEED") or random.SystemRandom().randrange(1 << 32))
# A start that was refused, and signals that are not ours: SIGABRT, SIGBUS, SIGSEGV.
FAILED = (1, 134, 135, 139, -6, -7, -11)
# What testpmd has printed, in the order of its life; the last one counts.
STAGES = {"exec": r"pid \d+", "EAL": "EAL: ", "devices": r"VFIO_CDEV: \S+: noiommu-vfio",
          "ports": "Configuring Port", "forwarding": "Press enter to exit",
          "exit": "Stopping port|Shutting down port|Bye"}


@pytest.fixture
def machine(guest: Callable[..., Guest]) -> Guest:
    """Two nodes, and two NICs that have nothing in common but testpmd."""
    return guest(**NUMA)


def begin(guest: Guest, library: str) -> Testpmd:
    """One that ends by itself as soon as it forwards."""
    testpmd = start(guest, eal=MEMORY, library=library)
    testpmd.process.write(testpmd.END)
    return testpmd


def stage(output: str) -> str:
    """How far it came."""
    return [name for name, pattern in STAGES.items() if re.search(pattern, output)][-1]


def killed(guest: Guest, library: str, printed: int, seconds: float) -> str:
    """Start one, kill it so much later than it has printed that much; how far it came.

    It may have been faster: "" then.
    """
    testpmd = begin(guest, library)
    process, pid = testpmd.process, testpmd.pid
    guest.wait_for(lambda: len(process.stdout) >= printed or process.returncode is not None, 60)
    time.sleep(seconds)
    guest.run(["sh", "-c", f"kill -KILL {pid} 2>/dev/null"])
    status = process.wait()
    assert status not in FAILED, process.stdout
    return "" if status == 0 else stage(process.stdout)


def assert_works(guest: Guest, library: str) -> None:
    """Every frame comes back."""
    with start(guest, eal=MEMORY, library=library) as testpmd:
        testpmd.ready()
        assert_right(checked(guest, 200), at_least=200)
        assert testpmd.stop().status == 0


@pytest.mark.parametrize("front,kills", [("eal", KILLS - KILLS // 3), ("compat", KILLS // 3)])
def test_killed_at_any_moment_leaves_nothing(machine: Guest, front: str, kills: int) -> None:
    library = {"eal": str(LIBRARY), "compat": FRONT}[front]
    progress(f"seed {SEED}")
    moments, before = random.Random(f"{SEED} {front}"), look(machine)
    with begin(machine, library) as testpmd:
        whole = testpmd.wait()
    assert whole.status == 0
    stages: Counter[str] = Counter()
    while stages.total() - stages[""] < kills:
        stages[killed(machine, library, moments.randrange(len(whole.output)),
                      moments.uniform(0, 0.2))] += 1
        assert_nothing_is_left(machine, before)
        assert stages[""] <= 3 * kills
        if stages.total() % 10 == 0:
            progress(f"{front}: {stages.total()} starts, to be killed {kills} times")
    progress(f"{front}: killed at {dict(stages)}")
    assert_works(machine, library)
