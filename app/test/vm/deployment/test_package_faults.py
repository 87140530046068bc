# SPDX-License-Identifier: BSD-3-Clause
"""The package with the kernel modules where DKMS cannot build them: nothing is half installed."""

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from helpers.packages import copied, in_root, names_in
from helpers.suites import MODULES, inside
from testvm.apt import PrivateApt
from testvm.cache import Cache
from testvm.kernel import KernelMaker
from testvm.kmod import MODULE_OF

# Those of the suite that the kernel is of.
pytestmark = pytest.mark.xdist_group("packages-trixie")

# The first process of a namespace of processes: with it all others are gone.
INTERRUPTED = """\
"$@" &
until [ -e "$(echo /var/lib/dkms/dpdk-vfio-cdev/*/build/.kmod-*/source/Makefile)" ]; do
    kill -0 $! || exit
    sleep 0.1
done
exit 9
"""
INTERRUPTED_STATUS = 9


@pytest.fixture(scope="module")
def maker() -> KernelMaker:
    """Whose kernel it is."""
    cache = Cache()
    return KernelMaker(cache, PrivateApt(cache))


@pytest.fixture(scope="module")
def packages(maker: KernelMaker, packages_for: Callable[[str], Path]) -> Path:
    """Of the kernel's suite."""
    return packages_for(maker.suites()[0])


@pytest.fixture
def kernel_root(maker: KernelMaker, tmp_path: Path) -> Iterator[Path]:
    """A root with a kernel of the distribution, its headers, its source and DKMS."""
    with copied(maker.dkms_root(), tmp_path / "root") as root:
        yield root


def install_modules(root: Path, packages: Path,
                    wrapper: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """The package, which DKMS builds for the kernel that is there."""
    return in_root(root, [*wrapper, "dpkg", "--install", *inside(packages, MODULES)], packages,
                   check=False)


def modules_in(root: Path) -> list[Path]:
    """What DKMS has installed."""
    return list(root.glob("usr/lib/modules/*/updates/**/*.ko*"))


def test_modules_are_built_where_that_was_interrupted(packages: Path, kernel_root: Path) -> None:
    """Killed in the middle, nothing is installed. dpkg then does it as for any other package."""
    before = names_in(kernel_root)
    done = install_modules(kernel_root, packages, [
        "unshare", "--pid", "--fork", "--mount-proc", "--propagation", "unchanged", "sh", "-c",
        INTERRUPTED, "sh"])
    assert done.returncode == INTERRUPTED_STATUS, done.stdout + done.stderr
    assert not modules_in(kernel_root)
    in_root(kernel_root, ["dpkg", "--configure", "--pending"], packages)
    assert {path.name.partition(".")[0] for path in modules_in(kernel_root)} == {
        Path(name).stem for name in MODULE_OF.values()}
    in_root(kernel_root, ["dpkg", "--purge", MODULES], packages)
    # DKMS's own key is not of the package.
    assert {name for name in names_in(kernel_root) ^ before
            if not name.startswith("var/lib/dkms/mok.")} == set()


SMALL = "mkdir -p /var/lib/dkms; mount -t tmpfs -o size=30M none /var/lib/dkms"
SMALL_MODULES = "mount -t tmpfs -o size=1M none /srv; mkdir /srv/upper /srv/work; " \
                "cd /lib/modules/*; mount -t overlay -o lowerdir=$PWD,upperdir=/srv/upper," \
                "workdir=/srv/work none $PWD; cd /"


@pytest.mark.parametrize("script, what", [
    (SMALL, r"/var/lib/dkms/\S+ has \d+ MiB left, and the build needs 100"),
    (SMALL_MODULES, r"/lib/modules/\S+ has \d MiB left, and installing the modules needs 4")],
    ids=["build", "modules"])
def test_modules_are_not_installed_on_a_full_disk(packages: Path, kernel_root: Path, script: str,
                                                  what: str) -> None:
    """Not even a part of them."""
    done = install_modules(kernel_root, packages, ["sh", "-ec", f'{script}; exec "$@"', "sh"])
    assert done.returncode != 0
    assert re.search(rf"^kmod: {what}: make room", done.stdout + done.stderr, re.M), (
        done.stdout + done.stderr)
    assert not modules_in(kernel_root)
