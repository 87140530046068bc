# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-vfio-cdev in guests: what it lists is what is there, and testpmd runs under it."""

import json
import re
import shlex
import subprocess
from typing import Any, Callable

import pytest

from testvm.machine import bypass_address, nic_address
from testvm.qemu import Guest
from testvm.testpmd import LIBRARY, Testpmd
from testvm.util import CHECKOUT

from helpers.faults import cdev_hidden
from helpers.forwarding import assert_forwarded_over_cdevs
from helpers.nodes import CONTAINER, DEVICE, NICS, PAIR

CLI = str(CHECKOUT / "build/app/dpdk-vfio-cdev")
COMPLETION = CHECKOUT / "app/vfio-cdev/dpdk-vfio-cdev.bash"
RUN = [CLI, "run"]
SHOW = ["sh", "-c", 'echo "$LD_PRELOAD $RTE_VFIO_CDEV"']


def shell(guest: Guest, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in which $CLI is the program."""
    return guest.run(["bash", "-c", f"CLI={CLI}\n{script}"])


def listed(guest: Guest, *args: str) -> dict[str, dict[str, Any]]:
    """The devices of the JSON by their addresses."""
    done = guest.run([CLI, "list", "--json", *args], check=True)
    devices = {device["address"]: device for device in json.loads(done.stdout)["devices"]}
    assert done.stderr == ""
    return devices


def table(guest: Guest, *args: str) -> dict[str, str]:
    """The lines of the table by their addresses."""
    lines = guest.run([CLI, "list", *args], check=True).stdout.splitlines()
    assert re.match(r"ADDRESS +ID +NAME +DRIVER +CDEV +MODE +NUMA +GROUP +OPENED BY$", lines[0])
    assert max(map(len, lines)) <= 100
    assert "\033" not in "".join(lines)
    return {line.split()[0]: line for line in lines[1:]}


def assert_agrees(guest: Guest, devices: dict[str, dict[str, Any]]) -> None:
    """Every field that sysfs has as well; "" and -1 are null."""
    fields = ("vendor_id", "device_id", "numa_node", "driver", "iommu_group", "cdev")
    script = """
        for address; do
            cd /sys/bus/pci/devices/$address
            read vendor <vendor; read device <device; read node <numa_node
            driver=$(readlink driver) group=$(readlink iommu_group) cdev=$(echo vfio-dev/*)
            echo ${vendor#0x},${device#0x},$node,${driver##*/},${group##*/},${cdev##*/}
        done"""
    lines = guest.run(["sh", "-c", script, "sh", *devices], check=True).stdout.splitlines()
    for line, device in zip(lines, devices.values(), strict=True):
        for field, value in zip(fields, line.split(","), strict=True):
            told = device[field]
            assert value in (("", "-1", "*") if told is None else (str(told),)), (field, device)


def test_list_without_iommu(cdev: Guest) -> None:
    """All eight NICs, in the table and in the JSON, as sysfs has them."""
    devices = listed(cdev)
    assert list(devices) == list(table(cdev)) == [nic_address(i) for i in range(len(NICS))]
    assert_agrees(cdev, devices)
    for device in devices.values():
        assert (device["mode"], device["driver"], device["openers"]) == ("no-IOMMU", "vfio-pci", [])
    assert "82540EM Gigabit Ethernet Controller" in devices[nic_address(4)]["name"]


def test_list_all_shows_what_has_no_driver(cdev: Guest) -> None:
    """And the guest's other devices, which VFIO does not have."""
    last = nic_address(len(NICS) - 1)
    cdev.run(["sh", "-c", f"echo {last} >/sys/bus/pci/drivers/vfio-pci/unbind"], check=True)
    try:
        seen, devices = listed(cdev), listed(cdev, "--all")
        assert_agrees(cdev, devices)
        refused = cdev.run([*RUN, "--check", "--", "dpdk-testpmd", "-a", f"{last},x=1", "--"])
        judged = cdev.run([CLI, "doctor", last])
    finally:
        cdev.run(["sh", "-c", f"echo {last} >/sys/bus/pci/drivers_probe"], check=True)
    assert last not in seen
    assert (devices[last]["driver"], devices[last]["mode"]) == (None, "none")
    drivers = {device["driver"] for device in devices.values()}
    assert {"vfio-pci", "virtio-pci"} <= drivers
    assert last in listed(cdev)
    assert (refused.returncode, refused.stdout, judged.returncode) == (2, "", 2)
    assert re.search(r"dpdk-testpmd is not started: \d+ checks? failed\n$", refused.stderr)
    for text in (refused.stderr, judged.stdout):
        assert re.search(rf"^FAIL  device-driver {last}: .*\n      cure: .*drivers_probe", text,
                         re.M), text


def test_opener_is_shown_while_testpmd_runs(cdev: Guest) -> None:
    with Testpmd(cdev, PAIR) as testpmd:
        testpmd.ready()
        held = {"pid": int(testpmd.pid), "program": "dpdk-testpmd", "opened": "cdev"}
        devices = listed(cdev)
        assert [devices[address]["openers"] for address in PAIR] == [[held], [held]]
        assert devices[nic_address(2)]["opener_count"] == 0
        assert f"  {testpmd.pid} dpdk-testpmd" in table(cdev)[DEVICE]
        testpmd.stop()
    assert listed(cdev)[DEVICE]["openers"] == []
    with Testpmd(cdev, PAIR, policy="off") as testpmd:
        testpmd.ready()
        held = {"pid": int(testpmd.pid), "program": "dpdk-testpmd", "opened": "group"}
        assert listed(cdev)[DEVICE]["openers"] == [held]
        testpmd.stop()


@pytest.mark.parametrize("command, told", [
    ("$CLI", "no command"),
    ("$CLI frobnicate", "frobnicate: no such command"),
    ("$CLI list 0000:00:03.0", "list: 0000:00:03.0: takes no argument"),
    ("$CLI doctor 0000:00:1f.7", "0000:00:1f.7: no such device"),
    ("$CLI doctor ../../etc", "../../etc: not the address of a device"),
    ("$CLI doctor --app /nonexistent", "--app /nonexistent: No such file or directory"),
    ("$CLI run", "run: no program"),
    ("$CLI run --library /nonexistent true", "cannot read /nonexistent: No such file"),
    ("$CLI run --check -- true -a 0000:00:1f.7", "0000:00:1f.7: no such device"),
    ("$CLI list >/dev/full", "cannot write the output: No space left on device"),
    ("$CLI list --json >&-", "cannot write the output: Bad file descriptor"),
    ("trap '' PIPE; { while echo; do :; done 2>/dev/null; $CLI list; echo $? >&3; } 3>&2 | :",
     "Broken pipe"),
    ("unshare -m sh -c 'mount -t tmpfs none /sys; exec '$CLI' list'", "cannot list the buses"),
])
def test_bad_input_is_one_line(cdev: Guest, command: str, told: str) -> None:
    done = shell(cdev, command)
    words = done.stderr.replace("\n2\n", "\n") if "&3" in command else done.stderr
    assert re.fullmatch(rf"dpdk-vfio-cdev: .*{re.escape(told)}.*\n", words), done.stderr
    assert done.returncode == 2 or done.stderr.endswith("\n2\n")


def test_errors_are_json_too(cdev: Guest) -> None:
    done = cdev.run([CLI, "doctor", "--json", "0000:00:1f.7"])
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"] in done.stderr


def test_unknown_options_help_and_version(cdev: Guest) -> None:
    for command in ("", "list", "doctor", "run"):
        unknown = cdev.run([CLI, *command.split(), "--frobnicate"])
        assert (unknown.returncode, unknown.stdout) == (2, "")
        assert "unrecognized option '--frobnicate'" in unknown.stderr
        shown = cdev.run([CLI, *command.split(), "--help"], check=True).stdout
        assert re.search(rf"Examples:\n  dpdk-vfio-cdev {command}", shown)
    assert re.fullmatch(r"dpdk-vfio-cdev \d+\.\d+\.\d+\n",
                        cdev.run([CLI, "--version"], check=True).stdout)


def test_colour_is_for_terminals(cdev: Guest) -> None:
    script = ["script", "--quiet", "--return", "/dev/null", "--command", f"{CLI} list"]
    on = cdev.run(["env", "TERM=linux", *script], check=True).stdout
    assert on.startswith("\033[1mADDRESS")
    for off in ("NO_COLOR=1", "TERM=dumb"):
        assert "\033" not in cdev.run(["env", "TERM=linux", off, *script], check=True).stdout


def test_addresses_are_completed(cdev: Guest) -> None:
    line = f"dpdk-vfio-cdev doctor {DEVICE[:-1]}"
    script = (f". {COMPLETION}; COMP_WORDBREAKS=' '; COMP_LINE={shlex.quote(line)}; "
              "COMP_POINT=${#COMP_LINE}; _dpdk_vfio_cdev; echo ${COMPREPLY[*]}")
    assert shell(cdev, script).stdout == f"{DEVICE}\n"


def doctor(guest: Guest, *args: str) -> tuple[int, dict[str, Any]]:
    """Its exit status and its JSON, which say the same, as does its text."""
    done = guest.run([CLI, "doctor", "--json", *args])
    report = json.loads(done.stdout)
    verdicts = [finding["verdict"] for finding in report["findings"]]
    counts = [verdicts.count(verdict) for verdict in ("PASS", "WARN", "FAIL")]
    assert [report["passed"], report["warnings"], report["failed"]] == counts
    assert report["verdict"] == ("PASS", "WARN", "FAIL")[done.returncode]
    text = guest.run([CLI, "doctor", *args])
    assert text.returncode == done.returncode
    assert re.findall(r"^(PASS|WARN|FAIL)  ([a-z-]+)(?: (\S+))?: ", text.stdout, re.M) == [
        (finding["verdict"], finding["check"], finding["device"] or "")
        for finding in report["findings"]]
    passed, warned, failed = counts
    assert re.search(rf"^{passed} passed, {warned} warnings?, {failed} failed: .+\n\Z",
                     text.stdout, re.M)
    return done.returncode, report


def test_doctor_reports_in_text_and_json(cdev: Guest) -> None:
    """A machine that works; short addresses; and a program that would not."""
    status, report = doctor(cdev, DEVICE, PAIR[1].removeprefix("0000:"), "--app", "dpdk-testpmd")
    assert status < 2, report
    assert {finding["device"] for finding in report["findings"]} == {None, *PAIR}
    status, report = doctor(cdev, "--app", "busybox")
    assert status == 2
    assert [finding["check"] for finding in report["findings"]
            if finding["verdict"] == "FAIL"] == ["app"]


@pytest.mark.parametrize("wrapper, program, told", [
    ("", "busybox", "is static"),
    ("setpriv --reuid 65534 --clear-groups", "/tmp/setuid", "setuid"),
])
def test_run_refuses_what_would_not_be_preloaded(cdev: Guest, wrapper: str, program: str,
                                                 told: str) -> None:
    done = shell(cdev, f"cp /bin/true /tmp/setuid; chmod u+s /tmp/setuid; "
                 f"{wrapper} $CLI run {program}")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(rf"FAIL  app: .*{told}.*\n      cure: .*\ndpdk-vfio-cdev: .*is not started: "
                    r"1 check failed\n$", done.stderr), done.stderr


@pytest.mark.parametrize("more", [[], ["--require", "--check"]], ids=["prefer", "require"])
def test_testpmd_forwards_under_run(cdev: Guest, more: list[str]) -> None:
    with Testpmd(cdev, PAIR, policy="", wrapper=[*RUN, *more, "--"]) as testpmd:
        nodes = testpmd.ready().flowing().nodes() - {CONTAINER}
        assert_forwarded_over_cdevs(testpmd.stop(), nodes, PAIR)


def test_require_refuses_a_device_without_a_cdev(cdev: Guest) -> None:
    with cdev_hidden(cdev), \
            Testpmd(cdev, [DEVICE], policy="", wrapper=[*RUN, "--require", "--"]) as testpmd:
        testpmd.ready()
        assert testpmd.nodes() <= {CONTAINER}
        output = testpmd.stop().output
    assert "No probed ethernet devices" in output


def test_run_keeps_what_is_preloaded(cdev: Guest) -> None:
    other = cdev.run(["sh", "-c", "ls /lib/*/libnuma.so.1"], check=True).stdout.strip()
    for env, seen in (([], f"{LIBRARY} prefer"),
                      ([f"LD_PRELOAD={other}"], f"{LIBRARY}:{other} prefer"),
                      (["RTE_VFIO_CDEV=require"], f"{LIBRARY} require")):
        done = cdev.run(["env", *env, *RUN, "--", *SHOW], check=True)
        assert (done.stdout, done.stderr) == (f"{seen}\n", "")
    off = cdev.run(["env", "RTE_VFIO_CDEV=off", *RUN, "--", *SHOW], check=True)
    assert "RTE_VFIO_CDEV=off is set" in off.stderr
    assert cdev.run([*RUN, "sh", "-c", "exit 42"]).returncode == 42


@pytest.mark.parametrize("program, status, told", [
    ("/nonexistent", 127, "cannot run /nonexistent: No such file or directory"),
    ("frobnicate", 127, "cannot run frobnicate: No such file or directory"),
    ("/etc/passwd", 126, "cannot run /etc/passwd: Permission denied"),
    ("/etc", 126, "cannot run /etc: Permission denied"),
    ("/tmp/script", 126, "cannot run /tmp/script: its interpreter is not there"),
])
def test_run_cannot(cdev: Guest, program: str, status: int, told: str) -> None:
    done = shell(cdev, "printf '#!/nonexistent\\n' >/tmp/script; chmod +x /tmp/script; "
                 f"$CLI run -- {program}")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == f"dpdk-vfio-cdev: {told}\n"


@pytest.mark.parametrize("place", ["/tmp/a b", "/tmp/a:b"])
def test_library_in_a_path_that_cannot_be_preloaded(cdev: Guest, place: str) -> None:
    done = shell(cdev, f"mkdir -p '{place}'; ln -sf {LIBRARY} '{place}'/x.so; "
                 f"ln -sfn '{place}' /tmp/link; $CLI run --library '{place}/x.so' true; "
                 "echo $?; cd /tmp; $CLI run --library link/x.so printenv LD_PRELOAD")
    assert done.stdout == "2\n/tmp/link/x.so\n"
    assert f"{place}/x.so: the dynamic linker takes no blank and no colon" in done.stderr


def test_installed_tool_finds_the_library(cdev: Guest) -> None:
    """Beside it, wherever it was moved to; a copy that has none says so."""
    lib = "../lib/$(basename $(dirname $(ls /lib/*/libnuma.so.1)))"
    done = shell(cdev, "mkdir -p /tmp/usr/bin /tmp/lone; cp $CLI /tmp/usr/bin; cp $CLI /tmp/lone; "
                 f"cd /tmp/usr/bin; mkdir -p {lib}; cp {LIBRARY} {lib}; cd /; "
                 "/tmp/usr/bin/dpdk-vfio-cdev run printenv LD_PRELOAD; "
                 "/tmp/lone/dpdk-vfio-cdev run true; echo $?")
    assert re.fullmatch(r"/tmp/usr/lib/\S+/librte_bus_vfio_cdev\.so\n2\n", done.stdout)
    assert "cannot find librte_bus_vfio_cdev.so" in done.stderr


@pytest.mark.xdist_group("translated")
def test_list_translated_beside_no_iommu(intel: Guest) -> None:
    devices = listed(intel)
    assert {address: device["mode"] for address, device in devices.items()} == {
        PAIR[0]: "translated", PAIR[1]: "translated", bypass_address(0): "no-IOMMU"}
    assert_agrees(intel, devices)
    assert None not in {device["iommu_group"] for device in devices.values()}
    assert re.search(r" vfio-pci +vfio0 +translated +- +\d+ +-$", table(intel)[PAIR[0]])


@pytest.mark.xdist_group("kernels")
def test_list_of_a_kernel_without_cdevs(guest: Callable[..., Guest]) -> None:
    machine = guest(config="group-only")
    assert [device["mode"] for device in listed(machine).values()] == ["group only"] * 2
    assert [device["cdev"] for device in listed(machine).values()] == [None] * 2
    assert re.search(r" vfio-pci +- +group only ", table(machine)[DEVICE])


def test_man_page_renders_and_has_every_option() -> None:
    """devtools/test.sh builds it before these tests run."""
    page = CHECKOUT / "build-docs/doc/dpdk-vfio-cdev.1"
    if not page.exists():
        pytest.skip("no documentation in build-docs")
    done = subprocess.run(["groff", "-man", "-t", "-ww", "-Tutf8", "-P-cbou", str(page)],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for command in ("list", "doctor", "run"):
        shown = subprocess.run([CLI, command, "--help"], capture_output=True, text=True,
                               check=True).stdout
        for option in set(re.findall(r"--[a-z]+", shown)) - {"--usage"}:
            assert option in done.stdout, option
