# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: a program that has nothing to do with VFIO, and does much with files.

What it prints is the same each time.
"""

import array
import fcntl
import mmap
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import termios
import threading

THREADS, ROUNDS = 4, 50


def churn(number: int, results: list[int]) -> None:
    """Files, copies of them and memory, in a thread."""
    total = 0
    for count in range(ROUNDS):
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(bytes([number]) * (count + 1))
            copy = os.dup(file.fileno())
            total += len(os.pread(copy, 4096, 0))
            with mmap.mmap(copy, 0) as memory:
                total += memory[count]
            os.close(copy)
    results[number] = total


def pipes() -> tuple[int, bytes]:
    """FIONREAD, and a file that is passed on by a socket."""
    read, write = os.pipe()
    os.write(write, b"in the pipe")
    waiting = array.array("i", [0])
    fcntl.ioctl(read, termios.FIONREAD, waiting)
    one, other = socket.socketpair()
    socket.send_fds(one, [b"x"], [read])
    received = socket.recv_fds(other, 1, 1)[1][0]
    with selectors.DefaultSelector() as selector:
        selector.register(received, selectors.EVENT_READ)
        assert selector.select(1)
    return waiting[0], os.read(received, 100)


def forked() -> int:
    """A child that reads a file of its parent's and opens one of its own."""
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(b"parent")
        pid = os.fork()
        if pid == 0:
            with open("/proc/self/comm", encoding="ascii") as comm:
                os._exit(len(os.pread(file.fileno(), 100, 0)) + len(comm.read()))
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    results = [0] * THREADS
    threads = [threading.Thread(target=churn, args=(i, results)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    print(subprocess.run(["sh", "-c", "cat; echo error >&2; exit 3"], input=b"through a child",
                         capture_output=True, check=False))
    for thread in threads:
        thread.join()
    print(results, pipes(), forked())
    with mmap.mmap(-1, 1 << 20) as memory:
        memory.madvise(mmap.MADV_DONTNEED)
        print(memory[:10])
    sys.stderr.write("to standard error\n")


if __name__ == "__main__":
    main()
