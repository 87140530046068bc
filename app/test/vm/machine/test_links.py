# SPDX-License-Identifier: BSD-3-Clause
"""doc/links.py without a guest: links of a few pages, of which one leads nowhere."""

import subprocess
from pathlib import Path

import pytest

TOP = next(path for path in Path(__file__).resolve().parents if (path / "doc/links.py").exists())
PAGES = {
    "index.html": '<h1 id="top">x</h1><a href="sub/two.html#here">a</a><a href="#top">b</a>'
                  '<img src="x.svg"><a href="https://nowhere.invalid/#x">c</a>'
                  '<link href="x.css?v=1" rel="stylesheet">',
    "sub/two.html": '<p id="here"></p><a href="../index.html">d</a>'
                    '<a href="../index.html#top">e</a>',
    "x.svg": "", "x.css": "",
}


def check(top: Path, change: tuple[str, str] = ("", "")) -> "subprocess.CompletedProcess[str]":
    """Run it on the pages, after a change."""
    for name, text in PAGES.items():
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text(text.replace(*change))
    return subprocess.run([TOP / "doc/links.py", top, top / "stamp"], capture_output=True,
                          text=True, check=False)


def test_good_links_are_followed(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "stamp").exists()


@pytest.mark.parametrize("change, link", [
    (("two.html#here", "three.html"), "index.html: sub/three.html"),
    (('"here"', '"there"'), "index.html: sub/two.html#here"),
    (('"#top"', '"#bottom"'), "index.html: #bottom"),
    (("x.svg", "y.svg"), "index.html: y.svg"),
    (("x.css?", "y.css?"), "index.html: y.css?v=1"),
    (("../index.html#top", "../index.html#tip"), "sub/two.html: ../index.html#tip"),
])
def test_link_that_leads_nowhere_is_named(tmp_path: Path, change: tuple[str, str],
                                          link: str) -> None:
    done = check(tmp_path, change)
    assert (done.returncode, done.stderr) == (1, f"{link} leads nowhere\n")
    assert not (tmp_path / "stamp").exists()


def test_no_pages_are_no_pass(tmp_path: Path) -> None:
    done = subprocess.run([TOP / "doc/links.py", tmp_path], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
