# SPDX-License-Identifier: BSD-3-Clause
"""devtools/testvm without a guest: options, QEMU's command line, and what comes from the guest."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from testvm import apt, cli, machine, qemu, qmp, root, source, testpmd, util, wire
from testvm.arch import AMD64, ARCHES
from testvm.cache import Cache
from testvm.util import VmError


def command_line(**options: Any) -> str:
    line = machine.CommandLine(machine.Options(**options), Path("/"), Path("/m"))
    return " ".join(line.build(Path("/k"), Path("/i"), Path("/c"), 3, 4))


def test_frames_survive_any_splitting() -> None:
    data = wire.pack(wire.STDOUT, 7, b"abc") + wire.pack(wire.EXIT, 7, b"0")
    splitter = wire.Splitter()
    frames = [frame for byte in data for frame in splitter.feed(bytes([byte]))]
    assert frames == [(wire.STDOUT, 7, b"abc"), (wire.EXIT, 7, b"0")]


def test_nics_of_one_model_share_a_hub() -> None:
    line = command_line(nics=("e1000e", "vmxnet3", "e1000e"))
    for nic, hub in enumerate((0, 1, 0)):
        assert f"hubport,id=nic{nic},hubid={hub}" in line


def test_device_that_is_no_nic_is_among_them_with_a_back_end_of_its_own() -> None:
    line = command_line(nics=("e1000e", machine.CRYPTO, "e1000e"))
    assert "cryptodev-backend-builtin,id=nic1 -device virtio-crypto-pci,cryptodev=nic1," \
           "addr=0x4," in line
    assert "hubport,id=nic2,hubid=0" in line and "netdev=nic1" not in line
    assert "VM_NICS=0000:00:03.0,0000:00:04.0,0000:00:05.0" in line


def test_nics_are_functions_of_their_slots() -> None:
    line = command_line(nics=("e1000",) * 3, functions=2)
    for place in ("0x3.0", "0x3.1", "0x4.0"):
        assert f"addr={place},multifunction=on," in line
    assert "VM_NICS=0000:00:03.0,0000:00:03.1,0000:00:04.0 " in line
    assert [machine.nic_address(i, 2) for i in (1, 2)] == ["0000:00:03.1", "0000:00:04.0"]
    command_line(nics=("e1000",) * 42, functions=2)
    with pytest.raises(VmError, match="at most 42 NICs"):
        command_line(nics=("e1000",) * 43, functions=2)


def test_each_hub_has_a_wire_if_one_is_wanted() -> None:
    assert machine.nic_hubs(("e1000e", "vmxnet3,x=y", "e1000e")) == [0, 1, 0]
    line = machine.CommandLine(machine.Options(), Path("/"), Path("/m"))
    words = " ".join(line.build(Path("/k"), Path("/i"), Path("/c"), 3, 4, [7, 8]))
    for hub, fd in enumerate((7, 8)):
        assert f"dgram,id=wire{hub},local.type=fd,local.str={fd}" in words
        assert f"hubport,id=plug{hub},hubid={hub},netdev=wire{hub}" in words
    assert "dgram" not in command_line()


def test_nic_that_bypasses_the_iommu_is_bound_without_one() -> None:
    words = command_line(viommu="intel", bypass=("e1000e",))
    assert "pxb-pcie,id=bypass,bus=pcie.0,bus_nr=64,bypass_iommu=on" in words
    assert "VM_UNSAFE=1" in words
    assert "0000:00:04.0,0000:41:00.0" in words
    assert "VM_UNSAFE=0" in command_line(viommu="intel")


def test_nics_are_bound_to_what_the_kernel_offers() -> None:
    assert "VM_BIND=vfio-pci " in command_line()
    assert "VM_BIND=uio_pci_generic " in command_line(config="6.1")
    assert "VM_BIND=vfio-pci " in command_line(config="6.12", viommu="intel")
    assert "VM_BIND=none " in command_line(config="6.1", bind="none")


def test_older_kernel_is_not_built_from_source(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(VmError, match="Linux 6.1 is the distribution's"):
        qemu.make_kernel(cache, apt.PrivateApt(cache), "6.1", "source")


def test_kernel_with_faults_is_built_from_source_only(tmp_path: Path) -> None:
    with pytest.raises(VmError, match="configured like faults: build it --from source"):
        qemu.make_kernel(Cache(tmp_path), apt.PrivateApt(Cache(tmp_path)), "faults", "distro")
    assert [path.name for path in source.fragments_of("faults")] == [
        "machine.config", "cdev.config", "faults.config"]
    assert [path.name for path in source.fragments_of("cdev")] == ["machine.config", "cdev.config"]


def test_hot_plug_ports_are_the_kernels_own() -> None:
    line = command_line(ports=2)
    assert "acpi-pci-hotplug-with-bridge-support=off" in line
    assert "id=port0,chassis=1,slot=1,multifunction=on,addr=0x2.0" in line
    assert "id=port1,chassis=2,slot=2,multifunction=on,addr=0x2.1" in line
    assert "acpi-pci" not in command_line()
    with pytest.raises(VmError, match="at most 8"):
        command_line(ports=9)


def test_monitor_keeps_events_and_reports_refusals() -> None:
    ours, qemus = socket.socketpair()
    replies: list[dict[str, Any]] = [
        {"QMP": {}}, {"return": {}}, {"event": "GONE", "data": {"device": "a"}},
        {"return": 7}, {"error": {"desc": "no bus"}}, {"event": "GONE", "data": {}},
        {"event": "GONE", "data": {"device": "b"}}]
    qemus.sendall("".join(json.dumps(reply) + "\n" for reply in replies).encode())
    monitor = qmp.Monitor(ours)
    assert monitor.execute("device_del", id="a") == 7
    with pytest.raises(VmError, match="refused device_add: no bus"):
        monitor.execute("device_add")
    monitor.wait_event("GONE", device="a")
    monitor.wait_event("GONE", device="b")
    qemus.close()
    with pytest.raises(VmError, match="monitor is gone"):
        monitor.execute("quit")


def test_virtio_nic_behind_an_iommu_uses_it() -> None:
    assert "iommu_platform=on" in command_line(viommu="intel")
    assert "iommu_platform=on" not in command_line()


def test_nodes_share_memory_and_processors() -> None:
    line = command_line(numa=2, memory="2G")
    assert "size=1024M -numa node,nodeid=0,memdev=ram0,cpus=0" in line
    assert "size=1024M -numa node,nodeid=1,memdev=ram1,cpus=1" in line


def test_shares_are_checked_before_qemu_is_started(tmp_path: Path) -> None:
    with pytest.raises(VmError, match="--share /no/such: no such directory"):
        command_line(shares=("/no/such",))
    assert command_line(shares=(tmp_path,) * 3).count(str(tmp_path)) == 3
    with pytest.raises(VmError, match="at most 3"):
        command_line(shares=(tmp_path,) * 4)


def test_qmp_socket_takes_no_files_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(VmError, match="--qmp .*/file is there"):
        command_line(qmp=str(path))
    assert f"unix:{tmp_path}/new,server=on" in command_line(qmp=f"{tmp_path}/new")


def test_kvm_needs_the_processor_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testvm.machine.Path.read_text", lambda *_, **__: "flags : fpu sse2\n")
    monkeypatch.setattr("testvm.machine.os.access", lambda *_: True)
    assert not machine.kvm_usable()


def test_guest_that_counts_instructions_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "kvm_usable", lambda: True)
    assert " -icount shift=0,sleep=off," in command_line(counted=True)
    assert "-accel tcg,thread=single " in command_line(counted=True)
    assert "-accel kvm " in command_line() and "-icount" not in command_line()


@pytest.mark.parametrize("arch", ["arm64", "arm64-16k"])
def test_guest_of_another_architecture_is_emulated(arch: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "kvm_usable", lambda: True)
    theirs, ours = command_line(arch=arch), command_line()
    for words in ("-machine virt,gic-version=3 ", "-accel tcg,thread=single ", "console=ttyAMA0 "):
        assert words in theirs and words not in ours
    for words in ("-machine q35,", "-accel kvm ", "console=ttyS0 "):
        assert words in ours and words not in theirs
    assert "VM_NICS=0000:00:03.0,0000:00:04.0 " in theirs
    with pytest.raises(VmError, match="--viommu intel: a machine of arm64 has no such IOMMU"):
        command_line(arch=arch, viommu="intel")


@pytest.mark.parametrize("memory", ["2X", "", "1G"])
def test_memory_is_checked(memory: str) -> None:
    options = machine.Options(memory=memory, hugepages=2000)
    if memory:
        with pytest.raises(VmError, match="memory"):
            options.memory_mib()
    else:
        assert options.memory_mib() == 5024


def test_hugepages_of_two_sizes() -> None:
    options = machine.Options(hugepages=64, hugepages_1g=2)
    assert options.reserved() == {"2M": 64, "1G": 2}
    assert options.memory_mib() == 128 + 2048 + 3072
    line = command_line(hugepages=64, hugepages_1g=2)
    assert "hugepagesz=2M hugepages=64 hugepagesz=1G hugepages=2 " in line
    assert machine.Options(hugepages=3, hugepage_size="1G").reserved() == {"2M": 0, "1G": 3}


@pytest.mark.parametrize("argv", [
    [], ["run"], ["run", "--dpdk", "1.0", "--", "true"], ["run", "--numa", "0", "--", "true"],
    ["run", "--bogus", "--", "true"], ["kernel", "--config", "nosuch"], ["root", "nosuch"],
    ["run", "--arch", "nosuch", "--", "true"], ["kernel", "--arch", "arm64-64k"],
])
def test_wrong_usage_has_its_own_status(argv: list[str],
                                        capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == cli.USAGE
    assert "usage:" in capsys.readouterr().err


def test_options_of_the_command_stay_the_commands() -> None:
    args = cli.build_parser().parse_args(["run", "--nic", "e1000", "--", "ls", "--nic", "x"])
    assert args.argv == ["ls", "--nic", "x"]
    assert args.nics == ["e1000"]


def test_packages_are_part_of_the_options_and_of_the_root() -> None:
    args = cli.build_parser().parse_args(["root", "25.11", "--package", "a", "--package", "b"])
    assert args.packages == ["a", "b"]
    assert hash(machine.Options(packages=("a",))) != hash(machine.Options())
    versions = {"dpdk": [("25.11.4-1", "sid"), (f"{root.host_release()}.9-1", "old")]}
    apt = SimpleNamespace(index=lambda _: versions, arch=AMD64)
    made: list[tuple[str, list[str]]] = []
    cache = SimpleNamespace(entry=lambda _, name, recipe, __: made.append((name, recipe)))
    for release, packages in (("25.11", ()), ("25.11", ("a",)), ("host", ("a",))):
        root.make_root(cache, apt, release, packages=packages)  # type: ignore[arg-type]
    assert [name for name, _ in made] == ["dpdk-25.11"] * 2 + [f"dpdk-{root.host_release()}"]
    assert made[1][1] == [*made[0][1], "a"]
    apt.arch = ARCHES["arm64-16k"]
    root.make_root(cache, apt, "host")  # type: ignore[arg-type]
    assert made[3][0] == f"dpdk-{root.host_release()}-arm64"


def test_console_tail_starts_with_the_reason_of_a_panic(tmp_path: Path) -> None:
    console = tmp_path / "console"
    lines = ["boot"] * 50 + ["Kernel panic - not syncing: why"] + ["trace"] * 50
    console.write_text("\n".join(lines))
    shown = qemu.console_end(console).splitlines()
    assert shown[2].endswith("why")
    console.write_text("\n".join(["boot"] * 50))
    assert len(qemu.console_end(console).splitlines()) == 30


def test_pages_that_were_not_verified_at_any_moment_are_not_counted() -> None:
    def pages(*counts: str) -> tuple[int, int]:
        lines = [f"VFIO_CDEV: mapped 0x1; now {count}\n" for count in counts]
        result = testpmd.parse(0, "".join(lines))
        return result.mapped, result.verified
    both = "{0} pages mapped, {1} verified"
    assert pages(both.format(32, 32), both.format(33, 33), both.format(32, 32)) == (33, 33)
    assert pages(both.format(33, 32), both.format(33, 33)) == (33, 32)
    assert pages(both.format(2, 0), both.format(33, 33)) == (33, 31)
    assert pages("33 pages mapped") == (33, 0)
    assert pages() == (0, 0)


FAILURES = """\
import pytest
from testvm import qemu

@pytest.mark.parametrize("kind", ["GuestHangs", "GuestLostTimer", "CommandTimeout"])
def test_it(kind):
    kind = getattr(qemu, kind)
    error = kind.__new__(kind)
    error.args = ("no GuestLostTimer: but one is named",)
    raise error
"""


def test_only_a_hang_after_a_lost_timer_is_tried_again(tmp_path: Path) -> None:
    """By pytest, with the options of devtools/test.sh."""
    pytest.importorskip("pytest_rerunfailures")
    script = (util.CHECKOUT / "devtools/test.sh").read_text(encoding="utf-8")
    found = re.findall(r"--reruns .*?(?= \\\n)", script)
    assert len(found) == 1
    (tmp_path / "test_it.py").write_text(FAILURES)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-rR",
         *shlex.split(found[0]), tmp_path], cwd=tmp_path, capture_output=True, text=True,
        check=False, env={**env, "PYTHONPATH": str(util.CHECKOUT / "devtools")})
    assert re.findall(r"^RERUN .*\[(\w+)\]", done.stdout, re.M) == ["GuestLostTimer"], done.stdout
    assert re.search(r"\b3 failed, 1 rerun\b", done.stdout), done.stdout


@pytest.mark.parametrize("kind, wrong", [
    (qemu.CommandFailed, True), (qemu.GuestPanic, True), (qemu.GuestHangs, True),
    (qemu.BootFailed, False), (qemu.GuestLostTimer, False), (util.VmError, False),
    (ValueError, False)])
def test_error_of_the_emulator_or_before_the_start_is_no_finding(
        kind: type[Exception], wrong: bool) -> None:
    assert qemu.went_wrong(kind.__new__(kind)) is wrong
