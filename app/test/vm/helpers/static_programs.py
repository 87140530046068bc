# SPDX-License-Identifier: BSD-3-Clause
"""forward_static, which carries a release of DPDK inside, and the front that it is preloaded with.

That of the machine's own release is of the build. The others are linked in a root of their suite,
which has its compiler, its libc and its archives, and are kept in the cache.
"""

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from helpers.faults import without
from helpers.migration import MEMORY, Migration, assert_right
from helpers.nodes import CONTAINER
from helpers.packages import in_root
from helpers.programs import BUILT, SOURCES
from helpers.resources import free_hugepages, hugepages_kb, pinned_kb
from helpers.traffic import Report, Traffic
from helpers.waiting import eventually
from testvm.apt import PrivateApt
from testvm.cache import Cache
from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.root import host_release, make_package_build_root
from testvm.testpmd import Testpmd, command
from testvm.util import CHECKOUT, digest_files

FRONT = str(CHECKOUT / "build/drivers/libvfio_cdev_compat.so.1")
NAME = "forward_static"
PARTS = [SOURCES / name for name in ("forward.c", "forward.h", f"{NAME}.c", "rights.c",
                                     "rights.h")]
# Those that a release does not have it does not need.
ARCHIVES = ("bus_pci", "bus_vdev", "net_e1000", "net_ring", "net_virtio", "net_vmxnet3",
            "mempool_ring", "pci", "ethdev", "meter", "net", "mbuf", "mempool", "rcu", "ring",
            "eal", "pmu", "telemetry", "argparse", "kvargs", "log")
LINK = """
archives=
for name in $ARCHIVES; do
    archive=$(cc -print-file-name=librte_$name.a)
    [ ! -e "$archive" ] || archives="$archives $archive"
done
cc -O2 -o forward_static forward.c forward_static.c rights.c $(pkg-config --cflags libdpdk-libs) \
    -Wl,--whole-archive $archives -Wl,--no-whole-archive -lnuma -lfdt -lbsd -lm -ldl -pthread
"""
# Two nodes, between which pages can move, and NICs that have nothing in common but the program.
MACHINE: dict[str, Any] = {"numa": 2, "hugepages": 96, "wires": True,
                           "nics": ("virtio-net-pci", "e1000e", "vmxnet3")}
HUGEPAGE = 2 << 20
FRAMES = 2000
GROWN = 40      # MiB, of which some has room in what there is
# Without CAP_SYS_ADMIN pagemap has no frame numbers. Registers and pins take two other ones.
RIGHTS: dict[str, list[str]] = {"root": [], "no-sys-admin": without("sys_admin")}
START = 'echo "pid $$"; exec "$@" 2>&1'


def linked(release: str) -> Path:
    """The directory of forward_static with this release inside."""
    if release == host_release():
        return BUILT
    cache = Cache()
    apt = PrivateApt(cache)
    # Of two suites with it the later one, in which packages are built as well.
    suite = [suite for version, suite in sorted(apt.index()["dpdk"])
             if version.startswith(f"{release}.")][-1]
    root = make_package_build_root(cache, apt, suite)

    def link(target: Path) -> None:
        for part in PARTS:
            shutil.copy(part, target)
        in_root(root, ["ARCHIVES=" + " ".join(ARCHIVES), "sh", "-ec", LINK], target)
    recipe = [root.name, digest_files(Path(__file__), *PARTS)]
    return cache.entry("static", f"forward-{release}", recipe, link)


class Forwarder(Testpmd):
    """forward_static, or another program like it, from its start to stop()."""

    READY = "\nforwarding\n"
    END = "quit\n"

    def __init__(self, guest: Guest, devices: Sequence[str], program: Sequence[str],
                 policy: str = "require", eal: Sequence[str] = (), ports: Sequence[int] = (),
                 wrapper: Sequence[str] = (), library: str = FRONT) -> None:
        """With policy "" it is stock's; ports are those that it receives from."""
        allow = [word for device in devices for word in ("-a", device)]
        argv = [*program, "-l", "0", "-n", "2", *allow, *eal, "--", *map(str, ports)]
        started = command(argv, policy, library, wrapper)
        self.guest = guest
        self.eal = eal
        self.process = guest.start(["sh", "-c", START, "sh", *started])

    def do(self, text: str) -> str:
        """Give a command, and return its answer."""
        start = len(self.process.stdout)
        self.process.write(text + "\n")
        return self.process.expect(r"(?s)(.*?)done\n", start=start).group(1)

    def pages(self) -> dict[int, tuple[int, int]]:
        """IOVA and size of each page, by its address."""
        found = re.findall(r"^page (\w+) (\w+) (\d+)$", self.do("memory"), re.M)
        return {int(address, 16): (int(iova, 16), int(size)) for address, iova, size in found}

    def end(self) -> list[tuple[int, int]]:
        """Let it quit; what each port has received and sent."""
        self.process.write(self.END)
        output = self.output()
        assert self.process.returncode == 0, output
        found = re.findall(r"^port \d: (\d+) received, (\d+) sent$", output, re.M)
        return [(int(received), int(sent)) for received, sent in found[-2:]]

    def output(self) -> str:
        """All that it printed, at its end."""
        self.process.wait()
        return self.process.stdout


def start(guest: Guest, release: str = "", nics: Sequence[int] = (0, 1),
          **options: Any) -> Forwarder:
    """The program of a release, or of the machine's own, between two of the guest's NICs."""
    options.setdefault("eal", MEMORY)
    program = str(linked(release or host_release()) / NAME)
    return Forwarder(guest, [nic_address(nic) for nic in nics], [program], **options)


def compared(guest: Guest, nics: Sequence[int] = (0, 1), frames: int = FRAMES) -> Report:
    """What became of so many frames between them."""
    traffic = Traffic([guest.wires[nic] for nic in nics])
    traffic.flow(frames)
    return traffic.end()


def assert_over_cdevs(process: Forwarder, nics: Sequence[int] = (0, 1)) -> None:
    """It has the cdevs of these NICs open, and no group."""
    cdevs = {f"/dev/vfio/devices/noiommu-vfio{nic}" for nic in nics}
    assert process.nodes() - {CONTAINER} == cdevs | {"/dev/iommu"}


def assert_pages_are_pinned_in_place(process: Forwarder) -> None:
    """The kernel counts all of them as pinned, and has them where the program has been told."""
    pages = process.pages()
    assert sum(size for _, size in pages.values()) == len(pages) * HUGEPAGE
    assert 0 < len(pages) * HUGEPAGE >> 10 <= hugepages_kb(process) <= pinned_kb(process)
    assert frames_of(process, pages) == [iova for iova, _ in pages.values()]


def frames_of(process: Forwarder, addresses: Iterable[int]) -> list[int]:
    """Where the pages are, by the pagemap that the kernel gives to root."""
    read = "import struct, sys\nf = open(f'/proc/{sys.argv[1]}/pagemap', 'rb')\n" \
           "for a in sys.argv[2:]:\n f.seek(int(a) // 4096 * 8)\n" \
           " print((struct.unpack('Q', f.read(8))[0] & (1 << 55) - 1) * 4096)\n"
    done = process.guest.run(["/usr/bin/python3", "-c", read, process.pid,
                              *map(str, addresses)], check=True)
    return [int(line) for line in done.stdout.split()]


def unused_hugepages(guest: Guest) -> list[str]:
    """Those that are free once no file has any: the EAL leaves files at its end."""
    guest.run(["sh", "-c", "rm -f /dev/hugepages/rtemap_*"], check=True)
    return free_hugepages(guest)


def assert_memory_comes_and_goes(process: Forwarder) -> None:
    """What is allocated is pinned, and what is freed is the machine's again."""
    before, pages = (free_hugepages(process.guest), pinned_kb(process)), len(process.pages())
    process.do(f"grow {GROWN}")
    assert_pages_are_pinned_in_place(process)
    assert len(process.pages()) >= pages + 8
    process.do("shrink")
    assert eventually(process.guest,
                      lambda: (free_hugepages(process.guest), pinned_kb(process)) == before), \
        f"{before} before, {free_hugepages(process.guest), pinned_kb(process)} after"


def assert_forwards(process: Forwarder, nics: Sequence[int] = (0, 1), early: bool = True) -> None:
    """Over cdevs, every frame as it was, and no page moves: from the first one on, if early."""
    migration = Migration(process) if early else None
    process.ready()
    assert_over_cdevs(process, nics)
    report = compared(process.guest, nics)
    tried, moved = (migration or Migration(process)).begun().counts()
    assert (tried > 0, moved) == (True, 0)
    assert_right(report)
    assert_pages_are_pinned_in_place(process)
