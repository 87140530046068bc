# SPDX-License-Identifier: BSD-3-Clause
"""Shell commands of the documentation, and what it shows that they print."""

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from testvm.util import CHECKOUT

QUICK_START = "doc/quickstart.rst"
NOT_EXECUTED = "Not executed by the tests: "
# A block of a page: its language, its caption, and its lines.
RST = re.compile(r"^\.\. code-block:: (\w+)\n(?:   :caption: (.*)\n)?\n((?:   .*\n|\n)+)", re.M)
MARKDOWN = re.compile(r"^```(\w+)()\n((?:.*\n)+?)```$", re.M)
# In a line that is shown: what is printed as it is, and what stands for others of its kind.
ADDRESS = r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
KINDS = {ADDRESS: None, r"\.\.\.": ".*", r"[ \t]+": r"[ \t]+", r"\d+(?:\.\d+)+": r"\d+(?:\.\d+)+",
         r"\b0\b": None, r"\b\d+\b": r"[1-9]\d*"}


@dataclass(frozen=True)
class Block:
    """Commands, where they are, and what they print."""
    where: str
    commands: str
    shown: str
    caption: str

    @property
    def executed(self) -> bool:
        """Whether the tests execute it."""
        return not self.caption.startswith(NOT_EXECUTED)

    def execute(self, shell: Callable[[list[str]], "CompletedProcess[str]"]) -> None:
        """Each command ends with 0, and all print what is shown."""
        done = shell(["sh", "-ec", f"exec 2>&1\n{self.commands}"])
        assert done.returncode == 0, f"{self.where}: {done.returncode} of\n{self.commands}" \
                                     f"It printed:\n{done.stdout}"
        assert matches(self.shown, done.stdout), \
            f"{self.where}:\n{self.commands}It printed:\n{done.stdout}Shown is:\n{self.shown}"


def line_pattern(line: str) -> str:
    """For a line that is shown. A number but 0 stands for others, "..." for any text."""
    pattern, end = "", 0
    for found in re.finditer("|".join(f"({kind})" for kind in KINDS), line):
        kind = list(KINDS.values())[(found.lastindex or 1) - 1]
        pattern += re.escape(line[end:found.start()]) + (kind or re.escape(found.group()))
        end = found.end()
    return pattern + re.escape(line[end:])


def matches(shown: str, printed: str) -> bool:
    """Whether all lines are as shown; "..." alone stands for any number of them."""
    lines = [line.strip() for line in shown.strip().splitlines()]
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else rf"[ \t]*{line_pattern(line)}[ \t]*\n"
                      for line in lines)
    return bool(re.fullmatch(pattern, printed))


def blocks(name: str, start: str = "", end: str = "") -> list[Block]:
    """All commands of a page, or of the part of it from a line to another one."""
    path = CHECKOUT / name
    text = path.read_text()
    first = text.index(start)
    last = text.index(end, first + len(start)) if end else len(text)
    form, start = (RST, ".. code-block::") if path.suffix == ".rst" else (MARKDOWN, "\n```\n")
    found = list(form.finditer(text, first, last))
    assert len(found) == text.count(start, first, last), f"{name}: a block is not understood"
    return list(_blocks(path, text, found))


def _blocks(path: Path, text: str, found: "list[re.Match[str]]") -> Iterator[Block]:
    """A block of text without a caption is what the commands before it print."""
    for each, after in zip(found, [*found[1:], None], strict=True):
        language, caption, lines = each.groups("")
        if language != "sh":
            continue
        shown = after and after.group(1) == "text" and not after.group(2)
        yield Block(f"{path.name}:{text.count(chr(10), 0, each.start()) + 1}",
                    textwrap.dedent(lines).strip() + "\n",
                    after.group(3) if after and shown else "", caption)
