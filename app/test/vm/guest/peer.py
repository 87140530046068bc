# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: secondary processes that start in no time, since they have no EAL.

    peer.py keep DEVICE         get the cdev from the primary and keep it until killed
    peer.py die DEVICE COUNT    as many that get it, map its first BAR and are killed by SIGKILL
    peer.py spoil DEVICE        send malformed requests; prints a line for each answer

They speak as the EAL of 22.11 does (struct mp_msg_internal of eal_common_proc.c), at its
default runtime directory.
"""

import array
import errno
import mmap
import os
import random
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable

DIRECTORY = "/var/run/dpdk/rte"
MESSAGE = struct.Struct("=i64sii256s")      # type, name, len_param, num_fds, param
# magic, version, kind, id, err, pid, policy, IOVA mode, address
BODY = struct.Struct("=IHHIiiII64s")
MP_REQ, MAGIC, VERSION, DEVICE, ID, PREFER = 1, 0x63646576, 3, 0, 77, 0


def body(address: str, magic: int = MAGIC, version: int = VERSION, kind: int = DEVICE,
         policy: int = PREFER) -> bytes:
    """What our own secondaries send."""
    return BODY.pack(magic, version, kind, ID, 0, os.getpid(), policy, 0, address.encode())


class Peer:
    """A socket that looks like a secondary's to the primary."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(60)
        self.path = f"{DIRECTORY}/mp_socket_{os.getpid()}_peer"
        self.socket.bind(self.path)

    def request(self, param: bytes, length: int | None = None,
            fds: "tuple[int, ...]" = ()) -> "tuple[int, list[int]]":
        """Send a request; the errno and the fds of the answer."""
        size = len(param) if length is None else length
        message = MESSAGE.pack(MP_REQ, b"vfio_cdev", size, len(fds), param)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([message], rights, 0, f"{DIRECTORY}/mp_socket")
        return self.answer()

    def answer(self) -> "tuple[int, list[int]]":
        """Wait for an answer."""
        data, rights, _, _ = self.socket.recvmsg(MESSAGE.size, socket.CMSG_SPACE(64))
        received = array.array("i")
        for _, _, raw in rights:
            received.frombytes(raw[:len(raw) - len(raw) % received.itemsize])
        _, _, _, number, err, *_ = BODY.unpack_from(MESSAGE.unpack(data)[4])
        assert number in (ID, 0)        # 0: the request could not be read
        return err, list(received)


def keep(address: str) -> "list[int]":
    """The device, for as long as this process lives."""
    err, fds = Peer().request(body(address))
    print(f"peer {os.getpid()}: {errno.errorcode.get(err, err)}, {len(fds)} fds", flush=True)
    return fds


def victim(address: str, ready: int) -> None:
    """A secondary at work: it reads a register until it is killed."""
    _, fds = Peer().request(body(address))
    bar = mmap.mmap(fds[0], 4096, mmap.MAP_SHARED, mmap.PROT_READ)
    os.write(ready, b"x")
    while True:
        bar[8]  # pylint: disable=pointless-statement


def die(address: str, count: int) -> None:
    """Every second one is killed when it has the device, the others at any moment."""
    served = 0
    for number in range(count):
        readable, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            victim(address, ready)
        os.close(ready)
        if number % 2:
            time.sleep(random.random() * 0.02)
        else:
            served += len(os.read(readable, 1))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(readable)
    print(f"{count} killed, {served} of them with the device", flush=True)


def spoil(address: str) -> None:
    """Each is answered with an error, and a good one afterwards with an fd."""
    peer, good = Peer(), body(address)
    ours = os.open("/dev/null", os.O_RDONLY)
    requests: dict[str, Callable[[], tuple[int, list[int]]]] = {
        "magic": lambda: peer.request(body(address, magic=1)),
        "version": lambda: peer.request(body(address, version=1)),
        "kind": lambda: peer.request(body(address, kind=1)),
        "policy": lambda: peer.request(body(address, policy=77)),
        "empty": lambda: peer.request(b""),
        "short": lambda: peer.request(good, len(good) - 1),
        "long": lambda: peer.request(good, 256),
        "address": lambda: peer.request(body("x" * 64)),
        "absent": lambda: peer.request(body("0000:ff:1f.7")),
        "fds": lambda: peer.request(good, fds=(ours,) * 8),
        "good": lambda: peer.request(good),
    }
    for name, send in requests.items():
        err, fds = send()
        print(f"{name}: {errno.errorcode.get(err, err)}, {len(fds)} fds", flush=True)


def main() -> None:
    """See above."""
    command, address = sys.argv[1:3]
    if command == "keep":
        keep(address)
        signal.pause()
    elif command == "die":
        die(address, int(sys.argv[3]))
    else:
        spoil(address)


main()
