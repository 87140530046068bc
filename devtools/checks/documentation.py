# SPDX-License-Identifier: BSD-3-Clause
"""The guides: marks of commands, messages that the source has, names of files that exist."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch

from .tree import Tree

DIRECTIVE = re.compile(r"( *)\.\. code-block::(?: (\S+))?$")
LITERAL = re.compile(r"( *)(?!\.\. ).*::$")
TESTED = re.compile(r" *\.\. tested: (\S+)$")
OPTION = re.compile(r" *:caption: (.*)")
NOT_EXECUTED = re.compile(r"Not executed by the tests: \S")
# One test executes all commands of this page, so they have no marks of their own.
EXECUTED = {"doc/quickstart.rst": "app/test/vm/deployment/test_documentation.py"}
OTHER_SHELLS = ("bash", "console", "shell", "shell-session")
PROMPT = re.compile(r"[$#] \S")
WORDS = (r"\./\S+|devtools/\S+|/usr/\S+|(?:dpdk|ovs|apt)-[\w.-]+|cat|cc|chown|docker|echo|export"
         r"|groupadd|jq|kill|meson|mkdir|modprobe|mokutil|mount|ninja|podman|printf|readelf|sudo"
         r"|systemctl|udevadm|useradd")
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ +)*(?:{WORDS})(?: |$)")
# Under it, terms and first cells of tables are messages of these folders.
MESSAGES_OF = re.compile(r"\.\. messages of: (.+)$")
UNDERLINE = re.compile(r"([=~^-])\1{3,}$")
# Strings are kept: they come first, since one may have the beginning of a comment.
COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|/\*.*?\*/|\'\\?.\'', re.DOTALL)
STRINGS = re.compile(r'(?:f?"(?:[^"\\\n]|\\.)*"(?:\s|PRI\w+)*)+')
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# Whose file names, in double backquotes, are files of the tree.
MAPS = ("doc/map.rst", "doc/matrix.rst")
FILE = re.compile(r"``([\w./*-]+(?:/|\.\w+))``")
# FILE::TEST, which a line may end between.
NAMED_TEST = re.compile(r"``(app/test/[\w./]+)::(?:``\s+``)?(\w+)``")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@dataclass
class Block:
    """A block of a page that is shown as it is."""

    line: int
    language: str = ""
    mark: str = ""
    caption: str = ""
    text: list[str] = field(default_factory=list)


def blocks(text: str) -> Iterator[Block]:
    """All of a page: those of code-block, and the literal ones after "::"."""
    lines = text.split("\n")
    before = ""
    for number, line in enumerate(lines):
        directive = DIRECTIVE.match(line)
        found = directive or LITERAL.match(line)
        if found:
            block = Block(number + 1, (directive[2] or "text") if directive else "")
            mark = TESTED.match(before)
            block.mark = mark[1] if mark else ""
            read(block, lines[number + 1:], len(found[1]))
            yield block
        before = line if line.strip() else before


def read(block: Block, lines: list[str], indent: int) -> None:
    """The options of a block and its text: all that is indented more than it is."""
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return
        option = OPTION.match(line)
        if option and not block.text:
            block.caption = option[1]
        elif line.strip() and (block.text or not line.lstrip().startswith(":")):
            block.text.append(line.strip())


def is_shell(block: Block) -> bool:
    """Whether it looks like commands."""
    if block.language in OTHER_SHELLS:
        return True
    return block.language in ("", "text") and bool(block.text) and (
        bool(COMMAND.match(block.text[0])) or any(map(PROMPT.match, block.text)))


def mark_complaint(tree: Tree, name: str, block: Block) -> str:
    """What is wrong with the mark of a block of commands, or nothing."""
    test = block.mark or EXECUTED.get(name, "")
    unexecuted = bool(NOT_EXECUTED.match(block.caption))
    if block.mark and unexecuted:
        return "is executed and is not: one mark is wrong"
    if not test and not unexecuted:
        return "commands have no mark: \".. tested: TEST\" above them, or a caption \"Not " \
               "executed by the tests: REASON\""
    if test and not unexecuted and test not in tree.names:
        return f"there is no {test}"
    return ""


def commands(tree: Tree) -> Iterator[str]:
    """Commands in doc/*.rst are sh blocks, executed by a test or marked as not."""
    for name in tree.ending(".rst"):
        for block in blocks(tree.text(name)):
            complaint = ""
            if is_shell(block):
                complaint = "commands are written as \".. code-block:: sh\", without a prompt"
            elif block.language == "sh":
                complaint = mark_complaint(tree, name, block)
            if complaint:
                yield f"{name}:{block.line}: {complaint}"


def strings(tree: Tree, folder: str) -> str:
    """The strings of the sources of a folder, each on a line."""
    found = []
    for name in (*tree.ending(".c", ".h"), *tree.python()):
        if name.startswith(f"{folder}/") and not name.startswith("app/test/"):
            text = COMMENT.sub(r"\1", tree.text(name)) if name[-2] == "." else tree.text(name)
            found += ["".join(STRING.findall(match)) for match in STRINGS.findall(text)]
    return "\n".join(found).replace('\\"', '"')


def messages(tree: Tree) -> Iterator[str]:
    """Messages that a page quotes below ".. messages of: FOLDER" are in the source."""
    errors = {os.strerror(number) for number in range(1, 134)}
    known: dict[str, str] = {}
    for name in tree.ending(".rst"):
        folders: list[str] = []
        for number, line in enumerate(tree.text(name).split("\n"), 1):
            mark = MESSAGES_OF.match(line)
            if mark:
                folders = mark[1].split()
                known |= {folder: strings(tree, folder) for folder in {*folders} - {*known}}
            elif UNDERLINE.match(line):
                folders = []
            elif folders and line.startswith("``"):
                for part in parts(line):
                    if part not in errors and not any(part in known[folder] for folder in folders):
                        yield f"{name}:{number}: no source in {' or '.join(folders)} has \"{part}\""


def parts(line: str) -> Iterator[str]:
    """The pieces of the messages that a line quotes, between the dots."""
    for message in re.findall("``(.+?)``", line):
        yield from filter(None, (part.strip() for part in message.split("...")))


def files(tree: Tree) -> Iterator[str]:
    """Links of *.md, files of doc/map.rst and doc/matrix.rst, and tests of *.rst exist."""
    for name in tree.ending(".rst"):
        for path, test in NAMED_TEST.findall(tree.text(name)):
            if path not in tree.names or not re.search(rf"(?m)^(?:    )?(?:def )?{test}\(",
                                                       tree.text(path)):
                yield f"{name}: there is no {path}::{test}"
    for name in tree.ending(".md"):
        for target in LINK.findall(tree.text(name)):
            if not ((tree.top / name).parent / target).exists():
                yield f"{name}: there is no {target}"
    for name in MAPS:
        for target in FILE.findall(tree.text(name)) if name in tree.names else ():
            if not any(is_named(path, target) for path in tree.names):
                yield f"{name}: there is no {target}"


def is_named(path: str, name: str) -> bool:
    """Whether a path is of that name, has it at its end, or is in a folder of that name."""
    if name.endswith("/"):
        return path.startswith(name) or f"/{name}" in path
    return fnmatch(path, name) or fnmatch(path, f"*/{name}")
