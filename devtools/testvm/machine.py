# SPDX-License-Identifier: BSD-3-Clause
"""What a guest consists of, and the QEMU command line for it."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import released, wire
from .arch import AMD64, ARCHES, Arch
from .util import CHECKOUT, VmError

PAGE_MIB = {"2M": 2, "1G": 1024}
DEFAULT_NICS = ("virtio-net-pci", "virtio-net-pci")
# Among the NICs, in a slot like theirs: a device that is none, with a back end of its own.
CRYPTO = "virtio-crypto-pci"
FIRST_SLOT, LAST_SLOT = 0x03, 0x17
BYPASS_BUS = 0x40    # of the bridge that the IOMMU has nothing to do with
PORT_SLOT, MOST_PORTS = 0x02, 8
MOST_SHARES = 3    # down to the slot of the agent
# Without these an emulated CPU spends a second on what a test machine has no use for; zeroing
# hugepages twice alone is three. oops=panic makes a kernel bug the end of the guest instead of a
# line that nobody reads.
KERNEL_ARGUMENTS = ("quiet panic=-1 oops=panic mitigations=off audit=0 nowatchdog "
                    "rcupdate.rcu_expedited=1 random.trust_cpu=on cryptomgr.notests "
                    "init_on_alloc=0")
# One thread emulates all CPUs of a guest: with a thread for each, one that wakes another waits
# until the host has a CPU for that, QEMU 10 loses timer interrupts, and QEMU 7.2 breakpoints while
# the kernel patches its code at boot.
EMULATOR = "tcg,thread=single"
COUNTED = ("-icount", "shift=0,sleep=off,align=off")


@dataclass(frozen=True)
class Options:
    """Everything a user can choose about a guest."""
    arch: str = AMD64.flavour
    config: str = "cdev"
    dpdk: str = "host"
    qemu: str = "host"
    nics: tuple[str, ...] = DEFAULT_NICS
    functions: int = 1
    bind: str = ""    # a driver, none, or what the kernel offers
    hugepages: int = 256
    hugepage_size: str = "2M"
    hugepages_1g: int = 0
    memory: str = ""
    numa: int = 1
    viommu: str = "none"
    bypass: tuple[str, ...] = ()
    append: str = ""
    cpus: int = 2
    shares: tuple[str, ...] = ()
    wires: bool = False
    qmp: str = ""
    ports: int = 0
    console: str = ""
    source: str = "distro"
    # Names of what stays in the EAL's plug-in directory, as patterns; none: all of it stays.
    plugins: tuple[str, ...] = ()
    # What the root has beside DPDK and what the tests need: names of the suite's packages.
    packages: tuple[str, ...] = ()
    # A directory instead of the root of `dpdk`; if it has modules of the kernel, they are used,
    # and VFIO's are not loaded at boot.
    root: str = ""
    # Each instruction of the guest's CPUs takes its clock a nanosecond, however long the emulator
    # needs for it, and while all are idle the clock goes on to the next timer at once.
    counted: bool = False

    def __post_init__(self) -> None:
        # Lists would keep it from being the key of a guest that is to be shared.
        object.__setattr__(self, "nics", tuple(self.nics))
        object.__setattr__(self, "bypass", tuple(self.bypass))
        object.__setattr__(self, "shares", tuple(self.shares))
        object.__setattr__(self, "plugins", tuple(self.plugins))
        object.__setattr__(self, "packages", tuple(self.packages))

    @property
    def driver(self) -> str:
        """What the NICs are bound to."""
        without_vfio = self.config in released.SERIES and self.viommu == "none"
        return self.bind or ("uio_pci_generic" if without_vfio else "vfio-pci")

    @property
    def architecture(self) -> Arch:
        """All that depends on it."""
        return ARCHES[self.arch]

    def reserved(self) -> dict[str, int]:
        """Hugepages of each size."""
        pages = {"2M": 0, "1G": self.hugepages_1g}
        pages[self.hugepage_size] += self.hugepages
        return pages

    def memory_mib(self) -> int:
        """Memory as asked for, else what the hugepages need and some for each node."""
        pages = self.reserved()
        needed = sum(count * PAGE_MIB[size] for size, count in pages.items())
        # A 1G page takes an aligned one, and the low ones are the kernel's and the firmware's.
        spare = self.numa * (3072 if pages["1G"] else 1024)
        size = parse_size(self.memory) if self.memory else needed + spare
        if size < needed + 256:
            raise VmError(f"--memory {self.memory} is too little for {pages_text(pages)} and "
                          "256 MiB beside them")
        return size - size % self.numa


def pages_text(pages: dict[str, int]) -> str:
    """Hugepages in words."""
    return " and ".join(f"{count} hugepages of {size}" for size, count in pages.items() if count)


def parse_size(text: str) -> int:
    """MiB of 2G, 1536M or a plain number of MiB."""
    found = re.fullmatch(r"(\d+)([MG]?)", text)
    if not found:
        raise VmError(f"not a memory size: {text!r} (examples: 2G, 1536M)")
    return int(found.group(1)) * (1024 if found.group(2) == "G" else 1)


def kvm_usable() -> bool:
    """A /dev/kvm without the CPU's own flag is a trap: the guest wedges."""
    try:
        cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return bool(re.search(r"^flags\s*:.*\b(vmx|svm)\b", cpu, re.M)
                and os.access("/dev/kvm", os.R_OK | os.W_OK))


def nic_address(position: int, functions: int = 1) -> str:
    """PCI address of a guest's NIC, counted from 0 in the order of the options."""
    slot, function = divmod(position, functions)
    return f"0000:00:{FIRST_SLOT + slot:02x}.{function}"


def bypass_address(position: int) -> str:
    """PCI address of a NIC that the IOMMU has nothing to do with: each has its own port."""
    return f"0000:{BYPASS_BUS + 1 + position:02x}:00.0"


def nic_mac(position: int) -> str:
    """MAC address of a guest's NIC."""
    return f"52:54:00:cd:ef:{position + 1:02x}"


def nic_hubs(nics: Sequence[str]) -> list[int]:
    """The hub of each NIC: all of one model share one."""
    models = [nic.partition(",")[0] for nic in nics]
    order = list(dict.fromkeys(models))
    return [order.index(model) for model in models]


def nic_back_end(model: str, position: int, hub: int) -> tuple[list[str], str]:
    """What QEMU has behind a NIC, and the properties that tell the NIC."""
    name = f"nic{position}"
    if model == CRYPTO:
        return ["-object", f"cryptodev-backend-builtin,id={name}"], f"cryptodev={name}"
    return (["-netdev", f"hubport,id={name},hubid={hub}"],
            f"netdev={name},mac={nic_mac(position)}")


class CommandLine:
    """Assembles the QEMU command line."""

    def __init__(self, options: Options, root: Path, modules: Path,
                 qemu: Sequence[str] = (AMD64.qemu,)) -> None:
        self.options = options
        self.qemu = qemu
        self.root = root
        self.modules = modules

    def build(self, image: Path, initramfs: Path, console: Path, agent_fd: int,
              monitor_fd: int, wires: Sequence[int] = ()) -> list[str]:
        """All of it."""
        return [*self.qemu, "-name", "testvm", "-nodefaults", "-no-user-config",
                "-display", "none", "-no-reboot", *self._machine(), *self._memory(),
                "-kernel", str(image), "-initrd", str(initramfs), "-append", self._append(),
                "-chardev", f"file,id=console,path={_escape(console)}",
                "-serial", "chardev:console", *self._agent(agent_fd), *self._shares(),
                *self._ports(), *self._nics(), *self._wires(wires), *self._qmp(),
                "-chardev", f"socket,id=monitor,fd={monitor_fd}",
                "-mon", "chardev=monitor,mode=control"]

    def _machine(self) -> list[str]:
        arch = self.options.architecture
        if arch.foreign and self.options.viommu == "intel":
            raise VmError(f"--viommu intel: a machine of {arch.name} has no such IOMMU")
        kvm = kvm_usable() and not arch.foreign and not self.options.counted
        split = ",kernel-irqchip=split" if kvm else ""
        machine = ["-machine", arch.machine + split]
        machine += (["-accel", "kvm", "-cpu", "host"] if kvm else
                    ["-accel", EMULATOR, "-cpu", arch.emulated_cpu])
        machine += COUNTED if self.options.counted else ()
        # An IOMMU has to come before the devices behind it.
        iommus = {"virtio": "virtio-iommu-pci", "intel": "intel-iommu,intremap=on,caching-mode=on"}
        if self.options.viommu in iommus:
            machine += ["-device", iommus[self.options.viommu]]
        return [*machine, "-smp", str(self.options.cpus)]

    def _memory(self) -> list[str]:
        size, nodes = self.options.memory_mib(), self.options.numa
        arguments = ["-m", f"{size}M"]
        if nodes == 1:
            return arguments
        for node in range(nodes):
            cpus = [f",cpus={cpu}" for cpu in range(self.options.cpus) if cpu % nodes == node]
            arguments += ["-object", f"memory-backend-ram,id=ram{node},size={size // nodes}M",
                          "-numa", f"node,nodeid={node},memdev=ram{node}{''.join(cpus)}"]
        return arguments

    def _append(self) -> str:
        opts = self.options
        nics = ",".join([*(nic_address(i, opts.functions) for i in range(len(opts.nics))),
                         *(bypass_address(i) for i in range(len(opts.bypass)))])
        unsafe = int(opts.viommu == "none" or bool(opts.bypass))
        words = [opts.architecture.kernel_arguments, KERNEL_ARGUMENTS,
                 f"default_hugepagesz={opts.hugepage_size}",
                 *(f"hugepagesz={size} hugepages={count}"
                   for size, count in opts.reserved().items()),
                 f"VM_CHECKOUT={CHECKOUT}", f"VM_HUGEPAGES_1G={opts.hugepages_1g}",
                 f"VM_VIOMMU={opts.viommu}", f"VM_UNSAFE={unsafe}",
                 f"VM_BIND={opts.driver}", f"VM_NICS={nics}",
                 f"VM_PLUGINS={','.join(opts.plugins)}"]
        if opts.viommu == "intel":
            words.append("intel_iommu=on")
        return " ".join([*words, opts.append]).strip()

    def _agent(self, fd: int) -> list[str]:
        return ["-device", "virtio-serial-pci,addr=0x18",
                "-chardev", f"socket,id=agent,fd={fd}",
                "-device", f"virtserialport,chardev=agent,name={wire.PORT}"]

    def _shares(self) -> list[str]:
        if len(self.options.shares) > MOST_SHARES:
            raise VmError(f"at most {MOST_SHARES} shared directories")
        for path in self.options.shares:
            if not Path(path).is_dir():
                raise VmError(f"--share {path}: no such directory")
        wanted = [("root", self.root, True), ("modules", self.modules, True),
                  ("checkout", CHECKOUT, True)]
        wanted += [(f"share{i}", Path(path), False) for i, path in enumerate(self.options.shares)]
        arguments: list[str] = []
        for tag, directory, readonly in wanted:
            flags = ",readonly=on" if readonly else ""
            arguments += ["-fsdev", f"local,id={tag},path={_escape(directory)},security_model=none,"
                          f"multidevs=remap{flags}",
                          "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        # Highest slots first, so that NICs have their fixed ones to themselves.
        return _with_slots(arguments)

    def _ports(self) -> list[str]:
        """Empty slots. The kernel's own hot-plug, as hardware has it, instead of ACPI's."""
        if self.options.ports > MOST_PORTS:
            raise VmError(f"at most {MOST_PORTS} hot-plug ports")
        arguments = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
        for i in range(self.options.ports):
            arguments += ["-device", f"pcie-root-port,id=port{i},chassis={i + 1},slot={i + 1},"
                          f"multifunction=on,addr=0x{PORT_SLOT:x}.{i}"]
        return arguments if self.options.ports else []

    def _nics(self) -> list[str]:
        functions = self.options.functions
        slots = LAST_SLOT - FIRST_SLOT + (0 if self.options.bypass else 1)
        if len(self.options.nics) > slots * functions:
            raise VmError(f"at most {(LAST_SLOT - FIRST_SLOT + 1) * functions} NICs")
        arguments: list[str] = []
        hubs = nic_hubs((*self.options.nics, *self.options.bypass))
        for i, (nic, hub) in enumerate(zip(self.options.nics, hubs, strict=False)):
            model, _, properties = nic.partition(",")
            back_end, link = nic_back_end(model, i, hub)
            place = f"0x{FIRST_SLOT + i // functions:x}"
            if functions > 1:
                place += f".{i % functions},multifunction=on"
            device = f"{model},{link},addr={place},romfile="
            if self.options.viommu != "none" and model.startswith("virtio-"):
                # Else the device goes past the IOMMU and takes an IOVA for an address.
                device += ",iommu_platform=on,disable-legacy=on"
            arguments += [*back_end, "-device", f"{device},{properties}".rstrip(",")]
        return arguments + self._bypass(hubs[len(self.options.nics):])

    def _bypass(self, hubs: Sequence[int]) -> list[str]:
        if not self.options.bypass:
            return []
        arguments = ["-device", f"pxb-pcie,id=bypass,bus=pcie.0,bus_nr={BYPASS_BUS},"
                     f"bypass_iommu=on,addr=0x{LAST_SLOT:x}"]
        for i, (nic, hub) in enumerate(zip(self.options.bypass, hubs, strict=True)):
            model, _, properties = nic.partition(",")
            device = f"{model},netdev=nicb{i},mac={nic_mac(0x40 + i)},bus=bypass{i},romfile="
            arguments += ["-device", f"pcie-root-port,id=bypass{i},bus=bypass,addr=0x{i:x},"
                          f"chassis={i},slot={i}",
                          "-netdev", f"hubport,id=nicb{i},hubid={hub}",
                          "-device", f"{device},{properties}".rstrip(",")]
        return arguments

    @staticmethod
    def _wires(fds: Sequence[int]) -> list[str]:
        return [word for hub, fd in enumerate(fds) for word in (
            "-netdev", f"dgram,id=wire{hub},local.type=fd,local.str={fd}",
            "-netdev", f"hubport,id=plug{hub},hubid={hub},netdev=wire{hub}")]

    def _qmp(self) -> list[str]:
        if not self.options.qmp:
            return []
        path = Path(self.options.qmp)
        # QEMU would remove it, whatever it is.
        if path.exists() and not path.is_socket():
            raise VmError(f"--qmp {path} is there already and is no socket")
        return ["-qmp", f"unix:{_escape(path)},server=on,wait=off"]


def _with_slots(arguments: list[str]) -> list[str]:
    slot = 0x1e
    placed = []
    for argument in arguments:
        if argument.startswith("virtio-9p-pci,"):
            placed.append(f"{argument},addr=0x{slot:x}")
            slot -= 1
        else:
            placed.append(argument)
    return placed


def _escape(path: Path) -> str:
    """QEMU doubles the comma inside an option's value."""
    return str(path).replace(",", ",,")
