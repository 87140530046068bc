# SPDX-License-Identifier: BSD-3-Clause
"""A start of testpmd in which one allocation of the kernel fails, and what is wrong with it.

faulter.c makes it fail. devtools/kernel-faults has a start for each allocation.
"""

import os
import re
from dataclasses import dataclass, field
from typing import Any

from helpers import migration
from helpers.nodes import CDEVS
from helpers.programs import built, python
from helpers.remains import Remains, look
from helpers.static_programs import FRONT
from helpers.traffic import Report
from helpers.waiting import eventually
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Testpmd

# Without acpi=noirq each bind looks for the interrupt in ACPI's tables: 1,100 allocations, and the
# kernel's interpreter crashes at some that fail (7.3.4: acpi_ut_update_object_reference()).
MACHINE: dict[str, Any] = {"config": "faults", "source": "source", "hugepages": 64,
                           "wires": True, "nics": ("virtio-net-pci", "e1000e"),
                           "append": "acpi=noirq"}
FRONTS = {"eal": str(LIBRARY), "compat": FRONT}
FAULTS = "/run/faults"
FRAMES = 50
EVERY = 1_000_000       # more than there are: all are counted, and none fails
# Allocations that may wait fail as well, whatever their size, and of all caches.
SETTINGS = """
cd /sys/kernel/debug
echo N >failslab/ignore-gfp-wait
echo N >failslab/cache-filter
echo N >fail_page_alloc/ignore-gfp-wait
echo N >fail_page_alloc/ignore-gfp-highmem
echo 0 >fail_page_alloc/min-order
[ -d fail_iommufd ]
"""
# What a kernel prints about itself, and not about an allocation that was to fail.
BUGS = re.compile(r"WARNING: |BUG: |\bOops|general protection|kernel BUG|corruption|"
                  r"refcount_t: |INFO: task|possible recursive|possible circular")
# request_irq() goes on without the entry of /proc, which free_irq() then wants to remove.
KNOWN = re.compile(r"WARNING: .* at remove_proc_entry\+")
OURS = re.compile(r"VFIO_CDEV: .*\b(?:cannot|refused|failed)\b.*")
ANY = re.compile(r"^\w+(?:\(\))?: .*(?:[Cc]annot|[Ff]ail|[Ee]rror).*$", re.M)
ALLOCATORS = re.compile(r"dump_stack|should_fail|\w*(?:alloc|kmem_cache|krealloc|kmemdup|memdup|"
                        r"get_free_pages)\w*_noprof|__?alloc\w*pages|fail_dump|iommufd_should_fail|"
                        r"\w*slab\w*alloc|get_zeroed")


@dataclass
class Call:
    """A call with allocations, as faulter.c writes it down."""
    name: str
    allocations: int
    error: int
    failed: bool

    @property
    def is_ours(self) -> bool:
        """Or one of the application's own: of a device, or open() of a container or a group."""
        return not self.name.startswith("own-")


@dataclass
class Start:
    """What became of one."""
    status: int = 0
    output: str = ""
    ports: int = 0
    report: Report | None = None
    calls: list[Call] = field(default_factory=list)
    kernel: str = ""
    before: Remains | None = None
    after: Remains | None = None
    binding: str = ""       # why a device could not be bound afterwards

    @property
    def failed(self) -> Call | None:
        """The call with the allocation that failed, if one did."""
        return next((call for call in self.calls if call.failed), None)

    @property
    def allocations(self) -> int:
        """Those that were counted."""
        return sum(call.allocations for call in self.calls)

    @property
    def where(self) -> str:
        """The function of the kernel whose allocation failed."""
        frames = re.findall(r"^(?:\[[\d. ]+\])? +(\w+)(?:\.\w+)*\+0x\w+/0x\w+", self.kernel, re.M)
        return next((name for name in frames if not ALLOCATORS.match(name)), "?")

    @property
    def worked(self) -> bool:
        """Both ports, and each frame came back."""
        return bool(self.ports == len(CDEVS) and self.report)


def wrong_with(start: Start) -> list[str]:
    """All that must not be: nothing, if it is as it should be."""
    found = [f"the kernel: {line}" for line in start.kernel.splitlines()
             if BUGS.search(line) and not KNOWN.search(line)]
    if start.status < 0 or start.status >= 128:
        found.append(f"testpmd ended with {start.status}")
    if start.before != start.after:
        found.append(f"left behind: {start.before} before, {start.after} after")
    if start.binding:
        found.append(f"a device is not free: {start.binding}")
    return found + (_wrong_traffic(start) if start.worked else _wrong_error(start))


def _wrong_traffic(start: Start) -> list[str]:
    report = start.report
    assert report
    good = not report.wrong and report.lost == 0 and report.received >= FRAMES
    return ([] if good else [f"traffic: {report}"]) + (
        [] if start.status == 0 else [f"it worked and ended with {start.status}"])


def _wrong_error(start: Start) -> list[str]:
    call = start.failed
    if call is None:
        return ["it did not work, and nothing failed"]
    if not call.is_ours or call.error == 0:
        # A bind goes on without a mapping of a BAR: who maps it later reports an error.
        return [] if ANY.search(start.output) else [f"no message about {call.name}"]
    text = os.strerror(call.error)
    if any(text in line for line in OURS.findall(start.output)):
        return []
    return [f"no message with the step and \"{text}\", with which {call.name} ended"]


def parse_calls(text: str) -> list[Call]:
    """Of faulter.c's file."""
    lines = re.findall(r"^(\S+) (\d+) (\d+)( failed)?$", text, re.M)
    return [Call(name, int(count), int(error), bool(failed))
            for name, count, error, failed in lines]


def prepare(guest: Guest) -> None:
    """Once after the boot."""
    guest.run(["sh", "-ec", SETTINGS], check=True)


def run(guest: Guest, front: str, number: int) -> Start:
    """A start in which this allocation fails, and all that there is to know about it."""
    result = Start(before=look(guest))
    guest.run(["sh", "-c", f"rm -f {FAULTS}; dmesg --clear"], check=True)
    with migration.start(guest, ["--total-num-mbufs=2048"], eal=["-m", "8"],
                         library=f"{FRONTS[front]}:{built('faulter.so')}",
                         wrapper=["env", f"FAIL_NTH={number}", f"FAULTS={FAULTS}"]) as testpmd:
        _live(testpmd, result)
    result.calls = parse_calls(guest.run(["cat", FAULTS]).stdout)
    eventually(guest, lambda: look(guest) == result.before)
    result.after = look(guest)
    done = guest.run(python("bindable.py", *CDEVS))
    result.binding = done.stderr.strip().rpartition("\n")[2]
    result.kernel = guest.run(["dmesg"], check=True).stdout
    return result


def _live(testpmd: Testpmd, result: Start) -> None:
    process, guest = testpmd.process, testpmd.guest
    guest.wait_for(lambda: testpmd.READY in process.stdout or process.returncode is not None, 120)
    result.ports = len(re.findall(r"^Port \d+: (?:\w\w:){5}\w\w", process.stdout, re.M))
    if process.returncode is None:
        if result.ports == len(CDEVS):
            result.report = migration.checked(guest, FRAMES)
        process.write(testpmd.END)
    ended = testpmd.wait(120)
    result.status, result.output = ended.status, ended.output
