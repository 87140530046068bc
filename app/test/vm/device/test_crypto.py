# SPDX-License-Identifier: BSD-3-Clause
"""A PCI device that is no NIC: DPDK's benchmark of ciphers on virtio-crypto."""

import re
from collections.abc import Callable

import pytest

from helpers.faults import without
from testvm.machine import CRYPTO, nic_address
from testvm.qemu import Guest
from testvm.testpmd import command

# AES-128 in CBC mode, NIST SP 800-38A, F.2.1 and F.2.2.
KEY = "2b7e151628aed2a6abf7158809cf4f3c"
VECTOR = {
    "plaintext": "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                 "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    "ciphertext": "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    "cipher_iv": "000102030405060708090a0b0c0d0e0f",
}
OPERATIONS = 20000
# Enqueued, dequeued, failed to do so at first, and those whose result was wrong.
RESULT = re.compile(r"^ +\d+ +64 +8 +(\d+) +(\d+) +\d+ +\d+ +(\d+)$", re.M)


def cipher(guest: Guest, operation: str, key: str) -> tuple[int, int, int]:
    """Operations enqueued, done, and done wrong."""
    rows = [f"{name} =\n{', '.join(f'0x{byte:02x}' for byte in bytes.fromhex(digits))}\n"
            for name, digits in {**VECTOR, "cipher_key": key}.items()]
    guest.run(["tee", "/tmp/vector"], input="".join(rows), check=True)
    program = ["dpdk-test-crypto-perf", "-l", "0,1", "-a", nic_address(0), "--", "--ptest=verify",
               "--devtype=crypto_virtio", "--optype=cipher-only", "--cipher-algo=aes-cbc",
               f"--cipher-op={operation}", "--cipher-key-sz=16", "--cipher-iv-sz=16",
               "--buffer-sz=64", "--burst-sz=8", f"--total-ops={OPERATIONS}",
               "--test-file=/tmp/vector"]
    done = guest.run(command(program, "require", wrapper=without("sys_admin")), timeout=60)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert re.search(rf"VFIO_CDEV: {nic_address(0)}: noiommu-vfio0, no-IOMMU, .* (\d+) pages "
                     r"mapped, \1 verified", output), output
    found = RESULT.findall(output)
    assert len(found) == 1, output
    enqueued, dequeued, wrong = map(int, found[0])
    return enqueued, dequeued, wrong


@pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
def test_known_answers_come_back(guest: Callable[..., Guest], operation: str) -> None:
    machine = guest(nics=(CRYPTO,))
    assert cipher(machine, operation, KEY) == (OPERATIONS, OPERATIONS, 0)


def test_wrong_answers_are_seen(guest: Callable[..., Guest]) -> None:
    """The measure of the test above: another key."""
    machine = guest(nics=(CRYPTO,))
    assert cipher(machine, "encrypt", KEY[::-1]) == (OPERATIONS, OPERATIONS, OPERATIONS)
