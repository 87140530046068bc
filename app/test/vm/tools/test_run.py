# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-vfio-cdev run: testpmd runs under it, and what would not work is not started."""

import re

import pytest

from helpers.cli import CLI, shell
from helpers.faults import cdev_hidden
from helpers.forwarding import assert_forwarded_over_cdevs, refusal
from helpers.nodes import CONTAINER, DEVICE, PAIR
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Testpmd

RUN = [CLI, "run"]
SHOW = ["sh", "-c", 'echo "$LD_PRELOAD $RTE_VFIO_CDEV"']


@pytest.mark.parametrize("wrapper, program, message", [
    ("", "busybox", "is static"),
    ("setpriv --reuid 65534 --clear-groups", "/tmp/setuid", "setuid"),
])
def test_run_refuses_what_would_not_be_preloaded(cdev: Guest, wrapper: str, program: str,
                                                 message: str) -> None:
    done = shell(cdev, f"cp /bin/true /tmp/setuid; chmod u+s /tmp/setuid; "
                 f"{wrapper} $CLI run {program}")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(rf"FAIL  app: .*{message}.*\n      cure: .*\ndpdk-vfio-cdev: .*is not started: "
                    r"1 check failed\n$", done.stderr), done.stderr


@pytest.mark.parametrize("more", [[], ["--require", "--check"]], ids=["prefer", "require"])
def test_testpmd_forwards_under_run(cdev: Guest, more: list[str]) -> None:
    with Testpmd(cdev, PAIR, policy="", wrapper=[*RUN, *more, "--"]) as testpmd:
        nodes = testpmd.ready().flowing().nodes() - {CONTAINER}
        assert_forwarded_over_cdevs(testpmd.stop(), nodes, PAIR)


def test_require_refuses_a_device_without_a_cdev(cdev: Guest) -> None:
    with cdev_hidden(cdev):
        refusal(cdev, policy="", wrapper=[*RUN, "--require", "--"])


def test_run_keeps_what_is_preloaded(cdev: Guest) -> None:
    other = cdev.run(["sh", "-c", "ls /lib/*/libnuma.so.1"], check=True).stdout.strip()
    cases: list[tuple[list[str], str]] = [
        ([], f"{LIBRARY} prefer"),
        ([f"LD_PRELOAD={other}"], f"{LIBRARY}:{other} prefer"),
        (["RTE_VFIO_CDEV=require"], f"{LIBRARY} require")]
    for env, seen in cases:
        done = cdev.run(["env", *env, *RUN, "--", *SHOW], check=True)
        assert (done.stdout, done.stderr) == (f"{seen}\n", "")
    off = cdev.run(["env", "RTE_VFIO_CDEV=off", *RUN, "--", *SHOW], check=True)
    assert "RTE_VFIO_CDEV=off is set" in off.stderr
    assert cdev.run([*RUN, "sh", "-c", "exit 42"]).returncode == 42


def test_check_of_a_device_that_another_program_has(cdev: Guest) -> None:
    """It matters to a program that names it and is no secondary: "true" stands for each."""
    with Testpmd(cdev, [DEVICE]) as primary:
        primary.ready()
        refused: list[list[str]] = [
            ["-a", DEVICE], ["-a", f"pci:{DEVICE}"], ["-a", "0:3.0"],
            [f"--allow=pci:{DEVICE.upper()},x=1"]]
        started: list[list[str]] = [
            ["-a", DEVICE, "--proc-type=secondary"], ["-a", DEVICE, "--proc-type", "auto"],
            ["-a", PAIR[1]], ["-a", "0000:00:00.0"], ["-b", DEVICE], []]
        for args in [*refused, *started]:
            starts = args in started
            done = cdev.run([*RUN, "--check", "--", "true", *args])
            assert done.returncode == (0 if starts else 2), (args, done.stderr)
            assert ("FAIL  device-in-use" in done.stderr) != starts, (args, done.stderr)
        # Who blocks it hears nothing of it; a wrapper's own "--" ends nothing.
        blocked = cdev.run([*RUN, "--check", "--", "true", "-b", DEVICE], check=True)
        assert DEVICE not in blocked.stderr
        wrapped = cdev.run([*RUN, "--check", "--", "taskset", "-c", "0", "--", "true", "-a", DEVICE,
                            "--", "-i"])
        assert (wrapped.returncode, "FAIL  device-in-use" in wrapped.stderr) == (2, True)
        assert primary.stop().status == 0


@pytest.mark.parametrize("program, status, message", [
    ("/nonexistent", 127, "cannot run /nonexistent: No such file or directory"),
    ("frobnicate", 127, "cannot run frobnicate: No such file or directory"),
    ("/etc/passwd", 126, "cannot run /etc/passwd: Permission denied"),
    ("/etc", 126, "cannot run /etc: Permission denied"),
])
def test_run_cannot(cdev: Guest, program: str, status: int, message: str) -> None:
    done = shell(cdev, f"$CLI run -- {program}")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == f"dpdk-vfio-cdev: {message}\n"


def test_script_without_its_interpreter_is_not_run(cdev: Guest) -> None:
    done = shell(cdev, "printf '#!/nonexistent\\n' >/tmp/script; chmod +x /tmp/script; "
                 "$CLI run -- /tmp/script")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "FAIL  app: /tmp/script is a script of /nonexistent: No such file or directory\n")


@pytest.mark.parametrize("place", ["/tmp/a b", "/tmp/a:b"])
def test_library_in_a_path_that_cannot_be_preloaded(cdev: Guest, place: str) -> None:
    done = shell(cdev, f"mkdir -p '{place}'; ln -sf {LIBRARY} '{place}'/x.so; "
                 f"ln -sfn '{place}' /tmp/link; $CLI run --library '{place}/x.so' true; "
                 "echo $?; cd /tmp; $CLI run --library link/x.so printenv LD_PRELOAD")
    assert done.stdout == "2\n/tmp/link/x.so\n"
    assert f"{place}/x.so: the dynamic linker takes no blank and no colon" in done.stderr


def test_installed_tool_finds_the_library(cdev: Guest) -> None:
    """Beside it, wherever it was moved to; a copy that has none reports it."""
    lib = "../lib/$(basename $(dirname $(ls /lib/*/libnuma.so.1)))"
    done = shell(cdev, "mkdir -p /tmp/usr/bin /tmp/lone; cp $CLI /tmp/usr/bin; cp $CLI /tmp/lone; "
                 f"cd /tmp/usr/bin; mkdir -p {lib}; cp {LIBRARY} {lib}; cd /; "
                 "/tmp/usr/bin/dpdk-vfio-cdev run printenv LD_PRELOAD; "
                 "/tmp/lone/dpdk-vfio-cdev run true; echo $?")
    assert re.fullmatch(r"/tmp/usr/lib/\S+/librte_bus_vfio_cdev\.so\.1\n2\n", done.stdout)
    assert "cannot find librte_bus_vfio_cdev.so" in done.stderr
