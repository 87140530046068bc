# SPDX-License-Identifier: BSD-3-Clause
"""The command line of devtools/kmod. Without the test machine, which DKMS does not have."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from . import kmod, native
from .util import VmError

USAGE, NOT_BUILT = 120, 121
EPILOG = """\
Without --kernel it fetches the newest Linux >= 7.3 of the distribution, builds for that and
keeps what it made: devtools/vm uses it. With --kernel it builds for a kernel that is installed
here, from the package linux-source, as DKMS does:

  devtools/kmod cdev-only
  devtools/kmod --kernel $(uname -r) --check
  devtools/kmod --kernel $(uname -r) --into /tmp/modules

exit status: 0, 120 wrong usage, 121 if it could not be done; the reason is on stderr
"""


class Parser(argparse.ArgumentParser):
    """argparse with the exit status of devtools/vm."""

    def exit(self, status: int = 0, message: str | None = None):    # type: ignore[no-untyped-def]
        """Of errors and of --help."""
        super().exit(USAGE if status else 0, message)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = Parser(prog="devtools/kmod", description="Build the iommufd and vfio modules that a "
                    "distribution's kernel leaves out, and print their directory.", epilog=EPILOG,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="cdev", choices=kmod.CONFIGS[:-1])
    parser.add_argument("--refresh", action="store_true",
                        help="read the mirror's package lists anew (else: once a week)")
    parser.add_argument("--kernel", metavar="RELEASE", help="of an installed kernel: cdev only")
    parser.add_argument("--headers", metavar="DIR", type=Path,
                        help="of that kernel (default: /lib/modules/RELEASE/build)")
    parser.add_argument("--source", metavar="TAR", type=Path,
                        help="linux-source-X.Y.tar.xz (default: the one in /usr/src)")
    parser.add_argument("--into", metavar="DIR", type=Path, help="a directory to make")
    parser.add_argument("--check", action="store_true", help="only say whether it fits")
    args = parser.parse_args(argv)
    if args.kernel and args.config != native.CONFIG:
        parser.error(f"--kernel: for the configuration {native.CONFIG} only")
    if args.kernel and bool(args.into) == args.check:
        parser.error("--kernel: either --into or --check")
    if not args.kernel and (args.headers or args.source or args.into or args.check):
        parser.error("--headers, --source, --into and --check are of --kernel")
    return args


def for_kernel(args: argparse.Namespace) -> Path | str:
    """Of one that is installed."""
    headers = (args.headers or Path("/lib/modules", args.kernel, "build")).absolute()
    if args.check:
        native.refuse(args.kernel, headers)
        return args.source or native.find_source(args.kernel)
    into: Path = args.into.absolute()
    native.build(args.kernel, headers, args.source and args.source.absolute(), into)
    return into


def for_vm(args: argparse.Namespace) -> Path:
    """Of the newest one, in the cache."""
    from .apt import PrivateApt  # noqa: PLC0415  (not there with DKMS)
    from .cache import Cache  # noqa: PLC0415
    from .kernel import KernelMaker  # noqa: PLC0415

    cache = Cache()
    maker = KernelMaker(cache, PrivateApt(cache), args.refresh)
    return maker.make(args.config).modules / "updates"


def main(argv: Sequence[str] | None = None) -> int:
    """devtools/kmod."""
    args = parse(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        print(for_kernel(args) if args.kernel else for_vm(args))
    except (VmError, OSError) as err:
        print(f"kmod: {err}", file=sys.stderr)
        return NOT_BUILT
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0
