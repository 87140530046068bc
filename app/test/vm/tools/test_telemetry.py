# SPDX-License-Identifier: BSD-3-Clause
"""What a live testpmd answers on its telemetry socket, to the distribution's own script."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from helpers.forwarding import SECONDARY
from helpers.nodes import E1000E, NICS, PAIR
from helpers.telemetry import query
from testvm.qemu import Guest
from testvm.testpmd import Console, Testpmd

OPTIONS: dict[str, dict[str, Any]] = {"host": {"nics": NICS}, "25.11": {"dpdk": "25.11"}}
PAGE = 2 << 20


def mappings(guest: Guest) -> dict[str, Any]:
    """All of them, page by page."""
    found: dict[str, Any] = {}
    start = ""
    while True:
        answer, = query(guest, f"/vfio_cdev/mappings{start}")
        assert not found.keys() & answer["mappings"].keys()
        assert len(answer["mappings"]) <= 64
        found |= answer["mappings"]
        if "next" not in answer:
            assert answer["count"] == len(found)
            return found
        start = f",{answer['next']}"


@pytest.fixture(params=["host", pytest.param("25.11", marks=pytest.mark.xdist_group("releases"))],
                scope="module")
def live(request: pytest.FixtureRequest,
         guest: Callable[..., Guest]) -> Iterator[tuple[Testpmd, list[str]]]:
    """A testpmd that forwards between two devices, which have many pages."""
    devices = E1000E if request.param == "host" else PAIR
    with Testpmd(guest(**OPTIONS[request.param]), devices, eal=["-m", "160"]) as testpmd:
        yield testpmd.ready().flowing(), devices
        assert testpmd.stop().all_ports_work(2)


def test_commands_report_what_a_live_testpmd_has(live: tuple[Testpmd, list[str]]) -> None:
    testpmd, addresses = live
    guest = testpmd.guest
    devices, first, unknown, nothing, domains, stats, wrong = query(
        guest, "/vfio_cdev/devices", f"/vfio_cdev/device,{addresses[0]}",
        "/vfio_cdev/device,0000:00:1f.7", "/vfio_cdev/device", "/vfio_cdev/domains",
        "/vfio_cdev/stats", "/vfio_cdev/mappings,x")
    assert devices["process"] == "primary"
    assert (devices["count"], sorted(devices["devices"])) == (2, addresses)
    node = guest.run(["readlink", f"/proc/{testpmd.pid}/fd/{first['fd']}"]).stdout.strip()
    assert node == f"/dev/vfio/devices/{first['cdev']}"
    assert (first["mode"], first["domain"], first["token"]) == ("no-IOMMU", "noiommu", 0)
    assert "no such device" in unknown["error"]
    assert "give an address" in nothing["error"]
    assert "no place" in wrong["error"]

    totals = domains["domains"]["noiommu"]
    pinned = guest.run(["grep", "VmPin", f"/proc/{testpmd.pid}/status"]).stdout.split()[1]
    assert totals["devices"] == 2
    assert totals["pages"] == totals["verified"] > 64
    assert totals["bytes"] == totals["pages"] * PAGE == int(pinned) * 1024
    counts = stats["domains"]["noiommu"]
    assert counts.items() <= stats.items()
    assert counts["maps"] - counts["unmaps"] == totals["mappings"]
    assert (counts["misplaced"], counts["refused"]) == (0, 0)
    assert counts["nodes"] == {"0": totals["bytes"]}
    assert counts["ioctls"] >= 2 * counts["maps"]
    assert 0 < counts["ioctl_ns"] < 1 << 60     # on any machine, but not if it fell below 0


def test_each_page_is_where_its_record_and_pagemap_have_it(live: tuple[Testpmd, list[str]]) -> None:
    testpmd, _ = live
    found = mappings(testpmd.guest)
    assert len(found) > 64
    read = "import struct, sys\nf = open(f'/proc/{sys.argv[1]}/pagemap', 'rb')\n" \
           "for va in sys.argv[2:]:\n f.seek(int(va, 16) >> 12 << 3)\n" \
           " print(hex((struct.unpack('=Q', f.read(8))[0] & (1 << 55) - 1) << 12))\n"
    entries = list(found.values())
    pagemap = testpmd.guest.run(["/usr/bin/python3", "-c", read, testpmd.pid,
                                 *(entry["va"] for entry in entries)], check=True).stdout.split()
    for entry, page in zip(entries, pagemap, strict=True):
        assert entry["iova"] == entry["kernel"] == entry["kernel_last"] == page
        assert (entry["length"], entry["page_size"]) == (PAGE, PAGE)
        assert (entry["state"], entry["users"]) == ("pinned", 1)


def test_primary_reports_the_devices_of_its_secondaries(
        live: tuple[Testpmd, list[str]]) -> None:
    """Two of them: a message has another size in each release."""
    testpmd, devices = live
    guest = testpmd.guest
    alone, = query(guest, "/vfio_cdev/secondaries")
    with Console(guest, devices, eal=SECONDARY) as second:
        second.ready()
        with Console(guest, devices, eal=SECONDARY) as third:
            third.ready()
            both, = query(guest, "/vfio_cdev/secondaries")
    assert alone == {"process": "primary", "count": 0}
    assert both["count"] == len(both["secondaries"]) == 2
    for pid in second.pid, third.pid:
        assert both["secondaries"][pid]["count"] == 2
        assert sorted(both["secondaries"][pid]["devices"]) == devices
