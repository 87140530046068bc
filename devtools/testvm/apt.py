# SPDX-License-Identifier: BSD-3-Clause
"""Packages of other suites, through a private apt root.

The mirror and its keyring come from the machine's own apt configuration, which stays as it is.
Signatures are always checked; only the expiry date is not, because a mirror may be a snapshot.
"""

import concurrent.futures
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from .arch import AMD64, Arch
from .cache import Cache, locked
from .util import VmError, progress, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
HELPER = "/usr/lib/apt/apt-helper"
# Aliases are asked only for their code names: a caching mirror can serve the alias's own
# directory weeks behind the code name's (seen).
ALIASES = ("oldstable", "stable", "testing", "unstable")
NO_BACKPORTS = ("sid", "unstable")
ACQUIRE = {"Acquire::Check-Valid-Until": "false", "Acquire::Languages": "none"}
MAX_AGE = 7 * 24 * 3600
Versions = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Mirror:
    """Where the machine's own packages come from."""
    uri: str
    suite: str
    keyring: str

    def source(self, suite: str) -> str:
        """One line of a sources.list."""
        signed = f" [signed-by={self.keyring}]" if self.keyring else ""
        return f"deb{signed} {self.uri} {suite} main"


def machine_mirror() -> Mirror:
    """The Debian archive that the machine itself uses."""
    form = "$(REPO_URI)|$(RELEASE)|$(LABEL)|$(CREATED_BY)|$(SOURCESENTRY)"
    lines = run(["apt-get", "indextargets", "--format", form]).splitlines()
    for line in lines:
        uri, suite, label, created_by, entry = line.split("|")
        if created_by == "Packages" and label == "Debian" and "-" not in suite:
            return Mirror(uri.rstrip("/"), suite, _keyring(Path(entry.rpartition(":")[0])))
    raise VmError("apt knows no Debian archive on this machine: its sources name none, or its "
                  "package lists were never fetched.\nRun: apt-get update")


def _keyring(sources: Path) -> str:
    """The keyring that a sources file names, in deb822 or one-line form, else Debian's own."""
    try:
        text = sources.read_text(encoding="utf-8")
    except OSError:
        text = ""
    named = re.search(r"(?i)^Signed-By:\s*(/\S+)|\bsigned-by=(/[^\s\],]+)", text, re.MULTILINE)
    if named:
        return named.group(1) or named.group(2)
    return str(KEYRING) if KEYRING.exists() else ""


class PrivateApt:
    """apt with lists, caches and sources of its own, under the cache directory."""

    def __init__(self, cache: Cache, arch: Arch = AMD64) -> None:
        self.arch = arch
        self.root = cache.root / (f"apt-{arch.name}" if arch.foreign else "apt")
        self._mirror: Mirror | None = None

    @property
    def mirror(self) -> Mirror:
        """The machine's mirror, looked up once."""
        if self._mirror is None:
            self._mirror = machine_mirror()
        return self._mirror

    def options(self) -> list[str]:
        """Command line options; they win over the machine's files, which stay in force else."""
        wanted = {
            "Dir::Etc::sourcelist": self.root / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::Lists": self.root / "lists",
            "Dir::Cache": self.root / "cache",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "APT::Architecture": self.arch.name,
            "APT::Architectures": self.arch.name,
            "APT::Sandbox::User": "root",
            **ACQUIRE,
        }
        return [f"-o{key}={value}" for key, value in wanted.items()]

    def index(self, refresh: bool = False) -> Versions:
        """{package: [(version, suite), ...]} for the packages the test machine is made of."""
        store = self.root / "index.json"
        with locked(self.root / "lock"):
            known = _load(store)
            fresh = known is not None and time.time() - store.stat().st_mtime < MAX_AGE
            if known is not None and fresh and not refresh:
                return known
            try:
                found = self._update()
            except VmError as err:
                if known is None:
                    raise
                progress(f"keeping the package lists of before, since: {err}")
                return known
            store.write_text(json.dumps(found, indent=1), encoding="utf-8")
            return found

    def download(self, packages: dict[str, str], into: Path) -> None:
        """Fetch {package: version}; apt checks each file against the signed lists."""
        wanted = [f"{name}={version}" for name, version in packages.items()]
        with locked(self.root / "lock"):
            try:
                run(["apt-get", *self.options(), "download", *wanted], cwd=into)
            except VmError:
                # Lists of last week may name files that the mirror has replaced.
                self._update()
                run(["apt-get", *self.options(), "download", *wanted], cwd=into)

    def _update(self) -> Versions:
        progress("reading the mirror's package lists, about 15 s")
        for sub in ("lists/partial", "cache/archives/partial"):
            (self.root / sub).mkdir(parents=True, exist_ok=True)
        suites = self._suites()
        lines = [self.mirror.source(suite) for suite in suites]
        (self.root / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
        run(["apt-get", *self.options(), "update"], what="apt-get update")
        names = self._names()
        return parse_madison(run(["apt-cache", *self.options(), "madison", *names]))

    def _names(self) -> list[str]:
        listed = run(["apt-cache", *self.options(), "pkgnames", "linux-"]).split()
        wanted = re.compile(r"linux-(base|binary|headers|image|kbuild|libc-dev|modules|source)")
        return ["dpdk", *sorted(n for n in listed if wanted.match(n))]

    def _suites(self) -> list[str]:
        """Code names of the machine's suite and of the aliases, then their backports."""
        asked = dict.fromkeys((self.mirror.suite, *ALIASES))
        bases = list(dict.fromkeys(filter(None, self._code_names(asked))))
        ports = [f"{base}-backports" for base in bases if base not in NO_BACKPORTS]
        return bases + [name for name in self._code_names(ports) if name]

    def _code_names(self, suites: dict[str, None] | list[str]) -> list[str]:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return list(pool.map(self._code_name, suites))

    def _code_name(self, suite: str) -> str:
        """A suite's code name, or "" when the mirror has no such suite."""
        target = self.root / f"{suite}.release"
        try:
            run([HELPER, *self.options(), "download-file",
                 f"{self.mirror.uri}/dists/{suite}/InRelease", target])
            text = target.read_text(encoding="utf-8", errors="replace")
        except VmError:
            return ""
        finally:
            target.unlink(missing_ok=True)
        found = re.search(r"^Codename: ([\w.-]+)$", text, re.MULTILINE)
        return found.group(1) if found else ""


def _load(store: Path) -> Versions | None:
    try:
        loaded = json.loads(store.read_text(encoding="utf-8"))
        if not any(name.startswith("linux-image-") for name in loaded):
            return None     # of an older checkout
        return {name: [(v, s) for v, s in versions] for name, versions in loaded.items()}
    except (OSError, ValueError):
        return None


def parse_madison(text: str) -> Versions:
    """Read "package | version | uri suite/component arch Packages" lines."""
    found: Versions = {}
    for line in text.splitlines():
        name, version, where = (part.strip() for part in line.split("|"))
        suite = where.split()[1].partition("/")[0]
        found.setdefault(name, []).append((version, suite))
    return found
