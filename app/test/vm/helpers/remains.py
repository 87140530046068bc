# SPDX-License-Identifier: BSD-3-Clause
"""What a process has left behind on the machine: nothing, however it ended."""

import re
from dataclasses import dataclass

from helpers.nodes import CDEVS
from helpers.programs import python
from helpers.waiting import eventually
from testvm.qemu import Guest

# Counters of the kernel are summed up first; the EAL leaves files of hugepages at any end.
LOOK = """
rm -f /dev/hugepages/rtemap_*
cat /proc/sys/vm/stat_refresh
cat /sys/kernel/mm/hugepages/*/free_hugepages
grep ^nr_foll_pin_ /proc/vmstat
"""


@dataclass(frozen=True)
class Remains:
    """Of the whole machine."""
    free_hugepages: tuple[int, ...]
    pinned: int     # pages, by whomever


def look(guest: Guest) -> Remains:
    """What there is now."""
    output = guest.run(["sh", "-ec", LOOK], check=True).stdout
    acquired, released = (int(re.findall(rf"^nr_foll_pin_{name} (\d+)$", output, re.M)[0])
                          for name in ("acquired", "released"))
    free = tuple(int(line) for line in re.findall(r"^\d+$", output, re.M))
    assert free, output
    return Remains(free, acquired - released)


def assert_nothing_is_left(guest: Guest, before: Remains) -> None:
    """All that there was before, and each device can be bound and attached."""
    eventually(guest, lambda: look(guest) == before)
    assert look(guest) == before
    guest.run(python("bindable.py", *CDEVS), check=True)
