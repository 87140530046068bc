# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's dpdk-testpmd forwards over noiommu cdevs, or over the group if it should."""

import pytest

from helpers.faults import cdev_hidden, parameter_off
from helpers.forwarding import forward, forward_over_cdevs
from helpers.nodes import E1000E, LINKED, MODELS, PAIR
from testvm.qemu import Guest
from testvm.testpmd import command


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
    assert result.mapped == result.verified > 0


def test_cdev_is_used_after_the_parameter_was_turned_off(cdev: Guest) -> None:
    with parameter_off(cdev):
        forward_over_cdevs(cdev, PAIR)


def test_program_that_is_not_dpdk_is_unaffected(cdev: Guest) -> None:
    program = ["python3", "-c", "import os, sys; print(sorted(os.listdir('/proc/self/fd'))); "
               "sys.exit(3)"]
    plain = cdev.run(program)
    loaded = cdev.run(command(program))
    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (3, plain.stdout, "")
