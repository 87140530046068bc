# SPDX-License-Identifier: BSD-3-Clause
"""devtools/abi without a guest: on a small library that changes."""

import shutil
import subprocess
from pathlib import Path

import pytest

TOP = next(path for path in Path(__file__).resolve().parents if (path / "devtools/abi").exists())
HEADER = "struct rte_x {\n\tint a;\n\tint b;\n};\nstruct rte_hidden;\n" \
         "int rte_x_get(const struct rte_x *x, struct rte_hidden *hidden);\n"
SOURCE = '#include "rte_x.h"\nstruct rte_hidden {\n\tint c;\n};\nint\n' \
         "rte_x_get(const struct rte_x *x, struct rte_hidden *hidden)\n" \
         "{\n\treturn x->a + hidden->c;\n}\n"
MORE = "int rte_x_more(void);\nint\nrte_x_more(void)\n{\n\treturn 0;\n}\n"

pytestmark = pytest.mark.skipif(not shutil.which("abidiff"), reason="no abigail-tools here")


def make(tree: Path, header: str = HEADER, source: str = SOURCE, number: int = 0,
         version: str = "0.1.0") -> None:
    """The library, as devtools/abi looks for it."""
    folder, out = tree / "lib/vfio_cdev", tree / "build/lib"
    for path in (folder, out):
        path.mkdir(parents=True, exist_ok=True)
    (tree / "meson.build").write_text(f"project('x',\n    version: '{version}')\n")
    (folder / "rte_x.h").write_text(header)
    (folder / "x.c").write_text(source)
    subprocess.run(["cc", "-g", "-shared", "-fPIC", f"-Wl,-soname,librte_vfio_cdev.so.{number}",
                    "-o", out / "librte_vfio_cdev.so", folder / "x.c"], check=True)


def abi(tree: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run devtools/abi."""
    return subprocess.run([TOP / "devtools/abi", "--tree", tree, *words], capture_output=True,
                          text=True, check=False)


def test_same_library_is_as_in_the_reference(tmp_path: Path) -> None:
    make(tmp_path)
    assert abi(tmp_path, "--update").returncode == 0
    done = abi(tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_private_type_is_no_abi(tmp_path: Path) -> None:
    make(tmp_path)
    abi(tmp_path, "--update")
    make(tmp_path, source=SOURCE.replace("int c;", "long c[4];").replace("->c", "->c[0]"))
    assert abi(tmp_path).returncode == 0


def test_new_function_is_a_change_until_the_reference_has_it(tmp_path: Path) -> None:
    make(tmp_path)
    abi(tmp_path, "--update")
    make(tmp_path, source=SOURCE + MORE)
    done = abi(tmp_path)
    assert (done.returncode, "rte_x_more" in done.stdout) == (1, True)
    assert "has grown" in done.stderr
    assert abi(tmp_path, "--update").returncode == 0
    assert abi(tmp_path).returncode == 0


@pytest.mark.parametrize("version, number, status", [("0.1.0", 0, 0), ("1.0.0", 0, 2),
                                                     ("1.0.0", 1, 0)])
def test_incompatible_change_of_a_release_needs_a_soname(tmp_path: Path, version: str, number: int,
                                                         status: int) -> None:
    make(tmp_path)
    abi(tmp_path, "--update")
    make(tmp_path, HEADER + MORE.partition("\n")[0], SOURCE.replace("rte_x_get", "rte_x_got"),
         number, version)
    done = abi(tmp_path)
    assert (done.returncode, "an incompatible change" in done.stderr) == (1, True)
    assert abi(tmp_path, "--update").returncode == status
    assert abi(tmp_path).returncode == (1 if status else 0)


def test_public_type_that_grows_is_reported(tmp_path: Path) -> None:
    make(tmp_path)
    abi(tmp_path, "--update")
    make(tmp_path, HEADER.replace("int b;", "long b;"))
    done = abi(tmp_path)
    assert (done.returncode, "rte_x" in done.stdout) == (1, True)
    assert "incompatible" in done.stderr


def test_what_cannot_be_compared_is_no_pass(tmp_path: Path) -> None:
    done = abi(tmp_path)
    assert (done.returncode, "build first" in done.stderr) == (2, True)
    make(tmp_path)
    done = abi(tmp_path)
    assert (done.returncode, "--update" in done.stderr) == (2, True)
    abi(tmp_path, "--update")
    subprocess.run(["strip", "-g", tmp_path / "build/lib/librte_vfio_cdev.so"], check=True)
    assert abi(tmp_path).returncode == 2
