# SPDX-License-Identifier: BSD-3-Clause
"""The demo's two runs of testpmd and the table about them; demo.sh prepares and starts it."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from testvm.machine import nic_address
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Result, Testpmd
from testvm.util import VmError, progress

DEVICES = [nic_address(0), nic_address(1)]
HEAD = ("", "device", "opened", "mode", "NUMA", "packets sent", "pages mapped",
        "pages verified")


def forward(guest: Guest, policy: str, seconds: int,
            library: Path) -> tuple[Result, set[str]]:
    """Forward for some seconds; the result and the VFIO nodes that were open meanwhile."""
    with Testpmd(guest, DEVICES, policy=policy, library=str(library)) as testpmd:
        testpmd.ready()
        time.sleep(seconds)
        nodes = testpmd.nodes()
        return testpmd.stop(), nodes


def sysfs_read(guest: Guest, device: str, name: str) -> str:
    """A symbolic link's or an attribute's last word in the device's sysfs directory."""
    path = f"/sys/bus/pci/devices/{device}/{name}"
    return guest.run(["sh", "-c", f"basename -- $(readlink {path} || cat {path})"]).stdout.strip()


def stock_rows(guest: Guest, result: Result, nodes: set[str]) -> list[Sequence[str]]:
    """Stock maps nothing, so there is nothing to verify."""
    rows: list[Sequence[str]] = []
    for port, device in enumerate(DEVICES):
        node = f"/dev/vfio/noiommu-{sysfs_read(guest, device, 'iommu_group')}"
        rows.append(("stock DPDK", device, node if node in nodes else "-", "no-IOMMU",
                     sysfs_read(guest, device, "numa_node"), sent(result, port), "0", "0"))
    return rows


def cdev_rows(result: Result, nodes: set[str]) -> list[Sequence[str]]:
    """One row per device that the backend says it has set up."""
    rows: list[Sequence[str]] = []
    for port, device in enumerate(result.devices):
        node = f"/dev/vfio/devices/{device.cdev}"
        rows.append(("with cdev backend", device.address, node if node in nodes else "-",
                     device.mode, str(device.numa_node), sent(result, port),
                     str(result.mapped), str(result.verified)))
    return rows


def sent(result: Result, port: int) -> str:
    """Packets that a port has sent, with thousands separated."""
    return f"{result.ports.get(port, (0, 0))[1]:,}"


def print_table(rows: list[Sequence[str]]) -> None:
    """Columns as wide as they need to be."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print()
    for row in rows:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print("  ".join(padded).rstrip())
    print()


def failures(result: Result, nodes: set[str]) -> list[str]:
    """What keeps the run from being a success."""
    wrong = []
    if not result.all_ports_work(len(DEVICES)):
        wrong.append("not every port received and sent packets")
    if {f"/dev/vfio/devices/{device.cdev}" for device in result.devices} - nodes:
        wrong.append("a device was not open through its cdev")
    if [device.address for device in result.devices] != DEVICES:
        wrong.append("the backend did not set up every device")
    if not 0 < result.mapped == result.verified:
        wrong.append(f"{result.verified} of {result.mapped} pages were verified")
    return wrong


def compare(guest: Guest, seconds: int, library: Path = LIBRARY) -> int:
    """Run both in the guest and print the table; the exit status."""
    kernel = guest.run(["uname", "-r"], check=True).stdout.strip()
    progress(f"Linux {kernel}; stock testpmd forwards for {seconds} s")
    stock, stock_nodes = forward(guest, "", seconds, library)
    progress(f"the same testpmd with the backend preloaded forwards for {seconds} s")
    cdev, cdev_nodes = forward(guest, "require", seconds, library)
    print_table([HEAD, *stock_rows(guest, stock, stock_nodes), *cdev_rows(cdev, cdev_nodes)])
    wrong = failures(cdev, cdev_nodes)
    if wrong:
        print(f"FAILED: {'; '.join(wrong)}. testpmd said:\n{cdev.output}")
        return 1
    print(f"{cdev.forwarded:,} packets went through noiommu cdevs; all {cdev.mapped} pages "
          "that the devices can reach are\npinned, and the kernel confirmed each one's address. "
          "Stock DPDK pinned and checked none.\nOn kernels without cdevs io_uring pins, and no "
          "address is confirmed: doc/older-kernels.rst.")
    return 0


def demo(seconds: int) -> int:
    """Boot, run both, compare."""
    progress("booting a VM without an IOMMU")
    with Guest() as guest:
        return compare(guest, seconds)


def main() -> int:
    """Exit status: see demo.sh --help."""
    try:
        return demo(int(sys.argv[1]))
    except VmError as err:
        print(f"demo: {err}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
