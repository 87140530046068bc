# SPDX-License-Identifier: BSD-3-Clause
"""iommufd and vfio as modules for a distribution's unchanged kernel.

Distributions leave out what noiommu cdevs need. Both subsystems can be built out of tree from
the distribution's own linux-source against its linux-headers: options are given to make, and to
the compiler in a header that comes after the kernel's own autoconf.h. Nothing of the kernel is
in this tree; the recipe edits what it unpacks. DKMS builds with this file too: see native.py.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .util import CHECKOUT, VmError, run

# Besides the headers package, which brings the right compiler and kbuild.
TOOLS = ["base-files", "binutils", "coreutils", "dash", "dpkg", "findutils", "grep", "make", "mawk",
         "sed"]

FRAGMENTS = CHECKOUT / "config" / "kernel"
CONFIGS = ("cdev", "cdev-only", "group-only", "stock")
# Options that no one chooses; what they stand for is built in, or not at all: ours go into
# iommufd.ko.
LINKED_IN = {"IOMMUFD_DRIVER": "iova_bitmap", "IOMMUFD_DRIVER_CORE": "driver",
             "INTERVAL_TREE_SPAN_ITER": "span_iter"}
IOMMUFD = "drivers/iommu/iommufd"
# What the no-IOMMU page table is built on. A kernel has all of it, or none: then it goes into
# iommufd.ko too, and the domain gets the functions that such a kernel calls.
PAGE_TABLE = ("GENERIC_PT", "IOMMU_PT", "IOMMU_PT_AMDV1")
PAGE_TABLE_SOURCE = "drivers/iommu/generic_pt/fmt/iommu_amdv1.c"
MAP_PAGES = FRAGMENTS / "map_pages.h"
MODULE_OF = {"IOMMUFD": "iommufd.ko", "VFIO": "vfio.ko", "VFIO_PCI": "vfio-pci.ko",
             "VFIO_PCI_CORE": "vfio-pci-core.ko", "VFIO_IOMMU_TYPE1": "vfio_iommu_type1.ko"}
# What is taken of the source; a tar is read only as far as needed.
SOURCES = ("drivers/iommu", "drivers/vfio", "lib/interval_tree.c")
MODULE_VERSION = re.compile(r"\bMODULE_VERSION\((.+?)\)")
SPAN_ITER = re.compile(r"^#ifdef CONFIG_INTERVAL_TREE_SPAN_ITER$.*?^#endif$", re.M | re.S)


def read_config(path: Path) -> dict[str, str]:
    """{option: value} of a .config or fragment, without CONFIG_; "is not set" is n."""
    text = path.read_text(encoding="utf-8")
    unset = re.findall(r"^# CONFIG_(\w+) is not set$", text, re.M)
    return {**dict.fromkeys(unset, "n"), **dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.M))}


def options_of(config: str) -> dict[str, str]:
    """The options of one configuration, from its fragment in config/kernel/."""
    if config == "stock":
        return {}
    options = read_config(FRAGMENTS / f"{config}.config")
    if options["IOMMUFD"] == "m":
        options |= dict.fromkeys(LINKED_IN, "y")
    return options


def unpack(stream: str, top: str, target: Path, paths: Sequence[str] = ()) -> None:
    """Parts of the tar (none given: all of it) that a shell command writes, without its top."""
    target.mkdir()
    script = f"{stream} | tar -x -C '{target}' --strip-components=1 " + " ".join(
        f"'{top}/{path}'" for path in paths)
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise VmError(f"unpacking {top} failed: {done.stderr.strip()[-2000:]}")


def lacks_page_table(config: dict[str, str]) -> bool:
    """Whether the kernel's iommu_map() does not know generic page tables (arm64's does not)."""
    return all(config.get(name, "n") == "n" for name in PAGE_TABLE)


def incompatible(options: dict[str, str], config: dict[str, str], source: Path,
                 signed: bool = False) -> list[str]:
    """Everything that would make the build, or loading its result, fail later on."""
    problems = [f"the kernel has CONFIG_{name}={config.get(name, 'n')}: it must be a module, "
                "to be replaced" for name in ("VFIO", "VFIO_PCI") if config.get(name) != "m"]
    if config.get("MODULE_SIG_FORCE") == "y" and not signed:
        problems.append("the kernel loads signed modules only (CONFIG_MODULE_SIG_FORCE=y)")
    if config.get("MODVERSIONS") == "y" and config.get("GENDWARFKSYMS") == "y":
        problems.append("the kernel's symbol versions come from debug information")
    if options.get("IOMMUFD") != "m":
        return problems
    if config.get("IOMMUFD") == "y":
        problems.append("the kernel has IOMMUFD built in, so it cannot be replaced")
    problems += [f"the kernel lacks CONFIG_{name}=y, on which the no-IOMMU page table is built"
                 for name in ("INTERVAL_TREE", *(() if lacks_page_table(config) else PAGE_TABLE))
                 if config.get(name) != "y"]
    if lacks_page_table(config) and not (source / PAGE_TABLE_SOURCE).exists():
        problems.append(f"neither the kernel nor its source has {PAGE_TABLE_SOURCE}")
    if not (source / IOMMUFD / "hwpt_noiommu.c").exists():
        problems.append(f"its source has no {IOMMUFD}/hwpt_noiommu.c (Linux >= 7.3 does)")
    kconfig = source / IOMMUFD / "Kconfig"
    if not kconfig.exists() or "config IOMMUFD_NOIOMMU" not in kconfig.read_text("utf-8"):
        problems.append("its source has no option IOMMUFD_NOIOMMU")
    return problems


class Chroot:
    """Runs programs in a build root, with a directory of ours at /build."""

    # The mounts belong to a mount namespace and go with the program, whatever ends it.
    SCRIPT = ('mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && '
              'mount --bind "$2" "$1/build" && root=$1 && shift 2 && exec chroot "$root" '
              '/usr/bin/env -i -C /build PATH=/usr/sbin:/usr/bin LC_ALL=C "$@"')

    # Where the directory is, for who runs in there.
    inside = "/build"

    def __init__(self, root: Path, work: Path, log: Path | None, what: str) -> None:
        self.root = root
        self.work = work
        self.log = log
        self.what = what
        for name in ("build", "proc", "dev"):
            (root / name).mkdir(exist_ok=True)

    def run(self, *argv: str) -> None:
        """Run to the end; a failure shows the end of the log."""
        run(["unshare", "--mount", "--propagation", "private", "sh", "-ec", self.SCRIPT, "sh",
             self.root, self.work, *argv], log=self.log, what=self.what)


class Native:
    """Runs programs of this machine in a directory of ours."""

    def __init__(self, work: Path, log: Path | None, what: str) -> None:
        self.inside = str(work)
        self.log = log
        self.what = what

    def run(self, *argv: str) -> None:
        """Run to the end; a failure shows the end of what was printed."""
        run(["env", "-i", "-C", self.inside, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
             *argv], log=self.log, what=self.what)


class ModuleBuild:
    """One build, in a private copy of the source, inside a build root or on this machine."""

    def __init__(self, config: str, source: Path, release: str, log: Path | None = None,
                 root: Path | None = None, headers: Path | None = None,
                 strip: str = "strip") -> None:
        self.options = options_of(config)
        self.config = config
        self.root = root
        self.source = source
        self.release = release
        self.log = log
        self.strip = strip
        self.headers = headers or Path(f"/usr/src/linux-headers-{release}")

    def install(self, target: Path, scratch: Path) -> None:
        """Check, build in scratch, check again, and leave the stripped modules in target."""
        headers = self.root / self.headers.relative_to("/") if self.root else self.headers
        kernel = read_config(headers / ".config")
        problems = incompatible(self.options, kernel, self.source, signed=self.root is None)
        if problems:
            raise VmError(f"Linux {self.release} does not fit the configuration "
                          f"{self.config}:\n- " + "\n- ".join(problems))
        with tempfile.TemporaryDirectory(dir=scratch) as directory:
            work = Path(directory)
            self._prepare(work, kernel)
            self._make(work)
            self._collect(work, target)

    def _prepare(self, work: Path, kernel: dict[str, str]) -> None:
        shutil.copytree(self.source / "drivers", work / "drivers")
        self._name_versions(work)
        subdirs = "drivers/vfio/"
        if self.options["IOMMUFD"] == "m":
            subdirs += f" {IOMMUFD}/"
            self._link_in(work, kernel)
        (work / "Kbuild").write_text(f"obj-m += {subdirs}\n", encoding="utf-8")
        (work / "options.h").write_text(self._options_header(), encoding="utf-8")

    @staticmethod
    def _name_versions(work: Path) -> None:
        """To be told from the kernel's own; DKMS passes over modules of the same version."""
        for path in (*work.glob("drivers/vfio/**/*.c"), *work.glob(f"{IOMMUFD}/*.c")):
            text = path.read_text(encoding="utf-8")
            named = MODULE_VERSION.sub(r'MODULE_VERSION(\1 "+cdev")', text)
            if named != text:
                path.write_text(named, encoding="utf-8")

    def _link_in(self, work: Path, kernel: dict[str, str]) -> None:
        wanted = [LINKED_IN[name] for name in LINKED_IN if kernel.get(name) != "y"]
        if "span_iter" in wanted:
            block = SPAN_ITER.search((self.source / "lib/interval_tree.c").read_text("utf-8"))
            if not block:
                raise VmError("lib/interval_tree.c has no CONFIG_INTERVAL_TREE_SPAN_ITER block")
            includes = ("compiler", "export", "interval_tree")
            text = "".join(f"#include <linux/{name}.h>\n" for name in includes) + block.group()
            (work / IOMMUFD / "span_iter.c").write_text(text + "\n", encoding="utf-8")
        lines = ""
        if lacks_page_table(kernel):
            lines = self._link_page_table(work)
            wanted.append("page_table")
        with (work / IOMMUFD / "Makefile").open("a", encoding="utf-8") as makefile:
            makefile.write(f"\niommufd-y += {' '.join(f'{name}.o' for name in wanted)}\n{lines}")

    def _link_page_table(self, work: Path) -> str:
        """Returns what the Makefile needs for it, beside the object's name."""
        self.options |= dict.fromkeys(PAGE_TABLE, "y")
        (work / IOMMUFD / "page_table.c").write_text(
            f'#include "../../../{PAGE_TABLE_SOURCE}"\n', encoding="utf-8")
        shutil.copy(MAP_PAGES, work / IOMMUFD)
        return f"CFLAGS_hwpt_noiommu.o += -include $(src)/{MAP_PAGES.name}\n"

    def _options_header(self) -> str:
        """Included after autoconf.h, so it also takes away what the kernel has on."""
        lines = []
        for name, value in self.options.items():
            lines += [f"#undef CONFIG_{name}", f"#undef CONFIG_{name}_MODULE"]
            if value != "n":
                lines.append(f"#define CONFIG_{name}{'_MODULE' if value == 'm' else ''} 1")
        return "\n".join(lines) + "\n"

    def _make_variables(self, work: Path) -> list[str]:
        values = {name: "" if value == "n" or name in LINKED_IN else value
                  for name, value in self.options.items()}
        # Device specific drivers beside vfio-pci are of no use here.
        for makefile in ("drivers/vfio/Makefile", "drivers/vfio/pci/Makefile"):
            text = (work / makefile).read_text(encoding="utf-8")
            for name in re.findall(r"obj-\$\(CONFIG_(\w+)\)\s*\+=\s*[\w-]+/", text):
                values.setdefault(name, "")
        values["DEBUG_INFO_BTF_MODULES"] = ""
        return [f"CONFIG_{name}={value}" for name, value in values.items()]

    def _make(self, work: Path) -> None:
        jobs = len(os.sched_getaffinity(0))
        what = "the module build"
        place: Chroot | Native = Native(work, self.log, what)
        if self.root:
            place = Chroot(self.root, work, self.log, what)
        place.run("make", f"-j{jobs}", "-C", str(self.headers), f"M={place.inside}",
                  *self._make_variables(work),
                  f"KCFLAGS=-g0 -include {place.inside}/options.h", "modules")

    def _collect(self, work: Path, target: Path) -> None:
        wanted = {MODULE_OF[name] for name, value in self.options.items()
                  if value == "m" and name in MODULE_OF}
        built = {path.name: path for path in work.rglob("*.ko")}
        if set(built) != wanted:
            raise VmError(f"the module build made {sorted(built)}, not {sorted(wanted)}"
                          + (f"\nThe whole log: {self.log}" if self.log else ""))
        target.mkdir()
        for name, path in built.items():
            magic = run(["modinfo", "-F", "vermagic", path]).split()
            if not magic or magic[0] != self.release:
                raise VmError(f"{name} was built for {magic}, not for {self.release}")
            run([self.strip, "--strip-debug", "-o", target / name, path])
