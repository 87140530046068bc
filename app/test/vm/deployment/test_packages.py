# SPDX-License-Identifier: BSD-3-Clause
"""The Debian packages: what is in them, and what they refuse.

test_documentation.py builds, installs, uses and removes them, as the quick start does.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.packages import DEVELOPMENT, MODULES, copied, find, in_root
from testvm.apt import PrivateApt
from testvm.cache import Cache
from testvm.kernel import KernelMaker
from testvm.util import CHECKOUT

pytestmark = pytest.mark.xdist_group("packages")


def test_lintian_has_no_complaint(packages: Path) -> None:
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-"
                           "limit", "0", *packages.glob("*.deb")], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout
    assert not done.stdout


def test_modules_have_nothing_of_the_kernel(packages: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", find(packages, MODULES)],
                            capture_output=True, text=True, check=True).stdout
    assert "/usr/src/dpdk-vfio-cdev-" in listed
    # Our own, for kernels without page tables.
    found = re.findall(r"/([^/]+\.(?:c|h|ko|o))$", listed, re.M)
    assert found == ["map_pages.h"]


def test_missing_build_dependencies_are_named(tmp_path: Path) -> None:
    """dpkg-checkbuilddeps reads the database of another root: there is nothing in it."""
    empty = tmp_path / "empty"
    (empty / "info").mkdir(parents=True)
    (empty / "status").touch()
    wrapper = tmp_path / "dpkg-checkbuilddeps"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/dpkg-checkbuilddeps --admindir={empty} "$@"\n')
    wrapper.chmod(0o755)
    target = tmp_path / "packages"
    done = subprocess.run(["env", f"PATH={tmp_path}:/usr/bin:/bin", CHECKOUT / "devtools/package",
                           target], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search(r"apt-get install .*\blibdpdk-dev\b.*\bmeson\b", done.stderr), done.stderr
    assert not target.exists()


def test_development_files_are_in_their_package(packages: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", find(packages, DEVELOPMENT)],
                            capture_output=True, text=True, check=True).stdout
    for name in ("include/rte_vfio_cdev.h", "pkgconfig/librte_bus_vfio_cdev.pc",
                 "librte_bus_vfio_cdev.so -> librte_bus_vfio_cdev.so.1"):
        assert name in listed


@pytest.fixture(scope="module")
def kernel_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root with a kernel of the distribution, its headers and DKMS, and without its source."""
    cache = Cache()
    made = KernelMaker(cache, PrivateApt(cache)).dkms_root()
    with copied(made, tmp_path_factory.mktemp("kernel") / "root") as root:
        for tar in root.glob("usr/src/linux-source-*.tar.xz"):
            tar.unlink()
        yield root


def install_modules(root: Path, packages: Path) -> "subprocess.CompletedProcess[str]":
    """The package, which DKMS builds for the kernel that is there."""
    return in_root(root, ["dpkg", "--install", find(packages, MODULES).name], packages,
                   check=False)


def test_modules_without_the_source_are_not_installed(packages: Path, kernel_root: Path) -> None:
    done = install_modules(kernel_root, packages)
    assert done.returncode != 0
    assert re.search(r"^kmod: no source of Linux .*\nInstall with: apt-get install linux-source-",
                     done.stdout + done.stderr, re.M), done.stdout + done.stderr
    assert not list(kernel_root.glob("usr/lib/modules/*/updates/**/*.ko*"))
    in_root(kernel_root, ["dpkg", "--purge", MODULES], packages)


def test_modules_without_headers_are_passed_over(packages: Path, kernel_root: Path) -> None:
    """DKMS names the package; it builds once that is installed."""
    for build_link in kernel_root.glob("usr/lib/modules/*/build"):
        build_link.unlink()
    done = install_modules(kernel_root, packages)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "linux-headers-" in done.stdout + done.stderr
    assert not list(kernel_root.glob("usr/lib/modules/*/updates/**/*.ko*"))
