# SPDX-License-Identifier: BSD-3-Clause
"""Devices, memory and queries from several threads at once, with the EAL's own locks."""

import re

from helpers.nodes import ALONE, PAIR
from helpers.programs import built
from helpers.resources import before_and_after
from testvm.qemu import Guest

ROUNDS = 5


def test_threads_do_everything_at_once(hot_plug: Guest) -> None:
    """A deadlock would be an end by the program's own alarm."""
    done = hot_plug.run([built("crowd"), "-l", "0,1", "-m", "8", "--no-telemetry", "--iova-mode=pa",
                         "--log-level=lib.eal:warning", "-a", PAIR[0], "--", str(ROUNDS), PAIR[1],
                         ALONE], timeout=630)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    steps = {name: (int(count), int(failed)) for name, count, failed in
             re.findall(r"^(\w+): (\d+) done, (\d+) failed$", done.stdout, re.M)}
    print(steps)
    assert steps["plug"] == steps["setup"] == (ROUNDS, 0)
    for name in ("grow", "own", "query"):
        assert steps[name][0] > 1 and steps[name][1] == 0, output
    # Areas are also the C library's, which keeps stacks and arenas of threads.
    before, after = [dict(re.findall(r"(\w+)=(\d+)", line)) | {"areas": ""}
                     for line in before_and_after(done.stdout)]
    assert before == after
    assert int(before["pinned"]) == int(before["mapped"]) * 2048
