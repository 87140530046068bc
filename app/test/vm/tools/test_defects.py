# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-test-vfio-cdev finds what is wrong with a backend: app/test/broken has one thing wrong each.

Its user reads the sentences of the phases, so they are compared word by word.
"""

import itertools
import re
import select
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from helpers.nodes import E1000E, LINKED, PAIR
from helpers.validation import Validation, finished, options, script, validate
from testvm.machine import bypass_address, nic_address
from testvm.qemu import Guest
from testvm.util import CHECKOUT

BROKEN = CHECKOUT / "build/app/test/broken"
PHASES = ["integrity", "memory", "pinned", "lifecycle"]
PAGE = r"page 0x[0-9a-f]+ of 2048 kB, "
ADDRESS = rf"0x[0-9a-f]+ \({PAGE}physical address 0x[0-9a-f]+\)"
WRONG = (rf"0x[0-9a-f]+ \({PAGE}whose address is (0x[0-9a-f]+) to the EAL but "
         r"(0x[0-9a-f]+) to the kernel\)")
OTHER_RELEASE = (r"dpdk-test-vfio-cdev-traffic was built with another release of DPDK than "
                 r"this testpmd, which is 24\.11\S*: build it with that one")


def words(phases: Sequence[str], *args: str, devices: Sequence[str] = PAIR,
          broken: str = "") -> list[str]:
    """Its arguments."""
    library = [f"--library={BROKEN}/broken_{broken}.so"] if broken else []
    return [f"--phases={','.join(phases)}", f"--devices={','.join(devices)}", "--duration=2",
            *library, *args]


def failed(seen: Validation, phase: str) -> str:
    """The sentence of the only phase that was run, which has failed."""
    assert (seen.status, seen[phase]["verdict"]) == (1, "failed"), seen.output
    assert f"{phase}: {seen[phase]['text']}\n" in seen.output
    return str(seen[phase]["text"])


def failure(guest: Guest, phase: str, **changed: Any) -> str:
    """Run one phase, and see it fail."""
    return failed(validate(guest, *words([phase], **changed)), phase)


def skip(guest: Guest, phase: str) -> str:
    """Run one phase, which is skipped: nothing is shown then."""
    seen = validate(guest, *words([phase]))
    assert (seen.status, seen[phase]["verdict"]) == (2, "skipped"), seen.output
    return str(seen[phase]["text"])


def test_good_backend_passes(numa: Guest) -> None:
    """And stock DPDK, whose pages move, shows that a move was possible."""
    seen = validate(numa, *words(PHASES, "--keep-going", "--compare"))
    assert seen.status == 0, seen.output
    assert seen.verdicts == dict.fromkeys(PHASES, "passed"), seen.output
    assert re.fullmatch(r"\d+ packets of 60 to 9000 bytes, 3\d hugepages",
                        seen["integrity"]["figure"])
    assert re.fullmatch(r"\d+ times from 64 to \d+ MB and back, as pinned",
                        seen["memory"]["figure"])
    assert re.fullmatch(r"0 of 32 pages moved in \d+ attempts?; 0 of 64 given before a device",
                        seen["pinned"]["figure"])
    assert seen["pinned"]["stock"] == \
        "32 of 32 pages moved in 1 attempt; 64 of 64 given before a device"
    late = seen["pinned"]["details"]["late"]
    assert (late["given"], late["devices"], late["movable"]) == (64, 2, True)
    pair = seen["integrity"]["details"]["pairs"][0]
    assert pair["received"] == pair["sent"] > pair["in_pieces"] > 0
    # One page more has come with the ports.
    assert pair["covered"] == pair["pages"] >= 32


def test_wrong_address_of_one_page(numa: Guest) -> None:
    """The one side of the packet or the other is on that page."""
    seen = validate(numa, *words(["integrity"], broken="address"))
    found = re.fullmatch(
        rf"{PAIR[0]} and {PAIR[1]} \(ports 0 and 1\): \d+ of \d+ packets came back as others; the "
        r"first, number \d+ from port \d to port \d, has 0x.. instead of 0x.. in byte \d+ of "
        rf"\d+(, where the device has written nothing)?: sent from ({ADDRESS}|{WRONG}), received "
        rf"into ({ADDRESS}|{WRONG})", failed(seen, "integrity"))
    assert found, seen.output
    believed, true = [group for group in (found.groups()[2:4] + found.groups()[5:7]) if group]
    pages = seen["integrity"]["details"]["pairs"][0]["elsewhere"]
    assert [(page["eal"], page["kernel"]) for page in pages] == [(believed, true)]


def test_address_that_the_kernel_does_not_report(numa: Guest) -> None:
    assert re.fullmatch(
        r"page 0x[0-9a-f]+: the IOAS has it at 0x[0-9a-f]+, the kernel does not report where it "
        "is: Operation not permitted", failure(numa, "addresses", broken="kernel"))


@pytest.mark.parametrize("devices", [PAIR, PAIR[:1]])
def test_no_pins_behind_right_addresses(numa: Guest, devices: list[str]) -> None:
    """One port is enough to see that."""
    assert re.fullmatch(r"of \d+ kB of hugepages 0 kB are pinned \(VmPin\)",
                        failure(numa, "addresses", broken="pin", devices=devices))


def test_lost_unmap(numa: Guest) -> None:
    assert re.fullmatch(
        r"testpmd has given back \d+ kB of hugepages, and \d+ kB of these are pinned still "
        r"\(VmPin\): an unmap was lost",
        failure(numa, "memory", broken="unmap"))


def test_no_pins(numa: Guest) -> None:
    assert re.fullmatch(
        r"\d+ of 32 hugepages moved while devices used them, the first at 0x[0-9a-f]+ from node 0 "
        "to node 1: nothing pins them",
        failure(numa, "pinned", broken="pin"))


def test_addresses_that_are_forgotten(numa: Guest) -> None:
    """Those that were given before there was a device; what the EAL has is pinned."""
    assert re.fullmatch(
        "64 of 64 pages whose addresses were given before the first device moved once there was "
        "one, the first at 0x[0-9a-f]+ from node 0 to node 1: nothing pins them, and 64 of the "
        "addresses are wrong", failure(numa, "pinned", broken="late"))


def test_memory_that_comes_without_a_pin(numa: Guest) -> None:
    assert re.fullmatch(r"of \d+ kB of hugepages that came 0 kB are pinned \(VmPin\)",
                        failure(numa, "memory", broken="pin"))


def test_leaked_fd(numa: Guest) -> None:
    assert re.fullmatch(
        r"testpmd has \d+ files open after its devices were attached once more, and \d+ before: "
        "one more is /dev/iommu", failure(numa, "lifecycle", broken="fd"))


def test_one_node_is_no_test_of_pins(cdev: Guest) -> None:
    assert re.fullmatch(
        r"there is one NUMA node, so no page can be moved; as the kernel counts \(VmPin\), "
        r"all \d+ kB of hugepages are pinned", skip(cdev, "pinned"))


def test_no_pins_on_one_node(cdev: Guest) -> None:
    assert re.fullmatch(r"of \d+ kB of hugepages 0 kB are pinned \(VmPin\)",
                        failure(cdev, "pinned", broken="pin"))


@pytest.fixture
def mixed(guest: Callable[..., Guest]) -> tuple[Guest, list[str]]:
    """Two devices that are linked, one behind an IOMMU, and the arguments that name them.

    The one past it gets no interrupts here, so its link is polled.
    """
    booted = guest(viommu="intel", nics=("e1000e",), bypass=("e1000e",))
    return booted, [script(booted, 'exec dpdk-testpmd "$@" --no-lsc-interrupt'),
                    f"--devices={nic_address(0)},{bypass_address(0)}"]


def test_domains_are_pinned_each(mixed: tuple[Guest, list[str]]) -> None:
    """The kernel counts the pins of both."""
    booted, args = mixed
    phases = ["addresses", "forward", "integrity", "memory", "lifecycle"]
    seen = validate(booted, *words(phases, "--keep-going", *args))
    assert seen.status == 0, seen.output
    assert seen.verdicts == dict.fromkeys(phases, "passed")
    addresses = seen["addresses"]["details"]
    assert addresses["mapped_pages"] == 2 * addresses["eal_pages"] > 0
    # In one of them the kernel reports addresses; all is pinned in both.
    assert addresses["kernel_queries"] == addresses["eal_pages"]
    assert re.fullmatch(r"there is one NUMA node, .* all \d+ kB of hugepages are pinned",
                        validate(booted, *words(["pinned"], *args))["pinned"]["text"])


def test_domain_without_pins_beside_one_with(mixed: tuple[Guest, list[str]]) -> None:
    """The one past the IOMMU: VmPin is as much as there are hugepages."""
    booted, args = mixed
    seen = validate(booted, *words(["pinned"], *args, broken="pin"))
    assert re.fullmatch(
        r"of (\d+) kB of hugepages that each of 2 domains has \1 kB are pinned \(VmPin\)",
        failed(seen, "pinned"))


def test_device_that_takes_no_large_packets(cdev: Guest) -> None:
    """vmxnet3 reports that it does. Beside it, two that do."""
    devices = [*E1000E, *LINKED["vmxnet3"]]
    seen = validate(cdev, *words(["integrity"], devices=devices))
    assert seen.status == 0, seen.output
    assert seen["integrity"]["text"] == "no packets of more than 3968 bytes " \
        f"between {devices[2]} and {devices[3]}: packets of 9000 bytes do not come through"
    pairs = seen["integrity"]["details"]["pairs"]
    assert [pair["largest"] for pair in pairs] == [9000, 3968]


def test_ports_that_are_not_linked(cdev: Guest) -> None:
    devices = [PAIR[0], E1000E[0]]
    assert failure(cdev, "integrity", devices=devices) == \
        f"{devices[0]} and {devices[1]} (ports 0 and 1): no packet gets either way: are the two " \
        "cabled to each other?"


@pytest.mark.xdist_group("releases")
def test_other_release_is_reported(guest: Callable[..., Guest]) -> None:
    """The program is built with the machine's own DPDK."""
    text = skip(guest(dpdk="24.11"), "integrity")
    assert re.fullmatch(OTHER_RELEASE, text)


@pytest.mark.xdist_group("releases")
def test_other_release_leaves_out_a_part_of_pinned(guest: Callable[..., Guest]) -> None:
    seen = validate(guest(dpdk="24.11", numa=2), *words(["pinned"]))
    assert seen.status == 0, seen.output
    assert re.fullmatch(r"0 of \d+ pages moved in \d+ attempts?", seen["pinned"]["figure"])
    assert re.fullmatch("memory whose addresses are given before the first device was not tried: "
                        + OTHER_RELEASE, seen["pinned"]["text"])


def test_frames_of_others_do_no_harm(guest: Callable[..., Guest]) -> None:
    """Of all sizes, from another sender on the same wire."""
    shared = guest(wires=True)
    process = shared.start(options(*words(["integrity"])))
    process.close_stdin()
    wire = shared.wires[0]
    for number in itertools.count():
        if process.poll() is not None:
            break
        wire.send(bytes(60 + number % 1400))
        while wire.receive():
            pass
        select.select([wire], [], [], 0.002)
    seen = finished(shared, process, 1)
    assert seen.status == 0, seen.output
    pair = seen["integrity"]["details"]["pairs"][0]
    assert (pair["damaged"], pair["lost"]) == (0, 0)
    assert pair["foreign"] > 0 and pair["received"] == pair["sent"] > 0
    assert seen["integrity"]["text"] == \
        f"{pair['foreign']} packets came that were of another sender, and were left out"


def broadcast(guest: Guest, pause: float, *args: str) -> Validation:
    """One run, while a switch sends to all now and then."""
    process = guest.start(options(*args))
    process.close_stdin()
    due = time.monotonic()
    while process.poll() is None:
        if time.monotonic() >= due:
            guest.wires[0].send(bytes.fromhex("ffffffffffff 02000000000a 0806") + bytes(46))
            due += pause
        # All that the NICs send to each other comes here, too.
        while guest.wires[0].receive():
            pass
        select.select([guest.wires[0]], [], [], 0.01)
    return finished(guest, process, 1)


def test_few_frames_of_others_are_told(guest: Callable[..., Guest]) -> None:
    """An ARP now and then, as from a switch, is no failure where it was one, and is seen."""
    phases = ["forward", "restart", "lifecycle"]
    seen = broadcast(guest(wires=True), 2, *words(phases, "--keep-going"))
    assert seen.verdicts == dict.fromkeys(phases, "passed"), seen.output
    count = seen["forward"]["details"]["foreign"]
    assert count > 0
    assert seen["forward"]["text"].startswith(f"{count} packets came that no port of these has ")


def test_many_frames_of_others_are_a_failure(guest: Callable[..., Guest]) -> None:
    assert re.fullmatch(
        r"\w+: \S+ has received \d+ packets that \S+ has not sent: what else sends on that link\?",
        failed(broadcast(guest(wires=True), 0.002, *words(["forward"])), "forward"))


def test_packets_of_others_are_no_flow(guest: Callable[..., Guest]) -> None:
    """Between two NICs on different wires: they do not get what the other one sends."""
    apart = guest(nics=("virtio-net-pci", "e1000e"), wires=True)
    seen = broadcast(apart, 0.01, *words(["restart"]))
    assert re.match(r"no packets come to port \d", failed(seen, "restart"))
