# SPDX-License-Identifier: BSD-3-Clause
"""Bad input for the front at the C library's boundary: the cases of abuse.c.

Each runs on stock as well, if it can: what is wrong there is wrong with the case. Where only the
kernel knows what the answer should be, a case notes it, and the notes have to be the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from helpers.libc import NIC, SHARED, machine, run
from helpers.programs import SOURCES, built
from testvm.qemu import Guest

pytestmark = SHARED

RESULT = re.compile(r"^(not )?ok (\w+)(?:: (.*))?$", re.M)
NOTE = re.compile(r"^note (\w+): (.*)$", re.M)
DECLARED = re.compile(r"\bCASE(_FRONT)?\((\w+)\)")

# Where the front says something else than stock, which no program relies on: an unbound cdev
# answers for the group, and can be opened again; there is no container that a call would reach,
# nor one that could be set up twice.
OTHER_ANSWERS = {
    "group_calls_that_are_not_its_own": {"ENOTTY": "EINVAL", "ENODEV": "EINVAL"},
    "group_names_of_devices": {"long_name): EINVAL": "long_name): ENODEV"},
    "group_order": {"SET_IOMMU, VFIO_NOIOMMU_IOMMU): EINVAL":
                    "SET_IOMMU, VFIO_NOIOMMU_IOMMU): works"},
    "group_twice": {"EBUSY": "works"},
    "container_calls": {"ENOTTY": "EINVAL", "ENODEV": "EINVAL"},
}


def names(front: bool) -> list[str]:
    """The cases, in the order of the source files; some are for the front only."""
    sources = sorted(SOURCES.glob("abuse_*.c"))
    return [name for source in sources
            for only, name in DECLARED.findall(source.read_text()) if front or not only]


@dataclass
class Results:
    """What was wrong with each case ("" for nothing), what it has noted, and what was logged."""
    wrong: dict[str, str]
    notes: dict[str, list[str]] = field(default_factory=dict)
    logged: list[str] = field(default_factory=list)


def run_cases(guest: Guest, options: str = "", policy: str = "") -> Results:
    """One process after the other. The output goes to pytest."""
    done = run(guest, [built("abuse"), *options.split(), NIC["e1000e"]], policy, timeout=300)
    print(f"exit status {done.returncode}\n{done.stdout}{done.stderr}")
    found = Results({name: wrong if bad else "" for bad, name, wrong in
                     RESULT.findall(done.stdout)})
    for name, text in NOTE.findall(done.stdout):
        found.notes.setdefault(name, []).append(text)
    found.logged = done.stderr.splitlines()
    return found


@pytest.fixture(scope="module")
def stock(guest: Callable[..., Guest]) -> Results:
    """Without the front."""
    return run_cases(machine(guest))


@pytest.fixture(scope="module")
def front(guest: Callable[..., Guest]) -> Results:
    """Under it, with all privileges."""
    return run_cases(machine(guest), "-f", "prefer")


@pytest.fixture(scope="module")
def unprivileged(guest: Callable[..., Guest]) -> Results:
    """Under it, without CAP_SYS_ADMIN."""
    return run_cases(machine(guest), "-f -u", "prefer")


@pytest.mark.parametrize("name", names(front=False))
def test_case_on_stock(stock: Results, name: str) -> None:
    assert stock.wrong.get(name, "was not run") == ""


@pytest.mark.parametrize("name", names(front=True))
def test_case(front: Results, name: str) -> None:
    assert front.wrong.get(name, "was not run") == ""


@pytest.mark.parametrize("name", names(front=True))
def test_case_without_privileges(unprivileged: Results, name: str) -> None:
    assert unprivileged.wrong.get(name, "was not run") == ""


def as_far_as_it_is_alike(name: str, stock: Results, under: Results) -> list[str] | None:
    """Stock's notes of a case, with answers of the front's in them that are known to differ."""
    notes = stock.notes.get(name)
    if notes is None or len(notes) != len(under.notes.get(name, [])):
        return notes
    for usual, other in OTHER_ANSWERS.get(name, {}).items():
        notes = [found if note.endswith(usual) and found == note.removesuffix(usual) + other
                 else note for note, found in zip(notes, under.notes[name], strict=True)]
    return notes


@pytest.mark.parametrize("name", names(front=False))
def test_answers_are_those_of_stock(stock: Results, front: Results, unprivileged: Results,
                                    name: str) -> None:
    for under in (front, unprivileged):
        assert under.notes.get(name) == as_far_as_it_is_alike(name, stock, under)


def test_no_case_is_missed(stock: Results, front: Results, unprivileged: Results) -> None:
    assert sorted(stock.wrong) == sorted(names(front=False))
    assert sorted(front.wrong) == sorted(unprivileged.wrong) == sorted(names(front=True))


def test_nothing_is_printed_that_is_no_log_line(stock: Results, front: Results,
                                                unprivileged: Results) -> None:
    assert stock.logged == []
    for line in front.logged + unprivileged.logged:
        assert line.startswith("VFIO_CDEV: ")
