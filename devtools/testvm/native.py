# SPDX-License-Identifier: BSD-3-Clause
"""The modules for a kernel that is installed here, from the distribution's linux-source.

What DKMS calls: no network, no root file system of its own, and files of the installed packages
linux-headers and linux-source only. A kernel that it does not fit is refused with the reason.
"""

import re
import shutil
import tempfile
from pathlib import Path

from . import kmod
from .util import VmError

OLDEST = (7, 3)
CONFIG = "cdev"
USR_SRC, MODULES = Path("/usr/src"), Path("/lib/modules")
# The source's parts, objects and modules: 40 MiB, seen with 7.3. The modules alone: 1 MiB, and
# DKMS leaves what it could copy of them.
ROOM_MIB, MODULES_MIB = 100, 4
VERSION = re.compile(r"^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)$", re.M)


def upstream(release: str) -> tuple[int, ...]:
    """(7, 3, 4) of 7.3.4+deb13-amd64."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release)
    if not found:
        raise VmError(f"{release!r} is not the release of a kernel, as uname -r prints it")
    return tuple(int(number or 0) for number in found.groups())


def refuse(release: str, headers: Path) -> None:
    """Why no modules are built for this kernel, before anything is unpacked."""
    if upstream(release) < OLDEST:
        raise VmError(f"Linux {release} is older than {OLDEST[0]}.{OLDEST[1]}, the first one with "
                      "character devices for devices without an IOMMU: use a newer kernel")
    if not (headers / ".config").exists():
        raise VmError(f"no headers of Linux {release} in {headers}\n"
                      f"Install with: apt-get install linux-headers-{release}")
    has = kmod.read_config(headers / ".config")
    if all(has.get(name) in ("y", value) for name, value in kmod.options_of(CONFIG).items()
           if name not in kmod.LINKED_IN):
        raise VmError(f"Linux {release} has iommufd, VFIO's character devices and its no-IOMMU "
                      "mode already: it needs no modules")


def find_source(release: str) -> Path:
    """The tar of the package linux-source."""
    base = ".".join(map(str, upstream(release)[:2]))
    tar = USR_SRC / f"linux-source-{base}.tar.xz"
    if not tar.exists():
        raise VmError(f"no source of Linux {release}: there is no {tar}\n"
                      f"Install with: apt-get install linux-source-{base}")
    return tar


def check_room(directory: Path, what: str, mebibytes: int) -> None:
    """A full disk is reported before it is one."""
    free = shutil.disk_usage(directory).free >> 20
    if free < mebibytes:
        raise VmError(f"{directory} has {free} MiB left, and {what} needs {mebibytes}: make room "
                      "and try again")


def unpack(tar: Path, release: str, target: Path) -> None:
    """The parts of the source, which must be of the very version of the kernel."""
    kmod.unpack(f"xz -dc -T0 '{tar}'", tar.name.removesuffix(".tar.xz"), target,
                ("Makefile", *kmod.SOURCES))
    found = VERSION.search((target / "Makefile").read_text(encoding="utf-8"))
    version = tuple(map(int, found.groups())) if found else ()
    if version != upstream(release):
        wanted, got = (".".join(map(str, numbers)) for numbers in (upstream(release), version))
        raise VmError(f"{tar} is of Linux {got}, and the kernel of {wanted}: other functions and "
                      "structures may be in it\nInstall the kernel and the linux-source of one "
                      "version: apt-get upgrade, or apt-get install linux-source-X.Y=VERSION")


def build(release: str, headers: Path, source: Path | None, into: Path) -> None:
    """The modules in a new directory, or nothing."""
    refuse(release, headers)
    tar = source or find_source(release)
    if into.exists():
        raise VmError(f"{into} is there already")
    check_room(into.parent, "the build", ROOM_MIB)
    if (MODULES / release).is_dir():
        check_room(MODULES / release, "installing the modules", MODULES_MIB)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".kmod-") as directory:
        scratch = Path(directory)
        unpack(tar, release, scratch / "source")
        made = kmod.ModuleBuild(CONFIG, scratch / "source", release, headers=headers)
        made.install(scratch / "modules", scratch)
        (scratch / "modules").rename(into)
