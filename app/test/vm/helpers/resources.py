# SPDX-License-Identifier: BSD-3-Clause
"""What a process has of the machine's memory and files, by the kernel and by the log."""

import re
from typing import Protocol

from testvm.qemu import Guest

# A wrapper that records the files that a program opens. The tracer is a child, so that the program
# keeps its pid.
TRACE = ["strace", "-D", "-f", "--seccomp-bpf", "-e", "trace=openat", "-o", "/tmp/opened"]
CHANGE = re.compile(r"VFIO_CDEV: (mapped|unmapped) 0x(\w+) at IOVA 0x\w+, (\d+) bytes; now")


class Running(Protocol):
    """A process in a guest."""
    guest: Guest

    @property
    def pid(self) -> str:
        """Its process id there."""


def files_traced(guest: Guest) -> list[str]:
    """What a program with TRACE has opened, or tried to, since its start."""
    return re.findall(r'"(.*?)"', guest.run(["cat", "/tmp/opened"], check=True).stdout)


def nodes_traced(guest: Guest) -> list[str]:
    """Devices and /dev/iommu among them, each once."""
    return list(dict.fromkeys(file for file in files_traced(guest)
                              if file.startswith(("/dev/iommu", "/dev/vfio/devices/"))))


def pinned_kb(process: Running) -> int:
    """kB that iommufd accounts to the process as pinned."""
    status = process.guest.run(["cat", f"/proc/{process.pid}/status"], check=True).stdout
    return int(status.split("VmPin:")[1].split()[0])


def open_files(process: Running) -> int:
    """How many the process has."""
    return len(process.guest.run(["ls", f"/proc/{process.pid}/fd"], check=True).stdout.split())


def free_hugepages(guest: Guest) -> list[str]:
    """Hugepages that no process has, of each size."""
    script = "cat /sys/kernel/mm/hugepages/*/free_hugepages"
    return guest.run(["sh", "-c", script], check=True).stdout.split()


def hugepage_areas(process: Running) -> list[tuple[int, int, dict[int, int]]]:
    """The process's areas of hugepages: address, kB of a page, pages on each node."""
    maps = process.guest.run(["cat", f"/proc/{process.pid}/numa_maps"], check=True).stdout
    lines = re.findall(r"^(\w+) .* huge (.*) kernelpagesize_kB=(\d+)$", maps, re.M)
    return [(int(address, 16), int(kilobytes),
             {int(node): int(pages) for node, pages in re.findall(r"\bN(\d+)=(\d+)", counts)})
            for address, counts, kilobytes in lines]


def hugepages_kb(process: Running) -> int:
    """kB of hugepages that the process has."""
    return sum(size * sum(nodes.values()) for _, size, nodes in hugepage_areas(process))


def mappings(output: str) -> dict[int, int]:
    """The mappings that there are by the log: the kB of each, by its address."""
    found: dict[int, int] = {}
    for change, address, size in CHANGE.findall(output):
        if change == "mapped":
            found[int(address, 16)] = int(size) >> 10
        else:
            del found[int(address, 16)]
    return found


def before_and_after(output: str) -> tuple[str, str]:
    """The two lines of resources_print() in guest/resources.c."""
    before, after = re.findall(r"^(?:before|after): (.*)$", output, re.M)
    return before, after
