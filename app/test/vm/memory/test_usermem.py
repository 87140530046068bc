# SPDX-License-Identifier: BSD-3-Clause
"""Memory of the application, good and bad, on the real kernel: the cases of usermem.c."""

import re
from collections.abc import Callable, Sequence

import pytest

from helpers.faults import memlock
from helpers.nodes import DEVICE, E1000E, NICS
from helpers.programs import SOURCES, built
from testvm.qemu import Guest

IDLE = E1000E[0]
RESULT = re.compile(r"^(not )?ok (\w+)(?:: (.*))?$", re.M)


def names() -> list[str]:
    """The cases, in the order of the source files."""
    sources = sorted(SOURCES.glob("usermem_*.c"))
    return [name for source in sources
            for name in re.findall(r"^\tCASE\((\w+)\)", source.read_text(), re.M)]


LIMITED = [name for name in names() if name.startswith("limit_")]
UNLIMITED = [name for name in names() if name not in LIMITED]


def run_cases(guest: Guest, wrapper: Sequence[str] = (),
              cases: Sequence[str] = ()) -> dict[str, str]:
    """What was wrong with each case; "" for nothing. The output goes to pytest."""
    done = guest.run([*wrapper, built("usermem"), "-l", "0", "-a", DEVICE, "--no-telemetry",
                      "--", IDLE, *cases], timeout=180)
    print(f"exit status {done.returncode}\n{done.stdout}{done.stderr}")
    found = {name: wrong if bad else "" for bad, name, wrong in RESULT.findall(done.stdout)}
    if done.returncode != any(found.values()):
        found["end"] = f"exit status {done.returncode}"
    return found


@pytest.fixture(scope="module")
def unlimited(guest: Callable[..., Guest]) -> dict[str, str]:
    """One process runs them one after the other."""
    return run_cases(guest(nics=NICS))


@pytest.fixture(scope="module")
def limited(guest: Callable[..., Guest]) -> dict[str, str]:
    """Those that want a limit."""
    # More than the EAL needs, less than the cases want.
    return run_cases(guest(nics=NICS), memlock(24), LIMITED)


@pytest.mark.parametrize("name", UNLIMITED)
def test_case(unlimited: dict[str, str], name: str) -> None:
    assert unlimited.get(name, "was not run") == ""


@pytest.mark.parametrize("name", LIMITED)
def test_case_within_a_memlock_limit(limited: dict[str, str], name: str) -> None:
    assert limited.get(name, "was not run") == ""


def test_no_case_is_missed(unlimited: dict[str, str], limited: dict[str, str]) -> None:
    assert sorted([*unlimited, *limited]) == sorted(names())
