# SPDX-License-Identifier: BSD-3-Clause
"""Runs inside the guest as process 1: starts commands for the host and reports on them.

One thread, one poll loop. Everything that dies in the guest ends up as a child of this process,
so it reaps all children, its own commands or not.
"""

import errno
import json
import os
import select
import signal

import wire

ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM": "dumb",
}
CHUNK = 65536


class Command:
    """One command of the host and its three pipes."""

    def __init__(self, number: int, request: dict) -> None:
        self.number = number
        ends = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        self.pid = os.fork()
        if self.pid == 0:
            _exec([ends[0][0], ends[1][1], ends[2][1]], request)
        for used in (ends[0][0], ends[1][1], ends[2][1]):
            os.close(used)
        self.stdin = ends[0][1]
        self.outputs = {ends[1][0]: wire.STDOUT, ends[2][0]: wire.STDERR}
        self.pending = bytearray()
        self.input_ended = False
        for fd in (self.stdin, *self.outputs):
            os.set_blocking(fd, False)

    def feed(self) -> None:
        """Write what the command will take of its input; close it after the last byte."""
        try:
            while self.pending:
                del self.pending[:os.write(self.stdin, self.pending)]
        except BlockingIOError:
            return
        except OSError:
            self.pending.clear()
            self.input_ended = True
        if self.input_ended:
            os.close(self.stdin)
            self.stdin = -1


def _exec(fds: "list[int]", request: dict) -> None:
    try:
        os.setsid()
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
        for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        environment = {**ENVIRONMENT, **request["env"]}
        os.chdir(request["cwd"])
        os.execvpe(request["argv"][0], request["argv"], environment)
    except OSError as err:
        os.write(2, f"vm: cannot run {request['argv'][0]}: {err}\n".encode())
        os._exit(127 if err.errno == errno.ENOENT else 126)


class Agent:
    """The poll loop."""

    def __init__(self, port: int, wake: int) -> None:
        self.port = port
        self.wake = wake
        self.poll = select.poll()
        self.poll.register(port, select.POLLIN)
        self.poll.register(wake, select.POLLIN)
        self.commands: "dict[int, Command]" = {}
        self.by_fd: "dict[int, Command]" = {}
        self.frames = wire.Splitter()

    def send(self, kind: int, number: int, payload: bytes = b"") -> None:
        data = memoryview(wire.pack(kind, number, payload))
        while data:
            data = data[os.write(self.port, data):]

    def run(self) -> None:
        while True:
            for fd, events in self.poll.poll():
                if fd == self.port:
                    self.read_port()
                elif fd == self.wake:
                    os.read(self.wake, CHUNK)
                    self.reap()
                elif fd in self.by_fd:
                    self.serve(fd, events)

    def read_port(self) -> None:
        for kind, number, payload in self.frames.feed(os.read(self.port, CHUNK)):
            if kind == wire.START:
                self.start(number, json.loads(payload))
            elif kind == wire.MOUNT:
                self.send(wire.REPLY, number, mount(json.loads(payload)).encode())
            elif number in self.commands:
                self.control(self.commands[number], kind, payload)

    def start(self, number: int, request: dict) -> None:
        command = self.commands[number] = Command(number, request)
        for fd in command.outputs:
            self.by_fd[fd] = command
            self.poll.register(fd, select.POLLIN)

    def control(self, command: Command, kind: int, payload: bytes) -> None:
        if kind == wire.SIGNAL:
            try:
                os.killpg(command.pid, int(payload))
            except ProcessLookupError:
                pass
        elif kind == wire.STDIN and command.stdin >= 0:
            command.pending += payload
            command.input_ended |= not payload
            self.feed(command)

    def feed(self, command: Command) -> None:
        fd = command.stdin
        command.feed()
        if command.pending and fd not in self.by_fd:
            self.by_fd[fd] = command
            self.poll.register(fd, select.POLLOUT)
        elif not command.pending and self.by_fd.pop(fd, None):
            self.poll.unregister(fd)

    def serve(self, fd: int, events: int) -> None:
        command = self.by_fd[fd]
        if fd == command.stdin:
            self.feed(command)
        else:
            self.forward(command, fd)

    def forward(self, command: Command, fd: int) -> bool:
        """Pass one piece of output on; false when there is none now."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        if data:
            self.send(command.outputs[fd], command.number, data)
            return True
        self.poll.unregister(fd)
        del self.by_fd[fd], command.outputs[fd]
        os.close(fd)
        return False

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for command in list(self.commands.values()):
                if command.pid == pid:
                    self.finish(command, os.waitstatus_to_exitcode(status))

    def finish(self, command: Command, status: int) -> None:
        """Report the exit after all output so far. A background child may go on writing."""
        for fd in list(command.outputs):
            while self.forward(command, fd):
                pass
        del self.commands[command.number]
        if command.stdin >= 0:
            if self.by_fd.pop(command.stdin, None):
                self.poll.unregister(command.stdin)
            os.close(command.stdin)
            command.stdin = -1
        self.send(wire.EXIT, command.number, str(status).encode())


def mount(request: dict) -> str:
    """Mount one shared directory at its own path; returns what went wrong, if anything."""
    os.makedirs(request["path"], exist_ok=True)
    # sync: else what is written to an open file is lost when the guest is ended or panics.
    options = "trans=virtio,version=9p2000.L,cache=mmap,msize=512000,sync"
    status = os.spawnvp(os.P_WAIT, "mount", ["mount", "-t", "9p", "-o", options,
                                             request["tag"], request["path"]])
    return "" if status == 0 else f"mount of {request['path']} failed with status {status}"


def unbound() -> "list[str]":
    """Devices that the driver refused, as init.sh noted them."""
    try:
        with open("/run/vm/unbound", encoding="ascii") as lines:
            return lines.read().split()
    except FileNotFoundError:
        return []


def hugepages() -> "dict[str, int]":
    """How many of each size the kernel found."""
    found = {"2M": 0, "1G": 0}
    for size, kilobytes in (("2M", 2048), ("1G", 1048576)):
        path = f"/sys/kernel/mm/hugepages/hugepages-{kilobytes}kB/nr_hugepages"
        if os.path.exists(path):
            with open(path, encoding="ascii") as count:
                found[size] = int(count.read())
    return found


def open_port() -> int:
    """The virtio-serial port with our name."""
    base = "/sys/class/virtio-ports"
    for name in os.listdir(base):
        with open(f"{base}/{name}/name", encoding="ascii") as label:
            if label.read().strip() == wire.PORT:
                return os.open(f"/dev/{name}", os.O_RDWR | os.O_CLOEXEC)
    raise SystemExit("agent: no virtio-serial port of that name")


def main() -> None:
    read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    agent = Agent(open_port(), read_end)
    ready = {"unbound": unbound(), "release": os.uname().release, "hugepages": hugepages()}
    agent.send(wire.READY, 0, json.dumps(ready).encode())
    agent.run()


main()
