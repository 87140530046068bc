# SPDX-License-Identifier: BSD-3-Clause
"""What was built stays built: entries keyed by what they were made from.

An entry is a directory <cache>/<kind>/<name>-<hash>. It is made under another name and renamed
into place when complete, so an entry that exists can be used. A lock file per entry keeps two
processes from building the same thing twice.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# Entries that nobody asked for in this time make room: kernels and suites go on.
KEEP = 30 * 24 * 3600
Maker = Callable[[Path], None]


def cache_root() -> Path:
    """The cache lives outside the work tree; $VFIO_CDEV_CACHE moves it."""
    chosen = os.environ.get("VFIO_CDEV_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "dpdk-vfio-cdev"


@contextlib.contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold an exclusive lock; yields False when it is taken and wait is off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


class Cache:
    """One cache directory."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_root()

    def path(self, kind: str, name: str, recipe: object) -> Path:
        """Where the entry made from this recipe is, or will be."""
        key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
        return self.root / kind / f"{name}-{key}"

    def log(self, entry: Path) -> Path:
        """The build log of an entry; it survives a failed build."""
        logs = self.root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        return logs / f"{entry.parent.name}-{entry.name}.log"

    def entry(self, kind: str, name: str, recipe: object, make: Maker) -> Path:
        """The entry's directory, made now by make(directory) if it is not there yet."""
        final = self.path(kind, name, recipe)
        if final.is_dir():
            os.utime(final)
            return final
        with locked(self._lock(f"{kind}-{final.name}")):
            self._sweep(f"{kind}-{final.name}")
            if not final.is_dir():
                self._make(final, make)
                self._expire(final.parent)
        return final

    def _make(self, final: Path, make: Maker) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        tmp = Path(tempfile.mkdtemp(prefix=f"{final.parent.name}-{final.name}.",
                                    dir=self._half_made()))
        try:
            self.log(final).unlink(missing_ok=True)
            tmp.chmod(0o755)
            make(tmp)
            os.utime(tmp)
            tmp.rename(final)
        except BaseException:
            shutil.rmtree(tmp, ignore_errors=True)
            raise

    def _expire(self, kind: Path) -> None:
        for path in kind.iterdir():
            if time.time() - path.stat().st_mtime > KEEP:
                shutil.rmtree(path, ignore_errors=True)

    def _half_made(self) -> Path:
        path = self.root / "tmp"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _lock(self, name: str) -> Path:
        return self.root / "locks" / name

    def _sweep(self, mine: str) -> None:
        """Remove what killed builders left: half-made entries whose lock nobody holds."""
        for path in self._half_made().iterdir():
            owner = path.name.rpartition(".")[0]
            if owner == mine:
                shutil.rmtree(path, ignore_errors=True)
                continue
            with locked(self._lock(owner), wait=False) as free:
                if free:
                    shutil.rmtree(path, ignore_errors=True)
