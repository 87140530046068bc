# SPDX-License-Identifier: BSD-3-Clause
"""A whole kernel from source: the cross-check that rebuilt modules behave like the real thing.

tinyconfig, and on top the fragments of config/kernel/: machine.config and those of a configuration.
"""

import os
import shutil
from pathlib import Path

from . import initramfs, kmod
from .kernel import Kernel, KernelMaker, depmod, unpack_source
from .util import VmError, digest_files, need, need_root, progress

TOOLS = ["bc", "bison", "diffutils", "flex", "gcc", "gzip", "kmod", "libc6-dev", "libelf-dev",
         "perl-base", "tar", "xz-utils"]


# Configurations that no distribution's kernel can have: only from source, on top of another.
ON_TOP_OF = {"faults": "cdev"}


def fragments_of(config: str) -> list[Path]:
    """What is added to tinyconfig, in this order."""
    names = ["machine", *filter(None, [ON_TOP_OF.get(config)]), config]
    return [kmod.FRAGMENTS / f"{name}.config" for name in names]


class SourceKernel:
    """Builds the newest linux-source, configured like one of the module configurations, or more."""

    def __init__(self, maker: KernelMaker) -> None:
        self.maker = maker
        self.cache = maker.cache

    def make(self, config: str) -> Kernel:
        """The kernel, out of the cache or built now."""
        if config == "stock":
            raise VmError("the stock configuration is the distribution's kernel: "
                          "there is no building it --from source")
        if self.maker.arch.foreign:
            raise VmError(f"there is no building a kernel of {self.maker.arch.name} --from source")
        pkgs = self.maker.packages
        fragments = fragments_of(config)
        recipe = [pkgs.version, digest_files(*fragments, Path(__file__))]
        name = f"source-{config}-{pkgs.upstream}"
        log = self.cache.log(self.cache.path("kernel", name, recipe))

        def fill(target: Path) -> None:
            self._fill(target, fragments, log)
        entry = self.cache.entry("kernel", name, recipe, fill)
        release = (entry / "release").read_text(encoding="utf-8")
        return Kernel(config, pkgs.version, release, entry / "vmlinuz", entry / "modules",
                      initramfs.make(self.cache, self.maker.apt, name, entry / "modules"),
                      self.maker.base() / "uapi")

    def _fill(self, target: Path, fragments: list[Path], log: Path) -> None:
        need("apt-get", "depmod", "dpkg-deb", "mmdebstrap", "tar", "unshare", "xz")
        need_root("building a kernel (mmdebstrap, chroot)")
        pkgs = self.maker.packages
        root = self.maker.build_root(TOOLS)
        progress(f"building Linux {pkgs.upstream} from source, about 10 min; log: {log}")
        debs, tree = target / "debs", target / "tree"
        debs.mkdir()
        self.maker.apt.download({pkgs.source: pkgs.version}, debs)
        unpack_source(next(debs.iterdir()), tree, ())
        shutil.rmtree(debs)
        build = kmod.Chroot(root, tree, log, "the kernel build")
        self._configure(build, tree, fragments)
        build.run("make", f"-j{len(os.sched_getaffinity(0))}", "bzImage", "modules")
        self._collect(build, tree, target)

    def _configure(self, build: kmod.Chroot, tree: Path, fragments: list[Path]) -> None:
        build.run("make", "tinyconfig")
        with (tree / ".config").open("a", encoding="utf-8") as config:
            config.write("".join(path.read_text(encoding="utf-8") for path in fragments))
        build.run("make", "olddefconfig")
        lost = lost_options(fragments, tree / ".config")
        if lost:
            raise VmError("the kernel's configuration did not take:\n- " + "\n- ".join(lost))

    def _collect(self, build: kmod.Chroot, tree: Path, target: Path) -> None:
        build.run("make", "INSTALL_MOD_PATH=/build/installed", "DEPMOD=true", "modules_install")
        modules = next((tree / "installed/lib/modules").iterdir())
        for name in ("build", "source"):
            (modules / name).unlink(missing_ok=True)
        (target / "release").write_text(modules.name, encoding="utf-8")
        (tree / "arch/x86/boot/bzImage").rename(target / "vmlinuz")
        (tree / ".config").rename(target / "config")
        modules.rename(target / "modules")
        shutil.rmtree(tree)
        depmod(target / "modules", (target / "release").read_text("utf-8"), target)


def lost_options(fragments: list[Path], config: Path) -> list[str]:
    """Options that a fragment asks for and the finished configuration does not have."""
    got = kmod.read_config(config)
    return [f"CONFIG_{name}={value} of {path.name} became {got.get(name, 'n')}"
            for path in fragments for name, value in kmod.read_config(path).items()
            if got.get(name, "n") != value]
