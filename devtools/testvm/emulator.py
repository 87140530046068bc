# SPDX-License-Identifier: BSD-3-Clause
"""Which QEMU: the machine's own, or a newer one of another suite that is run where it lies."""

from pathlib import Path

from .apt import PrivateApt
from .cache import Cache
from .root import LIBRARIES, bootstrap, find_suite, in_place
from .util import digest_files, need, progress

PROGRAM = "qemu-system-x86_64"


def make_qemu(cache: Cache, apt: PrivateApt, release: str) -> list[str]:
    """The words that start it; release names a suite by the DPDK that it has, or is `host`."""
    if release == "host":
        need(PROGRAM)
        return [PROGRAM]
    suite, _ = find_suite(apt.index(), release)

    def fill(target: Path) -> None:
        progress(f"fetching the QEMU of {suite}, about 30 s")
        bootstrap(apt, target, [suite], ["qemu-system-x86"])
    return with_data(cache.entry("qemu", suite, [digest_files(Path(__file__))], fill))


def with_data(root: Path) -> list[str]:
    """That QEMU with its own modules and firmware."""
    data = [word for name in ("qemu", "seabios") for word in ("-L", str(root / "usr/share" / name))]
    return ["env", f"QEMU_MODULE_DIR={root / LIBRARIES / 'qemu'}", *in_place(root, PROGRAM), *data]
