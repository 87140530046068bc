# SPDX-License-Identifier: BSD-3-Clause
"""testpmd that forwards between two devices, in one process or in two."""

import re
from collections.abc import Sequence
from typing import Any

from helpers.faults import without
from helpers.nodes import CONTAINER, DEVICE
from helpers.resources import hugepages_kb, pinned_kb
from testvm.qemu import Guest
from testvm.testpmd import Result, Testpmd

SECONDARY = ["--proc-type=secondary"]


def forward(guest: Guest, devices: list[str], **options: Any) -> tuple[Result, set[str]]:
    """Forward until packets come; the result and the nodes that were open meanwhile.

    What is said of the backend is said of one that is there. That its own counts of pages agree
    shows little, so the kernel's are compared as well.
    """
    with Testpmd(guest, devices, **options) as testpmd:
        testpmd.ready().flowing()
        assert options.get("policy") == "" or testpmd.has_library()
        nodes = testpmd.nodes() - {CONTAINER}
        if "/dev/iommu" in nodes:
            hugepages = hugepages_kb(testpmd)
            assert 0 < hugepages <= pinned_kb(testpmd)
        elif "pinned by io_uring" not in testpmd.process.stdout:
            assert pinned_kb(testpmd) == 0
        return testpmd.stop(), nodes


def assert_forwarded_over_cdevs(result: Result, nodes: set[str], devices: list[str]) -> None:
    """Both ports work, nothing but cdevs is open, all that is mapped was verified."""
    assert result.status == 0, result.output
    assert result.all_ports_work(len(devices)), result.output
    cdevs = {f"/dev/vfio/devices/{device.cdev}" for device in result.devices}
    assert [device.address for device in result.devices] == devices
    assert {device.mode for device in result.devices} == {"no-IOMMU"}
    assert nodes == cdevs | {"/dev/iommu"}
    assert result.mapped == result.verified > 0


def forward_over_cdevs(guest: Guest, devices: list[str], **options: Any) -> Result:
    """Forward over cdevs and nothing else; the result."""
    result, nodes = forward(guest, devices, **options)
    assert_forwarded_over_cdevs(result, nodes, devices)
    return result


def iova_mode(output: str) -> str:
    """PA or VA, as the EAL logs it."""
    found: list[str] = re.findall("Selected IOVA mode '(..)'", output)
    assert len(found) == 1, output
    return found[0]


def forward_in_both(guest: Guest, devices: list[str], mode: str = "no-IOMMU",
                    eal: Sequence[str] = ()) -> Result:
    """A primary, whose result it is, and a secondary without capabilities forward to each other."""
    # Each process has one port: what one sends the other one gets.
    first_args, second_args = ([f"--portlist={port}", "--port-topology=loop"] for port in (0, 1))
    with Testpmd(guest, devices, eal=eal, args=first_args) as first:
        first.ready()
        with Testpmd(guest, devices, eal=SECONDARY, args=second_args,
                     wrapper=without("sys_admin", "sys_rawio")) as second:
            second.ready()
            first.flowing()
            nodes = second.nodes() - {CONTAINER}
            result = second.stop()
        own = first.stop()
    assert iova_mode(result.output) == iova_mode(own.output)
    assert nodes == {f"/dev/vfio/devices/{device.cdev}" for device in own.devices}
    for address in devices:
        assert re.search(rf"{address}: \S+, {mode}, .* from the primary process "
                         rf"\(pid {first.pid}\)", result.output), result.output
    assert min(result.ports[1]) > 0, result.output
    assert min(own.ports[0]) > 0, own.output
    assert {device.mode for device in own.devices} == {mode}
    assert own.mapped > 0
    assert own.verified == (own.mapped if mode == "no-IOMMU" else 0)
    return own


def refusal(guest: Guest, devices: Sequence[str] = (DEVICE,), **options: Any) -> str:
    """Start testpmd, which must get none of the devices; its output."""
    with Testpmd(guest, devices, **options) as testpmd:
        testpmd.ready()
        assert options.get("policy") == "" or testpmd.has_library()
        assert testpmd.nodes() <= {CONTAINER}
        assert pinned_kb(testpmd) == 0
        output = testpmd.stop().output
    assert "No probed ethernet devices" in output
    return output
