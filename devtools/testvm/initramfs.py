# SPDX-License-Identifier: BSD-3-Clause
"""The initramfs: a static busybox, guest/init.sh, guest/agent.c and the modules it needs before it
has a root.

Later modules come from /lib/modules of the guest, which is a share.
"""

import lzma
import shutil
from pathlib import Path
from typing import BinaryIO

from .apt import PrivateApt
from .cache import Cache
from .sysroot import make_sysroot
from .util import VmError, digest_files, need, run

GUEST = Path(__file__).parent / "guest"
INIT, AGENT = GUEST / "init.sh", GUEST / "agent.c"
GROUPS = {
    "root": ("virtio_pci", "virtio_console", "9p", "9pnet_virtio", "overlay"),
    "iommu": ("virtio-iommu",),
    "uio": ("uio_pci_generic",),
    "vfio": ("irqbypass", "iommufd", "vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"),
}
OPTIONAL = ("iommufd", "vfio_iommu_type1", "irqbypass", "virtio-iommu")
DIRECTORIES = ("bin", "dev", "modules", "new", "proc", "root", "sys", "upper")


def busybox() -> Path:
    """A busybox that needs no library."""
    for name in ("/bin/busybox", shutil.which("busybox") or ""):
        if name and Path(name).is_file() and b"/ld-linux" not in Path(name).read_bytes():
            return Path(name)
    raise VmError("no static busybox\n"
                  "Install with: apt-get install --no-install-recommends busybox-static")


def load_order(modules: Path, wanted: tuple[str, ...]) -> list[Path]:
    """The files of these modules with what they depend on first, after depmod's modules.dep."""
    depends = _read_depends(modules / "modules.dep")
    built_in = _built_in(modules / "modules.builtin")
    order: list[Path] = []
    for name in wanted:
        key = name.replace("-", "_")
        if key in depends:
            order += [modules / path for path in reversed(depends[key])]
        elif key not in built_in and name not in OPTIONAL:
            raise VmError(f"the kernel has no module {name}, which the test machine boots with")
    return list(dict.fromkeys(order))


def _key(path: str) -> str:
    return Path(path).name.partition(".")[0].replace("-", "_")


def _read_depends(path: Path) -> dict[str, list[str]]:
    lines = (line.partition(":") for line in path.read_text(encoding="utf-8").splitlines())
    return {_key(file): [file, *needs.split()] for file, _, needs in lines}


def _built_in(path: Path) -> set[str]:
    if not path.exists():
        return set()
    return {_key(line) for line in path.read_text(encoding="utf-8").splitlines()}


def toolchain(cache: Cache, apt: PrivateApt) -> tuple[Path, list[str]]:
    """The guest's busybox, and the compiler for its agent."""
    if not apt.arch.foreign:
        return busybox(), ["cc"]
    sysroot = make_sysroot(cache, apt)
    return sysroot / "bin/busybox", [apt.arch.tool("gcc"), f"--sysroot={sysroot}"]


def make(cache: Cache, apt: PrivateApt, name: str, modules: Path, vfio: bool = True) -> Path:
    """The archive for one kernel's modules directory, out of the cache."""
    changed = (modules / "modules.dep").stat().st_mtime_ns
    shell, compiler = toolchain(cache, apt)
    recipe = [str(modules), changed, vfio, digest_files(INIT, AGENT, Path(__file__)),
              shell.stat().st_size]

    def fill(target: Path) -> None:
        need(compiler[0])
        run([*compiler, "-Os", "-static", "-s", "-Wall", "-Wextra", "-o", target / "agent", AGENT],
            what="building the guest's agent")
        build(target / "initramfs.img", modules, shell, target / "agent", vfio)
    return cache.entry("initramfs", name, recipe, fill) / "initramfs.img"


def build(target: Path, modules: Path, shell: Path, agent: Path, vfio: bool = True) -> None:
    """Write the archive for the modules directory of one kernel."""
    with target.open("wb") as out:
        for number, name in enumerate(DIRECTORIES):
            _member(out, number, name, 0o040755, b"")
        _member(out, 100, "init", 0o100755, INIT.read_bytes())
        _member(out, 101, "bin/busybox", 0o100755, shell.read_bytes())
        _member(out, 102, "bin/agent", 0o100755, agent.read_bytes())
        number, seen = 200, set()
        for group, wanted in GROUPS.items():
            _member(out, number, f"modules/{group}", 0o040755, b"")
            for path in load_order(modules, wanted if vfio or group != "vfio" else ()):
                number += 1
                if path not in seen:
                    seen.add(path)
                    name = f"modules/{group}/{number}-{path.name.partition('.')[0]}.ko"
                    _member(out, number, name, 0o100644, _content(path))
            number += 1
        _member(out, 0, "TRAILER!!!", 0, b"")


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _member(out: BinaryIO, inode: int, name: str, mode: int, data: bytes) -> None:
    """One member in cpio's newc format (Documentation/driver-api/early-userspace)."""
    size = len(name) + 1
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, size, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    out.write(header + name.encode() + b"\0")
    out.write(b"\0" * (-(len(header) + size) % 4))
    out.write(data + b"\0" * (-len(data) % 4))
