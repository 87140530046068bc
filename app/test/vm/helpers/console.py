# SPDX-License-Identifier: BSD-3-Clause
"""Links and packets of testpmd's ports, by its console."""

import re

from helpers.waiting import eventually
from testvm.testpmd import Console


def attach(console: Console, address: str, port: int) -> None:
    """Let testpmd take a device without an IOMMU, which is then this port, and start it."""
    assert f"Port {port} is attached" in console.do(f"port attach {address}")
    assert "Done" in console.do(f"port start {port}")
    assert f"VFIO_CDEV: {address}: noiommu-vfio" in console.process.stdout


def await_link(console: Console, *ports: int) -> None:
    """Links need a moment after the start of a port."""
    def up() -> bool:
        return all("Link status: up" in console.do(f"show port info {port}") for port in ports)
    assert eventually(console.guest, up), \
        f"no link on one of {ports}:\n{console.process.stdout[-2000:]}"


def packets(console: Console, *ports: int) -> list[int]:
    """Packets that each of these ports has received."""
    return [int(re.findall(r"RX-packets: (\d+)", console.do(f"show port stats {port}"))[0])
            for port in ports]


def flows(console: Console, *ports: int) -> bool:
    """Whether each of them receives, if not at once."""
    before = packets(console, *ports)

    def more() -> bool:
        return all(now > then for now, then in zip(packets(console, *ports), before, strict=True))
    return eventually(console.guest, more, 2)


def assert_flows(console: Console, *ports: int) -> None:
    """The same."""
    assert flows(console, *ports), f"no packets on one of {ports}:\n" \
        f"{console.process.stdout[-2000:]}"


def start_traffic(console: Console, *ports: int) -> None:
    """What testpmd sends first may meet a NIC that does not receive yet, and is lost then.

    Of several bursts each rings the doorbell for the one before, should it have got lost: TCG's
    single thread has no memory barrier against QEMU's other threads.
    """
    for _ in range(3):
        console.do("start tx_first 4")
        if flows(console, *ports):
            return
        console.do("stop")
    assert_flows(console, *ports)
