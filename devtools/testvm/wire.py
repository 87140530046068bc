# SPDX-License-Identifier: BSD-3-Clause
"""Frames between the host and guest/agent.c: length, kind, command number, payload."""

import struct
from typing import Any

HEADER = struct.Struct(">IBI")
PORT = "testvm.agent"

# host to guest. START: argc, directory, arguments, environment; MOUNT: tag, path
START, STDIN, SIGNAL, MOUNT = 1, 2, 3, 4
# guest to host
READY, STDOUT, STDERR, EXIT, REPLY = 16, 17, 18, 19, 20


def pack(kind: int, number: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEADER.pack(len(payload), kind, number) + payload


def strings(*texts: str) -> bytes:
    """A payload of strings."""
    return b"".join(text.encode() + b"\0" for text in texts)


def parse_ready(payload: bytes) -> dict[str, Any]:
    """The kernel's release, hugepages of 2M and 1G, and devices that the driver refused."""
    release, small, large, unbound = payload.decode().split("\n")[:4]
    return {"release": release, "hugepages": {"2M": int(small), "1G": int(large)},
            "unbound": unbound.split()}


class Splitter:
    """Turns the bytes of a stream, in whatever pieces they arrive, into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
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
