# SPDX-License-Identifier: BSD-3-Clause
"""What other programs find: clang-format, clang-tidy, ruff, mypy and shellcheck."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from testvm.ruff import cached_ruff

from .tree import CheckError, Tree, is_product, progress, run

# No progress line for so few files.
FEW = 10
FINDING = re.compile(r"(?m)^(\S+?):(\d+):(?:\d+:)? (?:warning|error): (.*)$")


def spread(tree: Tree, argv: Sequence[str], names: Sequence[str], size: int) -> Iterator[str]:
    """What a program prints about the files, given to it in lots on all processors."""
    lots = [names[i:i + size] for i in range(0, len(names), size)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda lot: run([*argv, *lot], tree.top), lots):
            if done.returncode != 0 and not done.stdout and not FINDING.search(done.stderr):
                raise CheckError(f"{argv[0]}: {done.stderr.strip()[-2000:]}")
            yield done.stdout + done.stderr


def clang_format(tree: Tree) -> Iterator[str]:
    """C is laid out as .clang-format says."""
    for output in spread(tree, ["clang-format", "--dry-run", "-Werror"],
                         tree.ending(".c", ".h"), 16):
        first = {name: line for name, line, _ in reversed(FINDING.findall(output))}
        for name, line in first.items():
            yield f"{name}:{line}: not laid out as .clang-format says (devtools/check --fix)"


def clang_tidy(tree: Tree) -> Iterator[str]:
    """No finding of .clang-tidy in lib, drivers and the programs of app."""
    sources = sorted(set(tree.objects.values()))
    if len(sources) > FEW:
        progress(f"clang-tidy on {len(sources)} sources, about {len(sources) // 4} s")
    for output in spread(tree, ["clang-tidy", "-quiet", "-p", str(tree.build)], sources, 4):
        for name, line, text in FINDING.findall(output):
            path = os.path.relpath(os.path.normpath(tree.build / name), tree.top)
            # It also looks at declarations of the C library that a definition here repeats.
            if is_product(path):
                yield f"{path}:{line}: {text.replace(',-warnings-as-errors', '')}"


def find_ruff() -> list[str]:
    """The ruff of this machine, or the one that devtools/vm has fetched; Debian 12 has none."""
    return ["ruff"] if shutil.which("ruff") else cached_ruff()


def ruff(tree: Tree) -> Iterator[str]:
    """No finding of ruff in Python, by pyproject.toml."""
    program = find_ruff()
    if not program:
        how = "run devtools/vm ruff, as root, which fetches one"
        if tree.need_all:
            raise CheckError(f"there is no ruff: {how}")
        progress(f"Python is not checked by ruff, which is not here: {how}")
        return
    done = run([*program, "check", "--no-cache", "--output-format", "concise",
                *tree.python()], tree.top)
    if done.returncode not in (0, 1):
        raise CheckError(f"ruff: {done.stderr.strip()}")
    yield from (line for line in done.stdout.splitlines() if re.match(r"\S+:\d+:", line))


def mypy(tree: Tree) -> Iterator[str]:
    """Python is typed; strict, by pyproject.toml."""
    names = list(tree.python())
    if not names:
        return
    if len(names) > FEW:
        progress(f"mypy on {len(names)} files, about 10 s")
    # No cache in the work tree; the programs without an ending are modules of that name.
    done = run(["mypy", "--no-error-summary", "--hide-error-context", "--scripts-are-modules",
                f"--cache-dir={tree.build / 'mypy'}", *names], tree.top)
    if done.returncode not in (0, 1):
        raise CheckError(f"mypy: {(done.stderr or done.stdout).strip()}")
    yield from (line for line in done.stdout.splitlines() if ": error: " in line)


def shellcheck(tree: Tree) -> Iterator[str]:
    """No finding of shellcheck in shell scripts."""
    names = list(tree.shell())
    if not names:
        return
    done = run(["shellcheck", "-x", "-f", "json1", *names], tree.top)
    try:
        found = json.loads(done.stdout)["comments"]
    except ValueError as err:
        raise CheckError(f"shellcheck: {done.stderr.strip()}") from err
    for item in found:
        yield f"{item['file']}:{item['line']}: {item['message']} [SC{item['code']}]"


def fix(tree: Tree) -> None:
    """Let clang-format and ruff mend what they can."""
    # The first time it breaks lines, the second time it aligns what has become of them.
    for _ in range(2):
        run(["clang-format", "-i", *tree.ending(".c", ".h")], tree.top)
    program = find_ruff()
    if program:
        run([*program, "check", "--no-cache", "--fix", *tree.python()], tree.top)
