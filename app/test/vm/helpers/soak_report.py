# SPDX-License-Identifier: BSD-3-Clause
"""What a long run has left behind: samples, the verdict about them, a table and a picture."""

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from xml.sax.saxutils import escape

# What a process keeps from the first times is no leak.
WARM_UP = 2
FEWEST = 4
# The C library's heap grows by pages of 4 KiB, and where it is full in steps of 128 KiB
# (M_TOP_PAD of mallopt(3)), which may come late. All else has to stay as it is.
ALLOWED = {"resident_kb": 256}
WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 760, 70, 92, 16, 46, 30


@dataclass(frozen=True)
class Sample:
    """What the process, and the machine, have; at rest, if all that came has gone again."""
    seconds: float
    rest: bool
    fds: int
    pinned_kb: int
    areas: int
    hugepages: int
    resident_kb: int
    heap_kb: int
    mappings: int
    frames: int
    wrong: int

    def __str__(self) -> str:
        return (f"{self.seconds:.0f} s, {self.fds} files, {self.pinned_kb} kB pinned, "
                f"{self.hugepages} hugepages, {self.frames} frames")


TITLES = {"fds": "open files", "pinned_kb": "pinned (VmPin), kB", "areas": "memory areas (maps)",
          "hugepages": "hugepages in use", "resident_kb": "resident (VmRSS), kB",
          "heap_kb": "allocated in the EAL's heaps, kB",
          "mappings": "mappings of the domain", "frames": "frames that came back right",
          "wrong": "frames that were wrong"}
HELD = ("fds", "pinned_kb", "areas", "hugepages", "resident_kb", "mappings")


def ends(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """The medians of the first and the last quarter of the samples at rest, once it is warm."""
    values = [getattr(sample, name) for sample in samples if sample.rest][WARM_UP:]
    quarter = max(1, len(values) // 4)
    return median(values[:quarter]), median(values[-quarter:])


def growth(samples: Sequence[Sample]) -> Iterator[str]:
    """What is more at the end than at the start."""
    rests = sum(sample.rest for sample in samples) - WARM_UP
    if rests < FEWEST:
        yield f"{max(0, rests)} samples at rest after the first {WARM_UP}: {FEWEST} are needed"
        return
    for name in HELD:
        first, last = ends(samples, name)
        if last - first > ALLOWED.get(name, 0):
            yield f"{TITLES[name]}: {first:g} at the start, {last:g} at the end"


def table(samples: Sequence[Sample]) -> str:
    """First quarter, last quarter, and the most there ever was."""
    rows = [["", "first quarter", "last quarter", "most"]]
    for name in HELD:
        first, last = ends(samples, name)
        most = max(getattr(sample, name) for sample in samples)
        rows.append([TITLES[name], f"{first:,g}", f"{last:,g}", f"{most:,}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *(
        cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
        for row in rows)


def save(samples: Sequence[Sample], path: Path) -> None:
    """As CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in dataclasses.fields(Sample))
        writer.writerows(dataclasses.astuple(sample) for sample in samples)


def load(path: Path) -> list[Sample]:
    """The same again."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Sample(float(row.pop("seconds")), row.pop("rest") == "True",
                       **{name: int(value) for name, value in row.items()})
                for row in csv.DictReader(file)]


def _text(x: float, y: float, text: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _panel(samples: Sequence[Sample], name: str, top: float) -> Iterator[str]:
    """A line through all samples, and a dot at each one at rest, on an axis that starts at 0."""
    span = max(sample.seconds for sample in samples) or 1
    most = max(getattr(sample, name) for sample in samples) or 1
    wide = WIDTH - LEFT - RIGHT

    def place(sample: Sample) -> str:
        x, y = LEFT + wide * sample.seconds / span, PANEL * (1 - getattr(sample, name) / most)
        return f"{x:.0f} {top + y:.0f}"
    yield f'<path class="axis" d="M{LEFT} {top:.0f}V{top + PANEL:.0f}H{WIDTH - RIGHT}"/>'
    yield _text(LEFT, top - 6, TITLES[name])
    yield _text(LEFT - 6, top + 8, f"{most:,}", "end")
    yield _text(LEFT - 6, top + PANEL, "0", "end")
    points = " ".join(point for point, _ in groupby(map(place, samples)))
    yield f'<polyline class="line" points="{points}"/>'
    rests = "".join(f"M{place(sample)}h0" for sample in samples if sample.rest)
    yield f'<path class="rest" d="{rests}"/>'


def picture(samples: Sequence[Sample]) -> str:
    """An SVG with a panel for each figure; the same samples give the same picture."""
    names = [*HELD, "frames", "wrong"]
    height = TOP + len(names) * (PANEL + GAP) + 14
    minutes = max(sample.seconds for sample in samples) / 60
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             'font-family="sans-serif" font-size="12">',
             '<style>.axis{stroke:#888;fill:none}.line{stroke:#36c;fill:none;stroke-width:1.2}'
             '.rest{stroke:#c33;fill:none;stroke-width:4;stroke-linecap:round}</style>',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
             _text(LEFT, 14, "line: all samples; dots: at rest, after all that came has gone")]
    for number, name in enumerate(names):
        parts += _panel(samples, name, TOP + number * (PANEL + GAP))
    parts += [_text(LEFT, height - 8, "0"),
              _text(WIDTH - RIGHT, height - 8, f"{minutes:.1f} minutes", "end"), "</svg>"]
    return "\n".join(parts) + "\n"
