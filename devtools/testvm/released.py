# SPDX-License-Identifier: BSD-3-Clause
"""The kernels of older releases of the distribution, unchanged, with their own modules.

They have neither cdevs nor no-IOMMU groups: devices are bound to uio_pci_generic.
"""

import re
import shutil
from pathlib import Path

from . import initramfs
from .apt import Versions
from .kernel import UNUSED, Kernel, KernelMaker, depmod, upstream_number
from .util import VmError, digest_files, need, progress, run

SERIES = ("6.1", "6.12")


def pick(index: Versions, series: str) -> tuple[str, str, str]:
    """Release, version and suite of the newest kernel of a series; backports come last."""
    image = re.compile(rf"linux-image-({re.escape(series)}\.[\d.]+(?:-\d+|\+deb[\d.]+))-amd64")
    seen = [(not suite.endswith("-backports"), upstream_number(version), version, suite,
             f"{found[1]}-amd64")
            for name, versions in index.items() if (found := image.fullmatch(name))
            for version, suite in versions]
    if not seen:
        raise VmError(f"no suite of the mirror carries Linux {series} for amd64")
    *_, version, suite, release = max(seen)
    return release, version, suite


class ReleasedKernel:
    """Fetches a kernel into the cache."""

    def __init__(self, maker: KernelMaker) -> None:
        self.maker = maker
        self.cache = maker.cache

    def make(self, series: str) -> Kernel:
        """The kernel, out of the cache or fetched now."""
        release, version, suite = pick(self.maker.apt.index(self.maker.refresh), series)

        def fill(target: Path) -> None:
            progress(f"fetching Linux {version} from {suite}, about 30 s")
            self._fill(target, release, version)
        name = version.partition("-")[0]
        entry = self.cache.entry("kernel", name, [release, version, digest_files(Path(__file__))],
                                 fill)
        return Kernel(series, version, release, entry / "vmlinuz", entry / "modules",
                      initramfs.make(self.cache, self.maker.apt, name, entry / "modules"),
                      self.maker.base() / "uapi")

    def _fill(self, target: Path, release: str, version: str) -> None:
        need("apt-get", "depmod", "dpkg-deb")
        initramfs.busybox()
        unpacked = target / "unpacked"
        self.maker.apt.download({f"linux-image-{release}": version}, target)
        for deb in target.glob("*.deb"):
            run(["dpkg-deb", "-x", deb, unpacked])
            deb.unlink()
        for name in ("config", "vmlinuz"):
            (unpacked / f"boot/{name}-{release}").rename(target / name)
        # Debian 12 has /lib, its successors /usr/lib.
        next(unpacked.glob(f"**/lib/modules/{release}")).rename(target / "modules")
        shutil.rmtree(unpacked)
        for name in UNUSED:
            shutil.rmtree(target / "modules/kernel" / name, ignore_errors=True)
        depmod(target / "modules", release, target)
