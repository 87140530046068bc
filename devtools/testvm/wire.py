# SPDX-License-Identifier: BSD-3-Clause
"""Frames between the host and the agent: length, kind, command number, payload.

Both sides import this file, and the agent starts on an emulated CPU: it imports next to nothing.
"""

import struct

HEADER = struct.Struct(">IBI")
PORT = "testvm.agent"

# host to guest
START, STDIN, SIGNAL, MOUNT = 1, 2, 3, 4
# guest to host
READY, STDOUT, STDERR, EXIT, REPLY = 16, 17, 18, 19, 20


def pack(kind: int, number: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEADER.pack(len(payload), kind, number) + payload


class Splitter:
    """Turns the bytes of a stream, in whatever pieces they arrive, into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> "list[tuple[int, int, bytes]]":
        """Add what was read; returns the frames that are complete now."""
        self._data += data
        frames = []
        while len(self._data) >= HEADER.size:
            size, kind, number = HEADER.unpack_from(self._data)
            end = HEADER.size + size
            if len(self._data) < end:
                break
            frames.append((kind, number, bytes(self._data[HEADER.size:end])))
            del self._data[:end]
        return frames
