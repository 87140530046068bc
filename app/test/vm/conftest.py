# SPDX-License-Identifier: BSD-3-Clause
"""Guests for the tests: booted at their first use, shared by all tests with the same options.

pytest-xdist runs the files of tests side by side, each process with guests of its own.
"""

import functools
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = map(str, [HERE.parents[2] / "devtools", HERE])
pytest.register_assert_rewrite("helpers")

from helpers.guests import PLUGINS, be_patient  # noqa: E402  (needs the path set above)
from helpers.nodes import HOT_PLUG, INTEL, NICS  # noqa: E402
from helpers.packages import build  # noqa: E402
from helpers.suites import build_for  # noqa: E402
from testvm.machine import Options  # noqa: E402
from testvm.qemu import Guest  # noqa: E402
from testvm.root import host_release  # noqa: E402

MOST_ALIVE = 3
# [guest, boots, seconds of booting, commands, seconds without a command], for --durations
Use = list[Any]
USES = pytest.StashKey[list[Use]]()


def name(options: Options) -> str:
    """What is special about a guest."""
    usual = Options(plugins=PLUGINS)
    return " ".join(f"{field}={value}" for field, value in vars(options).items()
                    if value != getattr(usual, field)) or "usual"


class GuestPool:
    """Guests by their options; the one not used for longest makes room for another."""

    def __init__(self) -> None:
        self._guests: OrderedDict[Options, Guest] = OrderedDict()
        self.uses: list[Use] = []

    def get(self, **options: Any) -> Guest:
        """A guest with these options, booted now if there is none."""
        options.setdefault("source", os.environ.get("VM_KERNEL_FROM", "distro"))
        options.setdefault("plugins", PLUGINS)
        key = Options(**options)
        guest = self._guests.pop(key, None)
        if guest and not guest.alive:
            self._end(guest)
            guest = None
        if guest is None:
            while len(self._guests) >= MOST_ALIVE:
                self._end(self._guests.popitem(last=False)[1])
            guest = Guest(**options)
            guest.boot()
            be_patient(guest)
        self._guests[key] = guest
        return guest

    def _end(self, guest: Guest) -> None:
        self.uses.append([name(guest.options), 1, guest.boot_seconds, guest.commands,
                          guest.idle_seconds()])
        guest.close()

    def close(self) -> None:
        """End them all."""
        while self._guests:
            self._end(self._guests.popitem()[1])


@pytest.fixture(scope="session")
def guest(request: pytest.FixtureRequest) -> Iterator[Callable[..., Guest]]:
    """guest(config="cdev", dpdk="host", nics=("e1000e", "e1000e"), ...) -> a running Guest."""
    pool = GuestPool()
    yield pool.get
    pool.close()
    request.config.stash[USES] = pool.uses


@pytest.fixture
def cdev(guest: Callable[..., Guest]) -> Guest:
    """The guest of most tests: the default kernel, with two NICs of each model."""
    return guest(nics=NICS)


@pytest.fixture
def numa(guest: Callable[..., Guest]) -> Guest:
    """Two NUMA nodes, so that pages can move, and two NICs that are linked."""
    return guest(numa=2)


@pytest.fixture
def hot_plug(guest: Callable[..., Guest]) -> Guest:
    """An empty slot beside two NICs that are linked and one that is alone."""
    return guest(**HOT_PLUG)


@pytest.fixture
def intel(guest: Callable[..., Guest]) -> Guest:
    """Two NICs behind an IOMMU, and one past it."""
    return guest(**INTEL)


@pytest.fixture(scope="module", params=["22.11", "24.11", "25.11"])
def release(request: pytest.FixtureRequest) -> str:
    """Of the module, so that pytest runs all tests of a release in one guest."""
    release: str = request.param
    return release


@pytest.fixture
def other(guest: Callable[..., Guest], release: str) -> Guest:
    """A guest with this DPDK, and two NICs that are linked."""
    return guest(nics=NICS) if release == host_release() else guest(dpdk=release)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with all of them."""
    return build(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def packages_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """packages_for("sid") -> the directory with those of a suite, built in a clean root of it."""
    return functools.cache(lambda suite: build_for(suite, tmp_path_factory.mktemp(suite)))


@pytest.hookimpl(tryfirst=True)   # type: ignore[misc]     # pluggy has no types
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a module run in one process, unless they name the rare guest that they share."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem.removeprefix("test_")))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of xdist sends how its guests were used to the one that prints it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["uses"] = session.config.stash.get(USES, [])


@pytest.hookimpl(optionalhook=True)     # type: ignore[misc]
def pytest_testnodedown(node: Any) -> None:
    """And this one collects it."""
    stash = node.config.stash
    stash[USES] = stash.get(USES, []) + getattr(node, "workeroutput", {}).get("uses", [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """With --durations also how the guests were used."""
    uses: list[Use] = config.stash.get(USES, [])
    if config.option.durations is None or not uses:
        return
    total: dict[str, list[float]] = {}
    for guest_name, *figures in uses:
        before = total.setdefault(guest_name, [0.0] * len(figures))
        total[guest_name] = [old + new for old, new in zip(before, figures, strict=True)]
    terminalreporter.section("guests")
    terminalreporter.line("boots    s  commands    s idle")
    for guest_name, (boots, seconds, commands, idle) in sorted(total.items()):
        terminalreporter.line(f"{boots:5.0f} {seconds:4.0f} {commands:9.0f} {idle:9.0f}  "
                              f"{guest_name}")
