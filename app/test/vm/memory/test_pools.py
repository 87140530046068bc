# SPDX-License-Identifier: BSD-3-Clause
"""Pools of mbufs in all kinds of memory: pinned and verified."""

import re

import pytest

from helpers.forwarding import forward_over_cdevs
from helpers.nodes import PAIR
from helpers.resources import hugepages_kb, pinned_kb
from testvm.qemu import Guest
from testvm.testpmd import Testpmd

MBUFS, MBUF_SIZE = 8192, 2176   # as Testpmd starts it, and by its own log


@pytest.mark.parametrize("kind", ["native", "xmem", "xmemhuge", "xbuf"])
def test_pool_of_any_memory_forwards(cdev: Guest, kind: str) -> None:
    forward_over_cdevs(cdev, PAIR, args=[f"--mp-alloc={kind}"])


def test_pool_of_anonymous_memory_is_pinned(cdev: Guest) -> None:
    """Mapped with the IOVA 0 as far as testpmd manages to register it, pinned where it does not.

    In the end it unmaps also what it has not mapped.
    """
    with Testpmd(cdev, PAIR, args=["--mp-alloc=anon"]) as testpmd:
        testpmd.ready()
        testpmd.flowing()
        pool = pinned_kb(testpmd) - hugepages_kb(testpmd)
        result = testpmd.stop()
    assert result.all_ports_work(2), result.output
    assert result.mapped == result.verified > 0
    assert pool >= MBUFS * MBUF_SIZE // 1024
    assert not re.search("VFIO_CDEV: .*cannot (map|confirm)", result.output)
