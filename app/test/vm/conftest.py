# SPDX-License-Identifier: BSD-3-Clause
"""Guests for the tests: booted when first asked for, shared by all tests that ask alike."""

import os
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "devtools"))

from testvm.machine import Options  # noqa: E402  (needs the path set above)
from testvm.qemu import Guest  # noqa: E402

# The machine has two cores and each guest uses both.
MOST_ALIVE = 2


class GuestPool:
    """Guests by their options; the one not used for longest makes room for another."""

    def __init__(self) -> None:
        self._guests: "OrderedDict[Options, Guest]" = OrderedDict()

    def get(self, **options: Any) -> Guest:
        """A guest with these options, booted now if there is none."""
        options.setdefault("source", os.environ.get("VM_KERNEL_FROM", "distro"))
        key = Options(**options)
        guest = self._guests.pop(key, None)
        if guest and not guest.alive:
            guest.close()
            guest = None
        if guest is None:
            while len(self._guests) >= MOST_ALIVE:
                self._guests.popitem(last=False)[1].close()
            guest = Guest(**options)
            guest.boot()
        self._guests[key] = guest
        return guest

    def close(self) -> None:
        """End them all."""
        while self._guests:
            self._guests.popitem()[1].close()


@pytest.fixture(scope="session")
def guest() -> Iterator[Callable[..., Guest]]:
    """guest(config="cdev", dpdk="host", nics=("e1000e", "e1000e"), ...) -> a running Guest."""
    pool = GuestPool()
    yield pool.get
    pool.close()
