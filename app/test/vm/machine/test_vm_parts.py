# SPDX-License-Identifier: BSD-3-Clause
"""devtools/testvm without a guest: versions, the cache, modules and what is missing."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from testvm import apt, initramfs, kernel, kmod, released, root, source, sysroot, util
from testvm.cache import Cache, cache_root


def kernel_index(base: str, version: str, suite: str, without: str = "",
                 flavour: str = "amd64") -> apt.Versions:
    release = f"{base}-{flavour}"
    names = (f"linux-headers-{release}", f"linux-headers-{base}-common",
             f"linux-kbuild-{base}", f"linux-base-{release}", f"linux-modules-{release}",
             f"linux-binary-{release}", "linux-libc-dev",
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


def test_newest_kernel_is_picked_by_number_not_by_spelling() -> None:
    picked = kernel.pick(merged(GOOD, NEWER, OLD))
    assert (picked.release, picked.suite) == ("7.10.1+deb14-amd64", "sid")
    assert picked.source == "linux-source-7.10"


def test_kernel_of_the_flavour_is_picked() -> None:
    large = kernel_index("7.3.5+deb13", "7.3.5-1", "sid", flavour="arm64-16k")
    index = merged(large, kernel_index("7.3.4+deb13", "7.3.4-1", "sid", flavour="arm64"))
    assert kernel.pick(index, "arm64").release == "7.3.4+deb13-arm64"
    assert kernel.pick(index, "arm64-16k").release == "7.3.5+deb13-arm64-16k"
    with pytest.raises(util.VmError, match="for amd64"):
        kernel.pick(index)


def test_incomplete_newer_kernel_is_passed_over() -> None:
    lacking = {**NEWER}
    del lacking["linux-kbuild-7.10.1+deb14"]
    assert kernel.pick(merged(lacking, GOOD)).upstream == "7.3.4"


def test_parts_of_another_version_do_not_count() -> None:
    other = merged(NEWER, GOOD)
    other["linux-modules-7.10.1+deb14-amd64"] = [("7.10.0-1", "sid")]
    assert kernel.pick(other).upstream == "7.3.4"


def test_old_kernels_and_release_candidates_are_refused_by_name() -> None:
    candidate = kernel_index("7.3", "7.3~rc7-1~exp1", "experimental")
    with pytest.raises(util.VmError, match="newest seen: 7.3~rc7"):
        kernel.pick(merged(OLD, candidate))


def test_error_names_the_missing_part() -> None:
    with pytest.raises(util.VmError, match="lacks linux-source-7.3"):
        kernel.pick(kernel_index("7.3.4+deb13", "7.3.4-1", "sid", without="linux-source-7.3"))


def test_newest_image_of_a_series_is_picked_and_backports_come_last() -> None:
    index = {
        "linux-image-6.12.9+deb13-amd64": [("6.12.9-1", "trixie")],
        "linux-image-6.12.10+deb13.1-amd64": [("6.12.10-2", "trixie")],
        "linux-image-6.12.10+deb13.1-cloud-amd64": [("6.12.11-1", "trixie")],
        "linux-image-6.12.10+deb13.1-amd64-unsigned": [("6.12.11-1", "trixie")],
        "linux-image-6.12.12+deb12-amd64": [("6.12.12-1~bpo12+1", "bookworm-backports")],
        "linux-image-6.1.0-50-amd64": [("6.1.176-1", "bookworm")],
        "linux-image-6.1.0-50-rt-amd64": [("6.1.177-1", "bookworm")],
    }
    assert released.pick(index, "6.1") == ("6.1.0-50-amd64", "6.1.176-1", "bookworm")
    assert released.pick(index, "6.12") == ("6.12.10+deb13.1-amd64", "6.12.10-2", "trixie")
    with pytest.raises(util.VmError, match="no suite of the mirror carries Linux 6.2 "):
        released.pick(index, "6.2")


def test_package_lists_of_an_older_checkout_are_read_anew(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"linux-image-6.1.0-50-amd64": [("6.1.176-1", "bookworm")]}
    private = apt.PrivateApt(Cache(tmp_path))
    private.root.mkdir()
    (private.root / "index.json").write_text('{"dpdk": [["22.11.1", "bookworm"]]}')
    monkeypatch.setattr(private, "_update", lambda: found)
    assert private.index() == found
    monkeypatch.setattr(private, "_update", dict)
    assert private.index() == found


def test_madison_output_is_read() -> None:
    text = "   dpdk |   25.11.4-1 | http://mirror/debian sid/main amd64 Packages\n"
    assert apt.parse_madison(text) == {"dpdk": [("25.11.4-1", "sid")]}


def test_dpdk_release_is_found_and_its_absence_lists_what_there_is() -> None:
    index = {"dpdk": [("25.11.4-1", "sid"), ("24.11.4-0+deb13u1", "trixie")]}
    assert root.find_suite(index, "24.11") == ("trixie", "24.11.4-0+deb13u1")
    with pytest.raises(util.VmError, match="no suite .* DPDK 23.11 .*24.11.4-0.deb13u1 in trixie"):
        root.find_suite(index, "23.11")


@pytest.mark.parametrize("text", [
    "Types: deb\nURIs: http://mirror\nSigned-By: /keys/a.gpg\n",
    "deb [arch=amd64 signed-by=/keys/a.gpg] http://mirror stable main\n",
])
def test_keyring_is_read_from_both_kinds_of_sources(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    sources = tmp_path / "sources"
    sources.write_text(text)
    monkeypatch.setattr(apt, "run", lambda *_, **__: f"http://mirror/|stable|Debian|Packages|"
                                                     f"{sources}:1\n")
    assert apt.machine_mirror() == apt.Mirror("http://mirror", "stable", "/keys/a.gpg")


def test_missing_package_lists_are_reported_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "run", lambda *_, **__: "")
    with pytest.raises(util.VmError, match="apt-get update"):
        apt.machine_mirror()


def test_cache_directory_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VFIO_CDEV_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_root() == Path("/x/dpdk-vfio-cdev")
    monkeypatch.setenv("VFIO_CDEV_CACHE", "/y")
    assert cache_root() == Path("/y")


def test_failed_entry_leaves_nothing_and_is_made_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(target: Path) -> None:
        (target / "half").touch()
        raise OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        cache.entry("kind", "name", [1], fail)
    assert not cache.path("kind", "name", [1]).exists()
    assert not list((tmp_path / "tmp").iterdir())
    entry = cache.entry("kind", "name", [1], lambda target: (target / "whole").touch())
    assert [path.name for path in entry.iterdir()] == ["whole"]


def test_other_recipe_is_another_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.path("kind", "name", [1]) != cache.path("kind", "name", [2])


def test_entry_unused_for_long_is_removed(tmp_path: Path) -> None:
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


def test_what_a_killed_builder_left_is_removed(tmp_path: Path) -> None:
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


def test_two_processes_build_once(tmp_path: Path) -> None:
    builders = [multiprocessing.Process(target=_build_slowly, args=(tmp_path,))
                for _ in range(4)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert (tmp_path / "builds").read_text() == "x"


def test_missing_programs_are_named_together_with_their_packages(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testvm.util.shutil.which", lambda *_, **__: None)
    with pytest.raises(util.VmError, match="apt-get install .* kmod qemu-system-x86"):
        util.need("depmod", "qemu-system-x86_64")


def test_failed_program_shows_the_log_and_where_it_is(tmp_path: Path) -> None:
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


def test_fitting_kernel_has_no_complaints(tmp_path: Path) -> None:
    options = kmod.options_of("cdev")
    assert not kmod.incompatible(options, FITTING, module_source(tmp_path))


def test_all_that_does_not_fit_is_named_before_compiling(tmp_path: Path) -> None:
    config = {**FITTING, "VFIO": "y", "IOMMU_PT_AMDV1": "m", "MODULE_SIG_FORCE": "y"}
    problems = "\n".join(kmod.incompatible(kmod.options_of("cdev"), config, tmp_path))
    for word in ("CONFIG_VFIO=y", "IOMMU_PT_AMDV1", "signed modules", "hwpt_noiommu.c",
                 "IOMMUFD_NOIOMMU"):
        assert word in problems


def test_page_table_that_a_kernel_lacks_is_built(tmp_path: Path) -> None:
    """As on arm64: neither the page table nor what calls its functions."""
    lacking = {name: value for name, value in FITTING.items() if name not in kmod.PAGE_TABLE}
    top, options = module_source(tmp_path / "source"), kmod.options_of("cdev")
    assert kmod.incompatible(options, lacking, top) == [
        f"neither the kernel nor its source has {kmod.PAGE_TABLE_SOURCE}"]
    for name in (kmod.PAGE_TABLE_SOURCE, "lib/interval_tree.c"):
        (top / name).parent.mkdir(parents=True)
        (top / name).write_text("#ifdef CONFIG_INTERVAL_TREE_SPAN_ITER\n#endif\n")
    assert not kmod.incompatible(options, lacking, top)
    for config in (FITTING, lacking):
        work = tmp_path / str(len(config))
        work.mkdir()
        kmod.ModuleBuild("cdev", top, "7.3.4")._prepare(work, config)
        built = [(work / name).read_text() for name in (f"{kmod.IOMMUFD}/Makefile", "options.h")]
        for text, word in zip(built, ("page_table.o\nCFLAGS_hwpt_noiommu.o += -include ",
                                      "#define CONFIG_IOMMU_PT 1\n"), strict=True):
            assert (word in text) == (config is lacking)


def test_group_only_needs_nothing_of_iommufd(tmp_path: Path) -> None:
    config = {"VFIO": "m", "VFIO_PCI": "m"}
    assert not kmod.incompatible(kmod.options_of("group-only"), config, tmp_path)


def test_configurations_differ_where_they_should() -> None:
    options = {name: kmod.options_of(name) for name in kmod.CONFIGS}
    assert options["stock"] == {}
    assert options["cdev"]["VFIO_GROUP"] == options["cdev"]["VFIO_DEVICE_CDEV"] == "y"
    assert options["cdev-only"]["VFIO_GROUP"] == "n"
    assert options["group-only"]["VFIO_DEVICE_CDEV"] == "n"


def test_lost_option_of_a_source_kernel_is_named(tmp_path: Path) -> None:
    fragment, config = tmp_path / "some.config", tmp_path / ".config"
    fragment.write_text("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n")
    config.write_text("CONFIG_A=y\nCONFIG_B=y\n")
    assert source.lost_options([fragment], config) == [
        "CONFIG_C=m of some.config became n", "CONFIG_B=n of some.config became y"][::-1]


def test_modules_load_after_what_they_need(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text("k/9p.ko.xz: k/netfs.ko.xz k/9pnet.ko.xz\n"
                                          "k/9pnet.ko.xz:\nk/netfs.ko.xz:\n")
    (tmp_path / "modules.builtin").write_text("kernel/fs/overlay.ko\n")
    names = [path.name for path in initramfs.load_order(tmp_path, ("9p", "overlay"))]
    assert names == ["9pnet.ko.xz", "netfs.ko.xz", "9p.ko.xz"]
    with pytest.raises(util.VmError, match="no module 9pnet_virtio"):
        initramfs.load_order(tmp_path, ("9pnet_virtio",))


def test_links_of_a_sysroot_lead_into_it(tmp_path: Path) -> None:
    library = tmp_path / "lib/libz.so.1"
    link = tmp_path / "usr/lib/libz.so"
    for path in (library, link):
        path.parent.mkdir(parents=True)
    library.touch()
    link.symlink_to("/lib/libz.so.1")
    (tmp_path / "dev").symlink_to("/usr/lib")
    (link.parent / "libz.so.2").symlink_to("libz.so")
    sysroot.relative_links(tmp_path)
    assert link.samefile(library)
    assert (tmp_path / "dev").samefile(link.parent)
    assert (link.parent / "libz.so.2").readlink() == Path("libz.so")
