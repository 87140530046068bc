# SPDX-License-Identifier: BSD-3-Clause
"""The doctor and the demo in an emulated arm64 guest; arm64-smoke.sh prepares and starts it."""

import sys
import time

from demo import compare
from testvm.qemu import Guest
from testvm.util import CHECKOUT, VmError, progress

BUILD = CHECKOUT / "build-arm64"
DOCTOR = BUILD / "app/dpdk-vfio-cdev"
LIBRARY = BUILD / "drivers/librte_bus_vfio_cdev.so.1"


def examine(guest: Guest) -> int:
    """Let the doctor look at the guest; the exit status."""
    progress("dpdk-vfio-cdev doctor")
    page = guest.run(["getconf", "PAGESIZE"], check=True).stdout.strip()
    found = guest.run([DOCTOR, "doctor"])
    lines = found.stdout.splitlines() or ["It printed nothing."]
    wrong = [line for line in lines if line.startswith(("FAIL", "WARN"))]
    print("\n".join([*wrong, f"Pages of {page} bytes. {lines[-1]}"]), flush=True)
    if found.returncode or wrong:
        print(f"FAILED: the doctor ended with {found.returncode}. {found.stderr}")
        return 1
    return 0


def smoke(flavour: str, dpdk: str, seconds: int) -> int:
    """Boot a kernel of that flavour, examine it, forward packets."""
    started = time.monotonic()
    progress(f"booting a VM with the kernel {flavour}, without an IOMMU")
    with Guest(arch=flavour, dpdk=dpdk) as guest:
        status = examine(guest) or compare(guest, seconds, LIBRARY)
    progress(f"{time.monotonic() - started:.0f} s")
    return status


def main() -> int:
    """Exit status: see arm64-smoke.sh --help."""
    try:
        return smoke(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except VmError as err:
        print(f"arm64-smoke: {err}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
