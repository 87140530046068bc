# SPDX-License-Identifier: BSD-3-Clause
"""Secondary processes: they get the cdev from the primary, do I/O, and come and go as they like."""

import re
import signal
from collections.abc import Callable, Iterator

import pytest

from helpers.forwarding import SECONDARY, forward_in_both
from helpers.nodes import E1000E, NICS
from helpers.programs import proc_info, python
from helpers.resources import open_files, pinned_kb
from testvm.qemu import Guest
from testvm.testpmd import Console, Testpmd, command

NEVER = "Fail to recv reply"


@pytest.fixture(scope="class")
def primary(guest: Callable[..., Guest]) -> Iterator[Testpmd]:
    """A primary that forwards, for tests that do it no harm."""
    with Testpmd(guest(nics=NICS), E1000E) as testpmd:
        yield testpmd.ready().flowing()
        result = testpmd.stop()
    assert result.status == 0, result.output
    assert result.all_ports_work(2), result.output


def test_both_processes_forward(cdev: Guest) -> None:
    """test_releases.py has virtio, and the other releases."""
    forward_in_both(cdev, E1000E)


class TestLivePrimary:
    """One primary that forwards all the time, whatever its secondaries do."""

    def test_tool_reads_registers(self, primary: Testpmd) -> None:
        output = proc_info(primary.guest, E1000E)
        packets = re.findall(r"port \d+ +#+\s+RX-packets:\s*(\d+)", output)
        assert len(packets) == 2 and min(map(int, packets)) > 0, output

    def test_memory_for_a_secondary_is_pinned_before_it_is_used(self, primary: Testpmd) -> None:
        """dpdk-pdump has the primary allocate a pool, and plugs devices into both."""
        before = pinned_kb(primary)
        start = len(primary.process.stdout)
        primary.guest.run(["rm", "-f", "/tmp/rx.pcap"], check=True)
        allow = [word for device in E1000E for word in ("-a", device)]
        pdump = primary.guest.start(command(
            ["dpdk-pdump", *allow, "--", "--pdump",
             "port=0,queue=*,rx-dev=/tmp/rx.pcap,total-num-mbufs=16383"]))
        assert primary.guest.wait_for(lambda: "IOVA" in primary.process.stdout[start:], 60)
        written = "until [ $(stat -c %s /tmp/rx.pcap) -gt 24 ]; do sleep 0.1; done"
        primary.guest.run(["sh", "-c", written], check=True)
        pdump.signal(signal.SIGINT)
        assert pdump.wait(60) == 0, pdump.stdout + pdump.stderr
        output = primary.process.stdout[start:]
        pages = re.findall(r"now (\d+) pages mapped, (\d+) verified", output)
        assert pages, output + pdump.stdout + pdump.stderr
        assert all(mapped == verified for mapped, verified in pages)
        assert max(int(mapped) for mapped, _ in pages) * 2048 > before

    def test_secondaries_are_killed_a_hundred_times(self, primary: Testpmd) -> None:
        before = open_files(primary), pinned_kb(primary)
        killed = primary.guest.start(python("peer.py", "die", E1000E[1], 100))
        assert killed.wait(60) == 0, killed.stderr
        assert int(killed.stdout.split()[2]) >= 50
        assert (open_files(primary), pinned_kb(primary)) == before

    def test_malformed_requests_are_answered_with_errors(self, primary: Testpmd) -> None:
        before = open_files(primary)
        peer = primary.guest.start(python("peer.py", "spoil", E1000E[0]))
        assert peer.wait(60) == 0, peer.stderr
        answers = dict(line.split(": ", 1) for line in peer.stdout.splitlines())
        assert answers == {
            "magic": "EBADMSG, 0 fds", "version": "EPROTONOSUPPORT, 0 fds",
            "kind": "EBADMSG, 0 fds", "policy": "EINVAL, 0 fds", "empty": "EBADMSG, 0 fds",
            "short": "EBADMSG, 0 fds", "long": "EBADMSG, 0 fds", "address": "EBADMSG, 0 fds",
            "absent": "ENODEV, 0 fds", "fds": "EBADMSG, 0 fds", "good": "0, 1 fds"}
        assert open_files(primary) == before
        assert primary.process.stdout.count("cannot serve a secondary process") == 1

    def test_policies_that_differ_are_reported(self, primary: Testpmd) -> None:
        output = proc_info(primary.guest, E1000E, policy="off")
        for device in E1000E:
            assert f"{device}: cannot get noiommu-vfio" in output, output
        assert "RTE_VFIO_CDEV=off here, and prefer in the primary process " \
               f"(pid {primary.pid})" in output

    def test_secondary_without_the_library(self, primary: Testpmd) -> None:
        output = proc_info(primary.guest, E1000E, policy="")
        assert NEVER not in output
        assert "Cannot request VFIO group fd" in output
        log = primary.process.stdout
        assert log.count(f"{E1000E[0]}: a secondary process requests its VFIO group") == 1
        assert "preload librte_bus_vfio_cdev.so there as well" in log


def test_primary_without_the_library(cdev: Guest) -> None:
    with Testpmd(cdev, E1000E[:1], policy="") as first:
        first.ready()
        output = proc_info(cdev, E1000E[:1])
    assert f"{E1000E[0]}: cannot get noiommu-vfio2: the primary process (pid {first.pid}) does " \
           "not answer: Connection timed out; preload librte_bus_vfio_cdev.so there" in output


def test_restarted_primary_names_the_process_with_its_device(cdev: Guest) -> None:
    with Testpmd(cdev, E1000E) as first:
        first.ready()
        survivor = cdev.start(python("peer.py", "keep", E1000E[0]))
        number = survivor.expect(r"peer (\d+): 0, 1 fds").group(1)
    with Testpmd(cdev, E1000E[:1]) as second:
        second.ready()
        assert f"{E1000E[0]}: cannot bind /dev/vfio/devices/noiommu-vfio2, open in pid {number} " \
               "(python3): Invalid argument; another program" in second.stop().output
    survivor.kill()
    with Testpmd(cdev, E1000E) as third:
        assert third.ready().flowing().stop().all_ports_work(2)


def test_device_is_plugged_and_unplugged_in_both(cdev: Guest) -> None:
    with Console(cdev, E1000E[:1]).ready() as first, \
            Console(cdev, E1000E[:1], eal=SECONDARY).ready() as second:
        assert "Port 1 is attached" in first.do(f"port attach {E1000E[1]}")
        found = second.process.expect(
            rf"{E1000E[1]}: (\S+), no-IOMMU, .* from the primary process")
        node = f"/dev/vfio/devices/{found.group(1)}"
        assert node in first.nodes() & second.nodes()
        first.do("port stop 1")
        first.do("port close 1")
        assert "detached" in first.do(f"device detach {E1000E[1]}")
        # Answered when the secondary has let go of it as well.
        assert node not in first.nodes() | second.nodes()
        for output in first.process.stdout, second.process.stdout:
            assert NEVER not in output
