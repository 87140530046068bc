# SPDX-License-Identifier: BSD-3-Clause
"""ruff, which Debian 12 lacks: fetched of a newer suite, and run where it lies."""

from pathlib import Path

from .apt import PrivateApt
from .cache import Cache
from .root import bootstrap, find_suite, in_place
from .util import progress

RELEASE = "25.11"


def make_ruff(cache: Cache, apt: PrivateApt) -> list[str]:
    """The words that start it."""
    suite, _ = find_suite(apt.index(), RELEASE)

    def fill(target: Path) -> None:
        progress(f"fetching the ruff of {suite}, about 20 s")
        bootstrap(apt, target, [suite], ["ruff"])
    return in_place(cache.entry("ruff", suite, ["ruff"], fill), "ruff")


def cached_ruff() -> list[str]:
    """The words that start what was fetched before, without a network; none if nothing was."""
    found = sorted(Cache().root.glob("ruff/*/usr/bin/ruff"), key=lambda path: path.stat().st_mtime)
    return in_place(found[-1].parents[2], "ruff") if found else []
