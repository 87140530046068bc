# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for what comes without a line on a console."""

import time
from collections.abc import Callable

from testvm.qemu import Guest


def eventually(guest: Guest, done: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether something comes true; the time is scaled as all time-outs of a guest are."""
    end = time.monotonic() + seconds * guest.patience
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
