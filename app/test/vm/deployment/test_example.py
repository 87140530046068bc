# SPDX-License-Identifier: BSD-3-Clause
"""The example of doc/pinning.rst: packets from and to 4 KiB pages, as a user builds and runs it."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from helpers.faults import memlock, without
from helpers.nodes import E1000E, LINKED, MODELS, PAIR
from helpers.programs import python
from testvm.qemu import Guest, Process
from testvm.testpmd import LIBRARY, command
from testvm.util import CHECKOUT

EXAMPLE = CHECKOUT / "build/doc/examples/pin/example_pin"
SOURCES = CHECKOUT / "doc/examples/pin"
PAGES = 4096
TRIED = PAGES // 64         # in a round of move_anon.py
SUMMARY = re.compile(r"^pin: (\d+) packets sent, (\d+) received, (\d+) bad; (\d+) pages in (\d+) "
                     r"extents; (\d+) bytes compared$", re.M)
# A DONTFORK area as large as the example's, which is not pinned.
UNPINNED = ("import mmap, sys\n"
            f"area = mmap.mmap(-1, {PAGES} * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
            "area.madvise(mmap.MADV_NOHUGEPAGE)\n"
            "area.madvise(mmap.MADV_DONTFORK)\n"
            f"area.write(b'x' * {PAGES} * 4096)\n"
            "sys.stdin.read()\n")


def program(packets: int = 10000, devices: Sequence[str] = PAIR, eal: Sequence[str] = (),
            path: str = str(EXAMPLE)) -> list[str]:
    """Its command line."""
    allow = [word for device in devices for word in ("-a", device)]
    return [path, "-l", "0", *allow, "--no-telemetry", *eal, "--", "-n", str(packets)]


def summary(output: str) -> tuple[int, ...]:
    """Packets sent, received, bad; pages, extents, bytes."""
    found = SUMMARY.findall(output)
    assert len(found) == 1, output
    return tuple(map(int, found[0]))


def assert_all_came(status: int, output: str, packets: int) -> None:
    """Each packet, as it was sent."""
    assert status == 0, output
    sent, received, bad, pages, extents, compared = summary(output)
    assert (sent, received, bad, pages) == (packets, packets, 0, PAGES), output
    assert 1 <= extents <= PAGES
    assert compared >= 64 * packets


def run_example(guest: Guest, argv: Sequence[str], timeout: float = 60) -> tuple[int, str]:
    """To its end; exit status and all that it printed."""
    done = guest.run(argv, timeout=timeout)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("model", MODELS)
def test_packets_come_as_they_were_sent(cdev: Guest, model: str) -> None:
    status, output = run_example(cdev, program(devices=LINKED[model]))
    assert_all_came(status, output, 10000)
    assert output.count("no-IOMMU, NUMA node") == 2


def test_preloaded_as_well(cdev: Guest) -> None:
    assert_all_came(*run_example(cdev, command(program())), 10000)


def test_without_sys_admin(cdev: Guest) -> None:
    assert_all_came(*run_example(cdev, [*without("sys_admin"), *program()]), 10000)


def test_payload_needs_no_hugepages(cdev: Guest) -> None:
    """16 MiB of payload beside 8 MiB of hugepages, which have mbufs and rings."""
    assert_all_came(*run_example(cdev, program(eal=["-m", "8", "--legacy-mem"])), 10000)


def start(guest: Guest, argv: Sequence[str]) -> tuple[Process, str]:
    """In the background; the process and its pid."""
    process = guest.start(["sh", "-c", 'echo "pid $$"; exec "$@"', "sh", *argv])
    return process, process.expect(r"pid (\d+)").group(1)


def start_mover(guest: Guest, pid: str) -> Process:
    """Something that moves a process's pages, at work already."""
    mover = guest.start(python("move_anon.py", pid, PAGES))
    mover.expect(r"\.")
    return mover


def moves(mover: Process) -> tuple[int, int]:
    """Rounds of moving, and pages moved, at its end."""
    mover.close_stdin()
    assert mover.wait() == 0, mover.stderr
    rounds, moved = mover.stdout.split()[-2:]
    return int(rounds), int(moved)


@pytest.mark.xdist_group("numa")
def test_no_page_moves_while_packets_flow(numa: Guest) -> None:
    """Compaction, and migration to the other node, which is tried on all pages."""
    packets = 300000
    process, pid = start(numa, program(packets))
    process.expect(rf"pin: {PAGES} pages are pinned")
    # However slow the mover starts: packets flow when it is at work.
    numa.run(["kill", "-STOP", pid], check=True)
    mover = start_mover(numa, pid)
    numa.run(["kill", "-CONT", pid], check=True)
    before = mover.stdout.count(".")
    status = process.wait(120)
    rounds, moved = moves(mover)
    # One was under way when the process went on.
    assert (rounds > before + 1, moved) == (True, 0), (rounds, before, moved)
    assert_all_came(status, process.stdout + process.stderr, packets)


@pytest.mark.xdist_group("numa")
def test_pages_that_are_not_pinned_move(numa: Guest) -> None:
    process, pid = start(numa, ["/usr/bin/python3", "-c", UNPINNED])
    try:
        mover = start_mover(numa, pid)
        mover.expect(r"\.{16}")
        rounds, moved = moves(mover)
    finally:
        process.kill()
    # Of two rounds one finds the pages on the other node; half of them are enough.
    assert rounds >= 16 and moved > rounds // 2 * TRIED / 2


def test_missing_capability_is_reported(cdev: Guest) -> None:
    status, output = run_example(cdev, [*without("sys_rawio"), *program()])
    assert status == 1
    assert "CAP_SYS_RAWIO is needed" in output
    assert "pin: cannot go on with 0 ports, it takes two" in output
    assert summary(output) == (0,) * 6


@pytest.mark.parametrize("setting", ["RTE_VFIO_CDEV=off", "LD_PRELOAD=librte_eal.so.23"])
def test_devices_without_cdevs_are_reported(cdev: Guest, setting: str) -> None:
    """Switched off, or with the backend behind the EAL, as if it were linked so."""
    status, output = run_example(cdev, ["env", setting, *program()])
    assert status == 1
    assert "pin: cannot pin memory for the devices: No such device" in output
    assert "none of them is set up over a VFIO cdev" in output
    assert summary(output) == (0,) * 6


def test_beyond_the_memlock_limit_nothing_is_sent(cdev: Guest) -> None:
    limited = [*memlock(10), *program()]
    status, output = run_example(cdev, limited)
    assert status == 1
    assert "RLIMIT_MEMLOCK" in output
    assert "pin: cannot pin memory (see the line before): Cannot allocate memory" in output
    assert summary(output)[:2] == (0, 0)


def test_lost_packets_are_reported(cdev: Guest) -> None:
    """Ports of two models are on two hubs: nothing that one sends comes to the other."""
    devices = [PAIR[0], E1000E[0]]
    status, output = run_example(cdev, program(devices=devices))
    assert status == 1
    assert "pin: cannot receive what was sent: Connection timed out" in output
    assert summary(output)[1] == 0


def test_usage_needs_no_eal() -> None:
    shown = subprocess.run([EXAMPLE, "--", "--help"], capture_output=True, text=True, check=True)
    assert "--packets" in shown.stdout and not shown.stderr
    for wrong in (["-n", "0"], ["-n", "x"], ["-n", "-1"], ["--bogus"], ["word"]):
        done = subprocess.run([EXAMPLE, "--", *wrong], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "-- --help" in done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built as doc/pinning.rst shows, with the project installed."""
    where = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "setup", "-Dtests=false", f"--prefix={where}", where / "build",
                    CHECKOUT], check=True, capture_output=True)
    subprocess.run(["meson", "install", "-C", where / "build", "--quiet"], check=True)
    found = re.findall(r"^ +(cc .*)", (CHECKOUT / "doc/pinning.rst").read_text(), re.M)
    assert len(found) == 1
    configs = next(where.glob("lib/**/librte_bus_vfio_cdev.pc")).parent
    for source in SOURCES.glob("*.[ch]"):
        shutil.copy(source, where)
    subprocess.run(["sh", "-c", found[0]], cwd=where, check=True,
                   env={**os.environ, "PKG_CONFIG_PATH": str(configs)})
    return where / "pin"


def order_of(path: Path) -> list[str]:
    """The libraries that a program names, in their order."""
    shown = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True,
                           check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", shown)


def test_built_as_documented_the_backend_comes_first(built: Path) -> None:
    needed = order_of(built)
    assert needed.index("librte_bus_vfio_cdev.so.1") == 0
    assert any(name.startswith("librte_eal.so") for name in needed)


def test_built_as_documented_it_runs(cdev: Guest, built: Path) -> None:
    cdev.run(["sh", "-c", "cat >/tmp/pin && chmod +x /tmp/pin"], input=built.read_bytes(),
             check=True)
    argv = ["env", f"LD_LIBRARY_PATH={LIBRARY.parent}", *program(path="/tmp/pin")]
    assert_all_came(*run_example(cdev, argv), 10000)
