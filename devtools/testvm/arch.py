# SPDX-License-Identifier: BSD-3-Clause
"""What differs between the architectures that a guest can have. This machine's is amd64."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """One kernel of the distribution, with everything that depends on its architecture."""
    # What the names of the kernel's packages end with.
    flavour: str
    # Debian's name of the architecture, and the GNU one.
    name: str
    triplet: str
    qemu: str
    qemu_package: str
    machine: str
    emulated_cpu: str
    kernel_arguments: str

    @property
    def foreign(self) -> bool:
        """Whether this machine cannot run its programs."""
        return self is not AMD64

    @property
    def suffix(self) -> str:
        """Of the names in the cache."""
        return f"-{self.flavour}" if self.foreign else ""

    def tool(self, program: str) -> str:
        """The binutils or gcc for it."""
        return f"{self.triplet}-{program}" if self.foreign else program


# Emulated, a CPU with AVX is slower than one without: the C library and DPDK's drivers use it. What
# is added are pages of 1G, and random numbers, for which the kernel would have to wait.
AMD64 = Arch("amd64", "amd64", "x86_64-linux-gnu", "qemu-system-x86_64", "qemu-system-x86",
             "q35,sata=off,smbus=off,usb=off,hpet=off", "Nehalem,+pdpe1gb,+rdrand",
             "console=ttyS0 tsc=reliable no_timer_check 8250.nr_uarts=1 i8042.noaux i8042.nokbd")


# What an emulator of arm64 spends most on is left out: signed pointers, vectors of unknown length,
# 52 bits of address. Others than "max" have no instruction that flushes a range from the TLB: to
# move a hugepage the kernel flushes its base pages, of which each makes one thread that emulates
# all CPUs take turns (seen: minutes for 32 hugepages with base pages of 16 KiB).
ARM64_CPU = "max,pauth=off,sve=off,sme=off,lpa2=off"


def _arm64(flavour: str) -> Arch:
    """With a GICv3 and an ITS for MSI, as servers have them."""
    return Arch(flavour, "arm64", "aarch64-linux-gnu", "qemu-system-aarch64", "qemu-system-arm",
                "virt,gic-version=3", ARM64_CPU, "console=ttyAMA0")


ARCHES = {arch.flavour: arch for arch in (AMD64, _arm64("arm64"), _arm64("arm64-16k"))}
