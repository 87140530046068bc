# SPDX-License-Identifier: BSD-3-Clause
"""devtools/kmod for a kernel that is installed, as DKMS calls it: what it refuses, and why."""

import os
import signal
import subprocess
import tarfile
from collections import namedtuple
from pathlib import Path

import pytest

from testvm import kmod, native
from testvm.util import CHECKOUT, VmError

TOOL = CHECKOUT / "devtools/kmod"
RELEASE = "7.3.4+deb13-amd64"
# A kernel that lacks it all, and is fit for it.
STOCK = "".join(f"CONFIG_{name}={value}\n" for name, value in {
    "VFIO": "m", "VFIO_PCI": "m", "VFIO_GROUP": "y", "GENERIC_PT": "y", "IOMMU_PT": "y",
    "IOMMU_PT_AMDV1": "y", "INTERVAL_TREE": "y"}.items())


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    """Of that kernel: its configuration, and no Makefile."""
    directory = tmp_path / "headers"
    directory.mkdir()
    (directory / ".config").write_text(STOCK)
    return directory


def source(directory: Path, sublevel: int = 4) -> Path:
    """A linux-source with next to nothing in it."""
    top = directory / "linux-source-7.3"
    for name in (kmod.IOMMUFD, "drivers/vfio/pci", "lib"):
        (top / name).mkdir(parents=True)
    (top / "Makefile").write_text(f"VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = {sublevel}\n")
    (top / "lib/interval_tree.c").write_text("#ifdef CONFIG_INTERVAL_TREE_SPAN_ITER\n#endif\n")
    (top / kmod.IOMMUFD / "hwpt_noiommu.c").touch()
    (top / kmod.IOMMUFD / "Kconfig").write_text("config IOMMUFD_NOIOMMU\n")
    for name in (kmod.IOMMUFD, "drivers/vfio", "drivers/vfio/pci"):
        (top / name / "Makefile").touch()
    tar = directory / "linux-source-7.3.tar.xz"
    with tarfile.open(tar, "w:xz") as archive:
        archive.add(top, top.name)
    return tar


def refusal(headers: Path, release: str = RELEASE, tar: Path | None = None) -> str:
    """What is said of a build, which must leave nothing."""
    before = set(headers.parent.iterdir())
    with pytest.raises(VmError) as raised:
        native.build(release, headers, tar, headers.parent / "built")
    assert set(headers.parent.iterdir()) == before
    return str(raised.value)


@pytest.mark.parametrize("release", ["6.12.95+deb13-amd64", "7.2.13+deb14-amd64"])
def test_old_kernel_is_refused(headers: Path, release: str) -> None:
    assert f"Linux {release} is older than 7.3" in refusal(headers, release)


def test_what_is_no_release_is_refused(headers: Path) -> None:
    assert "'bogus' is not the release of a kernel" in refusal(headers, "bogus")


def test_missing_headers_are_named(headers: Path) -> None:
    (headers / ".config").unlink()
    assert f"apt-get install linux-headers-{RELEASE}" in refusal(headers)


def test_kernel_with_the_options_needs_nothing(headers: Path) -> None:
    options = {**kmod.options_of("cdev"), "VFIO": "y"}
    (headers / ".config").write_text("".join(
        f"CONFIG_{name}={value}\n" for name, value in options.items()))
    assert "it needs no modules" in refusal(headers)


def test_kernel_with_vfio_built_in_is_refused(headers: Path, tmp_path: Path) -> None:
    (headers / ".config").write_text(STOCK.replace("CONFIG_VFIO=m", "CONFIG_VFIO=y"))
    assert "CONFIG_VFIO=y: it must be a module" in refusal(headers, tar=source(tmp_path))


def test_missing_source_is_named(headers: Path, monkeypatch: pytest.MonkeyPatch,
                                 tmp_path: Path) -> None:
    monkeypatch.setattr(native, "USR_SRC", tmp_path)
    assert "apt-get install linux-source-7.3" in refusal(headers)


def test_source_of_another_version_is_refused(headers: Path, tmp_path: Path) -> None:
    said = refusal(headers, tar=source(tmp_path, sublevel=6))
    assert "is of Linux 7.3.6, and the kernel of 7.3.4" in said


def test_broken_source_is_refused(headers: Path, tmp_path: Path) -> None:
    tar = tmp_path / "linux-source-7.3.tar.xz"
    tar.write_bytes(b"no archive")
    assert "unpacking linux-source-7.3 failed: xz:" in refusal(headers, tar=tar)


def test_full_disk_is_named(headers: Path, tmp_path: Path,
                            monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(native.shutil, "disk_usage", lambda _: usage(10 << 20))
    assert "has 10 MiB left, and the build needs 100" in refusal(headers, tar=source(tmp_path))


def test_compiler_error_is_shown(headers: Path, tmp_path: Path) -> None:
    """Symbols that changed end like this too: make says which."""
    (headers / "Makefile").write_text("modules:\n\t@echo 'undefined: some_symbol' >&2; false\n")
    said = refusal(headers, tar=source(tmp_path))
    assert "the module build failed" in said and "undefined: some_symbol" in said


def test_interrupted_it_leaves_nothing(headers: Path, tmp_path: Path) -> None:
    """While it reads the source, which does not come."""
    fifo = tmp_path / "linux-source-7.3.tar.xz"
    os.mkfifo(fifo)
    before = set(tmp_path.iterdir())
    words: list[str | Path] = ["--headers", headers, "--source", fifo, "--into", tmp_path / "built"]
    # The second is open as soon as the first one reads it.
    with subprocess.Popen([TOOL, "--kernel", RELEASE, *words]) as process, fifo.open("wb"):
        assert set(tmp_path.iterdir()) > before
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert set(tmp_path.iterdir()) == before


def test_check_names_the_reason_in_one_line(headers: Path) -> None:
    done = subprocess.run([TOOL, "--check", "--kernel", "6.1.0-1-amd64", "--headers", headers],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 121 and not done.stdout
    assert done.stderr.startswith("kmod: Linux 6.1.0-1-amd64 is older than 7.3")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [
    ["--check"], ["--kernel", RELEASE], ["--kernel", RELEASE, "--check", "--into", "/tmp/x"],
    ["cdev-only", "--kernel", RELEASE, "--check"], ["--into", "/tmp/x"]])
def test_wrong_usage(words: list[str]) -> None:
    done = subprocess.run([TOOL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 120 and done.stderr.startswith("usage: devtools/kmod")
