# SPDX-License-Identifier: BSD-3-Clause
"""devtools/testvm without a guest: choosing versions, the cache, options and messages."""

import json
import multiprocessing
import os
import socket
import time
from pathlib import Path

import pytest
from testvm import (apt, cli, initramfs, kernel, kmod, machine, qemu, qmp, root, source, util,
                    wire)
from testvm.cache import Cache, cache_root


def kernel_index(base: str, version: str, suite: str, without: str = "") -> apt.Versions:
    names = (f"linux-headers-{base}-amd64", f"linux-headers-{base}-common",
             f"linux-kbuild-{base}", f"linux-base-{base}-amd64", f"linux-modules-{base}-amd64",
             f"linux-binary-{base}-amd64", "linux-libc-dev",
             "linux-source-" + ".".join(base.split(".")[:2]))
    return {name: [(version, suite)] for name in names if name != without}


def merged(*parts: apt.Versions) -> apt.Versions:
    result: apt.Versions = {}
    for part in parts:
        for name, versions in part.items():
            result.setdefault(name, []).extend(versions)
    return result


OLD = kernel_index("6.12.9+deb13", "6.12.9-1", "stable")
GOOD = kernel_index("7.3.4+deb13", "7.3.4-1~bpo13+1", "stable-backports")
NEWER = kernel_index("7.10.1+deb14", "7.10.1-1", "sid")


def test_newest_kernel_is_picked_by_number_not_by_spelling():
    picked = kernel.pick(merged(GOOD, NEWER, OLD))
    assert (picked.release, picked.suite) == ("7.10.1+deb14-amd64", "sid")
    assert picked.source == "linux-source-7.10"


def test_incomplete_newer_kernel_is_passed_over():
    lacking = {**NEWER}
    del lacking["linux-kbuild-7.10.1+deb14"]
    assert kernel.pick(merged(lacking, GOOD)).upstream == "7.3.4"


def test_parts_of_another_version_do_not_count():
    other = merged(NEWER, GOOD)
    other["linux-modules-7.10.1+deb14-amd64"] = [("7.10.0-1", "sid")]
    assert kernel.pick(other).upstream == "7.3.4"


def test_old_kernels_and_release_candidates_are_refused_by_name():
    candidate = kernel_index("7.3", "7.3~rc7-1~exp1", "experimental")
    with pytest.raises(util.VmError, match="newest seen: 7.3~rc7"):
        kernel.pick(merged(OLD, candidate))


def test_error_names_the_missing_part():
    with pytest.raises(util.VmError, match="lacks linux-source-7.3"):
        kernel.pick(kernel_index("7.3.4+deb13", "7.3.4-1", "sid", without="linux-source-7.3"))


def test_madison_output_is_read():
    text = "   dpdk |   25.11.4-1 | http://mirror/debian sid/main amd64 Packages\n"
    assert apt.parse_madison(text) == {"dpdk": [("25.11.4-1", "sid")]}


def test_dpdk_release_is_found_and_its_absence_lists_what_there_is():
    index = {"dpdk": [("25.11.4-1", "sid"), ("24.11.4-0+deb13u1", "trixie")]}
    assert root.find_suite(index, "24.11") == ("trixie", "24.11.4-0+deb13u1")
    with pytest.raises(util.VmError, match="no suite .* DPDK 23.11 .*24.11.4-0.deb13u1 in trixie"):
        root.find_suite(index, "23.11")


@pytest.mark.parametrize("text", [
    "Types: deb\nURIs: http://mirror\nSigned-By: /keys/a.gpg\n",
    "deb [arch=amd64 signed-by=/keys/a.gpg] http://mirror stable main\n",
])
def test_keyring_is_read_from_both_kinds_of_sources(tmp_path, monkeypatch, text):
    sources = tmp_path / "sources"
    sources.write_text(text)
    monkeypatch.setattr(apt, "run", lambda *_, **__: f"http://mirror/|stable|Debian|Packages|"
                                                     f"{sources}:1\n")
    assert apt.machine_mirror() == apt.Mirror("http://mirror", "stable", "/keys/a.gpg")


def test_machine_without_package_lists_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(apt, "run", lambda *_, **__: "")
    with pytest.raises(util.VmError, match="apt-get update"):
        apt.machine_mirror()


def test_cache_directory_can_be_moved(monkeypatch):
    monkeypatch.delenv("VFIO_CDEV_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_root() == Path("/x/dpdk-vfio-cdev")
    monkeypatch.setenv("VFIO_CDEV_CACHE", "/y")
    assert cache_root() == Path("/y")


def test_failed_entry_leaves_nothing_and_is_made_again(tmp_path):
    cache = Cache(tmp_path)

    def fail(target: Path) -> None:
        (target / "half").touch()
        raise OSError("disk full")
    with pytest.raises(OSError):
        cache.entry("kind", "name", [1], fail)
    assert not cache.path("kind", "name", [1]).exists()
    assert not list((tmp_path / "tmp").iterdir())
    entry = cache.entry("kind", "name", [1], lambda target: (target / "whole").touch())
    assert [path.name for path in entry.iterdir()] == ["whole"]


def test_other_recipe_is_another_entry(tmp_path):
    cache = Cache(tmp_path)
    assert cache.path("kind", "name", [1]) != cache.path("kind", "name", [2])


def test_entry_that_nobody_used_for_long_makes_room(tmp_path):
    cache = Cache(tmp_path)
    old = cache.entry("kind", "old", [1], lambda target: None)
    os.utime(old, (0, 0))
    new = cache.entry("kind", "new", [1], lambda target: None)
    assert (old.exists(), new.exists()) == (False, True)


def _die_halfway(directory: Path) -> None:
    def die(target: Path) -> None:
        (target / "half").touch()
        os._exit(1)
    Cache(directory).entry("kind", "name", [1], die)


def test_what_a_killed_builder_left_is_not_used_and_goes(tmp_path):
    builder = multiprocessing.Process(target=_die_halfway, args=(tmp_path,))
    builder.start()
    builder.join()
    assert list((tmp_path / "tmp").iterdir())
    Cache(tmp_path).entry("other", "name", [1], lambda target: None)
    assert not list((tmp_path / "tmp").iterdir())


def _build_slowly(directory: Path) -> None:
    def make(_: Path) -> None:
        time.sleep(0.1)
        with (directory / "builds").open("a") as builds:
            builds.write("x")
    Cache(directory).entry("kind", "name", [1], make)


def test_two_processes_build_once(tmp_path):
    builders = [multiprocessing.Process(target=_build_slowly, args=(tmp_path,))
                for _ in range(4)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert (tmp_path / "builds").read_text() == "x"


def test_missing_programs_are_named_together_with_their_packages(monkeypatch):
    monkeypatch.setattr(util.shutil, "which", lambda *_, **__: None)
    with pytest.raises(util.VmError, match="apt-get install .* kmod qemu-system-x86"):
        util.need("depmod", "qemu-system-x86_64")


def test_failed_program_shows_the_log_and_where_it_is(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(util.VmError, match=f"(?s)the build failed.*oops.*{log}"):
        util.run(["sh", "-c", "echo oops; exit 3"], log=log, what="the build")


FITTING = {"VFIO": "m", "VFIO_PCI": "m", "GENERIC_PT": "y", "IOMMU_PT": "y",
           "IOMMU_PT_AMDV1": "y", "INTERVAL_TREE": "y"}


def module_source(directory: Path) -> Path:
    iommufd = directory / kmod.IOMMUFD
    iommufd.mkdir(parents=True)
    (iommufd / "hwpt_noiommu.c").touch()
    (iommufd / "Kconfig").write_text("config IOMMUFD_NOIOMMU\n")
    return directory


def test_fitting_kernel_has_no_complaints(tmp_path):
    options = kmod.options_of("cdev")
    assert not kmod.incompatible(options, FITTING, module_source(tmp_path))


def test_all_that_does_not_fit_is_named_before_compiling(tmp_path):
    config = {**FITTING, "VFIO": "y", "IOMMU_PT_AMDV1": "m", "MODULE_SIG_FORCE": "y"}
    problems = "\n".join(kmod.incompatible(kmod.options_of("cdev"), config, tmp_path))
    for word in ("CONFIG_VFIO=y", "IOMMU_PT_AMDV1", "signed modules", "hwpt_noiommu.c",
                 "IOMMUFD_NOIOMMU"):
        assert word in problems


def test_group_only_needs_nothing_of_iommufd(tmp_path):
    config = {"VFIO": "m", "VFIO_PCI": "m"}
    assert not kmod.incompatible(kmod.options_of("group-only"), config, tmp_path)


def test_configurations_differ_where_they_should():
    options = {name: kmod.options_of(name) for name in kmod.CONFIGS}
    assert options["stock"] == {}
    assert options["cdev"]["VFIO_GROUP"] == options["cdev"]["VFIO_DEVICE_CDEV"] == "y"
    assert options["cdev-only"]["VFIO_GROUP"] == "n"
    assert options["group-only"]["VFIO_DEVICE_CDEV"] == "n"


def test_lost_option_of_a_source_kernel_is_named(tmp_path):
    fragment, config = tmp_path / "some.config", tmp_path / ".config"
    fragment.write_text("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n")
    config.write_text("CONFIG_A=y\nCONFIG_B=y\n")
    assert source.lost_options([fragment], config) == [
        "CONFIG_C=m of some.config became n", "CONFIG_B=n of some.config became y"][::-1]


def test_modules_load_after_what_they_need(tmp_path):
    (tmp_path / "modules.dep").write_text("k/9p.ko.xz: k/netfs.ko.xz k/9pnet.ko.xz\n"
                                          "k/9pnet.ko.xz:\nk/netfs.ko.xz:\n")
    (tmp_path / "modules.builtin").write_text("kernel/fs/overlay.ko\n")
    names = [path.name for path in initramfs.load_order(tmp_path, ("9p", "overlay"))]
    assert names == ["9pnet.ko.xz", "netfs.ko.xz", "9p.ko.xz"]
    with pytest.raises(util.VmError, match="no module virtio-iommu"):
        initramfs.load_order(tmp_path, ("virtio-iommu",))


def test_frames_survive_any_splitting():
    data = wire.pack(wire.STDOUT, 7, b"abc") + wire.pack(wire.EXIT, 7, b"0")
    splitter = wire.Splitter()
    frames = [frame for byte in data for frame in splitter.feed(bytes([byte]))]
    assert frames == [(wire.STDOUT, 7, b"abc"), (wire.EXIT, 7, b"0")]


def command_line(**options) -> str:
    line = machine.CommandLine(machine.Options(**options), Path("/"), Path("/m"))
    return " ".join(line.build(Path("/k"), Path("/i"), Path("/c"), 3, 4))


def test_nics_of_one_model_share_a_hub():
    line = command_line(nics=("e1000e", "vmxnet3", "e1000e"))
    for nic, hub in enumerate((0, 1, 0)):
        assert f"hubport,id=nic{nic},hubid={hub}" in line


def test_device_that_is_no_nic_is_among_them_with_a_back_end_of_its_own():
    line = command_line(nics=("e1000e", machine.CRYPTO, "e1000e"))
    assert "cryptodev-backend-builtin,id=nic1 -device virtio-crypto-pci,cryptodev=nic1," \
           "addr=0x4," in line
    assert "hubport,id=nic2,hubid=0" in line and "netdev=nic1" not in line
    assert "VM_NICS=0000:00:03.0,0000:00:04.0,0000:00:05.0" in line


def test_each_hub_has_a_wire_if_one_is_wanted():
    assert machine.nic_hubs(("e1000e", "vmxnet3,x=y", "e1000e")) == [0, 1, 0]
    line = machine.CommandLine(machine.Options(), Path("/"), Path("/m"))
    words = " ".join(line.build(Path("/k"), Path("/i"), Path("/c"), 3, 4, [7, 8]))
    for hub, fd in enumerate((7, 8)):
        assert f"dgram,id=wire{hub},local.type=fd,local.str={fd}" in words
        assert f"hubport,id=plug{hub},hubid={hub},netdev=wire{hub}" in words
    assert "dgram" not in command_line()


def test_nic_that_bypasses_the_iommu_is_bound_without_one():
    words = command_line(viommu="intel", bypass=("e1000e",))
    assert "pxb-pcie,id=bypass,bus=pcie.0,bus_nr=64,bypass_iommu=on" in words
    assert "VM_UNSAFE=1" in words
    assert "0000:00:04.0,0000:41:00.0" in words
    assert "VM_UNSAFE=0" in command_line(viommu="intel")


def test_hot_plug_ports_are_the_kernels_own():
    line = command_line(ports=2)
    assert "acpi-pci-hotplug-with-bridge-support=off" in line
    assert "id=port0,chassis=1,slot=1,multifunction=on,addr=0x2.0" in line
    assert "id=port1,chassis=2,slot=2,multifunction=on,addr=0x2.1" in line
    assert "acpi-pci" not in command_line()
    with pytest.raises(util.VmError, match="at most 8"):
        command_line(ports=9)


def test_monitor_keeps_events_and_tells_of_refusals():
    ours, qemus = socket.socketpair()
    replies = ({"QMP": {}}, {"return": {}}, {"event": "GONE", "data": {"device": "a"}},
               {"return": 7}, {"error": {"desc": "no bus"}}, {"event": "GONE", "data": {}},
               {"event": "GONE", "data": {"device": "b"}})
    qemus.sendall("".join(json.dumps(reply) + "\n" for reply in replies).encode())
    monitor = qmp.Monitor(ours)
    assert monitor.execute("device_del", id="a") == 7
    with pytest.raises(util.VmError, match="refused device_add: no bus"):
        monitor.execute("device_add")
    monitor.wait_event("GONE", device="a")
    monitor.wait_event("GONE", device="b")
    qemus.close()
    with pytest.raises(util.VmError, match="monitor is gone"):
        monitor.execute("quit")


def test_virtio_nic_behind_an_iommu_uses_it():
    assert "iommu_platform=on" in command_line(viommu="intel")
    assert "iommu_platform=on" not in command_line()


def test_nodes_share_memory_and_processors():
    line = command_line(numa=2, memory="2G")
    assert "size=1024M -numa node,nodeid=0,memdev=ram0,cpus=0" in line
    assert "size=1024M -numa node,nodeid=1,memdev=ram1,cpus=1" in line


def test_shares_are_checked_before_qemu_is_started(tmp_path):
    with pytest.raises(util.VmError, match="--share /no/such: no such directory"):
        command_line(shares=("/no/such",))
    assert command_line(shares=(tmp_path,) * 3).count(str(tmp_path)) == 3
    with pytest.raises(util.VmError, match="at most 3"):
        command_line(shares=(tmp_path,) * 4)


def test_qmp_socket_takes_no_files_place(tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(util.VmError, match="--qmp .*/file is there"):
        command_line(qmp=str(path))
    assert f"unix:{tmp_path}/new,server=on" in command_line(qmp=f"{tmp_path}/new")


def test_kvm_needs_the_processor_flag(monkeypatch):
    monkeypatch.setattr(machine.Path, "read_text", lambda *_, **__: "flags : fpu sse2\n")
    monkeypatch.setattr(machine.os, "access", lambda *_: True)
    assert not machine.kvm_usable()


@pytest.mark.parametrize("memory", ["2X", "", "1G"])
def test_memory_is_checked(memory):
    options = machine.Options(memory=memory, hugepages=2000)
    if memory:
        with pytest.raises(util.VmError, match="memory"):
            options.memory_mib()
    else:
        assert options.memory_mib() == 5024


def test_hugepages_of_two_sizes():
    options = machine.Options(hugepages=64, hugepages_1g=2)
    assert options.reserved() == {"2M": 64, "1G": 2}
    assert options.memory_mib() == 128 + 2048 + 3072
    line = command_line(hugepages=64, hugepages_1g=2)
    assert "hugepagesz=2M hugepages=64 hugepagesz=1G hugepages=2 " in line
    assert machine.Options(hugepages=3, hugepage_size="1G").reserved() == {"2M": 0, "1G": 3}


@pytest.mark.parametrize("argv", [
    [], ["run"], ["run", "--dpdk", "1.0", "--", "true"], ["run", "--numa", "0", "--", "true"],
    ["run", "--bogus", "--", "true"], ["kernel", "--config", "nosuch"], ["root", "nosuch"],
])
def test_wrong_usage_has_its_own_status(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == cli.USAGE
    assert "usage:" in capsys.readouterr().err


def test_options_of_the_command_stay_the_commands():
    args = cli.build_parser().parse_args(["run", "--nic", "e1000", "--", "ls", "--nic", "x"])
    assert args.argv == ["ls", "--nic", "x"]
    assert args.nics == ["e1000"]


def test_console_tail_starts_with_the_reason_of_a_panic(tmp_path):
    console = tmp_path / "console"
    lines = ["boot"] * 50 + ["Kernel panic - not syncing: why"] + ["trace"] * 50
    console.write_text("\n".join(lines))
    shown = qemu.console_end(console).splitlines()
    assert shown[2].endswith("why")
    console.write_text("\n".join(["boot"] * 50))
    assert len(qemu.console_end(console).splitlines()) == 30
