# SPDX-License-Identifier: BSD-3-Clause
"""devtools/kernel-faults sees what is wrong with a start: without its kernel, which takes long."""

from dataclasses import replace

import pytest

from helpers.kernel_faults import Call, Start, parse_calls, wrong_with
from helpers.remains import Remains
from helpers.traffic import Report

CALLS = "open-iommu 3 0\nIOAS_MAP 4 12 failed\n"
MESSAGE = "VFIO_CDEV: memory: cannot map 0x1 (IOVA 0x1, 4096 bytes): Cannot allocate memory; why\n"
DUMP = """\
[   12.1] FAULT_INJECTION: forcing a failure.
              name failslab, interval 1, probability 0, space 0, times 0
[   12.1] CPU: 0 UID: 0 PID: 1 Comm: dpdk-testpmd Not tainted 7.3.4-testvm #1
[   12.1] Call Trace:
[   12.1]  <TASK>
[   12.1]  dump_stack_lvl+0x5d/0x80
[   12.1]  should_fail_ex+0x1/0x2
[   12.1]  should_failslab+0x1/0x2
[   12.1]  __kmalloc_cache_noprof+0x1/0x2
[   12.1]  iopt_alloc_pages+0x1/0x2
[   12.1]  iopt_map_user_pages+0x1/0x2
"""
PLACE = Remains((64,), 0)
REFUSED = Start(status=1, output=MESSAGE, calls=parse_calls(CALLS), kernel=DUMP, before=PLACE,
                after=PLACE)
WORKED = replace(REFUSED, status=0, output="", ports=2, report=Report(sent=60, received=60))


def test_calls_are_read() -> None:
    assert REFUSED.calls == [Call("open-iommu", 3, 0, False), Call("IOAS_MAP", 4, 12, True)]
    assert (REFUSED.allocations, REFUSED.where) == (7, "iopt_alloc_pages")


def test_refused_start_with_a_message_is_right() -> None:
    assert not wrong_with(REFUSED)


def test_start_that_works_is_right() -> None:
    assert not wrong_with(WORKED)


def test_error_of_a_call_of_the_application_is_its_own() -> None:
    output = "EAL: Cannot open VFIO container /dev/vfio/vfio, error 12 (Cannot allocate memory)\n"
    calls = [Call("own-open", 1, 12, True)]
    assert not wrong_with(replace(REFUSED, output=output, calls=calls))
    assert wrong_with(replace(REFUSED, output="testpmd: bye\n", calls=calls))


def test_bind_without_a_mapping_of_a_bar_is_an_error_later() -> None:
    calls = [Call("BIND", 1, 0, True)]
    output = "EAL: 0000:00:03.0 mapping BAR4 failed: Cannot allocate memory\n"
    assert not wrong_with(replace(REFUSED, output=output, calls=calls))


def test_interrupt_without_its_entry_in_proc_is_known() -> None:
    line = "[ 1.0] WARNING: fs/proc/generic.c:742 at remove_proc_entry+0xb2/0x110, CPU#0"
    assert not wrong_with(replace(WORKED, kernel=line))


@pytest.mark.parametrize("start,expected", [
    (replace(REFUSED, output=""), "no message"),
    (replace(REFUSED, output=MESSAGE.replace("allocate", "find")), "no message"),
    (replace(REFUSED, output=MESSAGE.replace("VFIO_CDEV", "EAL")), "no message"),
    (replace(REFUSED, output="", calls=parse_calls("IOAS_MAP 4 0 failed\n")), "no message about"),
    (replace(REFUSED, calls=parse_calls("IOAS_MAP 4 0\n")), "nothing failed"),
    (replace(REFUSED, status=-11), "ended with -11"),
    (replace(REFUSED, status=139), "ended with 139"),
    (replace(REFUSED, after=Remains((63,), 0)), "left behind"),
    (replace(REFUSED, after=Remains((64,), 512)), "left behind"),
    (replace(REFUSED, binding="OSError: busy"), "not free"),
    (replace(REFUSED, kernel=f"{DUMP}[ 12.2] WARNING: CPU: 0 at pages.c:1"), "the kernel"),
    (replace(REFUSED, kernel="[ 1.0] BUG: kernel NULL pointer dereference"), "the kernel"),
    (replace(WORKED, status=1), "ended with 1"),
    (replace(WORKED, report=Report(sent=60, received=59, lost=1)), "traffic"),
    (replace(WORKED, report=Report(sent=60, received=60, wrong=[b""])), "traffic"),
    (replace(WORKED, report=Report()), "traffic"),
    (replace(WORKED, ports=1), "no message"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_wrong_start_is_seen(start: Start, expected: str) -> None:
    assert any(expected in text for text in wrong_with(start)), wrong_with(start)
