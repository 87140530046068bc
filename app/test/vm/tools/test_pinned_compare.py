# SPDX-License-Identifier: BSD-3-Clause
"""Why `dpdk-test-vfio-cdev --compare` detaches the ports of stock DPDK before it moves pages.

What they have left is taken by another program, and frames come in then: is it written to?
"""

import time
from collections.abc import Callable

import pytest

from helpers.nodes import PAIR
from helpers.programs import python
from testvm.qemu import Guest
from testvm.testpmd import Console

FRAMES, SECONDS = 400, 5
FRAME = bytes.fromhex("ffffffffffff 02000000000a 88b5") + b"\x5a" * 1000


def inject(guest: Guest) -> None:
    """Until the devices have no more buffers, if not all of them."""
    until = time.monotonic() + SECONDS
    for _ in range(FRAMES):
        while not guest.wires[0].send(FRAME) and time.monotonic() < until:
            time.sleep(0.01)
    time.sleep(1)


@pytest.mark.parametrize(("commands", "harmed"), [
    (["port stop all"], True),
    (["port stop all", "port detach 0", "port detach 1"], False),
])
def test_device_writes_to_pages_that_have_moved(guest: Callable[..., Guest], commands: list[str],
                                                harmed: bool) -> None:
    numa = guest(numa=2, hugepages=96, wires=True)
    with Console(numa, PAIR, policy="off", eal=["--socket-mem", "64,0"]) as testpmd:
        testpmd.ready()
        for command in commands:
            testpmd.do(command)
        grabber = numa.start(python("grabber.py", testpmd.pid, 1))
        assert int(grabber.expect(r"moved (\d+)")[1]) > 0
        assert int(grabber.expect(r"taken (\d+)")[1]) > 0
        inject(numa)
        grabber.close_stdin()
        changed = int(grabber.expect(r"changed (\d+)")[1])
        assert grabber.wait(60) == 0, grabber.stderr
    assert (changed > 0) == harmed
