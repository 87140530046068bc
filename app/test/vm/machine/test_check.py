# SPDX-License-Identifier: BSD-3-Clause
"""devtools/check without a guest: each rule fires on a small tree that breaks it, once."""

import json
import os
import subprocess
from pathlib import Path

import pytest

TOP = next(path for path in Path(__file__).resolve().parents if (path / "devtools/check").exists())
LICENSE = "SPDX-License-Identifier: BSD-3-Clause"
# Two layers in one folder, one folder above it, a test and scripts: nothing wrong.
CLEAN = {
    "meson.build": f"# {LICENSE}\nproject('x',\n    version: '1.2.3')\n"
                   "folder_layers = [\n    ['lib/a'],\n    ['app/b'],\n]\n",
    "config/meson.build": f"# {LICENSE}\nabi_version = '4'\n",
    "app/host/launch.h": f'/* {LICENSE} */\n#define LAUNCH_LIBRARY "librte_a.so.4"\n',
    "doc/changelog.rst": f".. {LICENSE}\n\n1.2.3 (2026-12-01)\n------------------\n",
    "devtools/debian/changelog": "dpdk-vfio-cdev (1.2.3) unstable; urgency=medium\n\n"
                                 " -- X <x@y>  Tue, 01 Dec 2026 00:00:00 +0000\n",
    "lib/a/meson.build": f"# {LICENSE}\na_layers = [\n    ['low.c'], # the lowest\n"
                         "    ['high.c', 'side.c'],\n]\n",
    "lib/a/vfio_cdev_a.h": f"/* {LICENSE} */\nint\nvfio_cdev_low(void);\n"
                           "int\nvfio_cdev_high(void);\nint\nvfio_cdev_side(void);\n",
    "lib/a/low.c": f'/* {LICENSE} */\n#include "vfio_cdev_a.h"\n\nint\nvfio_cdev_low(void)\n{{\n'
                   "\treturn 0;\n}\n",
    "lib/a/high.c": f'/* {LICENSE} */\n#include "vfio_cdev_a.h"\n\nint\nvfio_cdev_high(void)\n{{\n'
                    "\treturn vfio_cdev_low();\n}\n",
    "lib/a/side.c": f'/* {LICENSE} */\n#include "vfio_cdev_a.h"\n\nint\nvfio_cdev_side(void)\n{{\n'
                    "\treturn 1;\n}\n",
    "lib/a/rte_a.h": f"/* {LICENSE} */\nint\nrte_vfio_cdev_a(void);\n\nint\n"
                     "rte_vfio_cdev_b(int x);\n",
    "lib/a/version.map": f"/* {LICENSE} */\nA_0 {{\n\tglobal:\n\trte_vfio_cdev_a;\n"
                         "\trte_vfio_cdev_b;\n\n\tlocal: *;\n};\n",
    "app/b/main.c": f"/* {LICENSE} */\nint\nvfio_cdev_high(void);\n\nint\nmain(void)\n{{\n"
                    "\treturn vfio_cdev_high();\n}\n",
    "app/b/b.h": f"/* {LICENSE} */\nint\nvfio_cdev_high(void);\n",
    "app/test/vm/test_one.py": f"# {LICENSE}\nimport helpers\n\n\ndef test_it() -> None:\n"
                               "    print(helpers.VALUE)\n",
    "app/test/vm/helpers.py": f"# {LICENSE}\nVALUE = 1\n",
    "app/test/fuzz/corpus/a/input": "#!x \n",
    "run.sh": f"#!/bin/sh\n# {LICENSE}\necho \"$1\"\n",
    "lib/a/log.h": f'/* {LICENSE} */\n#define TEXT "cannot " /* "x" */ "find %s: %s; is '
                   '\\"it\\" there (/*)?" /* "y" */\n',
    "doc/map.rst": f".. {LICENSE}\n\n``low.c``, ``lib/a/``, ``lib/*/high.c``,\n"
                   "``app/test/vm/test_one.py::`` ``test_it``\n",
    "doc/one.rst": f""".. {LICENSE}

.. tested: app/test/vm/test_one.py

.. code-block:: sh

   dpdk-testpmd

It prints::

   dpdk-testpmd: error

* In a list:

  .. code-block:: sh
     :caption: Not executed by the tests: no such machine

     echo 1

Messages
--------

.. messages of: lib

``cannot find ... No such device``, ``is "it" there``
   It is not there.

Others
------

``of others``
   is not looked for.
""",
    "README.md": "[one](doc/one.rst#messages), [folder](lib/a), [elsewhere](https://x/y.rst)\n",
}
LINES = "\tx++;\n"
BREAKS = [
    ("layout", "lib/a/low.c", "return 0;", "return 0; ", "white space at the end"),
    ("layout", "lib/a/low.c", LICENSE, "", "no SPDX"),
    ("layout", "lib/a/low.c", "return 0;", "return 0" + " + 0" * 30 + ";", "over 100 columns"),
    ("length", "lib/a/low.c", "\treturn 0;", LINES * 61 + "\treturn 0;", "function of 63 lines"),
    ("length", "lib/a/low.c", "\nint", "\n" + "int x;\n" * 600 + "int", "lines, over 600"),
    ("length", "app/test/vm/helpers.py", "VALUE = 1",
     "VALUE = 1\n\n\ndef f():\n" + "    f()\n" * 61, "function of 62 lines"),
    ("library", "lib/a/low.c", "return 0;", "exit(1);", "exits, asserts or prints"),
    ("library", "lib/a/low.c", "return 0;", "return ioctl(0, 0);", "calls ioctl()"),
    ("library", "lib/a/low.c", "#include", "#include <rte_eal.h>\n#include", "header of DPDK"),
    ("headers", "app/b/main.c", "\nint", '\n#include "vfio_cdev_a.h"\nint',
     "includes lib/a/vfio_cdev_a.h, which is private"),
    ("headers", "lib/a/low.c", "\nint", '\n#include "b.h"\nint',
     "includes app/b/b.h, which is not of a lower folder"),
    ("tests", "app/test/vm/helpers.py", "VALUE", "import test_one\n\nVALUE", "imports test_one"),
    ("tests", "app/test/vm/helpers.py", "VALUE", "from . import test_one\n\nVALUE",
     "imports test_one"),
    ("tests", "app/test/vm/helpers.py", "VALUE", "from vm import test_one\n\nVALUE",
     "imports test_one"),
    ("tests", "app/test/vm/helpers.py", "VALUE = 1", 'VALUE = import_module("vm.test_one")',
     "imports vm.test_one"),
    ("tests", "app/b/main.c", "\nint", '\n#include "../../lib/a/low.c"\nint',
     "includes ../../lib/a/low.c"),
    ("layers", "lib/a/low.c", "return 0;", "return vfio_cdev_high();",
     "lib/a/low.c: calls high.c of a higher layer (vfio_cdev_high)"),
    ("layers", "lib/a/side.c", "return 1;", "return vfio_cdev_high();",
     "lib/a/side.c: calls high.c of the same layer"),
    ("layers", "lib/a/meson.build", "'high.c', ", "", "lib/a/high.c: in no layer"),
    ("layers", "lib/a/meson.build", "a_layers", "a_sources", "several sources, but no xxx_layers"),
    ("layers", "lib/a/meson.build", "'low.c'", "'low.c', 'gone.c'", "gone.c is in a layer, but is"),
    ("layers", "lib/a/meson.build", "'low.c'", "'low.c', 'side.c'", "side.c is in two layers"),
    ("layers", "meson.build", "['app/b'],", "", "app/b: in no layer of folder_layers"),
    ("layers", "meson.build", "['lib/a'],\n    ['app/b']", "['app/b'],\n    ['lib/a']",
     "app/b/main.c: calls lib/a, which is not a lower folder"),
    ("symbols", "lib/a/low.c", "\nint", "\nint bare;\nint", "bare has no prefix"),
    ("exports", "lib/a/version.map", "cdev_b", "cdev_*", "rte_vfio_cdev_* is a pattern"),
    ("exports", "lib/a/version.map", "\trte_vfio_cdev_b;\n", "", "cdev_b is missing"),
    ("exports", "lib/a/version.map", "cdev_b", "cdev_c", "cdev_c is in no public header"),
    ("exports", "lib/a/version.map", "\tglobal:\n", "\tglobal:\n\tz;\n", "not in order"),
    ("exports", "lib/a/rte_a.h", "cdev_b(", "cdev_bb(", "cdev_bb is missing"),
    ("versions", "meson.build", "1.2.3", "1.3.0", "doc/changelog.rst: version 1.2.3, not 1.3.0"),
    ("versions", "doc/changelog.rst", "1.2.3", "Soon", "doc/changelog.rst: version missing"),
    ("versions", "devtools/debian/changelog", "1.2.3", "1.2.2", "debian/changelog: version 1.2.2"),
    ("versions", "devtools/debian/changelog", "01 Dec", "02 Dec", "changelog.rst has 2026-12-01"),
    ("versions", "app/host/launch.h", "so.4", "so.5", "app/host/launch.h: ABI 5, not 4"),
    ("tidy", "lib/a/low.c", "return 0;", "return sizeof(int) && __builtin_strcmp(\"a\", \"b\");",
     "suspicious-string-compare"),
    ("format", "lib/a/low.c", "\treturn 0;", "    return 0;", "lib/a/low.c:6: not laid out"),
    ("commands", "doc/one.rst", ".. tested: app/test/vm/test_one.py\n", "",
     "doc/one.rst:4: commands have no mark"),
    ("commands", "doc/one.rst", "test_one.py", "test_two.py",
     "there is no app/test/vm/test_two.py"),
    ("commands", "doc/one.rst", "by the tests: no such machine", "by the tests:", "have no mark"),
    ("commands", "doc/one.rst", "  .. code", "  .. tested: app/test/vm/test_one.py\n\n  .. code",
     "is executed and is not"),
    ("commands", "doc/one.rst", "It prints::\n\n   dpdk-testpmd:", "It is::\n\n   dpdk-testpmd ",
     "commands are written as"),
    ("commands", "doc/one.rst", "It prints::\n\n", "It prints::\n\n   # x\n",
     "commands are written as"),
    ("commands", "doc/one.rst", ":: sh", ":: console", "commands are written as"),
    ("messages", "doc/one.rst", "cannot find", "cannot see", 'in lib has "cannot see"'),
    ("messages", "doc/one.rst", "No such device", "No such devices", 'has "No such devices"'),
    ("messages", "lib/a/log.h", "is \\", "was \\", '"is "it" there"'),
    ("files", "doc/map.rst", "low.c", "lower.c", "there is no lower.c"),
    ("files", "doc/map.rst", "lib/a/", "lib/b/", "there is no lib/b/"),
    ("files", "doc/map.rst", "high", "higher", "there is no lib/*/higher.c"),
    ("files", "app/test/vm/test_one.py", "test_it", "test_its", "no app/test/vm/test_one.py::"),
    ("files", "README.md", "one.rst", "two.rst", "there is no doc/two.rst"),
    ("shell", "run.sh", '"$1"', "$1", "[SC2086]"),
    ("ruff", "app/test/vm/helpers.py", "VALUE", "import os\n\nVALUE", "F401"),
    ("mypy", "app/test/vm/helpers.py", "VALUE = 1", 'VALUE: int = "1"', "Incompatible types"),
]


def build(tree: Path) -> None:
    """The objects, the archive and what meson writes about them."""
    out = tree / "build"
    out.mkdir()
    commands, members = [], []
    for source in (*tree.glob("lib/*/*.c"), *tree.glob("app/b/*.c")):
        name = f"{source.stem}.o"
        command = ["cc", "-w", "-c", str(source), "-o", name]
        subprocess.run(command, cwd=out, check=True)
        members += [name] if "lib" in source.parts else []
        commands.append({"directory": str(out), "file": str(source), "output": name,
                         "arguments": command})
    subprocess.run(["ar", "rc", "liba.a", *members], cwd=out, check=True)
    (out / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
    (out / "meson-info").mkdir()
    (out / "meson-info/intro-installed.json").write_text(
        json.dumps({str(out / "liba.a"): "/usr/lib/liba.a"}), encoding="utf-8")


def make(tree: Path, changes: dict[str, str]) -> None:
    """A checkout with what is built of it."""
    for name, text in (CLEAN | changes).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")
    for name in (".clang-format", ".clang-tidy", "pyproject.toml"):
        (tree / name).write_bytes((TOP / name).read_bytes())
    (tree / ".gitignore").write_text("/build/\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", tree], check=True)


def check(tree: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run devtools/check on such a checkout."""
    return subprocess.run([TOP / "devtools/check", "--tree", tree, *words], capture_output=True,
                          text=True, check=False)


def test_clean_tree_keeps_all_rules(tmp_path: Path) -> None:
    make(tmp_path, {})
    build(tmp_path)
    done = check(tmp_path, "--need-all")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("rule, name, old, new, message", BREAKS,
                         ids=[f"{rule}-{message[:30]}" for rule, _, _, _, message in BREAKS])
def test_rule_fires(tmp_path: Path, rule: str, name: str, old: str, new: str,
                    message: str) -> None:
    assert old in CLEAN[name]
    make(tmp_path, {name: CLEAN[name].replace(old, new, 1)})
    if rule in ("layers", "symbols", "tidy"):
        build(tmp_path)
    done = check(tmp_path, "--need-all", rule)
    assert done.returncode == 1, done.stdout + done.stderr
    assert message in done.stdout


def test_unit_test_that_includes_a_source_is_refused(tmp_path: Path) -> None:
    make(tmp_path, {"app/test/unit/test_a.c": f'/* {LICENSE} */\n#include "../../b/main.c"\n'})
    done = check(tmp_path, "tests")
    assert (done.returncode, "includes ../../b/main.c" in done.stdout) == (1, True)


def test_missing_build_is_no_pass(tmp_path: Path) -> None:
    make(tmp_path, {})
    done = check(tmp_path, "layers")
    assert done.returncode == 2
    assert "build first" in done.stderr


@pytest.mark.parametrize("rule", ["layers", "symbols", "tidy"])
def test_build_of_an_older_source_is_no_pass(tmp_path: Path, rule: str) -> None:
    make(tmp_path, {})
    build(tmp_path)
    later = (tmp_path / "build/low.o").stat().st_mtime_ns + 1
    os.utime(tmp_path / "lib/a/low.c", ns=(later, later))
    done = check(tmp_path, rule)
    assert done.returncode == 2
    assert "is older than lib/a/low.c: build again" in done.stderr


def test_layers_are_printed_with_circles(tmp_path: Path) -> None:
    low = CLEAN["lib/a/low.c"].replace("return 0;", "return vfio_cdev_high();")
    make(tmp_path, {"lib/a/low.c": low})
    build(tmp_path)
    assert "circle: high.c low.c" in check(tmp_path, "--layers").stdout
