# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's monitor: what a hand at the machine would do, such as plugging in a NIC."""

import json
import socket
from typing import Any

from .util import VmError

# QEMU answers at once; what it waits for in the guest takes as long as the guest does.
ANSWER_TIMEOUT, EVENT_TIMEOUT = 30, 240


class Monitor:
    """One end of a pair of sockets; QEMU has the other."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lines = end.makefile("r", encoding="utf-8")
        self._ready = False
        self._events: list[dict[str, Any]] = []

    def execute(self, command: str, **arguments: Any) -> Any:
        """Give a command and return what it returns; its refusal is an error."""
        if not self._ready:
            self._ready = True
            self._read()
            self.execute("qmp_capabilities")
        request = json.dumps({"execute": command, "arguments": arguments})
        try:
            self._socket.sendall(f"{request}\n".encode())
        except OSError as err:
            raise VmError("QEMU's monitor is gone") from err
        answer = self._read()
        while "event" in answer:
            self._events.append(answer)
            answer = self._read()
        if "error" in answer:
            raise VmError(f"QEMU refused {command}: {answer['error']['desc']}")
        return answer["return"]

    def wait_event(self, name: str, **data: Any) -> None:
        """Wait for an event with this data, which may have come already."""
        while True:
            event = self._events.pop(0) if self._events else self._read(EVENT_TIMEOUT)
            found = event.get("data", {})
            if event["event"] == name and all(found.get(key) == data[key] for key in data):
                return

    def _read(self, timeout: float = ANSWER_TIMEOUT) -> dict[str, Any]:
        self._socket.settimeout(timeout)
        try:
            line = self._lines.readline()
        except TimeoutError as err:
            raise VmError(f"QEMU's monitor is silent for {timeout:g} s") from err
        if not line:
            raise VmError("QEMU's monitor is gone")
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """The end of it."""
        self._lines.close()
        self._socket.close()
