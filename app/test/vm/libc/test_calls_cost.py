# SPDX-License-Identifier: BSD-3-Clause
"""What the front adds to calls that are not for it; how long they take is not tested."""

import re
from collections import Counter
from collections.abc import Callable

import pytest

from helpers.libc import FRONT, SHARED, machine, run
from helpers.programs import built
from testvm.qemu import Guest

pytestmark = SHARED

BENCH = built("bench_calls")
ROWS = ["open + close of /dev/null", "open of nothing", "read of 1 byte", "pread of 1 byte",
        "ioctl (FIONREAD)", "close", "/bin/true", "/bin/true, running"]
ROW = re.compile(r"^(\S.*?) {2,}(\d+\.\d) +(\d+\.\d) +([+-]\d+\.\d) +\d+\.\d\d$", re.M)
COUNTED = ("strace", "-D", "-f", "-o", "/tmp/calls")
FEW, MANY = 10, 210


@pytest.fixture
def vm(guest: Callable[..., Guest]) -> Guest:
    """The guest that all tests here share."""
    return machine(guest)


def test_table_has_positive_figures_for_each_call(vm: Guest) -> None:
    done = vm.run([BENCH, "-n", "100", "-r", "2", "-s", "2", FRONT], timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    rows = ROW.findall(done.stdout)
    assert [row[0] for row in rows] == ROWS
    assert all(float(without) > 0 and float(with_it) > 0 for _, without, with_it, _ in rows)


@pytest.mark.parametrize("arguments, message", [
    (["-n", "0", FRONT], "0 is no number from 1"),
    (["-s", "3x", FRONT], "3x is no number from 1"),
    (["--bogus"], "usage: bench_calls"),
    ([], "usage: bench_calls"),
    (["/does/not/exist"], "/does/not/exist: No such file or directory"),
])
def test_bad_arguments_are_reported(vm: Guest, arguments: list[str], message: str) -> None:
    done = vm.run([BENCH, *arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def calls(vm: Guest, number: int, policy: str) -> "Counter[str]":
    """System calls of a program that makes so many of each kind."""
    assert run(vm, [BENCH, "--measure", str(number)], policy, COUNTED).returncode == 0
    trace = vm.run(["cat", "/tmp/calls"], check=True).stdout
    return Counter(re.findall(r"^\d+ +(\w+)\(", trace, re.M))


def test_a_call_is_one_system_call_still(vm: Guest) -> None:
    """So many more calls are so many more system calls, with and without the front."""
    more = {policy: calls(vm, MANY, policy) - calls(vm, FEW, policy) for policy in ("", "prefer")}
    assert more["prefer"] == more[""]
    assert more[""]["ioctl"] == MANY - FEW, more


def test_start_makes_only_the_calls_that_loading_takes(vm: Guest) -> None:
    """Each library takes about ten; a constructor may want the process's number."""
    def started(policy: str) -> "Counter[str]":
        program = ["true"] if policy else ["env", "true"]
        assert run(vm, program, policy, COUNTED).returncode == 0
        return Counter(re.findall(r"^\d+ +(\w+)\(",
                                  vm.run(["cat", "/tmp/calls"], check=True).stdout, re.M))
    more = started("prefer") - started("")
    print(more)
    assert set(more) <= {"openat", "read", "pread64", "fstat", "newfstatat", "mmap", "mprotect",
                         "munmap", "close", "getpid"}
    assert more.total() <= 14
