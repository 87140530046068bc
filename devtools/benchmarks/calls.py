# SPDX-License-Identifier: BSD-3-Clause
"""System calls of a testpmd that forwards, of any of its threads."""

import re
import signal
import time
from collections.abc import Callable

from testvm.qemu import CommandFailed, Guest
from testvm.testpmd import LIBRARY, Console

from .figures import Figure
from .machine import PAIR, Bench

TRACE = "/tmp/bench.strace"
ENTRY = re.compile(r"(?m)^(?=\d+ )")     # below it is its stack
DONE = re.compile(r"(?m)^\d+ .*\) += ")
SENT = re.compile(r"TX-packets: +(\d+)")


def trace(guest: Guest, pid: str, meanwhile: Callable[[], object]) -> str:
    """The system calls of all threads of a process, each with its stack."""
    strace = guest.start(["strace", "--follow-forks", "--stack-traces", "-o", TRACE, "-p", pid])
    if not guest.wait_for(lambda: "attached" in strace.stderr, 60):
        raise CommandFailed(f"strace: {strace.stderr}")
    meanwhile()
    strace.signal(signal.SIGINT)
    strace.wait(60)
    return guest.run(["cat", TRACE], check=True).stdout


def of_ours(text: str) -> int:
    """Calls that a function of ours is in the stack of."""
    return sum(LIBRARY.name.partition(".")[0] in entry for entry in ENTRY.split(text))


def sent(console: Console) -> int:
    """Packets so far."""
    return sum(int(number) for number in SENT.findall(console.do("show port stats all")))


def steady(bench: Bench) -> list[Figure]:
    """System calls a second while packets are forwarded: all, and ours."""
    guest = bench.guest()
    seconds = 5 * bench.effort.seconds
    with Console(guest, PAIR, policy="require") as console:
        console.ready(120).do("start tx_first 4")
        before = sent(console)
        text = trace(guest, console.pid, lambda: time.sleep(seconds))
        packets = sent(console) - before
        console.do("stop")
        console.stop()
    if packets <= 0:
        raise CommandFailed("no packets were forwarded meanwhile")
    counts = (("of ours", of_ours(text), 0.0), ("of all", len(DONE.findall(text)), None))
    return [Figure("calls", f"system calls {name}, forwarding", (count / seconds,), most=goal,
                   unit="a second") for name, count, goal in counts]
