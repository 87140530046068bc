# SPDX-License-Identifier: BSD-3-Clause
"""Packages of suites that are not the machine's: built, installed, run, upgraded and removed.

They are built in a clean root, and installed in another one, which the guest has. Nothing of the
checkout is in the guest, and DPDK is the suite's own.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.faults import within
from helpers.nodes import DEVICE, PAIR, SYSFS
from helpers.packages import copied, in_root, names_in
from helpers.programs import EAL, SOURCES
from helpers.resources import pinned_kb
from helpers.suites import LIBRARIES, TOOLS, inside, package
from testvm.apt import PrivateApt
from testvm.cache import Cache
from testvm.qemu import Guest
from testvm.root import LIBRARIES as HOST_LIBRARIES
from testvm.root import host_release, package_root
from testvm.testpmd import FLOWING, Console, Result, Testpmd
from testvm.util import CHECKOUT

TRIXIE, SID = (pytest.param(name, marks=pytest.mark.xdist_group(f"packages-{name}"))
               for name in ("trixie", "sid"))
LIBRARY = "/usr/lib/x86_64-linux-gnu/librte_bus_vfio_cdev.so.1"
RULE = "/etc/udev/rules.d/60-dpdk-vfio-cdev.rules"
GROUP = "999"
MEMBER = ["prlimit", "--memlock=unlimited", "setpriv", "--reuid=1000", "--regid=1000",
          f"--groups={GROUP}", "--inh-caps=+sys_rawio", "--ambient-caps=+sys_rawio"]


@pytest.fixture(scope="module")
def suite(request: pytest.FixtureRequest) -> str:
    """Its code name."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that is in the guest too."""
    return tmp_path_factory.mktemp("given")


@pytest.fixture(scope="module")
def installed(guest: Callable[..., Guest], packages_for: Callable[[str], Path], suite: str,
              given: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Libraries and tools in a guest of the suite. Removed again, nothing is left."""
    cache = Cache()
    packages = packages_for(suite)
    made = package_root(cache, PrivateApt(cache), suite)
    with copied(made, tmp_path_factory.mktemp("installed") / "root") as root:
        before = names_in(root)
        in_root(root, ["apt-get", "--yes", "install", *inside(packages, LIBRARIES, TOOLS)],
                packages)
        assert "usr/bin/dpdk-vfio-cdev" in names_in(root) - before
        booted = guest(root=str(root), shares=(str(given),))
        booted.run(["umount", str(CHECKOUT)], cwd="/", check=True)
        yield booted
        booted.close()
        in_root(root, ["apt-get", "--yes", "purge", TOOLS, LIBRARIES], packages)
        assert names_in(root) == before


def assert_forwarded(result: Result) -> None:
    """Over cdevs, with all memory verified."""
    assert result.status == 0 and result.all_ports_work(len(PAIR)), result.output
    assert [device.mode for device in result.devices] == ["no-IOMMU"] * len(PAIR), result.output
    assert result.mapped == result.verified > 0, result.output


@pytest.mark.parametrize("suite", [TRIXIE, SID], indirect=True)
def test_host_is_validated(installed: Guest) -> None:
    """With the suite's own testpmd. The doctor has no complaint before."""
    done = installed.run(["dpdk-vfio-cdev", "doctor", "--json", "--app", "dpdk-testpmd", *PAIR],
                         cwd="/")
    assert json.loads(done.stdout)["verdict"] == "PASS", done.stdout
    done = installed.run(["dpdk-test-vfio-cdev", "--duration=1", "--restarts=1",
                          f"--devices={','.join(PAIR)}", "--json=/tmp/report.json"], timeout=300,
                         cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    text = installed.run(["cat", "/tmp/report.json"], cwd="/", check=True).stdout
    verdicts = {phase["phase"]: phase["verdict"] for phase in json.loads(text)["phases"]}
    assert verdicts["forward"] == verdicts["integrity"] == "passed", verdicts
    assert str(CHECKOUT) not in text


def owners(guest: Guest) -> set[str]:
    """Mode and group of the nodes."""
    done = guest.run(["sh", "-c", "stat -c '%a %g' /dev/vfio/devices/* /dev/iommu"], check=True)
    return set(done.stdout.splitlines())


def events(guest: Guest) -> None:
    """udevd reads its rules, hears of the devices, and is done with them."""
    guest.run(["sh", "-ec", "udevadm control --reload; udevadm trigger --action=add -s vfio-dev "
               "-s misc; udevadm settle"], check=True)


@pytest.fixture
def udevd(installed: Guest) -> Iterator[Guest]:
    """With udev at work."""
    daemon = installed.start(["/usr/lib/systemd/systemd-udevd"])
    installed.run(["sh", "-c", "until udevadm control --ping --timeout=5; do sleep 0.1; done"],
                  check=True)
    yield installed
    daemon.kill()


@pytest.mark.parametrize("suite", [TRIXIE], indirect=True)
def test_member_of_the_group_forwards_with_the_rule_of_udev(udevd: Guest, given: Path) -> None:
    """Nodes that are there and one that comes, and not before the rule is in force."""
    udevd.run(["sh", "-ec", f"echo vfio:x:{GROUP}: >>/etc/group; mkdir -p -m 1777 /run/dpdk"],
              check=True)
    opened = [*MEMBER, "sh", "-c", "for node in /dev/iommu /dev/vfio/devices/*; do "
              ": <>$node || exit; done"]
    events(udevd)
    assert owners(udevd) == {"600 0", "660 0"}
    assert udevd.run(opened).returncode != 0
    udevd.run(["sh", "-ec", f"dpdk-vfio-cdev udev >{RULE}"], check=True)
    events(udevd)
    assert owners(udevd) == {f"660 {GROUP}"}
    udevd.run(["sh", "-ec", f"cd {SYSFS}/{PAIR[1]}; echo {PAIR[1]} >driver/unbind; "
               f"echo {PAIR[1]} >/sys/bus/pci/drivers_probe; udevadm settle"], check=True)
    assert owners(udevd) == {f"660 {GROUP}"}
    udevd.run(opened, check=True)
    wrapper = [*within("mount -t hugetlbfs -o mode=1777 none /dev/hugepages"), *MEMBER, "env",
               "XDG_RUNTIME_DIR=/var/run"]
    with Testpmd(udevd, PAIR, "require", ["--file-prefix=member"], library=LIBRARY,
                 wrapper=wrapper) as testpmd:
        testpmd.ready()
        udevd.run([shutil.copy(FLOWING, given), "member"], check=True, cwd="/")
        assert_forwarded(testpmd.stop())


@pytest.fixture
def other_dpdk(installed: Guest, given: Path, suite: str) -> str:
    """The EAL of this machine's DPDK, in a directory of the guest."""
    done = installed.run(["dpdk-testpmd", "--version"], cwd="/")
    if f"DPDK {host_release()}" in done.stdout + done.stderr:
        pytest.skip(f"{suite} has this machine's DPDK")
    eal = next(Path("/", HOST_LIBRARIES).glob("librte_eal.so.*[0-9]"))
    needed = subprocess.run(["ldd", eal], capture_output=True, text=True, check=True).stdout
    for path in (eal, *re.findall(r"=> (/\S*/librte_\S+)", needed)):
        shutil.copy(path, given)
    return str(given / eal.name)


@pytest.mark.parametrize("suite", [TRIXIE], indirect=True)
def test_two_releases_of_dpdk_in_one_process_get_no_device(installed: Guest,
                                                           other_dpdk: str) -> None:
    """Each in a plug-in, out of the other's sight: else not even the EAL starts."""
    program = f"import ctypes\nctypes.CDLL({other_dpdk!r})\n" + (SOURCES / "plugin.py").read_text()
    env = [f"LD_PRELOAD={LIBRARY}", f"LD_LIBRARY_PATH={Path(other_dpdk).parent}"]
    done = installed.run(["env", *env, "python3", "-", *EAL], input=program, check=True, cwd="/")
    output = done.stdout + done.stderr
    assert "eal: started" in output and "/dev/iommu" not in output, output
    path = r"\S*/librte_eal\.so\.\d+"
    assert re.search(rf"VFIO_CDEV: {DEVICE}: cannot set up over a cdev: two DPDKs are in this "
                     rf"process, {path} and {path}: Operation not supported; memory of one of "
                     "them would not be pinned. Load drivers and libraries of one release only",
                     output), output


def repacked(packages: Path, version: str, into: Path) -> list[Path]:
    """Libraries and tools as packages of another version."""
    tree = into / "tree"
    for name in (LIBRARIES, TOOLS):
        subprocess.run(["dpkg-deb", "-R", package(packages, name), tree], check=True)
        control = tree / "DEBIAN/control"
        old = re.search(r"^Version: (.*)$", control.read_text(), re.M)
        assert old
        control.write_text(re.sub(rf"\b{re.escape(old.group(1))}(?=$|\))", version,
                                  control.read_text(), flags=re.M))
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, into],
                       stdout=subprocess.DEVNULL, check=True)
        shutil.rmtree(tree)
    return [package(into, name) for name in (LIBRARIES, TOOLS)]


@pytest.mark.parametrize("suite", [SID], indirect=True)
def test_package_is_upgraded_while_testpmd_runs(installed: Guest, given: Path, suite: str,
                                                packages_for: Callable[[str], Path]) -> None:
    """It keeps the library that it has, also for memory that it gets then."""
    newer = repacked(packages_for(suite), "99.0", given)
    with Console(installed, PAIR, "require", library=LIBRARY) as testpmd:
        testpmd.ready()
        installed.run(["dpkg", "--install", *newer], timeout=120, check=True, cwd="/")
        testpmd.do("start tx_first")
        maps = installed.run(["cat", f"/proc/{testpmd.pid}/maps"], check=True).stdout
        assert f"{LIBRARY} (deleted)\n" in maps
        before = pinned_kb(testpmd)
        testpmd.do("port attach event_sw0")
        assert pinned_kb(testpmd) > before > 0
        assert_forwarded(testpmd.stop())
    version = ["dpkg-query", "--show", "--showformat=${Version}", LIBRARIES]
    assert installed.run(version, check=True).stdout == "99.0"
    maps = installed.run(["dpdk-vfio-cdev", "run", "cat", "/proc/self/maps"], cwd="/",
                         check=True).stdout
    assert f"{LIBRARY}\n" in maps and "(deleted)" not in maps
    with Testpmd(installed, PAIR, "require", library=LIBRARY) as testpmd:
        assert_forwarded(testpmd.ready().stop())
