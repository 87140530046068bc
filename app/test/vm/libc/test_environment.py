# SPDX-License-Identifier: BSD-3-Clause
"""What the user sets for the front at the C library's boundary, and what that is good for."""

import re
from collections.abc import Callable

import pytest

from helpers.faults import cdev_hidden, memlock, without
from helpers.libc import FRONT, IDLE, NIC, SHARED, machine, plain, rows
from helpers.programs import built
from testvm.qemu import Guest

pytestmark = SHARED

ADDRESS = NIC["e1000e"]
LISTENER = """
import os, socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
print("listening", flush=True)
while (line := log.recv(4096)) != b"end":
    print(line.decode(), flush=True)
os.unlink("/dev/log")
"""
SEND_END = ("import socket; log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
            "log.sendto(b'end', '/dev/log')")


@pytest.fixture
def vm(guest: Callable[..., Guest]) -> Guest:
    """The guest that all tests here share."""
    return machine(guest)


def is_stock(found: dict[str, str]) -> bool:
    """Whether it has worked over the kernel's group."""
    return found.get("device") == "anon_inode:[vfio-device]" and found.get("sent") == "100"


def is_pinned(found: dict[str, str]) -> bool:
    """Whether it has worked over the cdev."""
    return (found.get("sent"), found.get("pinned"), found.get("moved")) == ("100", "2048", "0")


def logged(vm: Guest, policy: str = "prefer", **env: str) -> list[str]:
    """The lines of a driver that works."""
    found, lines = plain(vm, policy=policy, **env)
    assert is_pinned(found), found
    return lines.splitlines()


def test_off_is_stock(vm: Guest) -> None:
    found, lines = plain(vm, policy="off")
    assert is_stock(found) and found["moved"] == "1"
    assert lines == ""
    found, lines = plain(vm, policy="off", wrapper=without("sys_admin"))
    assert found["failed"].startswith("physical address") and lines == ""


def test_require_has_the_cdev(vm: Guest) -> None:
    logged(vm, "require")


def test_require_refuses_a_group_without_a_cdev(vm: Guest) -> None:
    with cdev_hidden(vm, ADDRESS):
        found, lines = plain(vm, policy="require")
    assert found["failed"] == "open of the group: No such device"
    assert re.search(r"^VFIO_CDEV: .*noiommu-\d+.* RTE_VFIO_CDEV=prefer", lines, re.M), lines


def test_prefer_leaves_a_group_without_a_cdev_to_the_kernel(vm: Guest) -> None:
    with cdev_hidden(vm, ADDRESS):
        found, _ = plain(vm, policy="prefer")
    assert is_stock(found)


def test_invalid_policy_is_reported(vm: Guest) -> None:
    found, lines = plain(vm, policy="perhaps")
    assert "VFIO_CDEV: " in lines and "perhaps" in lines
    assert not is_pinned(found) or "prefer" in lines


@pytest.mark.parametrize("level", ["err", "warning"])
def test_quiet_levels_are_quiet(vm: Guest, level: str) -> None:
    assert logged(vm, RTE_VFIO_CDEV_LOG=level) == []


def test_info_is_the_default_and_debug_has_its_lines_too(vm: Guest) -> None:
    usual = logged(vm)
    assert logged(vm, RTE_VFIO_CDEV_LOG="info") == usual
    assert any(ADDRESS in line for line in usual), usual
    assert set(usual) <= set(logged(vm, RTE_VFIO_CDEV_LOG="debug"))


@pytest.mark.parametrize("value", ["loud", "INFO", "info ", "syslog:loud", "x" * 5000, "%s%n"])
def test_invalid_level_is_reported_once(vm: Guest, value: str) -> None:
    usual = logged(vm)
    lines = logged(vm, RTE_VFIO_CDEV_LOG=value)
    if value.startswith("syslog"):      # where nobody listens
        assert len(lines) <= 1
        return
    assert sum("RTE_VFIO_CDEV_LOG" in line for line in lines) == 1
    assert len(lines) == len(usual) + 1


def test_empty_level_is_the_default(vm: Guest) -> None:
    assert logged(vm, RTE_VFIO_CDEV_LOG="") == logged(vm)


def test_syslog_gets_the_lines(vm: Guest) -> None:
    """And standard error none."""
    usual = logged(vm)
    listener = vm.start(["/usr/bin/python3", "-c", LISTENER])
    listener.expect("listening")
    assert logged(vm, RTE_VFIO_CDEV_LOG="syslog:info") == []
    vm.run(["/usr/bin/python3", "-c", SEND_END], check=True)
    listener.wait(10)
    assert listener.stdout.count("VFIO_CDEV: ") == len(usual)


@pytest.mark.parametrize("prime", ["none", "0000:00:1f.0", "nonsense"])
def test_no_device_may_be_bound_for_an_address(vm: Guest, prime: str) -> None:
    """So that there is none before a device is set up."""
    found, lines = plain(vm, "-e", policy="prefer", wrapper=without("sys_admin"),
                         RTE_VFIO_CDEV_PRIME=prime)
    assert found["failed"].startswith("physical address")
    assert lines.count("no physical addresses") == 1, lines


def test_device_to_bind_for_an_address_can_be_named(vm: Guest) -> None:
    found, lines = plain(vm, "-e", policy="prefer", wrapper=without("sys_admin"),
                         RTE_VFIO_CDEV_PRIME=IDLE)
    assert is_pinned(found)
    assert f"{IDLE}: bound noiommu-vfio" in lines


def test_memory_beyond_a_limit_has_no_address(vm: Guest) -> None:
    found, lines = plain(vm, policy="prefer", wrapper=memlock(1))
    assert found["failed"].startswith("physical address")
    assert "RLIMIT_MEMLOCK" in lines


def test_setuid_program_is_not_preloaded(vm: Guest) -> None:
    """The dynamic linker sees to that."""
    vm.run(["sh", "-ec", f"cp {built('plain_driver')} /tmp/setuid; chmod 4755 /tmp/setuid"],
           check=True)
    done = vm.run(["setpriv", "--reuid=65534", "--clear-groups", "/tmp/setuid", ADDRESS],
                  env={"LD_PRELOAD": FRONT, "RTE_VFIO_CDEV": "require"})
    vm.run(["rm", "/tmp/setuid"], check=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert is_stock(rows(done.stdout)), done.stdout
