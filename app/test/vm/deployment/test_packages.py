# SPDX-License-Identifier: BSD-3-Clause
"""The Debian packages: installed, run and removed in guests that have nothing else of us."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.doctor import Report
from helpers.forwarding import forward_over_cdevs
from helpers.nodes import PAIR, PARAMETER
from helpers.packages import (
    DEVELOPMENT,
    LIBRARIES,
    MODULES,
    TOOLS,
    build,
    copied,
    files,
    in_root,
    names_in,
)
from testvm.apt import PrivateApt
from testvm.cache import Cache
from testvm.kernel import KernelMaker
from testvm.qemu import Guest
from testvm.root import package_root
from testvm.util import CHECKOUT

pytestmark = pytest.mark.xdist_group("packages")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with all of them."""
    return build(tmp_path_factory.mktemp("packages"))


def test_lintian_has_no_complaint(packages: Path) -> None:
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-"
                           "limit", "0", *packages.glob("*.deb")], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout
    assert not done.stdout


def test_modules_have_nothing_of_the_kernel(packages: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", *files(packages, MODULES)],
                            capture_output=True, text=True, check=True).stdout
    assert "/usr/src/dpdk-vfio-cdev-" in listed
    assert not re.search(r"\.(c|h|ko|o)$", listed, re.M)


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


@pytest.fixture(scope="module")
def installed(guest: Callable[..., Guest], packages: Path,
              tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Libraries and tools in a guest without the checkout. Removed again, nothing is left."""
    cache = Cache()
    made = package_root(cache, PrivateApt(cache))
    with copied(made, tmp_path_factory.mktemp("installed") / "root") as root:
        before = names_in(root)
        names = [f"/mnt/{Path(file).name}" for file in files(packages, LIBRARIES, TOOLS)]
        in_root(root, ["apt-get", "--yes", "install", *names], packages)
        assert "usr/bin/dpdk-vfio-cdev" in names_in(root) - before
        booted = guest(root=str(root))
        booted.run(["umount", str(CHECKOUT)], cwd="/", check=True)
        yield booted
        booted.close()
        in_root(root, ["apt-get", "--yes", "purge", TOOLS, LIBRARIES], packages)
        assert names_in(root) == before


def test_installed_the_doctor_passes(installed: Guest) -> None:
    done = installed.run(["dpdk-vfio-cdev", "doctor", "--json", "--app", "dpdk-testpmd", *PAIR],
                         cwd="/")
    found = json.loads(done.stdout)
    assert found["verdict"] == "PASS", done.stdout


def test_installed_run_preloads_the_installed_library(installed: Guest) -> None:
    done = installed.run(["dpdk-vfio-cdev", "run", "printenv", "LD_PRELOAD"], cwd="/", check=True)
    assert done.stdout == "/usr/lib/x86_64-linux-gnu/librte_bus_vfio_cdev.so.1\n"


def test_installed_the_host_is_validated(installed: Guest) -> None:
    """The suite's own testpmd forwards, and the traffic program is found."""
    done = installed.run(["dpdk-test-vfio-cdev", "--duration=1", "--restarts=1",
                          f"--devices={','.join(PAIR)}", "--json=/tmp/report.json"], timeout=300,
                         cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(installed.run(["cat", "/tmp/report.json"], cwd="/", check=True).stdout)
    verdicts = {phase["phase"]: phase["verdict"] for phase in report["phases"]}
    assert verdicts["forward"] == verdicts["integrity"] == "passed", verdicts
    assert str(CHECKOUT) not in json.dumps(report)


def test_development_files_are_in_their_package(packages: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", *files(packages, DEVELOPMENT)],
                            capture_output=True, text=True, check=True).stdout
    for name in ("include/rte_vfio_cdev.h", "pkgconfig/librte_bus_vfio_cdev.pc",
                 "librte_bus_vfio_cdev.so -> librte_bus_vfio_cdev.so.1"):
        assert name in listed


@pytest.fixture
def kernel_root(tmp_path: Path) -> Iterator[Path]:
    """A root with a kernel of the distribution, its headers, its source and DKMS."""
    cache = Cache()
    made = KernelMaker(cache, PrivateApt(cache)).dkms_root()
    with copied(made, tmp_path / "root") as root:
        yield root


def install_modules(root: Path, packages: Path) -> "subprocess.CompletedProcess[str]":
    """The package, which DKMS builds for the kernel that is there."""
    name = Path(files(packages, MODULES)[0]).name
    return in_root(root, ["dpkg", "--install", f"/mnt/{name}"], packages, check=False)


def test_modules_of_dkms_serve_the_kernel(guest: Callable[..., Guest], packages: Path,
                                          kernel_root: Path) -> None:
    """Loaded by the distribution's own tools, in a guest with the root that they are in."""
    before = names_in(kernel_root)
    done = install_modules(kernel_root, packages)
    assert done.returncode == 0, done.stdout + done.stderr
    booted = guest(root=str(kernel_root), config="stock", bind="none")
    booted.run(["sh", "-ec", f"modprobe vfio-pci; echo Y >{PARAMETER}; "
                f"dpdk-devbind.py --bind=vfio-pci {' '.join(PAIR)}"], check=True)
    for name in ("iommufd", "vfio_pci"):
        found = booted.run(["modinfo", name], check=True).stdout
        assert re.search(rf"^filename: .*/updates/dkms/{name}", found.replace("-", "_"), re.M)
        assert re.search(r"^signer: +DKMS module signing key$", found, re.M)
    assert Report(booted, *PAIR).verdict == "PASS"
    forward_over_cdevs(booted, PAIR)
    booted.close()
    in_root(kernel_root, ["dpkg", "--purge", MODULES], packages)
    # DKMS's own key is not of the package.
    assert {name for name in names_in(kernel_root) ^ before
            if not name.startswith("var/lib/dkms/mok.")} == set()


def test_modules_without_the_source_are_not_installed(packages: Path, kernel_root: Path) -> None:
    for tar in kernel_root.glob("usr/src/linux-source-*.tar.xz"):
        tar.unlink()
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
