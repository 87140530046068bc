# SPDX-License-Identifier: BSD-3-Clause
"""testpmd forwards: over the cdev, over the group, and over uio_pci_generic."""

import re
import time
from collections.abc import Sequence

from testvm.machine import nic_address
from testvm.qemu import CommandFailed, Guest
from testvm.testpmd import Console

from .figures import Figure, Pair, ratio
from .machine import MODELS, NICS, Bench, bind, say

SIZES = (64, 1518)      # bytes, of which 4 are the frame's check sequence
CDEV, GROUP, UIO = "cdev", "group", "uio"
WAYS = (CDEV, GROUP, UIO)
# What the machine's hub joins has one queue of packets, and a virtio NIC has as many as that.
QUEUES = {"virtio-net-pci": (1,), "e1000e": (1, 2), "vmxnet3": (1, 2)}
CYCLES = re.compile(r"CPU cycles/packet=([\d.]+)")
# Of each port, and of all; those of a queue may be 0, as frames that are alike come to one.
RECEIVED = re.compile(r"RX-total: (\d+)")
BURST, MOST_TRIES = 32, 30
# [cycles, packets a second] by the way, the bytes of a packet and the queues
Found = dict[tuple[str, int, int], list[list[float]]]


def try_forward(console: Console, seconds: float) -> list[float] | None:
    """Cycles that a packet takes, and packets in a second of this machine; None: some were lost."""
    console.do("start tx_first")
    started = time.monotonic()
    time.sleep(seconds)
    output = console.do("stop")
    passed = time.monotonic() - started
    cycles, received = CYCLES.search(output), [int(word) for word in RECEIVED.findall(output)]
    if not cycles or not received or min(received) <= BURST:
        return None
    return [float(cycles[1]), received[-1] / passed]


def forward(console: Console, seconds: float) -> list[float]:
    """The same, longer each time: a NIC that has just been started may lose the first packets."""
    for tries in range(MOST_TRIES):
        figures = try_forward(console, seconds * (1 + tries))
        if figures:
            return figures
    raise CommandFailed(f"packets are lost:\n{console.process.stdout[-1500:]}")


def run_way(bench: Bench, guest: Guest, way: str, devices: Sequence[str], queues: int,
            found: Found) -> None:
    """One start of testpmd, which sends packets of each size."""
    if way == UIO:
        bind(guest, "uio_pci_generic", devices)
    args = ["--record-core-cycles", "--disable-link-check", f"--rxq={queues}", f"--txq={queues}"]
    with Console(guest, devices, policy="require" if way == CDEV else "", args=args) as console:
        console.ready(120)
        for size in SIZES:
            console.do(f"set txpkts {size - 4}")
            forward(console, 0.1)
            found.setdefault((way, size, queues), []).append(
                forward(console, bench.effort.seconds))
        console.stop()
    if way == UIO:
        bind(guest, "vfio-pci", devices)


def forwarding(bench: Bench, models: Sequence[str] = MODELS) -> list[Figure]:
    """The cdev beside the two others, for each model, number of queues and size."""
    guest = bench.guest()
    figures = []
    for model in models:
        devices = [nic_address(NICS.index(model) + i) for i in range(2)]
        for number in sorted(set(bench.effort.queues) & set(QUEUES[model])):
            say(f"{model} with {number} queues forwards")
            found: Found = {}
            for turn in range(bench.effort.slow):
                for way in WAYS[::-1 if turn % 2 else 1]:
                    run_way(bench, guest, way, devices, number, found)
            figures += model_figures(bench, model, number, found)
    return figures


def model_figures(bench: Bench, model: str, queues: int, found: Found) -> list[Figure]:
    """Of one model and number of queues. What a busy machine sends in a second tells nothing."""
    units = ["instructions a packet"] if bench.counted else ["cycles a packet", "packets a second"]
    figures = []
    for size in SIZES:
        for other in WAYS[1:]:
            for index, unit in enumerate(units):
                pairs: list[Pair] = [
                    (before[index], after[index]) for before, after in
                    zip(found[other, size, queues], found[CDEV, size, queues], strict=True)]
                name = f"{model.removesuffix('-net-pci')}, {size} bytes, {queues} queues, " \
                       f"cdev/{other}" + (", packets" if index else "")
                figures.append(ratio("forward", name, pairs, unit, (other, CDEV), 0.98, 1.02))
    return figures
