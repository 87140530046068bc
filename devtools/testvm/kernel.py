# SPDX-License-Identifier: BSD-3-Clause
"""What the test machine boots: a distribution's kernel, unchanged, and modules to go with it.

The newest Linux >= 7.3 on the machine's mirror is found, over all suites. Its packages are only
unpacked, never installed.
"""

import concurrent.futures
import functools
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import initramfs, kmod
from .apt import PrivateApt, Versions
from .arch import AMD64
from .cache import Cache, Maker
from .root import bootstrap, make_installed_root
from .util import VmError, digest_files, need, need_root, progress, run

OLDEST = (7, 3)
HEADERS = r"linux-headers-(\d[\w.+~]*)-{}"
HERE = Path(__file__).parent
# Hardware that the machine never has: a fifth of depmod's time without them.
UNUSED = ("sound", "net/bluetooth", "net/mac80211", "drivers/bluetooth", "drivers/gpu",
          "drivers/hid", "drivers/iio", "drivers/infiniband", "drivers/input", "drivers/media",
          "drivers/mmc", "drivers/mtd", "drivers/net/wireless", "drivers/scsi",
          "drivers/staging", "drivers/usb", "drivers/hwmon", "drivers/target")


@dataclass(frozen=True)
class KernelPackages:
    """One kernel of a distribution: everything of one and the same version."""
    release: str
    version: str
    suite: str
    image: str
    source: str

    @property
    def upstream(self) -> str:
        """7.3.4 of 7.3.4-1~bpo13+1."""
        return self.version.partition("-")[0]

    def parts(self) -> dict[str, str]:
        """The packages to download, and their version."""
        names = (self.image, f"linux-modules-{self.release}", self.source, "linux-libc-dev",
                 f"linux-base-{self.release}")
        return dict.fromkeys(names, self.version)


@dataclass(frozen=True)
class Kernel:
    """A built kernel, ready to boot."""
    config: str
    version: str
    release: str
    image: Path
    modules: Path
    initramfs: Path
    uapi: Path

    def describe(self) -> str:
        """key=value lines."""
        fields = ("version", "release", "config", "image", "modules", "initramfs", "uapi")
        return "\n".join(f"{name}={getattr(self, name)}" for name in fields)


def upstream_number(version: str) -> tuple[int, ...]:
    """(7, 3, 4) of 7.3.4-1~bpo13+1. A release candidate is older than its release: (7, 2, 999)."""
    numbers = tuple(int(n) for n in re.findall(r"\d+", re.split(r"[-~+]", version)[0]))
    if "~rc" in version:
        return (*numbers[:-1], numbers[-1] - 1, 999)
    return numbers


def pick(index: Versions, flavour: str = AMD64.flavour) -> KernelPackages:
    """The newest complete kernel; says what was lacking when there is none."""
    lacking: list[str] = []
    seen: list[tuple[tuple[int, ...], str, str, str]] = []
    for name, versions in index.items():
        found = re.fullmatch(HEADERS.format(flavour), name)
        if found:
            seen += [(upstream_number(v), v, suite, found.group(1)) for v, suite in versions]
    for number, version, suite, base in sorted(seen, reverse=True):
        if number < OLDEST:
            continue
        packages, missing = _complete(index, f"{base}-{flavour}", base, version, suite)
        if packages:
            return packages
        lacking.append(f"{version} in {suite} lacks {missing} of the same version")
    newest = max(seen)[1] if seen else "none at all"
    raise VmError(f"no suite of the mirror carries a complete Linux >= {OLDEST[0]}.{OLDEST[1]} "
                  f"for amd64 (newest seen: {newest}).\n" + "\n".join(lacking))


def _complete(index: Versions, release: str, base: str, version: str,
              suite: str) -> tuple[KernelPackages | None, str]:
    def has(name: str) -> bool:
        return (version, suite) in index.get(name, [])

    images = [n for n in (f"linux-binary-{release}", f"linux-binary-unsigned-{release}")
              if has(n)]
    source = "linux-source-" + ".".join(base.split(".")[:2])
    wanted = (source, f"linux-base-{release}", f"linux-modules-{release}",
              f"linux-headers-{base}-common", f"linux-kbuild-{base}", "linux-libc-dev")
    missing = [name for name in wanted if not has(name)]
    if not images:
        missing.append(f"linux-binary-{release}")
    if missing:
        return None, ", ".join(missing)
    return KernelPackages(release, version, suite, images[0], source), ""


class KernelMaker:
    """Builds kernels into a cache."""

    def __init__(self, cache: Cache, apt: PrivateApt, refresh: bool = False) -> None:
        self.cache = cache
        self.apt = apt
        self.arch = apt.arch
        self.refresh = refresh

    @functools.cached_property
    def packages(self) -> KernelPackages:
        """The kernel in use."""
        return pick(self.apt.index(self.refresh), self.arch.flavour)

    def make(self, config: str) -> Kernel:
        """The distribution's kernel with the modules of one configuration."""
        name = f"{config}-{self.packages.upstream}{self.arch.suffix}"
        recipe = [self.packages.version, kmod.options_of(config),
                  digest_files(HERE / "kernel.py", HERE / "kmod.py", kmod.MAP_PAGES)]
        entry = self.cache.path("modules", name, recipe)
        if not entry.is_dir():
            fill = self._prepared(config, self.cache.log(entry))
            entry = self.cache.entry("modules", name, recipe, fill)
        base = self.base()
        return Kernel(config, self.packages.version, self.packages.release, base / "vmlinuz",
                      entry / "modules",
                      initramfs.make(self.cache, self.apt, name, entry / "modules"),
                      base / "uapi")

    def _prepared(self, config: str, log: Path) -> Maker:
        """Get all that a module build needs; returns the build itself."""
        strip = self.arch.tool("strip")
        need("apt-get", "cp", "depmod", "dpkg-deb", "mmdebstrap", "modinfo", strip, "tar",
             "unshare", "xz")
        initramfs.toolchain(self.cache, self.apt)
        if config == "stock":
            base = self.base()
            return lambda target: self._fill_modules(target, base, None)
        need_root("building kernel modules (mmdebstrap, chroot)")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.build_root)
            base = self.base()
            build = kmod.ModuleBuild(config, base / "source", self.packages.release, log,
                                     waiting.result(), strip=strip)
        return lambda target: self._fill_modules(target, base, build)

    def _fill_modules(self, target: Path, base: Path, build: kmod.ModuleBuild | None) -> None:
        modules = target / "modules"
        run(["cp", "-al", base / "modules", modules])
        if build:
            # Built against another vfio: what the distribution has there does not fit ours.
            shutil.rmtree(modules / "kernel/drivers/vfio", ignore_errors=True)
            progress(f"building modules for {self.packages.release} ({build.config}), "
                     "about 25 s")
            build.install(modules / "updates", target)
        depmod(modules, self.packages.release, target)

    def base(self) -> Path:
        """What all configurations share: kernel image, its modules, module source and UAPI."""
        recipe = [self.packages.parts(), digest_files(HERE / "kernel.py")]
        name = self.packages.upstream + self.arch.suffix
        return self.cache.entry("kernel", name, recipe, self._fill_base)

    def _fill_base(self, target: Path) -> None:
        progress(f"fetching Linux {self.packages.release} from {self.packages.suite}, about 20 s")
        debs = target / "debs"
        debs.mkdir()
        self.apt.download(self.packages.parts(), debs)
        for deb in debs.glob("*.deb"):
            if not deb.name.startswith("linux-source"):
                run(["dpkg-deb", "-x", deb, target / "unpacked"])
        source = next(debs.glob("linux-source*.deb"))
        unpack_source(source, target / "source", kmod.SOURCES)
        self._arrange(target, target / "unpacked" / "usr")
        shutil.rmtree(debs)
        shutil.rmtree(target / "unpacked")

    def _arrange(self, target: Path, usr: Path) -> None:
        modules = usr / "lib/modules" / self.packages.release
        (modules / "vmlinuz").rename(target / "vmlinuz")
        modules.rename(target / "modules")
        for name in UNUSED:
            shutil.rmtree(target / "modules/kernel" / name, ignore_errors=True)
        uapi = target / "uapi"
        uapi.mkdir()
        for name in ("linux", "asm-generic"):
            (usr / "include" / name).rename(uapi / name)
        shutil.copytree(usr / "include" / self.arch.triplet / "asm", uapi / "asm")

    def suites(self) -> list[str]:
        """The kernel's suite, after the one that it is an addition to."""
        suite = self.packages.suite
        return list(dict.fromkeys((suite.removesuffix("-backports"), suite)))

    def dkms_root(self) -> Path:
        """A root of the kernel's own suite that it is installed in, and that has DKMS.

        The kernel's package itself would make an initramfs, which nothing here reads.
        """
        pkgs = self.packages
        return make_installed_root(self.cache, self.apt, self.suites(), [
            "dkms", f"linux-headers-{pkgs.release}", f"linux-modules-{pkgs.release}", pkgs.image,
            pkgs.source, "openssl"])

    def build_root(self, extra: Sequence[str] = ()) -> Path:
        """A root of the kernel's own suite with its headers and the compiler they ask for.

        All of its programs are this machine's: foreign headers ask for a cross compiler, and their
        own programs come from a package that has them for every architecture.
        """
        pkgs, suites = self.packages, self.suites()
        name = f"linux-headers-{pkgs.release}"
        foreign = self.arch.name if self.arch.foreign else ""
        include = [f"{name}:{foreign}" if foreign else name, *kmod.TOOLS, *extra]
        arches = f"{AMD64.name},{foreign}" if foreign else ""

        def fill(target: Path) -> None:
            progress(f"making a build root of {'/'.join(suites)}, about 20 s")
            bootstrap(self.apt, target, suites, include, arches)
        return self.cache.entry("buildroot", pkgs.upstream + self.arch.suffix,
                                [suites, include, pkgs.version], fill)


def unpack_source(deb: Path, target: Path, paths: tuple[str, ...]) -> None:
    """Unpack parts of a linux-source package (none given: all of it)."""
    name = run(["dpkg-deb", "--contents", deb])
    inner = re.search(r"\./usr/src/(linux-source-[\d.]+)\.tar\.xz", name)
    if not inner:
        raise VmError(f"{deb.name} holds no linux-source tar")
    kmod.unpack(f"dpkg-deb --fsys-tarfile '{deb}' | tar -xO '{inner.group()}' | xz -dc -T0",
                inner.group(1), target, paths)


def depmod(modules: Path, release: str, scratch: Path) -> None:
    """Index a modules directory, which depmod wants to find at lib/modules/RELEASE."""
    tree = scratch / "depmod" / "lib" / "modules"
    tree.mkdir(parents=True)
    (tree / release).symlink_to(modules)
    run(["/usr/sbin/depmod" if Path("/usr/sbin/depmod").exists() else "depmod", "-b",
         scratch / "depmod", release])
    shutil.rmtree(scratch / "depmod")
