# SPDX-License-Identifier: BSD-3-Clause
"""The quick start and the README, executed in a guest that has nothing else of us."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from helpers.documentation import NOT_EXECUTED, QUICK_START, Block, blocks, matches
from helpers.packages import MODULES, copied, in_root, names_in
from testvm.apt import PrivateApt
from testvm.cache import Cache
from testvm.kernel import KernelMaker
from testvm.qemu import Guest
from testvm.root import package_root
from testvm.util import CHECKOUT

pytestmark = pytest.mark.xdist_group("packages")

KERNEL = "usr/lib/modules"
# What the page changes in a running machine. Other modules that these load stay.
STATE = ("cat /etc/dpdk/*; find /etc/mod* -type f; ls -d /sys/module/vfio* /sys/module/iommufd; "
         "grep HugePages_Total /proc/meminfo; cd /sys/bus/pci/devices; grep . */driver_override; "
         "readlink */driver")


def readme() -> list[Block]:
    return blocks("README.md", "\n## On a real host\n", "\n## ")


def in_guest(block: Block) -> bool:
    """Packages are installed before the boot: emulated, that takes minutes."""
    return not block.commands.startswith(("apt-get ", "devtools/"))


def part(number: int) -> list[Block]:
    """What the page does before the boot, in the guest, and after it."""
    parts = [list(each) for _, each in
             groupby((block for block in blocks(QUICK_START) if block.executed), in_guest)]
    assert [in_guest(each[0]) for each in parts] == [False, True, False]
    return parts[number]


def change_packages(commands: list[Block], root: Path, kernel: Path, tree: Path) -> None:
    """The machine's own release has DPDK, and a later one the kernel: these are two roots."""
    for block in commands:
        if block.commands.startswith("apt-get "):    # helpers.packages has built them
            chosen = kernel if MODULES in block.commands else root
            block.execute(partial(in_root, chosen, directory=tree, check=False))


@pytest.fixture(scope="module")
def machine(guest: Callable[..., Guest], packages: Path,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """What the page installs, in a guest without the checkout. Removed again, nothing is left."""
    cache = Cache()
    apt = PrivateApt(cache)
    place = tmp_path_factory.mktemp("machine")
    with copied(package_root(cache, apt), place / "root") as root, \
            copied(KernelMaker(cache, apt).dkms_root(), place / "kernel") as kernel:
        before = names_in(root), names_in(kernel)
        change_packages(part(0), root, kernel, packages.parent)
        subprocess.run(["cp", "-al", kernel / KERNEL, root / KERNEL], check=True)
        booted = guest(root=str(root), config="stock", bind="none", hugepages=0, memory="2G")
        booted.run(["umount", str(CHECKOUT)], cwd="/", check=True)
        yield booted
        booted.close()
        subprocess.run(["rm", "-r", root / KERNEL], check=True)
        change_packages(part(2), root, kernel, packages.parent)
        assert names_in(root) == before[0]
        # DKMS's own key is not of the package.
        assert {name for name in names_in(kernel) ^ before[1]
                if not name.startswith("var/lib/dkms/mok.")} == set()


def execute(machine: Guest, commands: list[Block]) -> None:
    """In the guest, with nobody who types."""
    for block in commands:
        block.execute(partial(machine.run, timeout=120, cwd="/"))


def test_quick_start(machine: Guest) -> None:
    """The modules that it loads are signed by DKMS. At its end the machine is as before."""
    load, *others = part(1)
    before = machine.run(["sh", "-c", STATE], cwd="/", check=True).stdout
    execute(machine, [load])
    for name in ("iommufd", "vfio_pci"):
        signer = machine.run(["modinfo", "-F", "signer", name], cwd="/", check=True).stdout
        assert signer == "DKMS module signing key\n"
    execute(machine, others)
    assert machine.run(["sh", "-c", STATE], cwd="/", check=True).stdout == before


def test_readme_after_the_quick_start_was_undone(machine: Guest) -> None:
    """It installs what the quick start has installed, with the same commands."""
    install, *others = readme()
    assert install.commands.splitlines() == [
        line for block in part(0) for line in block.commands.splitlines() if MODULES not in line]
    assert others
    execute(machine, others)


def test_commands_that_are_not_executed_have_a_reason() -> None:
    for block in [*blocks(QUICK_START), *readme()]:
        assert block.executed == (block.caption == ""), block.where
        assert block.caption != NOT_EXECUTED, block.where


@pytest.mark.parametrize(("shown", "printed", "same"), [
    ("", "", True),
    ("", "text\n", False),
    ("text", "", False),
    ("text", "text\nmore\n", False),
    ("text\n...", "text\nmore\nand more\n", True),
    ("...\ntext", "text\n", True),
    ("one\ntwo", "two\none\n", False),
    ("PASS  the: check", "FAIL  the: check\n", False),
    ("/lib/modules/.../vfio.ko", "/lib/modules/7.3.4/updates/vfio.ko\n", True),
    ("7 passed, 0 failed", "12 passed, 0 failed\n", True),
    ("7 passed, 0 failed", "7 passed, 1 failed\n", False),
    ("RX-packets: 7", "RX-packets: 0\n", False),
    ("forward  passed  20.2s", "forward  passed  0.9s\n", True),
    ("0000:00:03.0  noiommu-vfio0", "0000:00:03.0    noiommu-vfio0  \n", True),
    ("0000:00:03.0  noiommu-vfio0", "0000:00:04.0  noiommu-vfio0\n", False),
    ("0000:00:03.0  noiommu-vfio0", "0000:00:03.0  vfio0\n", False),
])
def test_what_is_printed_is_compared(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) == same
