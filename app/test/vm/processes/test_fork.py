# SPDX-License-Identifier: BSD-3-Clause
"""What a process that was forked has of its parent's devices."""

import re

from helpers.nodes import CDEV, CONTAINER
from helpers.programs import start_eal
from testvm.qemu import Guest


def test_forked_child_cannot_harm_its_parent(cdev: Guest) -> None:
    nodes, output = start_eal(cdev, "start_first", child="use")
    assert nodes == {CDEV, "/dev/iommu"}
    assert "child address: none\nchild map: -1\nchild unmap: -1\nchild: 0" in output
    assert output.count("cannot be used in a process that was forked") == 1
    kept = re.search(r"parent: pinned (\d+) then (\d+), spoiled 0, address kept", output)
    assert kept and int(kept.group(1)) == int(kept.group(2)) > 0


def test_no_file_of_ours_survives_exec(cdev: Guest) -> None:
    """Stock DPDK's container does: it is opened without O_CLOEXEC."""
    nodes, output = start_eal(cdev, "start_first", child="exec")
    assert nodes == {CDEV, "/dev/iommu"}
    listed = re.findall(r" -> (\S+)", output)
    assert "child: 0" in output and listed
    assert {path for path in listed if "vfio" in path or "iommu" in path} <= {CONTAINER}
