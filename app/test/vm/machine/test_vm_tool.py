# SPDX-License-Identifier: BSD-3-Clause
"""The test machine itself, in guests: what devtools/vm promises to its users."""

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testvm import cli
from testvm.qemu import (
    LOST_TIMER,
    CommandTimeout,
    Guest,
    GuestHangs,
    GuestLostTimer,
    GuestStopped,
)
from testvm.util import CHECKOUT

VM = CHECKOUT / "devtools" / "vm"
# Masks the timer of CPU 1 in its local APIC, behind the kernel's back: what an emulator that loses
# an interrupt does to it.
MASK_TIMER = """\
import mmap, os, struct
os.sched_setaffinity(0, {1})
apic = mmap.mmap(os.open("/dev/mem", os.O_RDWR | os.O_SYNC), 4096, offset=0xfee00000)
timer, = struct.unpack_from("=I", apic, 0x320)
struct.pack_into("=I", apic, 0x320, timer | 1 << 16)
print("masked", flush=True)
"""


def vm_run(*argv: str, options: tuple[str, ...] = (), timeout: float = 600,
           stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run([VM, "run", *options, "--", *argv], input=stdin, text=True,
                          capture_output=True, timeout=timeout, check=False)


def guests_of(pid: int) -> list[int]:
    """QEMU processes that this process started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(c) for c in children
            if "qemu" in Path(f"/proc/{c}/comm").read_text(encoding="ascii")]


@contextlib.contextmanager
def vm_started(*argv: str, options: tuple[str, ...]) -> Iterator["subprocess.Popen[str]"]:
    """A command that runs in a guest meanwhile, and ends with its standard input."""
    with subprocess.Popen([VM, "run", *options, "--", *argv], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as tool:
        try:
            yield tool
            tool.communicate(timeout=300)
            assert tool.returncode == 0
        finally:
            tool.kill()


def qmp_execute(path: Path, *commands: str) -> list[dict[str, Any]]:
    """The answers of QEMU's monitor to commands without arguments."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(120)
        monitor.connect(str(path))
        lines = monitor.makefile("rw")
        assert "QMP" in json.loads(lines.readline())
        for command in commands:
            print(json.dumps({"execute": command}), file=lines, flush=True)
        return [json.loads(lines.readline()) for _ in commands]


def test_status_and_streams_pass_through() -> None:
    done = vm_run("sh", "-c", "cat; pwd; echo bad >&2; exit 7", stdin="input\n")
    assert (done.returncode, done.stdout) == (7, f"input\n{Path.cwd()}\n")
    assert done.stderr.endswith("bad\n")


def test_panic_has_its_own_status_and_shows_the_console() -> None:
    done = vm_run("sh", "-c", "echo before; echo c > /proc/sysrq-trigger")
    assert done.returncode == cli.PANIC
    assert done.stdout == "before\n"
    assert "sysrq triggered crash" in done.stderr


def test_hang_has_its_own_status() -> None:
    done = vm_run("sh", "-c", "echo before; sleep 1000", options=("--timeout", "5"))
    assert done.returncode == cli.TIMED_OUT
    assert done.stdout == "before\n"
    assert "no end after 5 s" in done.stderr


def test_qmp_socket_answers_while_a_command_runs_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a,b.qmp"
    with vm_started("sh", "-c", "echo ready; cat", options=("--qmp", str(path))) as tool:
        assert line_of(tool) == "ready\n"
        done, status = qmp_execute(path, "qmp_capabilities", "query-status")
        assert (done, status["return"]["status"]) == ({"return": {}}, "running")
    assert not path.exists()


def test_share_is_written_through(tmp_path: Path) -> None:
    """A file that is still open when the guest goes away has what was written to it."""
    (tmp_path / "to guest").write_text("hello\n")
    script = "cat 'to guest'; read -r line; echo $line >&9; echo written; cat"
    with vm_started("sh", "-c", f"cd {tmp_path}; exec 9>from,guest; {script}",
                    options=("--share", str(tmp_path))) as tool:
        assert line_of(tool) == "hello\n"
        print("answer", file=tool.stdin, flush=True)
        assert line_of(tool) == "written\n"
        assert (tmp_path / "from,guest").read_text() == "answer\n"


def line_of(tool: "subprocess.Popen[str]") -> str:
    """The next line that it prints."""
    assert tool.stdout is not None
    return tool.stdout.readline()


def heed_interrupt() -> None:
    """What is started in the background by a shell has SIGINT ignored, and hands that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_guest_outlives_its_starter(number: signal.Signals) -> None:
    with subprocess.Popen([VM, "run", "--", "sleep", "1000"], stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL,
                          preexec_fn=heed_interrupt) as tool:  # noqa: PLW1509
        try:
            deadline = time.monotonic() + 300
            while not guests_of(tool.pid):
                assert time.monotonic() < deadline and tool.poll() is None
                time.sleep(0.1)
            qemu = guests_of(tool.pid)
            tool.send_signal(number)
            tool.wait(300)
        finally:
            tool.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in qemu):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_noiommu_cdevs_are_there(guest: Callable[..., Guest]) -> None:
    done = guest().run(["ls", "/dev/vfio/devices"], check=True)
    assert done.stdout.split() == ["noiommu-vfio0", "noiommu-vfio1"]


def test_root_is_writable_and_the_host_untouched(guest: Callable[..., Guest]) -> None:
    mark = Path("/etc/testvm-was-here")
    guest().run(["sh", "-c", f"echo x > {mark} && cat {mark}"], check=True)
    assert not mark.exists()


def test_other_modules_of_the_kernel_load(guest: Callable[..., Guest]) -> None:
    done = guest().run(["sh", "-c", "modprobe tun && ls /dev/net/tun"])
    assert done.returncode == 0, done.stderr


def test_rebuilt_modules_come_first_for_modprobe(guest: Callable[..., Guest]) -> None:
    done = guest().run(["modinfo", "-n", "vfio"], check=True)
    assert "/updates/" in done.stdout


def test_commands_run_beside_each_other(guest: Callable[..., Guest]) -> None:
    vm = guest()
    cat = vm.start(["cat"])
    cat.write("one\n")
    cat.expect("one\n", timeout=10)
    assert "cat" in vm.run(["cat", f"/proc/{vm.run(['pidof', 'cat']).stdout.split()[0]}/comm"]
                           ).stdout
    cat.write("two\n")
    cat.close_stdin()
    assert cat.wait(10) == 0
    assert cat.stdout == "one\ntwo\n"


def test_a_group_at_the_end_of_the_output_is_waited_for(guest: Callable[..., Guest]) -> None:
    script = "printf 'pid 12'; read line; printf '34'; read line; echo; cat"
    process = guest().start(["sh", "-c", script])
    process.expect("pid 12")
    with pytest.raises(CommandTimeout):
        process.expect(r"pid (\d+)", timeout=1)
    process.write("\n\n")
    assert process.expect(r"pid (\d+)").group(1) == "1234"
    process.close_stdin()
    assert process.wait(10) == 0


def test_slow_command_is_killed_and_the_guest_goes_on(guest: Callable[..., Guest]) -> None:
    with pytest.raises(CommandTimeout) as caught:
        guest().run(["sh", "-c", "echo so far; sleep 1000"], timeout=1)
    assert caught.value.stdout == "so far\n"
    assert guest().run(["pidof", "sleep"]).stdout == ""


def test_guest_that_hangs_is_distinguished_from_a_slow_command(
        guest: Callable[..., Guest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testvm.qemu.ANSWER_TIMEOUT", 1)
    vm = guest(nics=("e1000",))
    vm.patience = 1
    vm.monitor.execute("stop")
    with pytest.raises(GuestHangs, match="the guest hangs: paused; threads ") as caught:
        vm.run(["true"], timeout=1)
    assert not isinstance(caught.value, GuestLostTimer)
    assert "no end after 1 s of: true" in str(caught.value)
    assert not vm.alive
    assert guest(nics=("e1000",)).run(["true"]).returncode == 0


def test_hang_after_a_lost_timer_is_the_emulators(
        guest: Callable[..., Guest], monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is the one of this guest's kernel. The hang is ours, to be sure of it.

    A command that was started after the message shows no more than a hang.
    """
    monkeypatch.setattr("testvm.qemu.ANSWER_TIMEOUT", 1)
    vm = guest(nics=(), hugepages=0, append="iomem=relaxed rcupdate.rcu_cpu_stall_timeout=3")
    sleeper = vm.start(["sleep", "infinity"])
    vm.start(["/usr/bin/python3", "-c", MASK_TIMER]).expect("masked")
    deadline = time.monotonic() + 60 * vm.patience
    while not LOST_TIMER.search(vm.console.read_text(errors="replace")):
        assert time.monotonic() < deadline
        vm.start(["true"])      # without an end, maybe: something for RCU to do
        time.sleep(0.5)
    vm.patience = 1
    vm.monitor.execute("stop")
    later = vm.start(["true"])
    with monkeypatch.context() as kept:
        kept.setattr(vm, "close", lambda: None)
        with pytest.raises(GuestHangs) as caught:
            later.wait(1)
    assert not isinstance(caught.value, GuestLostTimer)
    with pytest.raises(GuestLostTimer, match="the guest hangs: paused; threads "):
        sleeper.wait(1)


def test_environment_and_signals(guest: Callable[..., Guest]) -> None:
    assert guest().run(["sh", "-c", "echo $FOO"], env={"FOO": "bar"}).stdout == "bar\n"
    assert guest().run(["sh", "-c", "kill -SEGV $$"]).returncode == -signal.SIGSEGV
    assert guest().run(["no-such-program"]).returncode == 127


def test_large_output_and_input_are_complete(guest: Callable[..., Guest]) -> None:
    data = "0123456789abcdef" * (1 << 16)
    assert guest().run(["cat"], input=data).stdout == data


def test_two_guests_at_once_and_one_of_them_halts(guest: Callable[..., Guest]) -> None:
    first = guest()
    second = guest(nics=("e1000e",), hugepages=8)
    assert first.run(["cat", "/proc/sys/kernel/random/boot_id"]).stdout != \
        second.run(["cat", "/proc/sys/kernel/random/boot_id"]).stdout
    assert second.run(["ls", "/dev/vfio/devices"]).stdout == "noiommu-vfio0\n"
    # What is not in memory yet cannot be read any more.
    halting = second.start(["sh", "-c", "echo o > /proc/sysrq-trigger; read line"])
    with pytest.raises(GuestStopped):
        halting.wait()
    assert first.alive and not second.alive
