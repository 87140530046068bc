# SPDX-License-Identifier: BSD-3-Clause
"""The machine is suspended (s2idle) with two ports up: afterwards frames go on, as with stock.

The guest's root and the way to its agent are virtio devices, which that disables for good: a shell
in RAM writes to the console what there is to know, testpmd locks its memory, and both end with the
guest. QEMU's power button wakes it.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from helpers.migration import assert_right, checked, start
from helpers.resources import pinned_kb
from helpers.waiting import eventually
from testvm.qemu import Guest

MACHINE: dict[str, Any] = {"hugepages": 64, "wires": True, "nics": ("virtio-net-pci", "e1000e"),
                           "append": "ignore_loglevel no_console_suspend pm_debug_messages"}
FRAMES = 200
PREPARE = "modprobe button && cp /bin/busybox /run"
SCRIPT = """
b=/run/busybox
echo freeze >/sys/power/state
status=$?
exec >/dev/ttyS0 2>&1
echo "resumed: $status $($b cat /sys/power/suspend_stats/success)"
echo "kB: $($b awk '/^VmPin:/ { print $2 }' /proc/$1/status)"
echo goes on
"""


def await_console(guest: Guest, text: str) -> str:
    """The console, once this is on it."""
    def console() -> str:
        return guest.console.read_text(encoding="utf-8", errors="replace").replace("\r", "")
    assert eventually(guest, lambda: text in console(), 60), console()[-3000:]
    return console()


@pytest.mark.parametrize("policy", ["prefer", "off"])
def test_ports_work_after_the_machine_was_suspended(guest: Callable[..., Guest],
                                                    policy: str) -> None:
    with closing(guest(**MACHINE)) as machine:
        machine.run(["sh", "-ec", PREPARE], check=True)
        testpmd = start(machine, eal=["-m", "32"], policy=policy).ready()
        pinned = pinned_kb(testpmd)
        assert_right(checked(machine, FRAMES), at_least=FRAMES)
        machine.start(["/run/busybox", "sh", "-c", SCRIPT, "sh", testpmd.pid], cwd="/run")
        await_console(machine, "PM: suspend-to-idle")
        machine.monitor.execute("system_powerdown")
        output = await_console(machine, "goes on\n")
        assert "resumed: 0 1\n" in output
        assert (pinned > 0) == (policy == "prefer") and f"kB: {pinned}\n" in output
        assert_right(checked(machine, FRAMES), at_least=FRAMES)
