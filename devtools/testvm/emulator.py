# SPDX-License-Identifier: BSD-3-Clause
"""Which QEMU: the machine's own, or a newer one of another suite that is run where it lies."""

from pathlib import Path

from .apt import PrivateApt
from .arch import AMD64
from .cache import Cache
from .root import LIBRARIES, bootstrap, find_suite, in_place
from .util import digest_files, need, progress


def make_qemu(cache: Cache, apt: PrivateApt, release: str) -> list[str]:
    """The words that start it; release names a suite by the DPDK that it has, or is `host`."""
    arch = apt.arch
    if release == "host":
        need(arch.qemu)
        return [arch.qemu]
    suite, _ = find_suite(apt.index(), release)

    def fill(target: Path) -> None:
        progress(f"fetching the QEMU of {suite}, about 30 s")
        bootstrap(apt, target, [suite], [arch.qemu_package], AMD64.name)
    name = f"{suite}-{arch.name}" if arch.foreign else suite
    return with_data(cache.entry("qemu", name, [digest_files(Path(__file__))], fill), arch.qemu)


def with_data(root: Path, program: str) -> list[str]:
    """That QEMU with its own modules and firmware."""
    data = [word for name in ("qemu", "seabios") for word in ("-L", str(root / "usr/share" / name))]
    return ["env", f"QEMU_MODULE_DIR={root / LIBRARIES / 'qemu'}", *in_place(root, program), *data]
