# SPDX-License-Identifier: BSD-3-Clause
"""Our UAPI declarations against the headers of the kernel that the tests run on."""

import subprocess
from pathlib import Path

from helpers.programs import SOURCES
from testvm.apt import PrivateApt
from testvm.cache import Cache
from testvm.kernel import KernelMaker
from testvm.util import CHECKOUT

HEADER = CHECKOUT / "lib/iommufd/iommufd_uapi.h"
URING = CHECKOUT / "lib/uring/uring_uapi.h"
VFIO = CHECKOUT / "drivers/compat/vfio_cdev/vfio_uapi.h"


def compile_check(directory: Path) -> "subprocess.CompletedProcess[str]":
    """Compile the comparison, with the declarations of a directory before our own."""
    cache = Cache()
    uapi = KernelMaker(cache, PrivateApt(cache)).base() / "uapi"
    return subprocess.run(
        ["cc", "-std=gnu11", "-fsyntax-only", "-isystem", str(uapi), f"-I{directory}",
         *(f"-I{header.parent}" for header in (HEADER, URING, VFIO)),
         str(SOURCES / "uapi_check.c")],
        capture_output=True, text=True, check=False)


def test_declarations_are_the_kernels() -> None:
    done = compile_check(HEADER.parent)
    assert done.returncode == 0, done.stderr


def test_comparison_sees_members_in_another_order(tmp_path: Path) -> None:
    text = HEADER.read_text()
    swapped = text.replace(" user_va ", " kept ").replace(" iova ", " user_va ")
    (tmp_path / HEADER.name).write_text(swapped.replace(" kept ", " iova "))
    assert swapped != text
    done = compile_check(tmp_path)
    assert "offsetof(struct ifd_ioas_map, iova) differs" in done.stderr


def test_comparison_sees_another_size_of_io_uring(tmp_path: Path) -> None:
    (tmp_path / URING.name).write_text(URING.read_text().replace("unused[30]", "unused[31]"))
    assert "sizeof(struct uring_params) differs" in compile_check(tmp_path).stderr


def test_comparison_sees_another_request_of_a_group(tmp_path: Path) -> None:
    (tmp_path / VFIO.name).write_text(VFIO.read_text().replace("100 + 3", "100 + 9"))
    assert "COMPAT_GROUP_GET_STATUS differs" in compile_check(tmp_path).stderr
