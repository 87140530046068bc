# SPDX-License-Identifier: BSD-3-Clause
"""Each benchmark of devtools/bench measures something; how long that takes is not tested."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import calls, cli, devices, figures, forwarding, memory, plot, programs
from benchmarks.machine import NICS, TINY, Bench, Program, host_run
from helpers.faults import memlock
from helpers.nodes import GROUP
from helpers.programs import built
from helpers.resources import free_hugepages
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.util import VmError

BENCH = built("bench_pages")

STEPS = ["map + verify", "unmap", "pin page + verify", "unmap again"]
ROW = re.compile(r"^(\S.*?) {2,}(\d+\.\d) +(\d+\.\d) +([+-]\d+\.\d) +(\d+\.\d\d)$", re.M)


@pytest.fixture
def bench(guest: Callable[..., Guest]) -> Bench:
    """Few turns, in the guest that most benchmarks share."""
    return Bench(guest, TINY, counted=True)


def assert_measured(found: list[figures.Figure], *names: str) -> None:
    """These, of pairs of figures that are none of 0."""
    print("\n".join(map(figures.line, found)))
    assert [figure.name for figure in found] == list(names)
    assert all(min(pair) > 0 for figure in found for pair in figure.pairs)
    assert all(figure.pairs for figure in found)


def test_table_has_positive_figures_for_each_step(guest: Callable[..., Guest]) -> None:
    before = free_hugepages(guest())
    done = guest().run([BENCH, "-n", "4", "--rounds=3", nic_address(1)])
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{nic_address(1)} (noiommu-vfio1): 4 x 2 MiB" in done.stdout
    rows = ROW.findall(done.stdout)
    assert [row[0] for row in rows] == STEPS
    assert all(float(bare) > 0 and float(library) > 0 for _, bare, library, _, _ in rows)
    assert free_hugepages(guest()) == before


def test_first_cdev_is_the_default(guest: Callable[..., Guest]) -> None:
    done = guest().run([BENCH, "-n", "1", "-r", "1"], check=True)
    assert done.stdout.startswith(f"{nic_address(0)} (noiommu-vfio0): 1 x 2 MiB")


def test_ratio_of_one_round_is_that_of_its_figures(guest: Callable[..., Guest]) -> None:
    rows = ROW.findall(guest().run([BENCH, "-n", "2", "-r", "1"], check=True).stdout)
    assert [row[0] for row in rows] == STEPS
    for _, *numbers in rows:
        bare, library, more, ratio = map(float, numbers)
        assert more == pytest.approx(library - bare, abs=0.2)
        assert ratio == pytest.approx(library / bare, abs=0.01)


@pytest.mark.parametrize("arguments, message", [
    (["-n", "0"], "0 is no number from 1"),
    (["-r", "3x"], "3x is no number from 1"),
    (["--bogus"], "usage: bench_pages"),
    (["0000:00:03.0", "0000:00:04.0"], "usage: bench_pages"),
    (["0000:00:1f.0"], "0000:00:1f.0 has no cdev"),
    (["../x"], "../x"),
    (["-n", "60000"], "60000 hugepages of 2 MiB: Cannot allocate memory"),
])
def test_bad_arguments_are_reported(guest: Callable[..., Guest], arguments: list[str],
                                    message: str) -> None:
    done = guest().run([BENCH, *arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_device_in_use_is_reported(guest: Callable[..., Guest]) -> None:
    group = f"exec 9<>{GROUP}; "
    done = guest().run(["sh", "-c", f"{group} exec {BENCH} -n 1 -r 1 {nic_address(0)}"])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{nic_address(0)}: " in done.stderr and "Device or resource busy" in done.stderr


def test_failed_call_is_reported(guest: Callable[..., Guest]) -> None:
    done = guest().run([*memlock(1), BENCH])
    assert (done.returncode, done.stdout) == (1, "")
    assert "Cannot allocate memory" in done.stderr and "RLIMIT_MEMLOCK" in done.stderr


def test_clock_of_a_counted_guest_is_its_instructions(bench: Bench) -> None:
    """Two to a turn of the loop, and few of the kernel's, however busy this machine is."""
    program = Program(bench.guest(), "stock", [nic_address(0)])
    turns = [program.measure("loop", 3_000_000)[0] for _ in range(3)]
    program.end()
    print(turns)
    assert min(turns) == pytest.approx(2, rel=0.02)


def test_pages_are_measured(bench: Bench) -> None:
    assert_measured(memory.pages(bench), "map + verify", "unmap")


def test_growth_and_shrink_are_measured(bench: Bench) -> None:
    assert_measured(memory.malloc(bench), "growth", "shrink")


def test_addresses_are_measured(bench: Bench) -> None:
    assert_measured(memory.addresses(bench), "memory of the EAL", "other memory")


def test_preload_is_measured(bench: Bench) -> None:
    found = programs.preloads_counted(bench)
    assert_measured(found, *(figure.name for figure in found))
    assert [figure.name for figure in found[:2]] == [
        "/bin/true, librte_bus_vfio_cdev", "/bin/true, libvfio_cdev_compat"]


def test_forwarding_makes_no_system_call_of_ours(bench: Bench) -> None:
    """Of whatever thread, as long as packets are forwarded."""
    found = {figure.name: figure.values for figure in calls.steady(bench)}
    print(found)
    assert found["system calls of ours, forwarding"] == (0,)


def test_system_call_of_ours_is_seen(bench: Bench) -> None:
    """The measure of the test above: a page is pinned and looked up."""
    program = Program(bench.guest(), "cdev", [nic_address(0)])
    pid = bench.guest().run(["pidof", "bench_eal"], check=True).stdout.strip()
    text = calls.trace(bench.guest(), pid, lambda: program.measure("stack", 3))
    program.end()
    assert calls.of_ours(text) > 2, text


def test_forwarding_is_measured(bench: Bench) -> None:
    found = forwarding.forwarding(bench, ["virtio-net-pci"])
    assert_measured(found, *(figure.name for figure in found))
    assert len(found) == 4 and {figure.ways for figure in found} == {
        ("group", "cdev"), ("uio", "cdev")}


def test_set_up_of_devices_is_measured(bench: Bench) -> None:
    names = [nic_address(i) for i in range(2, len(NICS))]
    found = devices.beside(bench, bench.guest(), names, (1, 2))
    assert_measured(found, "set-up, 2 devices beside 1", "set-up, 1 devices", "set-up, 2 devices",
                    "release, 2 devices beside 1", "release, 1 devices", "release, 2 devices")


def test_start_is_measured(bench: Bench) -> None:
    assert_measured(programs.starts(bench), "exec to packet, 64 hugepages")


def test_record_has_so_many_bytes(bench: Bench) -> None:
    """64 in it, and what malloc() has of its own."""
    assert memory.records(bench)[0].values == (80,)


def test_figures_are_printed_written_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    made = [figures.ratio("first", "a & b", [(2, 3), (4, 4), (1, 1)], "ns", ("stock", "cdev"),
                          most=1.1),
            figures.ratio("second", "missed", [(1, 2)], "ns", ("stock", "cdev"), 0.98, 1.02)]
    monkeypatch.setitem(cli.BENCHMARKS, "records", lambda _: made)
    written, drawn = tmp_path / "bench.json", tmp_path / "bench.svg"
    assert cli.main(["--only", "records", "--json", str(written), "--plot", str(drawn)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"first: a & b +<= 1.1  +1  +1 to 1.25 +3  stock 2, cdev 3 ns", lines[1])
    assert re.fullmatch(r"second: missed +1.00 \+- 0.02\* +2  +2 to 2 .*", lines[2])
    first, second = json.loads(written.read_text())["figures"]
    assert (first["median"], first["quartiles"], first["met"]) == (1, [1, 1.25], True)
    assert second["met"] is False and second["pairs"] == [[1, 2]]
    assert "first: a &amp; b" in drawn.read_text()
    assert plot.place(1) == pytest.approx(plot.LEFT + plot.WIDTH * 6 / 8)


def test_error_ends_with_its_status_and_keeps_what_is_there(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Bench) -> list[figures.Figure]:
        raise VmError("no room")
    made = figures.Figure("first", "count", (3,))
    monkeypatch.setitem(cli.BENCHMARKS, "records", lambda _: [made])
    monkeypatch.setitem(cli.BENCHMARKS, "preload", fail)
    written = tmp_path / "bench.json"
    assert cli.main(["--fast", "--json", str(written)]) == 2
    assert [figure["name"] for figure in json.loads(written.read_text())["figures"]] == ["count"]


def test_program_that_crashes_on_this_machine_is_a_failure(
        monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: Bench) -> list[figures.Figure]:
        host_run(["sh", "-c", "kill -9 $$"])
        return []
    monkeypatch.setitem(cli.BENCHMARKS, "records", crash)
    assert cli.main(["--only", "records"]) == 1


def test_file_that_cannot_be_written_is_reported_first(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["--fast", "--json", "/nonesuch/figures.json"])
    assert "argument --json: [Errno 2] No such file" in capsys.readouterr().err
