# SPDX-License-Identifier: BSD-3-Clause
"""The command line of devtools/vm."""

import argparse
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from . import kmod, released, wire
from .apt import PrivateApt
from .arch import AMD64, ARCHES
from .cache import Cache
from .emulator import make_qemu
from .kernel import KernelMaker
from .machine import CRYPTO, DEFAULT_NICS, PAGE_MIB, Options
from .qemu import (
    BootFailed,
    CommandTimeout,
    Guest,
    GuestHangs,
    GuestLostTimer,
    GuestPanic,
    GuestStopped,
    Process,
    make_kernel,
)
from .root import RELEASES, make_package_build_root, make_root, package_root
from .ruff import make_ruff
from .source import ON_TOP_OF
from .sysroot import make_sysroot
from .util import CHECKOUT, VmError

CONFIGS = (*kmod.CONFIGS, *ON_TOP_OF, *released.SERIES)
INSTALLED_ROOTS = ("packages", "package-build", "dkms")
CONFIGS_HELP = "modules rebuilt for Linux >= 7.3 (default: cdev); stock: the distribution's own; " \
               "faults: cdev, and allocations that fail on request (only --from source); " \
               "6.1 and 6.12: an older kernel, unchanged"
TIMED_OUT, USAGE, NOT_READY, NO_BOOT, PANIC = 119, 120, 121, 122, 123
STATUS = {CommandTimeout: TIMED_OUT, GuestHangs: TIMED_OUT, GuestLostTimer: TIMED_OUT,
          BootFailed: NO_BOOT, GuestStopped: NO_BOOT, GuestPanic: PANIC}

EPILOG = f"""\
exit status of `run`: COMMAND's own (128 + number when a signal ended it), or
  {TIMED_OUT}  COMMAND did not end within --timeout
  {USAGE}  wrong usage of this program
  {NOT_READY}  something is missing on this machine, or could not be built
  {NO_BOOT}  the guest did not boot, or stopped before COMMAND ended
  {PANIC}  the guest's kernel panicked

examples:
  devtools/vm run -- sh -c 'ls /dev/vfio/devices; dpdk-testpmd --version'
  devtools/vm run --nic e1000e --nic e1000e --hugepages 512 -- env RTE_VFIO_CDEV=off CMD
  devtools/vm run --dpdk 24.11 --kernel-config cdev-only -- uname -r
  devtools/vm run --arch arm64 -- uname -m
  devtools/vm kernel --config group-only
  cc $(devtools/vm kernel --uapi | sed 's/^/-isystem /') -c test.c

The cache is $VFIO_CDEV_CACHE, or dpdk-vfio-cdev in $XDG_CACHE_HOME or ~/.cache.
"""


class Parser(argparse.ArgumentParser):
    """argparse with an exit status that no command in a guest is likely to have."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def positive(text: str) -> int:
    """A number above zero."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def build_parser() -> Parser:
    """devtools/vm's command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="devtools/vm", description="The test machine: a Linux with noiommu "
                    "VFIO character devices, in QEMU.", epilog=EPILOG, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _kernel_options(commands.add_parser("kernel", help="build a kernel, print what it made"))
    qemu = commands.add_parser("qemu", help="fetch a suite's QEMU, print how it is started")
    qemu.add_argument("dpdk", nargs="?", default="host", choices=("host", *RELEASES))
    commands.add_parser("ruff", help="fetch ruff, print how it is started")
    commands.add_parser("sysroot", help="fetch the libraries of a cross build for arm64, print "
                        "their directory")
    root = commands.add_parser("root", help="make a root file system, print its directory")
    root.add_argument("dpdk", nargs="?", default="host",
                      choices=("host", *RELEASES, *INSTALLED_ROOTS), help="whose DPDK; packages "
                      "and dkms: with a package database, for what the tests install; "
                      "package-build: with what builds them")
    root.add_argument("--suite", default="", metavar="NAME", help="of packages and package-build "
                      "(default: the machine's own)")
    _add_arch(root)
    _add_packages(root)
    _add_refresh(root)
    _run_options(commands.add_parser("run", help="run a command in a guest", epilog=EPILOG,
                                     formatter_class=raw,
                                     usage="devtools/vm run [options] -- COMMAND [ARG...]"))
    return parser


def _add_refresh(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--refresh", action="store_true",
                        help="read the mirror's package lists anew (else: once a week)")


def _add_arch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--arch", choices=ARCHES, default=AMD64.flavour, help="of the guest, as "
                        "the distribution's kernels are named: another one is emulated (default: "
                        f"{AMD64.flavour})")


def _add_packages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", dest="packages", action="append", default=[],
                        metavar="NAME", help="a package of the suite that the root has as well, "
                        "unpacked but not configured; repeat for more. The machine's own root "
                        "is left as it is: another one is made of its suite")


def _kernel_options(parser: argparse.ArgumentParser) -> None:
    _add_arch(parser)
    parser.add_argument("--config", choices=CONFIGS, default="cdev", help=CONFIGS_HELP)
    parser.add_argument("--from", dest="source", choices=("distro", "source"), default="distro",
                        help="the distribution's kernel with rebuilt modules, or all of it "
                        "from source (about 10 minutes)")
    parser.add_argument("--uapi", action="store_true",
                        help="print only the directory with this kernel's UAPI headers")
    _add_refresh(parser)


def _run_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_arch(parser)
    add("--dpdk", choices=("host", *RELEASES), default="host", help="whose DPDK: the machine's "
        "own, or a root made of the suite that has this release")
    _add_packages(parser)
    add("--qemu", choices=("host", *RELEASES), default="host", help="whose QEMU: the machine's "
        "own, or that of the suite that has this DPDK release")
    add("--kernel-config", dest="config", choices=CONFIGS, default="cdev", help=CONFIGS_HELP)
    add("--from", dest="source", choices=("distro", "source"), default="distro")
    add("--nic", dest="nics", action="append", metavar="MODEL[,PROP=VALUE...]",
        help="a QEMU NIC; repeat for more. NICs of one model are on one hub, so two of them "
        f"forward to each other (default: {' and '.join(DEFAULT_NICS)}). {CRYPTO} is none, but "
        "can be among them")
    add("--functions", type=int, choices=range(1, 9), default=1, metavar="N", help="so many NICs "
        "in each slot, as functions of one device (0000:00:03.0 to 0000:00:03.7)")
    add("--bind", choices=("vfio-pci", "uio_pci_generic", "none"), default="",
        help="driver for the NICs; none leaves them to the kernel (default: uio_pci_generic with "
        "a kernel that has no VFIO without an IOMMU, else vfio-pci)")
    add("--hugepages", type=int, default=256, metavar="N")
    add("--hugepage-size", choices=PAGE_MIB, default="2M")
    add("--hugepages-1g", type=int, default=0, metavar="N", help="beside those, hugepages of "
        "1G, with a mount of their own (/dev/hugepages1G)")
    add("--memory", default="", metavar="SIZE", help="such as 2G (default: the hugepages' and "
        "1 GiB per node)")
    add("--cpus", type=positive, default=2, metavar="N")
    add("--numa", type=positive, default=1, metavar="N", help="spread memory and CPUs over "
        "N nodes")
    add("--viommu", choices=("none", "intel", "virtio"), default="none",
        help="an IOMMU in the guest; without one, unsafe no-IOMMU mode is on")
    add("--bypass", action="append", default=[], metavar="MODEL[,PROP=VALUE...]",
        help="a NIC that the guest's IOMMU has nothing to do with; repeat for more. Unsafe "
        "no-IOMMU mode is on then")
    add("--append", default="", metavar="ARGS", help="more kernel arguments")
    add("--share", dest="shares", action="append", default=[], metavar="DIR",
        help="a directory that the guest can write to, at its own path")
    add("--hot-plug-ports", dest="ports", type=int, default=0, metavar="N", help="empty PCI "
        "Express slots, port0 and on, for device_add over QMP")
    add("--qmp", default="", metavar="SOCKET", help="a QMP socket to make")
    add("--timeout", type=float, default=600, metavar="S", help="for COMMAND (default: 600)")
    add("--console", default="", metavar="FILE", help="keep the guest's console in FILE")
    # There is nobody here who would send or receive; what counts instructions is devtools/bench.
    parser.set_defaults(plugins=(), root="", wires=False, counted=False)
    add("argv", nargs="+", metavar="COMMAND", help=argparse.SUPPRESS)


def main(argv: Sequence[str] | None = None) -> int:
    """devtools/vm."""
    args = build_parser().parse_args(argv)
    actions = {"kernel": do_kernel, "qemu": do_qemu, "root": do_root, "ruff": do_ruff,
               "run": do_run, "sysroot": do_sysroot}
    return guarded(actions[args.command], args)


def guarded(action: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Turn errors into a message and a status, and signals into an orderly end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        return action(args)
    except VmError as err:
        print(f"vm: {err}", file=sys.stderr)
        return STATUS.get(type(err), NOT_READY)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def do_kernel(args: argparse.Namespace) -> int:
    """devtools/vm kernel."""
    cache = Cache()
    apt = PrivateApt(cache, ARCHES[args.arch])
    if args.uapi:
        print(KernelMaker(cache, apt, args.refresh).base() / "uapi")
    else:
        print(make_kernel(cache, apt, args.config, args.source, args.refresh).describe())
    return 0


def do_qemu(args: argparse.Namespace) -> int:
    """devtools/vm qemu."""
    cache = Cache()
    print(shlex.join(make_qemu(cache, PrivateApt(cache), args.dpdk)))
    return 0


def do_ruff(_: argparse.Namespace) -> int:
    """devtools/vm ruff."""
    cache = Cache()
    print(shlex.join(make_ruff(cache, PrivateApt(cache))))
    return 0


def do_sysroot(_: argparse.Namespace) -> int:
    """devtools/vm sysroot."""
    cache = Cache()
    print(make_sysroot(cache, PrivateApt(cache)))
    return 0


def do_root(args: argparse.Namespace) -> int:
    """devtools/vm root."""
    cache = Cache()
    apt = PrivateApt(cache, ARCHES[args.arch])
    if args.suite and not args.dpdk.startswith("package"):
        raise VmError("--suite is of the roots packages and package-build")
    if args.dpdk == "packages":
        print(package_root(cache, apt, args.suite))
    elif args.dpdk == "package-build":
        print(make_package_build_root(cache, apt, args.suite))
    elif args.dpdk == "dkms":
        print(KernelMaker(cache, apt, args.refresh).dkms_root())
    else:
        print(make_root(cache, apt, args.dpdk, args.refresh, args.packages))
    return 0


def do_run(args: argparse.Namespace) -> int:
    """devtools/vm run."""
    fields = {name: getattr(args, name) for name in Options.__dataclass_fields__}
    fields["nics"] = tuple(args.nics or DEFAULT_NICS)
    fields["shares"] = tuple(str(Path(path).absolute()) for path in args.shares)
    cwd = Path.cwd()
    with Guest(**fields) as guest:
        inside = cwd.is_relative_to(CHECKOUT)
        process = guest.start(args.argv, cwd=cwd if inside else CHECKOUT, on_output=copy_output)
        threading.Thread(target=copy_input, args=(process,), daemon=True).start()
        status = process.wait(args.timeout)
    return status if status >= 0 else 128 - status


def copy_output(kind: int, data: bytes) -> None:
    """Pass output on at once, each stream to its own."""
    try:
        os.write(1 if kind == wire.STDOUT else 2, data)
    except BrokenPipeError:
        os.kill(os.getpid(), signal.SIGTERM)


def copy_input(process: Process) -> None:
    """Pass our standard input to the command."""
    try:
        while data := os.read(0, 65536):
            process.write(data)
        process.close_stdin()
    except (OSError, VmError):
        return
