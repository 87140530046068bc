# SPDX-License-Identifier: BSD-3-Clause
"""devtools/arm64-smoke.sh without a guest: what is made of its options."""

import subprocess
from pathlib import Path

import pytest

from testvm.arch import ARCHES
from testvm.root import RELEASES
from testvm.util import CHECKOUT

SCRIPT = CHECKOUT / "devtools/arm64-smoke.sh"
# Instead of common.sh: nothing is installed or built, and Python's arguments are printed.
COMMON = """\
PYTHON=echo PACKAGES=() ARM64_PACKAGES=()
say() { :; }
need_packages() { echo "packages: $*"; }
cross_build() { echo built; }
"""


def smoke(directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run a copy of it beside the other common.sh."""
    devtools = directory / "devtools"
    devtools.mkdir()
    (devtools / "common.sh").write_text(COMMON)
    script = devtools / SCRIPT.name
    script.write_bytes(SCRIPT.read_bytes())
    return subprocess.run(["bash", script, *options], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options, arguments", [
    ([], "arm64 host 5"),
    (["--page-size", "4k", "60"], "arm64 host 60"),
    (["--dpdk", "24.11", "--page-size", "16k"], "arm64-16k 24.11 5"),
])
def test_options_choose_kernel_and_root(tmp_path: Path, options: list[str],
                                        arguments: str) -> None:
    done = smoke(tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "packages: qemu-system-arm", "built", f"-B devtools/arm64_smoke.py {arguments}"]
    kernel, dpdk, _ = arguments.split()
    assert kernel in ARCHES and dpdk in ("host", *RELEASES)


@pytest.mark.parametrize("options", [
    ["--page-size"], ["--page-size", "64k"], ["--dpdk", "1.0"], ["--dpdk"], ["0"], ["1000"], ["-5"],
    ["x"], ["--bogus"], ["10", "--page-size", "4"]])
def test_wrong_usage_does_nothing(tmp_path: Path, options: list[str]) -> None:
    done = smoke(tmp_path, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: devtools/arm64-smoke.sh ")


def test_help_is_no_error(tmp_path: Path) -> None:
    done = smoke(tmp_path, "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: devtools/arm64-smoke.sh ")
