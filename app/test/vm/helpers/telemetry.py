# SPDX-License-Identifier: BSD-3-Clause
"""What the backend answers on the EAL's telemetry socket."""

import json
import shlex
from typing import Any

from testvm.qemu import Guest


def query(guest: Guest, *requests: str) -> list[Any]:
    """The answers, each without its command; an error is a dictionary with "error"."""
    lines = shlex.quote("".join(f"{request}\n" for request in requests))
    done = guest.run(["sh", "-c", f"printf %s {lines} | dpdk-telemetry.py"], check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(answer) for answer in answers] == [
        [request.partition(",")[0]] for request in requests], done.stdout
    return [next(iter(answer.values())) for answer in answers]
