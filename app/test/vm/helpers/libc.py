# SPDX-License-Identifier: BSD-3-Clause
"""Programs under the front at the C library's boundary, and the frames of nic_e1000.c."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from helpers.programs import built
from helpers.static_programs import FRONT
from testvm.ether import Wire
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import command

# Two nodes, so that pages can move; a NIC of each model that nic_e1000.c knows, with a wire, and
# one that is idle. All tests of the folder share it.
MACHINE: dict[str, Any] = {"numa": 2, "hugepages": 96,
                           "nics": ("e1000e", "e1000", "virtio-net-pci"), "wires": True}
SHARED = pytest.mark.xdist_group("libc")
NIC = {"e1000e": nic_address(0), "e1000": nic_address(1)}
IDLE = nic_address(2)
FRAMES = 100    # a few more would be more than a wire takes while nobody reads
QUIET = 0.3     # seconds without a frame after which none is left
HEADER = bytes.fromhex("02000000000b 02000000000a 88b5")


def machine(guest: Callable[..., Guest]) -> Guest:
    """The guest of all tests here, without frames of another one."""
    shared = guest(**MACHINE)
    for wire in shared.wires:
        while wire.receive() is not None:
            pass
    return shared


def run(guest: Guest, program: Sequence[str], policy: str = "", wrapper: Sequence[str] = (),
        timeout: float = 60, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run one under the front; with policy "" without it."""
    return guest.run(command(program, policy, FRONT, wrapper), env=env, timeout=timeout)


def rows(output: str) -> dict[str, str]:
    """The lines of the programs, which are "name: value"."""
    return dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)


def frame(number: int) -> bytes:
    """What nic_e1000.c sends."""
    size = 60 + number * 37 % 1455
    body = HEADER + number.to_bytes(8, "big")
    return body + bytes((number + i) & 0xff for i in range(len(body), size))


def arrived(wire: Wire) -> Iterator[bytes]:
    """All that came, and nothing of what the guest's own kernel may send."""
    while (data := wire.receive(QUIET)) is not None:
        if data.startswith(HEADER):
            yield data


def assert_sent(wire: Wire, count: int = FRAMES) -> None:
    """Each frame, byte by byte, in order."""
    assert list(arrived(wire)) == [frame(number) for number in range(count)]


def plain(guest: Guest, *args: str, policy: str = "", wrapper: Sequence[str] = (),
          model: str = "e1000e", **env: str) -> tuple[dict[str, str], str]:
    """Run plain_driver: its lines, and what was logged."""
    program = [built("plain_driver"), *args, NIC[model]]
    done = run(guest, program, policy, wrapper, timeout=60, **env)
    print(f"exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return rows(done.stdout), done.stderr
