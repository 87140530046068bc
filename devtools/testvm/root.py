# SPDX-License-Identifier: BSD-3-Clause
"""File systems for the guest: the machine's own, or one made of the suite with another DPDK."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from .apt import ACQUIRE, PrivateApt, Versions
from .cache import Cache
from .util import CHECKOUT, VmError, digest_files, need, need_root, progress, run

RELEASES = ("22.11", "23.11", "24.11", "25.11")
PACKAGES = ["bsdutils", "dpdk", "dpdk-dev", "iproute2", "kmod", "libcap2-bin", "libjansson4",
            "libnuma1", "libpciaccess0", "pciutils", "procps", "python3", "strace", "util-linux"]
# What apt takes for granted and unpacking alone does not bring.
BASE = ["base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "diffutils",
        "findutils", "grep", "gzip", "hostname", "libc-bin", "mawk", "mount", "sed",
        "sysvinit-utils", "tar"]
# The names that their scripts give to these programs.
ALTERNATIVES = {"awk": "mawk", "which": "which.debianutils"}
CONTROL = CHECKOUT / "devtools/debian/control"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
# What a guest with the machine's own root needs there: program and package.
ON_HOST = {"dpdk-testpmd": "dpdk-dev", "python3": "python3", "modprobe": "kmod",
           "lspci": "pciutils", "ip": "iproute2", "ps": "procps", "setpriv": "util-linux",
           "script": "bsdutils", "strace": "strace", "capsh": "libcap2-bin"}


def bootstrap(apt: PrivateApt, target: Path, suites: Sequence[str],
              packages: Sequence[str], arch: str = "", installed: bool = False,
              hooks: Sequence[str] = ()) -> None:
    """mmdebstrap with the machine's mirror and keyring.

    Unless they are to be installed, the packages are unpacked, not configured, which takes a
    quarter of the time; _finish() does the little that matters here of what their scripts would
    have done. Hooks are of a shell, and get the root as $1.
    """
    need("mmdebstrap")
    need_root("making a root file system (mmdebstrap)")
    # No dpkg path-exclude here: mmdebstrap filters with a program that takes minutes.
    options = [f'--aptopt={key} "{value}"' for key, value in ACQUIRE.items()]
    sources = [apt.mirror.source(suite) for suite in suites]
    variant = "apt" if installed else "extract"
    run(["mmdebstrap", f"--variant={variant}", "--format=directory", *options,
         *([f"--architectures={arch}"] if arch else []),
         '--aptopt=APT::Install-Recommends "false"',
         # A root is whole or removed: dpkg need not wait for the disk at each file.
         *(["--dpkgopt=force-unsafe-io"] if installed else []),
         *(f"--customize-hook={hook}" for hook in hooks),
         f"--include={','.join(packages)}", suites[0], target, *sources], what="mmdebstrap")
    if not installed:
        _finish(target)


def _finish(target: Path) -> None:
    for name, chosen in ALTERNATIVES.items():
        link = target / "usr/bin" / name
        if not link.is_symlink():
            link.symlink_to(chosen)
    for name in ("passwd", "group"):
        master = target / "usr/share/base-passwd" / f"{name}.master"
        if master.exists():
            shutil.copy(master, target / "etc" / name)


def in_place(root: Path, program: str) -> list[str]:
    """The words that start a program of a root with its own loader and libraries.

    It sees the files of this machine: no chroot, no mounts.
    """
    return [str(root / LIBRARIES / "ld-linux-x86-64.so.2"), "--library-path",
            str(root / LIBRARIES), str(root / "usr/bin" / program)]


def find_suite(index: Versions, release: str) -> tuple[str, str]:
    """The suite with this DPDK release and the version it has; stable ones come first."""
    for version, suite in sorted(index.get("dpdk", [])):
        if version.startswith(f"{release}."):
            return suite, version
    have = ", ".join(f"{v} in {s}" for v, s in sorted(index.get("dpdk", [])))
    raise VmError(f"no suite of the mirror carries DPDK {release} (there are: {have})")


def host_release() -> str:
    """The DPDK of this machine, which needs no root of its own."""
    version = run(["dpkg-query", "--show", "--showformat=${Version}", "dpdk"])
    return ".".join(version.split(".")[:2])


def missing_on_host() -> list[str]:
    """Packages to install before the machine's own root can serve a guest."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return sorted({package for program, package in ON_HOST.items()
                   if not shutil.which(program, path=path)})


def make_root(cache: Cache, apt: PrivateApt, dpdk: str, refresh: bool = False,
              packages: Sequence[str] = ()) -> Path:
    """The root directory for one DPDK release, or / for `host`.

    With more packages it is never /: what the tests try is not installed on the machine. Nor is it
    for another architecture.
    """
    arch = apt.arch
    if dpdk == "host" and (packages or arch.foreign):
        dpdk = host_release()
    if dpdk == "host":
        missing = missing_on_host()
        if missing:
            raise VmError("this machine's file system cannot serve a guest.\nInstall with: "
                          f"apt-get install --no-install-recommends {' '.join(missing)}")
        return Path("/")
    suite, version = find_suite(apt.index(refresh), dpdk)

    def fill(target: Path) -> None:
        what = ", ".join([f"DPDK {version} for {arch.name}", *packages])
        progress(f"making a root of {suite} with {what}, about 30 s")
        bootstrap(apt, target, [suite], [*BASE, *PACKAGES, *packages], arch.name)
    recipe = [suite, version, digest_files(Path(__file__)), *sorted(packages)]
    name = f"dpdk-{dpdk}-{arch.name}" if arch.foreign else f"dpdk-{dpdk}"
    return cache.entry("root", name, recipe, fill)


# What our packages depend on: they are installed without a network. A suite with another name for
# one of them provides this one too.
NEEDED = ["libelf1", "libjs-sphinxdoc", "libpciaccess0", "mawk", "mount", "udev"]


def make_installed_root(cache: Cache, apt: PrivateApt, suites: Sequence[str],
                        extra: Sequence[str] = ()) -> Path:
    """A root of suites, with the first one's DPDK, into which packages can be installed.

    It has a package database, for which all of its packages are configured.
    """
    packages = [*PACKAGES, *NEEDED, *extra]

    def fill(target: Path) -> None:
        progress(f"installing a root of {'/'.join(suites)}, about 90 s")
        bootstrap(apt, target, suites, packages, installed=True)
    recipe = [list(suites), packages, apt.index().get("dpdk"), digest_files(Path(__file__))]
    return cache.entry("root", f"installed-{suites[0]}", recipe, fill)


def package_root(cache: Cache, apt: PrivateApt, suite: str = "") -> Path:
    """For packages of a suite: this machine's, unless another is named."""
    return make_installed_root(cache, apt, [suite or apt.mirror.suite])


def make_package_build_root(cache: Cache, apt: PrivateApt, suite: str = "") -> Path:
    """A root in which packages are built for a suite: nothing but what their control file names.

    That, and what every build may take for granted.
    """
    name = suite or apt.mirror.suite
    place = "src/dpdk-vfio-cdev"

    def fill(target: Path) -> None:
        progress(f"installing what {name} needs to build packages, about 90 s")
        bootstrap(apt, target, [name], ["build-essential"], installed=True, hooks=[
            f'mkdir -p "$1/{place}/debian"', f'cp "{CONTROL}" "$1/{place}/debian/control"',
            f'chroot "$1" apt-get --yes build-dep "/{place}"', f'rm -r "$1/{place}"'])
    recipe = [name, apt.index().get("dpdk"), digest_files(Path(__file__), CONTROL)]
    return cache.entry("root", f"build-{name}", recipe, fill)
