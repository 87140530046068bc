# SPDX-License-Identifier: BSD-3-Clause
"""What a cross build for arm64 links with: packages of the machine's own suite, unpacked.

The busybox in it is for the initramfs of a guest.

Nothing is installed on this machine, so it needs no second architecture in dpkg, and packages
that cannot be installed beside those of another one do no harm.
"""

import os
from pathlib import Path

from .apt import PrivateApt
from .cache import Cache
from .root import bootstrap
from .util import progress

ARCH = "arm64"
PACKAGES = ["busybox-static", "libc6-dev", "libcmocka-dev", "libdpdk-dev", "libelf-dev",
            "libjansson-dev", "libnuma-dev", "libpciaccess-dev", "zlib1g-dev"]


def relative_links(root: Path) -> None:
    """Let links to /lib and the like lead to the root's own files.

    A linker looks for the libraries in a sysroot, but follows its links as the kernel does.
    """
    for folder, folders, files in os.walk(root):
        for path in (Path(folder, name) for name in folders + files):
            if path.is_symlink() and path.readlink().is_absolute():
                meant = root / path.readlink().relative_to("/")
                path.unlink()
                path.symlink_to(os.path.relpath(meant, folder))


def make_sysroot(cache: Cache, apt: PrivateApt) -> Path:
    """Its directory."""
    suite = apt.mirror.suite

    def fill(target: Path) -> None:
        progress(f"fetching the libraries of {suite} for {ARCH}, about 60 s")
        bootstrap(apt, target, [suite], PACKAGES, ARCH)
        relative_links(target)
    return cache.entry("sysroot", f"{suite}-{ARCH}", PACKAGES, fill)
