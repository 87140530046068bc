# SPDX-License-Identifier: BSD-3-Clause
"""The command line of dpdk-vfio-cdev: bad input, help, completion and the manual page."""

import json
import re
import shlex
import subprocess

import pytest

from helpers.cli import CLI, shell
from helpers.nodes import DEVICE
from testvm.qemu import Guest
from testvm.util import CHECKOUT

COMMANDS = ("list", "doctor", "run", "cdi", "udev")
COMPLETION = CHECKOUT / "app/vfio-cdev/dpdk-vfio-cdev.bash"


@pytest.mark.parametrize("command, message", [
    ("$CLI", "no command"),
    ("$CLI frobnicate", "frobnicate: no such command"),
    ("$CLI list 0000:00:03.0", "list: 0000:00:03.0: takes no argument"),
    ("$CLI doctor 0000:00:1f.7", "0000:00:1f.7: no such device"),
    ("$CLI doctor ../../etc", "../../etc: not the address of a device"),
    ("$CLI doctor --app /nonexistent", "--app /nonexistent: No such file or directory"),
    ("$CLI run", "run: no program"),
    ("$CLI run --library /nonexistent true", "cannot read /nonexistent: No such file"),
    ("$CLI run --check -- true -a 0000:00:1f.7", "0000:00:1f.7: no such device"),
    ("$CLI cdi 0000:00:1f.7", "0000:00:1f.7: no such device"),
    ("$CLI cdi 0000:00:00.0", "0000:00:00.0: it has no cdev that a container can be given"),
    ("$CLI cdi --library /nonexistent", "cannot read /nonexistent: No such file"),
    ("unshare -m sh -c 'mount -t tmpfs none /sys/class/misc; exec '$CLI' cdi'",
     "cannot read the number of /dev/iommu"),
    ("unshare -m sh -c 'mount -t tmpfs none /sys/bus; exec '$CLI' cdi'", "no device has a cdev"),
    ("$CLI cdi >/dev/full", "cannot write the output: No space left on device"),
    ("$CLI udev vfio", "udev: vfio: takes no argument"),
    ("$CLI udev --group 'a\"b'", "not the name or number of a group"),
    ("$CLI list >/dev/full", "cannot write the output: No space left on device"),
    ("$CLI list --json >&-", "cannot write the output: Bad file descriptor"),
    ("trap '' PIPE; { while echo; do :; done 2>/dev/null; $CLI list; echo $? >&3; } 3>&2 | :",
     "Broken pipe"),
    ("unshare -m sh -c 'mount -t tmpfs none /sys; exec '$CLI' list'", "cannot list the buses"),
])
def test_bad_input_is_one_line(cdev: Guest, command: str, message: str) -> None:
    done = shell(cdev, command)
    words = done.stderr.replace("\n2\n", "\n") if "&3" in command else done.stderr
    assert re.fullmatch(rf"dpdk-vfio-cdev: .*{re.escape(message)}.*\n", words), done.stderr
    assert done.returncode == 2 or done.stderr.endswith("\n2\n")


def test_errors_are_json_too(cdev: Guest) -> None:
    done = cdev.run([CLI, "doctor", "--json", "0000:00:1f.7"])
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"] in done.stderr


def test_unknown_options_help_and_version(cdev: Guest) -> None:
    for command in ("", *COMMANDS):
        unknown = cdev.run([CLI, *command.split(), "--frobnicate"])
        assert (unknown.returncode, unknown.stdout) == (2, "")
        assert "unrecognized option '--frobnicate'" in unknown.stderr
        shown = cdev.run([CLI, *command.split(), "--help"], check=True).stdout
        assert re.search(rf"Examples:\n  dpdk-vfio-cdev {command}", shown)
    assert re.fullmatch(r"dpdk-vfio-cdev \d+\.\d+\.\d+\n",
                        cdev.run([CLI, "--version"], check=True).stdout)


def test_addresses_are_completed(cdev: Guest) -> None:
    line = f"dpdk-vfio-cdev doctor {DEVICE[:-1]}"
    script = (f". {COMPLETION}; COMP_WORDBREAKS=' '; COMP_LINE={shlex.quote(line)}; "
              "COMP_POINT=${#COMP_LINE}; _dpdk_vfio_cdev; echo ${COMPREPLY[*]}")
    assert shell(cdev, script).stdout == f"{DEVICE}\n"


def test_man_page_renders_and_has_every_option() -> None:
    """devtools/test.sh builds it before these tests run."""
    page = CHECKOUT / "build-docs/doc/dpdk-vfio-cdev.1"
    if not page.exists():
        pytest.skip("no documentation in build-docs")
    done = subprocess.run(["groff", "-man", "-t", "-ww", "-Tutf8", "-P-cbou", str(page)],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for command in COMMANDS:
        shown = subprocess.run([CLI, command, "--help"], capture_output=True, text=True,
                               check=True).stdout
        for option in set(re.findall(r"--[a-z]+", shown)) - {"--usage"}:
            assert option in done.stdout, option
