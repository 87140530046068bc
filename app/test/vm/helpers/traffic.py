# SPDX-License-Identifier: BSD-3-Clause
"""Frames with contents that are checked, sent through what joins two wires.

A frame is right if it is, byte by byte, one that was sent to the other wire and has not come back
yet. Anything else that arrives is wrong: damaged if not even its CRC is right, else repeated.
"""

import hashlib
import itertools
import math
import os
import select
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from testvm.ether import Wire

HEADER = bytes.fromhex("02000000000b 02000000000a 88b5")    # EtherType for local experiments
SMALLEST, LARGEST = 60, 1514
WINDOW = 32             # frames on the way in each direction
PATIENCE = 60.0         # seconds after which one that has not come is lost
QUIET = 0.3             # seconds without a frame after which none is left of an earlier test


@dataclass
class Report:
    """What became of the frames."""
    sent: int = 0
    received: int = 0
    lost: int = 0
    wrong: list[bytes] = field(default_factory=list)

    @property
    def damaged(self) -> int:
        """Frames with a wrong CRC."""
        return sum(frame[-4:] != crc(frame[:-4]) for frame in self.wrong)

    def __str__(self) -> str:
        return (f"{self.sent} sent, {self.received} received, {self.lost} lost, "
                f"{len(self.wrong)} wrong, {self.damaged} of them with a wrong CRC")


def crc(data: bytes) -> bytes:
    """What ends a frame."""
    return struct.pack(">I", zlib.crc32(data))


def frames(session: bytes) -> Iterator[bytes]:
    """All different, in number, size and contents; no two sessions have one in common."""
    for number in itertools.count():
        noise = hashlib.shake_128(session + struct.pack(">Q", number))
        size = SMALLEST + number * 997 % (LARGEST - SMALLEST + 1)
        body = HEADER + struct.pack(">Q", number) + noise.digest(size - len(HEADER) - 12)
        yield body + crc(body)


class Direction:
    """From one wire to the other."""

    def __init__(self, source: Wire, sink: Wire, report: Report, late: float) -> None:
        self.source, self.sink, self.report, self._late = source, sink, report, late
        self._frames = frames(os.urandom(16))
        self._next = next(self._frames)
        self._away: dict[bytes, float] = {}     # in the order of sending

    def send(self) -> None:
        """As many as the window lets."""
        now = time.monotonic()
        waiting = sum(now - sent < self._late for sent in
                      itertools.islice(reversed(self._away.values()), WINDOW))
        while waiting < WINDOW and self.source.send(self._next):
            self._away[self._next] = now
            self._next = next(self._frames)
            self.report.sent += 1
            waiting += 1

    def receive(self) -> None:
        """Check all that is there."""
        while (frame := self.sink.receive()) is not None:
            if self._away.pop(frame, None) is None:
                self.report.wrong.append(frame)
            else:
                self.report.received += 1

    @property
    def away(self) -> int:
        """Frames that have not come back."""
        return len(self._away)


class Traffic:
    """Both directions between two wires.

        traffic = Traffic(guest.wires)
        traffic.flow(5000)
        report = traffic.end()
    """

    def __init__(self, wires: Sequence[Wire], late: float = math.inf) -> None:
        """A frame takes up room in the window until it comes, or is so many seconds late.

        Where none may be lost it waits for however slow a guest: else the guest has too many.
        """
        one, other = wires
        self._wires = [one, other]
        self.report = Report()
        self._ways = [Direction(*pair, self.report, late) for pair in ((one, other), (other, one))]
        while any([wire.receive(QUIET) for wire in wires]):  # noqa: C419  (all of them)
            pass

    def flow(self, frames: int, patience: float = PATIENCE) -> None:
        """Send, receive and check, until so many more are right or none comes any more."""
        goal = self.report.received + frames
        seen, last = self.report.received, time.monotonic()
        while seen < goal and time.monotonic() - last < patience:
            for way in self._ways:
                way.send()
            self._receive()
            if self.report.received > seen:
                seen, last = self.report.received, time.monotonic()

    def end(self, patience: float = PATIENCE) -> Report:
        """Wait for what is still on the way, as long as some of it comes."""
        end = time.monotonic() + patience
        while any(way.away for way in self._ways) and time.monotonic() < end:
            self._receive()
        self.report.lost = sum(way.away for way in self._ways)
        return self.report

    def _receive(self) -> None:
        select.select(self._wires, [], [], 0.01)
        for way in self._ways:
            way.receive()
