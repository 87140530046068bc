# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-test-vfio-cdev reports that a host is good, or what is wrong with it."""

import re
import signal
from collections.abc import Callable, Iterator

import pytest

from helpers.faults import changed
from helpers.nodes import PAIR
from helpers.validation import TOOL, finished, options, script, validate
from testvm.qemu import Guest

PHASES = ("preflight", "bind", "addresses", "forward", "restart", "lifecycle")
TRAFFIC = ("io", "mac", "flowgen", "txonly")
# What shows whether the machine is as it was before.
STATE = "ls /run /dev/hugepages; grep HugePages_Free /proc/meminfo; " \
    "ls -l /sys/bus/pci/drivers/vfio-pci; cat /proc/[0-9]*/comm | grep -E 'testpmd|^dpdk-test-vfio'"
IN_USE = "readlink /proc/[0-9]*/fd/* | grep -q noiommu-vfio"
# A testpmd that is none: it has a prompt, and a telemetry socket with one answer.
PEER = """\
import os, socket, sys
prefix = next(word for word in sys.argv if word.startswith("--file-prefix=")).split("=")[1]
directory = os.environ["RUNTIME_DIRECTORY"] + "/dpdk/" + prefix
os.makedirs(directory)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(directory + "/dpdk_telemetry.v2")
listener.listen()
print("testpmd> ", end="", flush=True)
connection, _ = listener.accept()
connection.send({hello!r})
while connection.recv(1000):
    connection.send({answers!r})
"""
HELLO = b'{"version": "DPDK 22.11.1", "pid": 1, "max_output_len": 16384}'


def state(guest: Guest) -> str:
    """Processes, files, hugepages, bound devices."""
    return guest.run(["sh", "-c", STATE]).stdout


def await_devices_in_use(guest: Guest) -> None:
    """Until a testpmd has a device."""
    guest.run(["sh", "-c", f"until {IN_USE}; do sleep 0.1; done"], check=True, timeout=60)


@pytest.fixture
def host(guest: Callable[..., Guest]) -> Iterator[Guest]:
    """Two linked ports. Whatever a test does, the machine is in the end as it was."""
    booted = guest()
    before = state(booted)
    yield booted
    assert state(booted) == before


def test_good_host_passes(host: Guest) -> None:
    done = validate(host, "--phases", ",".join(PHASES))
    assert done.status == 0, done.stdout
    assert done.verdicts == dict.fromkeys(PHASES, "passed")
    addresses = done["addresses"]["details"]
    assert addresses["eal_pages"] == addresses["mapped_pages"] > 0
    assert addresses["kernel_queries"] == addresses["found_in_pagemap"] > 0
    assert addresses["eal_pages"] == addresses["found_in_pagemap"]
    assert all(f" {mode} " in done["forward"]["figure"] for mode in TRAFFIC)
    assert re.search(r" packets, \d+ dropped", done["forward"]["figure"])
    assert "2 starts" in done["restart"]["figure"]
    assert "4 times" in done["lifecycle"]["figure"]
    assert all(line.split()[1] == "passed" for line in done.stdout.splitlines()[1:])
    found = done.report["host"]
    assert [device["address"] for device in found["devices"]] == PAIR
    assert found["dpdk"].startswith("22.11.")
    assert "forward: passed" in done.stderr


@pytest.mark.xdist_group("releases")
def test_another_release_passes_beside_stock(guest: Callable[..., Guest]) -> None:
    done = validate(guest(dpdk="25.11"), "--phases=preflight,addresses,forward", "--compare")
    assert done.status == 0, done.stdout
    assert done.report["host"]["dpdk"].startswith("25.11")
    assert all(f" {mode} " in done["forward"]["stock"] for mode in TRAFFIC)
    assert "stock" in done.stdout


@pytest.mark.xdist_group("kernels")
def test_kernel_without_groups_has_no_stock(guest: Callable[..., Guest]) -> None:
    done = validate(guest(config="cdev-only"), "--phases=forward", "--compare")
    assert done.status == 0, done.stdout
    assert done["forward"]["stock"] == f"not run: {PAIR[0]} has no VFIO group"


def test_forwarding_needs_two_ports(host: Guest) -> None:
    done = validate(host, "--devices", PAIR[1], "--phases=addresses,forward")
    assert (done.status, done.verdicts) == (0, {"addresses": "passed", "forward": "skipped"})
    assert done["forward"]["text"] == "needs 2 ports, there is only 1"
    # Nothing was shown at all.
    assert validate(host, "--devices", PAIR[1], "--phases=forward").status == 2


@pytest.mark.parametrize(("args", "message"), [
    (["--phases=bind,nonesuch"], "there is no phase 'nonesuch'"),
    (["--devices=0000:00:1f.7"], "0000:00:1f.7: no such PCI device"),
    (["--devices=../../x"], "../../x: "),
    (["--devices=0000:00:03.0,0000:00:03.0"], "0000:00:03.0 is named twice"),
    (["--devices=,"], "no network device has a cdev"),
    (["--testpmd=/nonesuch"], "/nonesuch: no such program"),
    (["--testpmd=nonesuch"], "nonesuch: no such program"),
    (["--testpmd=/tmp"], "/tmp: no such program"),
    (["--library=/nonesuch"], "/nonesuch: No such file or directory"),
    (["--library=/etc/passwd"], "/etc/passwd: not a 64-bit shared library"),
    (["--library=/bin/sh"], "/bin/sh: not a shared library"),
    (["--library=librte_bus_vfio_cdev.so"], "librte_bus_vfio_cdev.so: give the path of"),
    (["--json=/nonesuch/report"], "cannot write the report /nonesuch/report: No such file"),
    (["--junit=/sys/report"], "cannot write the report /sys/report: "),
    (["--duration=forever"], "--duration forever: not a number"),
])
def test_bad_input_is_one_line(host: Guest, args: list[str], message: str) -> None:
    done = host.run([TOOL, "--phases=bind", *args])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dpdk-test-vfio-cdev: ") and message in done.stderr
    assert done.stderr.count("\n") == 1


def test_run_that_does_not_begin_is_reported(host: Guest) -> None:
    done = validate(host, "--devices=0000:00:1f.7")
    assert (done.status, done.verdicts) == (2, {"setup": "error"})
    assert "no such PCI device" in done["setup"]["text"]


def test_no_hugepages_are_free(host: Guest) -> None:
    pages = "/proc/sys/vm/nr_hugepages"
    with changed(host, f"echo 8 >{pages}", f"echo 256 >{pages}"):
        done = validate(host)
    assert done.status == 2
    assert "no NUMA node has 64 MiB of free hugepages" in done["setup"]["text"]


def test_no_telemetry_is_an_error(host: Guest) -> None:
    own = script(host, 'exec dpdk-testpmd --no-telemetry "$@"')
    done = validate(host, own, "--phases=addresses,lifecycle")
    assert (done.status, done.verdicts) == (2, {"addresses": "error", "lifecycle": "not run"})
    assert "dpdk_telemetry.v2: No such file or directory" in done["addresses"]["text"]


@pytest.mark.parametrize(("hello", "answers", "text"), [
    (b"hello", b"", "malformed answer to the connection"),
    (HELLO, b'{"/vfio_cdev/devices": [0, 1', "malformed answer to /vfio_cdev/devices"),
    (HELLO.replace(b"22.11.1", b"20.11.3"), b"", "at least DPDK 22.11 is needed"),
])
def test_program_that_is_no_testpmd_is_an_error(host: Guest, hello: bytes, answers: bytes,
                                                text: str) -> None:
    own = script(host, PEER.format(hello=hello, answers=answers), "/usr/bin/python3")
    done = validate(host, own, "--phases=addresses")
    assert (done.status, done.verdicts) == (2, {"addresses": "error"})
    assert text in done["addresses"]["text"]


def test_ports_that_are_missing_are_a_failure(host: Guest) -> None:
    own = script(host, f'exec dpdk-testpmd $(echo "$@" | sed "s/-a {PAIR[1]}//")')
    done = validate(host, own, "--phases=addresses")
    assert (done.status, done.verdicts) == (1, {"addresses": "failed"})
    assert f"has 1 of 2 devices over the backend: {PAIR[1]} is none of them" in \
        done["addresses"]["text"]


# All of them forward, over the group, as stock DPDK does.
@pytest.mark.parametrize("phase", ["addresses", "forward", "integrity", "restart", "lifecycle"])
def test_testpmd_without_the_backend_fails(host: Guest, phase: str) -> None:
    """Something takes LD_PRELOAD out of the environment."""
    own = script(host, 'exec env -u LD_PRELOAD dpdk-testpmd "$@"')
    done = validate(host, own, f"--phases={phase}")
    assert (done.status, done.verdicts) == (1, {phase: "failed"})
    assert "own-testpmd runs without the backend, which LD_PRELOAD has not brought into it" in \
        done[phase]["text"]


@pytest.mark.parametrize("phase", ["forward", "integrity"])
def test_library_that_is_no_backend_fails(host: Guest, phase: str) -> None:
    libm = host.run(["sh", "-c", "echo /lib/*/libm.so.6"], check=True).stdout.strip()
    done = validate(host, f"--library={libm}", f"--phases={phase}")
    assert (done.status, done.verdicts) == (1, {phase: "failed"})
    assert "runs without the backend" in done[phase]["text"]


def test_wrapper_that_clears_the_environment_fails(host: Guest) -> None:
    """Then testpmd does not find its directory either, and leaves files elsewhere."""
    own = script(host, 'exec env -i /usr/bin/dpdk-testpmd "$@"')
    done = validate(host, own, "--phases=addresses")
    assert (done.status, done.verdicts) == (1, {"addresses": "failed"})
    assert "does not have the environment that it was given" in done["addresses"]["text"]


# Root's programs keep LD_PRELOAD: security/commoncap.c, cap_bprm_creds_from_file().
AS_USER = ["setpriv", "--reuid=65534", "--inh-caps=+all", "--ambient-caps=+all"]


def test_testpmd_with_capabilities_fails(host: Guest) -> None:
    """A user's: the dynamic linker then takes no library from the environment."""
    host.run(["sh", "-c", "mkdir /tmp/caps && cp /usr/bin/dpdk-testpmd /tmp/caps/testpmd && "
                          "setcap cap_sys_rawio,cap_sys_admin,cap_dac_override,cap_ipc_lock+ep "
                          "/tmp/caps/testpmd && chmod 777 /tmp/caps"], check=True)
    try:
        process = host.start([*AS_USER, *options("--testpmd=/tmp/caps/testpmd",
                                                 "--phases=addresses")])
        done = finished(host, process)
        assert (done.status, done.verdicts) == (1, {"addresses": "failed"}), done.output
        assert "runs without the backend" in done["addresses"]["text"]
        own = host.start([*AS_USER, *options("--phases=addresses")])
        assert finished(host, own).verdicts == {"addresses": "passed"}
    finally:
        host.run(["rm", "-r", "/tmp/caps"], check=True)


def test_testpmd_in_a_pid_namespace_passes(host: Guest) -> None:
    """By its own account it is process 1."""
    own = script(host, 'exec unshare --pid --fork --kill-child dpdk-testpmd "$@"')
    done = validate(host, own, "--phases=addresses,lifecycle")
    assert done.verdicts == {"addresses": "passed", "lifecycle": "passed"}, done.output


def test_runs_with_the_same_process_id_do_not_meet(host: Guest) -> None:
    """Containers that share a hugetlbfs."""
    inside = ["unshare", "--pid", "--fork", "--mount-proc", TOOL, "--phases=addresses"]
    runs = [host.start([*inside, f"--devices={device}"]) for device in PAIR]
    statuses = [run.wait(120) for run in runs]
    assert statuses == [0, 0], [run.stdout + run.stderr for run in runs]


def test_ports_that_are_not_linked_are_a_failure(guest: Callable[..., Guest]) -> None:
    apart = guest(nics=("virtio-net-pci", "e1000e"))
    done = validate(apart, "--phases=forward")
    assert (done.status, done.verdicts) == (1, {"forward": "failed"})
    assert "are the ports linked?" in done["forward"]["text"]


def test_crash_fails_its_phase_only(host: Guest) -> None:
    """The first testpmd crashes as soon as it has a device; the ones after it do not."""
    own = script(host, "mkdir /tmp/first 2>/dev/null && (until readlink /proc/$$/fd/* | grep -q "
                       'noiommu-vfio; do sleep 0.1; done; kill -SEGV $$) &\n'
                       'exec dpdk-testpmd "$@"')
    done = validate(host, own, "--phases=forward,lifecycle", "--keep-going")
    host.run(["rmdir", "/tmp/first"], check=True)
    assert (done.status, done.verdicts) == (1, {"forward": "failed", "lifecycle": "passed"})
    assert "own-testpmd crashed: signal 11 (Segmentation fault)" in done["forward"]["text"]
    assert "EAL: " in done["forward"]["details"]["output"]


def test_first_failure_ends_the_run(host: Guest) -> None:
    done = validate(host, script(host, "exit 1"), "--phases=bind,addresses,forward")
    assert done.status == 1
    assert done.verdicts == {"bind": "passed", "addresses": "failed", "forward": "not run"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_signal_cleans_up_and_reports(host: Guest, number: signal.Signals) -> None:
    process = host.start(options("--phases=bind,forward,restart", "--duration=1000"))
    await_devices_in_use(host)
    host.run(["kill", f"-{number.name[3:]}", tool_pid(host)], check=True)
    done = finished(host, process, 20)
    assert done.status == 2
    assert done.verdicts == {"bind": "passed", "forward": "stopped", "restart": "not run"}
    assert "stopped by a signal" in done.stdout


def test_next_run_removes_what_a_killed_one_has_left(host: Guest) -> None:
    """testpmd dies with the tool, and leaves most hugepages in its files."""
    process = host.start(options("--phases=forward", "--duration=1000"))
    await_devices_in_use(host)
    host.run(["kill", "-KILL", tool_pid(host)], check=True)
    assert process.wait(20) == -signal.SIGKILL
    host.run(["sh", "-c", f"while {IN_USE} || pidof dpdk-testpmd; do sleep 0.1; done; "
                          "ls -d /run/test-vfio-cdev-* /dev/hugepages/test-vfio-cdev-*"],
             check=True)
    pages = "/proc/sys/vm/nr_hugepages"
    few = f"used=$(ls /dev/hugepages/test-vfio-cdev-* | wc -l); echo $((used + 8)) >{pages}"
    with changed(host, few, f"echo 256 >{pages}"):
        done = validate(host, "--phases=addresses")
    assert done.status == 0, done.output
    assert re.search(r"^note: removed \d+ files and directories of earlier runs", done.stderr, re.M)


def test_run_leaves_another_one_alone(host: Guest) -> None:
    """Whose files lie beside its own."""
    other = host.start(options("--phases=forward", "--duration=1000"))
    await_devices_in_use(host)
    beside = host.run([TOOL, "--phases=preflight"])
    assert "note: removed" not in beside.stderr
    assert other.poll() is None
    host.run(["kill", "-TERM", tool_pid(host)], check=True)
    done = finished(host, other, 20)
    assert done.verdicts == {"forward": "stopped"}


def tool_pid(guest: Guest) -> str:
    """The process id of the one that runs."""
    return guest.run(["pidof", TOOL], check=True).stdout.split()[0]
