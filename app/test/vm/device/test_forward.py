# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's dpdk-testpmd forwards over noiommu cdevs, or over the group if it should."""

import re

import pytest

from helpers.console import start_traffic
from helpers.faults import cdev_hidden, changed, driven_by, parameter_off
from helpers.forwarding import assert_forwarded_over_cdevs, forward, forward_over_cdevs
from helpers.nodes import CDEVS, CONTAINER, E1000E, LINKED, MODELS, PAIR
from helpers.resources import hugepages_kb, pinned_kb
from testvm.qemu import Guest
from testvm.testpmd import Console, command


@pytest.mark.parametrize("model", MODELS)
def test_model_forwards_over_cdevs(cdev: Guest, model: str) -> None:
    forward_over_cdevs(cdev, LINKED[model])


def test_two_models_forward_side_by_side(cdev: Guest) -> None:
    devices = [*PAIR, *E1000E]
    forward_over_cdevs(cdev, devices, args=["--port-topology=paired"])


def test_off_uses_the_group(cdev: Guest) -> None:
    result, nodes = forward(cdev, PAIR, policy="off")
    assert result.all_ports_work(2), result.output
    assert nodes == {"/dev/vfio/noiommu-0", "/dev/vfio/noiommu-1"}
    assert "VFIO_CDEV" not in result.output


def test_cdev_device_beside_one_left_to_stock(cdev: Guest) -> None:
    with cdev_hidden(cdev, PAIR[1]):
        result, nodes = forward(cdev, PAIR)
    assert result.all_ports_work(2), result.output
    assert [device.address for device in result.devices] == PAIR[:1]
    assert nodes == {"/dev/iommu", "/dev/vfio/devices/noiommu-vfio0", "/dev/vfio/noiommu-1"}
    assert re.search(rf"VFIO_CDEV: {PAIR[1]}: VFIO group, no-IOMMU, [1-9]\d* pages pinned and "
                     "verified; it has no cdev: ", result.output), result.output
    assert "neither pinned nor verified" not in result.output
    assert result.mapped == result.verified > 0


def test_cdev_device_beside_one_of_uio(cdev: Guest) -> None:
    with driven_by(cdev, "uio_pci_generic", E1000E[1]):
        result, nodes = forward(cdev, E1000E)
    assert result.all_ports_work(2), result.output
    assert [device.address for device in result.devices] == E1000E[:1]
    assert nodes == {"/dev/iommu", "/dev/vfio/devices/noiommu-vfio2"}
    assert result.mapped == result.verified > 0


def test_user_with_two_capabilities_forwards(cdev: Guest) -> None:
    """Who owns the nodes and the hugepages, and keeps the rights to physical addresses and pins."""
    user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups",
            "--inh-caps=+sys_rawio,+ipc_lock", "--ambient-caps=+sys_rawio,+ipc_lock",
            "env", "XDG_RUNTIME_DIR=/run/user"]
    nodes = " ".join(["/dev/iommu", *CDEVS])
    with changed(cdev, f"chown 1000 {nodes} /dev/hugepages; mkdir -p /run/user; "
                       "chown 1000 /run/user; rm -f /dev/hugepages/rtemap_*",
                 f"chown 0 {nodes} /dev/hugepages; rm -f /dev/hugepages/rtemap_*"), \
            Console(cdev, PAIR, wrapper=["prlimit", "--memlock=65536", *user]).ready() as console:
        rights = cdev.run(["cat", f"/proc/{console.pid}/status"], check=True).stdout
        start_traffic(console, 0, 1)
        assert 0 < hugepages_kb(console) <= pinned_kb(console)
        opened = console.nodes() - {CONTAINER}
        console.do("stop")
        assert_forwarded_over_cdevs(console.stop(), opened, PAIR)
    assert re.search(r"^Uid:\t1000\t1000\t", rights, re.M)
    assert re.search(r"^CapEff:\t0*24000$", rights, re.M), rights


def test_cdev_is_used_after_the_parameter_was_turned_off(cdev: Guest) -> None:
    with parameter_off(cdev):
        forward_over_cdevs(cdev, PAIR)


def test_program_that_is_not_dpdk_is_unaffected(cdev: Guest) -> None:
    program = ["python3", "-c", "import os, sys; print(sorted(os.listdir('/proc/self/fd'))); "
               "sys.exit(3)"]
    plain = cdev.run(program)
    loaded = cdev.run(command(program))
    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (3, plain.stdout, "")
