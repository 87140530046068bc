# SPDX-License-Identifier: BSD-3-Clause
"""A cable from a hub of the guest's NICs to this process: raw Ethernet frames, without a CRC.

    with Guest(nics=("virtio-net-pci", "e1000e"), wires=True) as guest:
        guest.wires[0].send(frame)
        print(guest.wires[1].receive(timeout=1))

It is a pair of sockets without a name, so no way to end can leave one behind, and neither side
loses a frame: each waits, or is told to, while the other is slow.
"""

import select
import socket

MOST_BYTES = 65536


class Wire:
    """One cable. QEMU inherits the other end."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)

    def fileno(self) -> int:
        """For select()."""
        return self._ours.fileno()

    def send(self, frame: bytes) -> bool:
        """Send a frame; False while there is no room for one."""
        try:
            self._ours.send(frame)
        except BlockingIOError:
            return False
        return True

    def receive(self, timeout: float = 0) -> bytes | None:
        """The next frame, or None if there is none in time."""
        if timeout > 0:
            select.select([self], [], [], timeout)
        try:
            return self._ours.recv(MOST_BYTES)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Both ends; what QEMU inherited is its own."""
        self._ours.close()
        self.theirs.close()
