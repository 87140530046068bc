# SPDX-License-Identifier: BSD-3-Clause
"""VF tokens on a NIC with SR-IOV: a process needs the token to use its functions."""

import re
from collections.abc import Callable, Iterator, Sequence

import pytest

from helpers.console import await_link, start_traffic
from helpers.nodes import CONTAINER, SYSFS, bind
from testvm.machine import nic_address, nic_mac
from testvm.qemu import Guest
from testvm.testpmd import Console

PF, VF, OTHER = "0000:01:00.0", "0000:01:10.0", nic_address(0)
TOKEN, WRONG = "14d63f20-8445-11ea-8900-1f9ce7d5650d", "14d63f20-8445-11ea-8900-1f9ce7d5650e"
NEED = "VFIO_CDEV: {}: cannot bind /dev/vfio/devices/{}: Permission denied; the device wants " \
       "the VF token of its physical function (--vfio-vf-token)"


@pytest.fixture
def igb(guest: Callable[..., Guest]) -> Guest:
    """A guest with a NIC that has a VF, both on vfio-pci."""
    machine = guest(nics=("virtio-net-pci",), ports=1, qemu="24.11")
    if machine.run(["test", "-e", f"{SYSFS}/{VF}"]).returncode:
        plug(machine)
    return machine


def plug(machine: Guest) -> None:
    """The NIC."""
    machine.monitor.execute("device_add", driver="igb", id="igb", bus="port0", romfile="",
                            mac=nic_mac(1))
    bind(machine, PF)
    script = "echo Y >/sys/module/vfio_pci/parameters/enable_sriov; " \
             f"echo 1 >{SYSFS}/{PF}/sriov_numvfs"
    machine.run(["sh", "-c", script], check=True)
    bind(machine, VF)


@pytest.fixture
def pf(igb: Guest) -> Iterator[Console]:
    """The PF in use, by a process that has set the token."""
    with console_of(igb, [PF], TOKEN, "pf") as console:
        yield console


def console_of(guest: Guest, devices: list[str], token: str, prefix: str = "vf",
               wrapper: Sequence[str] = ()) -> Console:
    """testpmd with these devices and a token, or none."""
    given = [f"--vfio-vf-token={token}"] if token else []
    return Console(guest, devices, eal=[f"--file-prefix={prefix}", *given],
                   wrapper=wrapper).ready()


def cdev(guest: Guest, address: str) -> str:
    """The name of a device's cdev."""
    return guest.run(["ls", f"{SYSFS}/{address}/vfio-dev"], check=True).stdout.strip()


def refusal(guest: Guest, device: str, token: str, wrapper: Sequence[str] = ()) -> str:
    """testpmd must not have got the device, neither over its cdev nor over its group."""
    with console_of(guest, [device], token, wrapper=wrapper) as console:
        assert console.nodes() <= {CONTAINER}
        output = console.stop().output
    assert "No probed ethernet devices" in output
    return output


def forward_to_each_other(console: Console) -> None:
    """The NIC switches by address."""
    macs = re.findall(r"Port \d: ((?:\w\w:){5}\w\w)", console.process.stdout)
    await_link(console, 0, 1)
    console.do("set fwd mac")
    for port, other in enumerate(reversed(macs)):
        console.do(f"set eth-peer {port} {other}")
    start_traffic(console, 0, 1)
    console.do("stop")


def test_pf_and_vf_forward_in_one_process(igb: Guest) -> None:
    with console_of(igb, [PF, VF], TOKEN) as console:
        nodes = {f"/dev/vfio/devices/{cdev(igb, device)}" for device in (PF, VF)}
        assert console.nodes() - {CONTAINER} == {"/dev/iommu", *nodes}
        assert "net_e1000_igb_vf" in console.do("show port info 1")
        forward_to_each_other(console)
        result = console.stop()
    assert [device.address for device in result.devices] == [PF, VF]
    assert result.mapped == result.verified > 0


@pytest.mark.parametrize("token", [WRONG, ""], ids=["wrong", "missing"])
def test_pf_without_the_token_of_its_vf(igb: Guest, token: str) -> None:
    with console_of(igb, [PF, VF], TOKEN, "both") as both:
        both.do("port stop 0")
        assert "Device is detached" in both.do("port detach 0")
        assert NEED.format(PF, cdev(igb, PF)) in refusal(igb, PF, token)


def test_token_is_not_dropped_for_a_device_that_takes_none(igb: Guest) -> None:
    output = refusal(igb, OTHER, TOKEN)
    assert f"{OTHER}: cannot bind /dev/vfio/devices/{cdev(igb, OTHER)}: Invalid argument" in output
    assert "a VF token was given for a device without SR-IOV" in output


def test_vf_with_the_token_of_its_pf(igb: Guest, pf: Console) -> None:
    with console_of(igb, [VF], TOKEN) as console:
        node = f"/dev/vfio/devices/{cdev(igb, VF)}"
        assert console.nodes() - {CONTAINER} == {"/dev/iommu", node}
        await_link(console, 0)
        assert console.stop().status == 0


@pytest.mark.parametrize("token", [WRONG, ""], ids=["wrong", "missing"])
def test_vf_without_the_token_of_its_pf(igb: Guest, pf: Console, token: str) -> None:
    assert NEED.format(VF, cdev(igb, VF)) in refusal(igb, VF, token)


def test_first_address_needs_the_token(igb: Guest, pf: Console) -> None:
    """The EAL wants it before a device is set up, from any that is allowed."""
    output = refusal(igb, VF, WRONG, ["env", "RTE_VFIO_CDEV_PHYS=ioas"])
    assert NEED.format(VF, cdev(igb, VF)) in output
    assert "VFIO_CDEV: no physical addresses" in output
