#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the compiler and the linker harden, in the files that were built."""

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# What _FORTIFY_SOURCE puts in the place of calls. Where the compiler sees that nothing can happen
# the plain call stays, so one of these is enough.
CHECKED = {"__snprintf_chk", "__vsnprintf_chk", "__fprintf_chk", "__printf_chk"}
X86, ARM64 = "Advanced Micro Devices X86-64", "AArch64"
PACIASP = bytes.fromhex("3f2303d5")


def tool(*words: str) -> str:
    """The output of a program of binutils."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@dataclass
class File:
    """A program or a shared library."""

    path: str
    headers: str = field(init=False)
    imports: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Read it once."""
        self.headers = tool("readelf", "-W", "-h", "-l", "-d", "-n", self.path)
        names = tool("nm", "-D", "--undefined-only", self.path)
        self.imports = frozenset(re.findall(r"(?m)^ +U (\w+)", names))

    def has(self, pattern: str) -> bool:
        """Whether a line of readelf's is like this."""
        return re.search(pattern, self.headers, re.MULTILINE) is not None

    def begins(self) -> list[tuple[str, str]]:
        """Name and first instruction of the functions that others call."""
        names = set(re.findall(r"(?m) T (\w+)", tool("nm", "-D", "--defined-only", self.path)))
        code = tool("objdump", "-d", "--no-show-raw-insn", self.path)
        first = re.findall(r"(?m)^[0-9a-f]+ <(\w+)>:\n +[0-9a-f]+:\t(\w+)", code)
        return [(name, word) for name, word in first if name in names or name == "main"]


def fortified(file: File) -> bool:
    """Calls with a buffer of known size are checked (_FORTIFY_SOURCE)."""
    return not CHECKED.isdisjoint(file.imports)


def landing(file: File) -> bool:
    """Each function that others call begins as an indirect call wants it (-fcf-protection)."""
    found = file.begins() if file.has(X86) else []
    return not file.has(X86) or (bool(found) and all(word == "endbr64" for _, word in found))


def signed(file: File) -> bool:
    """Functions sign the address that they return to (-mbranch-protection)."""
    return not file.has(ARM64) or PACIASP in Path(file.path).read_bytes()


CHECKS: dict[str, Callable[[File], bool]] = {
    "fortified calls": fortified,
    "stack protector": lambda file: "__stack_chk_fail" in file.imports,
    "RELRO": lambda file: file.has(r"^ +GNU_RELRO "),
    "BIND_NOW": lambda file: file.has(r"\(FLAGS\).*\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b"),
    "stack without code": lambda file: file.has(r"^ +GNU_STACK .* RW +0x"),
    "text without relocations": lambda file: not file.has(r"\(TEXTREL\)|\bTEXTREL\b"),
    "no RPATH": lambda file: not file.has(r"\((RPATH|RUNPATH)\)"),
    "position independent": lambda file: file.has(r"^ +Type: +DYN "),
    "shadow stack": lambda file: not file.has(X86) or file.has(r"\bSHSTK\b"),
    "landing pads": landing,
    "signed returns": signed,
}


def main() -> int:
    """Check the files; 0 if all is as expected, 1 if not."""
    parser = argparse.ArgumentParser(
        description="What the compiler and the linker harden, in the files that were built.",
        epilog="exit status: 0 if it is as expected, 1 if not")
    parser.add_argument("--lacks", metavar="WHAT", action="append", default=[],
                        help="exactly this is to be missing, in each file")
    parser.add_argument("files", metavar="FILE", nargs="+", type=File)
    args = parser.parse_args()
    status = 0
    for file in args.files:
        missing = [name for name, check in CHECKS.items() if not check(file)]
        if missing != args.lacks:
            print(f"{file.path}: missing: {', '.join(missing) or 'nothing'}; "
                  f"expected: {', '.join(args.lacks) or 'nothing'}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
