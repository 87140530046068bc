# SPDX-License-Identifier: BSD-3-Clause
"""Programs that have nothing to do with VFIO do not notice the front."""

import re
from collections.abc import Callable, Sequence

import pytest

from helpers.libc import FRONT, SHARED, machine, run
from helpers.programs import python
from helpers.resources import TRACE, files_traced
from testvm.qemu import Guest
from testvm.util import CHECKOUT

pytestmark = SHARED

SHELL = """
for word in one two three; do echo $word; done | sort -r
read name </proc/self/status; echo ${name%%:*}
echo text >/tmp/$$; exec 5<>/tmp/$$; read text <&5; echo $text; exec 5>&-; rm /tmp/$$
trap 'echo trapped' USR1; kill -USR1 $$
(cd /dev; echo vfio/*); sleep 0.1 & wait
cat /does/not/exist
exit 7
"""
ARCHIVE = f"""
set -e
cd {CHECKOUT}/app/test/vm
tar --sort=name --owner=0 --group=0 --mtime=@0 -cf /tmp/$$.tar helpers guest/abuse*.c
xz -T2 -k /tmp/$$.tar
xz -dc /tmp/$$.tar.xz | cmp - /tmp/$$.tar
sha256sum </tmp/$$.tar.xz
mkdir /tmp/$$
tar -C /tmp/$$ -xf /tmp/$$.tar.xz
diff -r helpers /tmp/$$/helpers
rm -r /tmp/$$ /tmp/$$.tar /tmp/$$.tar.xz
seq 1 3000 | sort -R --random-source=/proc/version | sort -n --parallel=2 -S 64K | sha256sum
"""
PROGRAMS = {
    "true": ["true"],
    "shell": ["sh", "-c", SHELL],
    "bash": ["bash", "-c", SHELL],
    "archive": ["sh", "-c", ARCHIVE],
    "python": python("ordinary.py"),
}
UPSTREAM = ["memory_autotest", "memzone_autotest", "mempool_autotest", "ring_autotest",
            "eal_fs_autotest", "string_autotest", "errno_autotest"]
# Of files that have another name each time.
CHANGING = re.compile(r"^/(tmp|proc)/")


@pytest.fixture
def vm(guest: Callable[..., Guest]) -> Guest:
    """The guest that all tests here share."""
    return machine(guest)


def result(vm: Guest, program: Sequence[str], policy: str) -> tuple[int, str, str]:
    """Status and output; the shell's own number is in some lines."""
    done = run(vm, program, policy, timeout=180)
    output, errors = (re.sub(r"/tmp/\d+", "/tmp/N", text) for text in (done.stdout, done.stderr))
    return done.returncode, output, errors


@pytest.mark.parametrize("name", PROGRAMS)
def test_output_is_the_same(vm: Guest, name: str) -> None:
    without = result(vm, PROGRAMS[name], "")
    assert result(vm, PROGRAMS[name], "prefer") == without
    assert without[0] in {0, 7}, without


def test_output_of_java_is_the_same(vm: Guest) -> None:
    if vm.run(["sh", "-c", "command -v java"]).returncode != 0:
        pytest.skip("there is no JVM in the guest's root")
    program = ["java", "-XX:TieredStopAtLevel=1", "-version"]
    without = result(vm, program, "")
    assert result(vm, program, "prefer") == without
    assert without[0] == 0, without


def opened(vm: Guest, program: Sequence[str], policy: str) -> set[str]:
    """The files that a program and its children open, or try to."""
    assert run(vm, program, policy, TRACE, timeout=180).returncode in {0, 7}
    return {path for path in files_traced(vm) if path == FRONT or not CHANGING.match(path)}


@pytest.mark.parametrize("name", ["true", "shell", "python"])
def test_nothing_more_is_opened(vm: Guest, name: str) -> None:
    """But the library itself; "env" is one more program where that is set."""
    without = opened(vm, ["env", *PROGRAMS[name]], "")
    assert opened(vm, PROGRAMS[name], "prefer") - without == {FRONT}


@pytest.mark.parametrize("name", UPSTREAM)
def test_upstream_test_passes(vm: Guest, name: str) -> None:
    """DPDK's own unit tests, which use no device."""
    program = ["env", f"DPDK_TEST={name}", "dpdk-test", "--no-pci", "--huge-unlink", "-l", "0,1",
               "--no-telemetry"]
    done = run(vm, program, "prefer", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Test OK" in done.stdout
