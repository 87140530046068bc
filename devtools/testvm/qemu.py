# SPDX-License-Identifier: BSD-3-Clause
"""A running guest: boot it, run commands in it, and be sure that it is gone afterwards.

    with Guest(config="cdev", nics=("e1000e", "e1000e")) as guest:
        done = guest.run(["ls", "/dev/vfio/devices"])
        testpmd = guest.start(["dpdk-testpmd", "-l", "0,1", "--", "-i"])
        testpmd.expect(r"testpmd> ", timeout=60)
"""

import ctypes
import dataclasses
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import initramfs, wire
from .apt import PrivateApt
from .cache import Cache
from .emulator import make_qemu
from .ether import Wire
from .kernel import Kernel, KernelMaker
from .machine import CommandLine, Options, nic_hubs, pages_text
from .qmp import Monitor
from .released import SERIES, ReleasedKernel
from .root import make_root
from .source import ON_TOP_OF, SourceKernel
from .util import CHECKOUT, VmError, tail

BOOT_TIMEOUT = 300
ANSWER_TIMEOUT = 60
PANIC = "Kernel panic"
# What the kernel reports if a CPU's timer expired and its interrupt never came
# (rcu_check_gp_kthread_expired_fqs_timer() of kernel/rcu/tree_stall.h). Programs cannot bring that
# about, since they cannot keep interrupts off: it was lost in the emulator.
LOST_TIMER = re.compile(r"rcu: .* kthread timer wakeup didn't happen for \d+ jiffies")
PR_SET_PDEATHSIG = 1
Output = Callable[[int, bytes], None]


class GuestError(VmError):
    """The guest, not the command in it, went wrong; carries the console's tail."""

    def __init__(self, text: str, console: Path) -> None:
        self.console = console_end(console)
        super().__init__(f"{text}\nThe end of the guest's console:\n{self.console}")


class BootFailed(GuestError):
    """The guest did not come up."""


class GuestStopped(GuestError):
    """The guest went away, without a panic, while it was in use."""


class GuestPanic(GuestError):
    """The guest's kernel panicked."""


class CommandTimeout(GuestError):
    """A command did not end in time. It was killed; its output so far is here."""

    def __init__(self, process: "Process", seconds: float, console: Path) -> None:
        self.stdout, self.stderr = process.stdout, process.stderr
        super().__init__(f"no end after {seconds:g} s of: {' '.join(process.args)}\n"
                         f"stdout so far:\n{_end(self.stdout)}\n"
                         f"stderr so far:\n{_end(self.stderr)}", console)


class GuestHangs(CommandTimeout):
    """A command did not end, and no other one gets anywhere either: the guest was ended."""


class GuestLostTimer(GuestHangs):
    """The same, and its kernel has missed an interrupt of a timer: the emulator's fault."""


class CommandFailed(VmError):
    """run(check=True) and the command's exit status was not 0."""


def went_wrong(err: Exception) -> bool:
    """Whether it is the error of a guest that had booted, or of a command; not of the emulator."""
    return isinstance(err, CommandFailed | GuestError) and \
        not isinstance(err, BootFailed | GuestLostTimer)


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-20:])


def console_end(console: Path) -> str:
    """The console's last lines; the whole of a panic, since its reason comes first."""
    lines = tail(console, 200).splitlines()
    first = next((i for i, line in enumerate(lines) if PANIC in line or "Oops:" in line), None)
    return "\n".join(lines[-30:] if first is None else lines[max(0, first - 2):][:60])


class Process:
    """A command in the guest."""

    def __init__(self, guest: "Guest", number: int, args: Sequence[str],
                 on_output: Output | None) -> None:
        self.guest = guest
        self.number = number
        self.args = list(args)
        self.returncode: int | None = None
        self._on_output = on_output
        self._data = {wire.STDOUT: bytearray(), wire.STDERR: bytearray()}
        self._console_start = guest.console.stat().st_size

    @property
    def stdout(self) -> str:
        """Standard output so far."""
        return self._data[wire.STDOUT].decode(errors="replace")

    @property
    def stderr(self) -> str:
        """Standard error so far."""
        return self._data[wire.STDERR].decode(errors="replace")

    def poll(self) -> int | None:
        """The exit status (negative: a signal), or None while it runs."""
        return self.returncode

    def write(self, data: str | bytes) -> None:
        """Write to its standard input."""
        payload = data.encode() if isinstance(data, str) else data
        for start in range(0, len(payload), 65536):
            self.guest.send(wire.STDIN, self.number, payload[start:start + 65536])

    def close_stdin(self) -> None:
        """End its standard input."""
        self.guest.send(wire.STDIN, self.number)

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the command and its children."""
        self.guest.send(wire.SIGNAL, self.number, str(int(number)).encode())

    def kill(self) -> None:
        """SIGKILL it and wait for the end."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout: float = 60) -> int:
        """Wait for the end and return the exit status; CommandTimeout kills it first."""
        if not self.guest.wait_for(lambda: self.returncode is not None, timeout):
            self.signal(signal.SIGKILL)
            self.guest.wait_for(lambda: self.returncode is not None, 5)
            raise self._late(timeout)
        assert self.returncode is not None
        return self.returncode

    def expect(self, pattern: str, timeout: float = 60, start: int = 0) -> "re.Match[str]":
        """Wait until stdout (from this offset) has the pattern; an early end is an error.

        The last group is complete: one at the end of what has come may go on.
        """
        def found() -> "re.Match[str] | None":
            running = self.returncode is None
            text = self.stdout[start:]
            match = re.search(pattern, text)
            if match and running and match.lastindex and match.end(match.lastindex) == len(text):
                return None
            return match
        self.guest.wait_for(lambda: bool(found()) or self.returncode is not None, timeout)
        match = found()
        if match:
            return match
        if self.returncode is None:
            raise self._late(timeout)
        raise CommandFailed(f"{self.args[0]} ended with {self.returncode} before it printed "
                            f"{pattern!r}:\n{_end(self.stdout)}\n{_end(self.stderr)}")

    def _late(self, seconds: float) -> CommandTimeout:
        """The command's fault, or the guest's? A timer lost before it has nothing to do with it."""
        if self.guest.answers():
            return CommandTimeout(self, seconds, self.guest.console)
        with self.guest.console.open("rb") as console:
            console.seek(self._console_start)
            lost = LOST_TIMER.search(console.read().decode(errors="replace"))
        error = (GuestLostTimer if lost else GuestHangs)(self, seconds, self.guest.console)
        error.args = (f"the guest hangs: {self.guest.state()}\n{error}",)
        self.guest.close()
        return error

    def receive(self, kind: int, payload: bytes) -> None:
        """A frame from the agent."""
        if kind == wire.EXIT:
            self.returncode = int(payload)
        elif self._on_output:
            self._on_output(kind, payload)
        else:
            self._data[kind] += payload


class Guest:
    """One guest; use it as a context manager. The options are those of machine.Options.

    Boot it from a thread that lives as long as it should: QEMU dies with that thread.
    """

    def __init__(self, cache: Cache | None = None, **options: Any) -> None:
        self.options = Options(**options)
        self.boot_seconds = 0.0
        # What all time-outs are multiplied by: a guest is slow where others want the CPUs too.
        self.patience = 1.0
        self.commands = 0
        self._running = 0
        self._idle = 0.0
        self._idle_since = 0.0
        self.report: dict[str, Any] = {}
        # One for each hub, in the order of the hubs, if the options ask for them.
        self.wires: list[Wire] = []
        self._cache = cache or Cache()
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._processes: dict[int, Process] = {}
        self._replies: dict[int, str] = {}
        self._number = 0
        self._ended = False
        self._qemu: subprocess.Popen[bytes] | None = None
        self._monitor: Monitor | None = None
        # Files without a name, which no way to end can leave behind.
        self._unnamed = (tempfile.TemporaryFile(), tempfile.TemporaryFile())  # noqa: SIM115

    def __enter__(self) -> "Guest":
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def console(self) -> Path:
        """The file with the guest's console."""
        return Path(self.options.console or self._path(0))

    def _path(self, number: int) -> Path:
        return Path(f"/proc/{os.getpid()}/fd/{self._unnamed[number].fileno()}")

    @property
    def alive(self) -> bool:
        """Whether commands can be run in it."""
        return bool(self.report) and not self._ended

    @property
    def monitor(self) -> Monitor:
        """QEMU's own monitor; the socket of --qmp is another."""
        assert self._monitor
        return self._monitor

    def boot(self) -> None:
        """Make what is missing, start QEMU and wait for the agent."""
        if re.search(r"\s", str(CHECKOUT)):
            raise VmError(f"the checkout's path must have no white space: {CHECKOUT}")
        apt = PrivateApt(self._cache, self.options.architecture)
        kernel = make_kernel(self._cache, apt, self.options.config, self.options.source)
        root = Path(self.options.root) if self.options.root else make_root(
            self._cache, apt, self.options.dpdk, packages=self.options.packages)
        kernel = self._with_modules(apt, kernel, root)
        qemu = make_qemu(self._cache, apt, self.options.qemu)
        started = time.monotonic()
        try:
            self._start(kernel, root, qemu)
            self._await_agent()
        except BaseException:
            self.close()
            raise
        self._idle_since = time.monotonic()
        self.boot_seconds = self._idle_since - started

    def _with_modules(self, apt: PrivateApt, kernel: Kernel, root: Path) -> Kernel:
        """With the modules of a root that is not of the cache, if it has any."""
        modules = root / "usr/lib/modules" / kernel.release
        if not self.options.root or not modules.is_dir():
            return kernel
        image = initramfs.make(self._cache, apt, "own", modules, vfio=False)
        return dataclasses.replace(kernel, modules=modules, initramfs=image)

    def _start(self, kernel: Kernel, root: Path, qemu: Sequence[str]) -> None:
        self.console.write_bytes(b"")
        hubs = set(nic_hubs(self.options.nics)) if self.options.wires else ()
        self.wires = [Wire() for _ in hubs]
        plugs = [each.theirs.fileno() for each in self.wires]
        self._socket, theirs = socket.socketpair()
        monitor, its = socket.socketpair()
        self._monitor = Monitor(monitor)
        with theirs, its:
            command = CommandLine(self.options, root, kernel.modules, qemu).build(
                kernel.image, kernel.initramfs, self.console, theirs.fileno(), its.fileno(),
                plugs)
            self._qemu = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self._unnamed[1],
                stderr=subprocess.STDOUT, pass_fds=[theirs.fileno(), its.fileno(), *plugs],
                preexec_fn=_die_with(os.getpid()))  # noqa: PLW1509  (one prctl() call)
        for each in self.wires:
            each.theirs.close()
        threading.Thread(target=self._read, daemon=True).start()

    def _await_agent(self) -> None:
        if not self._wait(lambda: bool(self.report), BOOT_TIMEOUT):
            reason = (f"no sign of life after {BOOT_TIMEOUT} s" if not self._ended else
                      f"QEMU ended: {tail(self._path(1), 5) or 'no message'}")
            raise BootFailed(f"the guest did not boot: {reason}", self.console)
        if self.report["unbound"] and self.options.config != "stock":
            raise BootFailed(f"{self.options.driver} refused {', '.join(self.report['unbound'])}",
                             self.console)
        found, wanted = self.report["hugepages"], self.options.reserved()
        if any(found[size] < count for size, count in wanted.items()):
            raise BootFailed(f"the guest's kernel found room for {pages_text(found) or 'none'} of "
                             f"{pages_text(wanted)}: give it more --memory", self.console)
        for i, path in enumerate(self.options.shares):
            self._mount(f"share{i}", path)

    def _mount(self, tag: str, path: str) -> None:
        number = self._next()
        self.send(wire.MOUNT, number, wire.strings(tag, path))
        if not self.wait_for(lambda: number in self._replies, 30) or self._replies[number]:
            raise BootFailed(self._replies.get(number, "no answer to mount"), self.console)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def start(self, argv: Sequence[str | Path], env: dict[str, str] | None = None,
              cwd: str | Path = CHECKOUT, on_output: Output | None = None) -> Process:
        """Start a command; its standard input stays open until close_stdin()."""
        process = Process(self, self._next(), [str(a) for a in argv], on_output)
        self._processes[process.number] = process
        self.commands += 1
        with self._changed:
            if self._running == 0:
                self._idle += time.monotonic() - self._idle_since
            self._running += 1
        variables = [f"{name}={value}" for name, value in (env or {}).items()]
        self.send(wire.START, process.number, wire.strings(
            str(len(process.args)), str(cwd), *process.args, *variables))
        return process

    def run(self, argv: Sequence[str | Path], timeout: float = 60,
            env: dict[str, str] | None = None, input: str | bytes | None = None,
            check: bool = False, cwd: str | Path = CHECKOUT) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        process = self.start(argv, env, cwd)
        if input:
            process.write(input)
        process.close_stdin()
        status = process.wait(timeout)
        if check and status:
            raise CommandFailed(f"{' '.join(process.args)} ended with {status}:\n"
                                f"{_end(process.stdout)}\n{_end(process.stderr)}")
        return subprocess.CompletedProcess(process.args, status, process.stdout, process.stderr)

    def answers(self) -> bool:
        """Whether the guest still runs what it is told to."""
        process = self.start(["true"])
        return self.wait_for(lambda: process.returncode is not None, ANSWER_TIMEOUT)

    def idle_seconds(self) -> float:
        """For how long no command was running in it."""
        now = 0.0 if self._running else time.monotonic() - self._idle_since
        return self._idle + now

    def state(self) -> str:
        """What QEMU says of it, and what QEMU's threads do: for the report of a hang."""
        assert self._qemu
        threads = " ".join(each.read_text().rpartition(")")[2].split()[0] for each in
                           sorted(Path(f"/proc/{self._qemu.pid}/task").glob("*/stat")))
        try:
            said = self.monitor.execute("query-status")["status"]
        except VmError as err:
            said = str(err)
        return f"{said}; threads {threads}"

    def send(self, kind: int, number: int, payload: bytes = b"") -> None:
        """One frame to the agent."""
        try:
            with self._writing:
                self._socket.sendall(wire.pack(kind, number, payload))
        except OSError:
            self._raise_ended()

    def wait_for(self, done: Callable[[], bool], timeout: float) -> bool:
        """Wait for a condition that frames bring about; a guest that went away raises."""
        if self._wait(done, timeout * self.patience):
            return True
        if self._ended:
            self._raise_ended()
        return False

    def _wait(self, done: Callable[[], bool], timeout: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: done() or self._ended, timeout)
            return done()

    def _raise_ended(self) -> None:
        if self._qemu:
            self._qemu.wait(10)
        if self._unnamed[0].closed:
            raise GuestStopped("the guest was closed", Path("/dev/null"))
        if PANIC in tail(self.console, 1000):
            raise GuestPanic("the guest's kernel panicked", self.console)
        raise GuestStopped("the guest stopped", self.console)

    def _read(self) -> None:
        frames = wire.Splitter()
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except OSError:
                data = b""
            with self._changed:
                for kind, number, payload in frames.feed(data):
                    self._receive(kind, number, payload)
                self._ended |= not data
                self._changed.notify_all()
            if not data:
                return

    def _receive(self, kind: int, number: int, payload: bytes) -> None:
        if kind == wire.READY:
            self.report = wire.parse_ready(payload)
        elif kind == wire.REPLY:
            self._replies[number] = payload.decode()
        elif number in self._processes:
            self._processes[number].receive(kind, payload)
            if kind == wire.EXIT:
                self._running -= 1
                self._idle_since = time.monotonic()

    def close(self) -> None:
        """End the guest at once: all it could write to is memory, or was written through."""
        if self._qemu:
            self._qemu.kill()
            self._qemu.wait()
            self._socket.close()
            self.monitor.close()
            self._qemu = None
            if self.options.qmp:
                Path(self.options.qmp).unlink(missing_ok=True)
        self._ended = True
        for file in self._unnamed:
            file.close()
        for each in self.wires:
            each.close()


def make_kernel(cache: Cache, apt: PrivateApt, config: str, source: str,
                refresh: bool = False) -> Kernel:
    """A kernel of either origin."""
    maker = KernelMaker(cache, apt, refresh)
    if config in SERIES:
        if source == "source":
            raise VmError(f"Linux {config} is the distribution's: there is no building it "
                          "--from source")
        return ReleasedKernel(maker).make(config)
    if config in ON_TOP_OF and source != "source":
        raise VmError(f"no distribution's kernel can be configured like {config}: build it "
                      "--from source")
    return SourceKernel(maker).make(config) if source == "source" else maker.make(config)


def _die_with(parent: int) -> Callable[[], None]:
    """QEMU gets SIGKILL when we die, however we die."""
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    return prepare
