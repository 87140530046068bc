# SPDX-License-Identifier: BSD-3-Clause
"""Ways to start DPDK in which the backend is called, is not, or must not be used."""

import re

import pytest

from helpers.nodes import CDEV, CONTAINER, DEVICE, GROUP
from helpers.programs import BUILT, EAL, built, start_eal
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, command

UNUSED = "librte_bus_vfio_cdev.so: DPDK does not call it: "
GIVEN_UP = "the process has given up CAP_SYS_RAWIO"


@pytest.mark.parametrize("program, preload", [("start_first", False), ("plugin.py", True)])
def test_backend_is_called(cdev: Guest, program: str, preload: bool) -> None:
    """Linked before librte_eal; preloaded into a host that keeps DPDK to itself."""
    nodes, output = start_eal(cdev, program, preload=preload)
    assert nodes == {CDEV, "/dev/iommu"}
    assert f"VFIO_CDEV: {DEVICE}: noiommu-vfio0, no-IOMMU" in output
    assert UNUSED not in output


def test_preload_mends_the_order(cdev: Guest) -> None:
    nodes, output = start_eal(cdev, "start_last", preload=True)
    assert nodes == {CDEV, "/dev/iommu"}
    assert UNUSED not in output


needs_static_dpdk = pytest.mark.skipif(not (BUILT / "start_static").exists(),
                                       reason="DPDK's static libraries are not installed")


@needs_static_dpdk
@pytest.mark.parametrize("policy", ["prefer", "require"])
def test_eal_that_calls_itself_gets_no_device(cdev: Guest, policy: str) -> None:
    """Its own build of librte_eal, linked with -Bsymbolic-functions."""
    nodes, output = start_eal(cdev, "start_first", policy,
                              preload=f"{LIBRARY}:{built('eal_symbolic.so')}")
    assert nodes == set()
    assert f"VFIO_CDEV: {DEVICE}: cannot set up over a cdev: librte_eal calls its own " \
           "rte_mem_virt2iova(): Operation not supported" in output


def test_linking_behind_the_eal_is_reported(cdev: Guest) -> None:
    nodes, output = start_eal(cdev, "start_last")
    assert nodes == {GROUP}
    assert re.search(re.escape(UNUSED) + r"\S*librte_eal\.so\S* comes before it: Operation not "
                     r"supported; .* is not pinned; link librte_bus_vfio_cdev.so before", output)


def test_linking_behind_the_eal_gets_no_device_where_a_cdev_is_required(cdev: Guest) -> None:
    nodes, output = start_eal(cdev, "start_last", "require")
    assert nodes == set()
    assert UNUSED in output and GIVEN_UP in output


@needs_static_dpdk
def test_static_program_is_left_to_stock(cdev: Guest) -> None:
    nodes, output = start_eal(cdev, "start_static", preload=True)
    assert nodes == {GROUP}
    assert "VFIO_CDEV" not in output


@needs_static_dpdk
def test_static_program_gets_no_device_where_a_cdev_is_required(cdev: Guest) -> None:
    nodes, output = start_eal(cdev, "start_static", "require", preload=True)
    assert nodes == set()
    assert f"{UNUSED}DPDK is linked into the program statically" in output
    assert GIVEN_UP in output


OWN_MODE = f"{UNUSED}this DPDK (26.11 or later) has a cdev mode of its own"


@needs_static_dpdk
@pytest.mark.parametrize("policy, lines", [("prefer", 1), ("off", 0)])
def test_dpdk_with_a_cdev_mode_of_its_own_gets_its_devices(cdev: Guest, policy: str,
                                                           lines: int) -> None:
    """This machine's DPDK with the names of 26.11; its own mode is the group's still."""
    nodes, output = start_eal(cdev, "start_own", policy, preload=True)
    assert nodes == {GROUP}
    assert "Selected IOVA mode 'PA'" in output
    assert output.count("VFIO_CDEV: ") == output.count(OWN_MODE) == lines
    assert output.count("the library steps aside") == lines


@needs_static_dpdk
def test_dpdk_with_a_cdev_mode_of_its_own_gets_no_device_where_a_cdev_is_required(
        cdev: Guest) -> None:
    """From 24.11 on the EAL does not start without physical addresses, and ends."""
    done = cdev.run(["env", "RTE_VFIO_CDEV=require", f"LD_PRELOAD={LIBRARY}",
                     built("start_own"), *EAL])
    output = done.stdout + done.stderr
    assert re.search(r"^eal: (started|failed)$", output, re.M), output
    assert set(re.findall(r"^node: (\S+)", output, re.M)) <= {CONTAINER}
    assert output.count(OWN_MODE) == 1 and GIVEN_UP in output


def test_setuid_program_is_not_reached(cdev: Guest) -> None:
    """The dynamic linker drops the preload before anything of it runs."""
    copy = "/run/true"
    cdev.run(["install", "-m", "4755", "/bin/cat", copy], check=True)
    done = cdev.run(["setpriv", "--reuid=65534", "--clear-groups",
                     *command([copy, "/proc/self/maps"], "require")], check=True)
    assert "librte_bus_vfio_cdev" not in done.stdout
    assert done.stdout and done.stderr == ""
