# SPDX-License-Identifier: BSD-3-Clause
"""A testpmd that goes through everything for three minutes; devtools/soak takes an hour."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.soak import ACTIVITIES, FEWEST_ROUNDS, MACHINE, Soak
from helpers.soak_report import TITLES, Sample, growth, load, picture, save
from testvm.qemu import Guest
from testvm.util import CHECKOUT

BROKEN = CHECKOUT / "build/app/test/broken"
SECONDS = 150       # and then the round that is under way
REST = Sample(0, True, 60, 65536, 200, 32, 30000, 50000, 32, 0, 0)


def at_rest(count: int, **each: int) -> list[Sample]:
    """Samples, in which some values grow by so much each time."""
    return [dataclasses.replace(REST, seconds=10 * i, frames=100 * i, **{
        name: getattr(REST, name) + step * i for name, step in each.items()})
        for i in range(count)]


def test_nothing_is_lost_and_nothing_grows(guest: Callable[..., Guest]) -> None:
    soak = Soak(guest(**MACHINE)).run(SECONDS, FEWEST_ROUNDS)
    assert soak.problems() == []
    assert soak.report.received > 1000
    assert max(sample.mappings for sample in soak.samples) > soak.samples[-1].mappings > 0


@pytest.mark.parametrize(("defect", "what"), [("fd", "fds"), ("leak", "pinned_kb")])
def test_leak_is_found(guest: Callable[..., Guest], defect: str, what: str) -> None:
    """Of a file, or the pin of a small page, for each device that is set up; of nothing else."""
    soak = Soak(guest(**MACHINE), library=str(BROKEN / f"broken_{defect}.so"), brief=True)
    soak.run(0, FEWEST_ROUNDS)
    found = list(growth(soak.samples))
    assert [line.partition(":")[0] for line in found] == [TITLES[what]], found


def test_steady_samples_are_no_growth() -> None:
    assert list(growth(at_rest(20))) == []
    assert list(growth(at_rest(20, fds=-1, hugepages=-1))) == []


@pytest.mark.parametrize("name", ["fds", "pinned_kb", "areas", "hugepages", "mappings"])
def test_growth_by_one_each_time_is_found(name: str) -> None:
    assert len(list(growth(at_rest(FEWEST_ROUNDS, **{name: 1})))) == 1


def test_resident_memory_may_grow_by_the_steps_of_the_heap() -> None:
    assert list(growth(at_rest(100, resident_kb=1))) == []
    assert len(list(growth(at_rest(100, resident_kb=12)))) == 1


def test_too_few_samples_are_no_verdict() -> None:
    assert "needed" in "".join(growth(at_rest(FEWEST_ROUNDS - 1)))


def test_lost_frame_and_missing_activity_are_problems() -> None:
    soak = Soak(Guest(**MACHINE))
    soak.samples = at_rest(FEWEST_ROUNDS)
    soak.done.update(dict.fromkeys(ACTIVITIES, FEWEST_ROUNDS))
    assert soak.problems() == []
    soak.report.lost = 1
    soak.done["ports"] -= 1
    assert len(soak.problems()) == 2
    soak.report.wrong.append(b"")
    assert "1 lost, 1 wrong" in soak.problems()[0]


def test_samples_are_drawn_as_they_were_saved(tmp_path: Path) -> None:
    samples = at_rest(12, fds=1)
    save(samples, tmp_path / "samples.csv")
    assert load(tmp_path / "samples.csv") == samples
    assert picture(load(tmp_path / "samples.csv")) == picture(samples)
    assert picture(samples).count("h0") == 12 * 8
