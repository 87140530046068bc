# SPDX-License-Identifier: BSD-3-Clause
"""What was measured: pairs of figures, what they amount to, and what was hoped for."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Pair = tuple[float, float]
UNITS = {"ratio": ""}


@dataclass(frozen=True)
class Figure:
    """What a benchmark is about: ratios of pairs, or values that need no pair."""
    benchmark: str
    name: str
    values: tuple[float, ...]
    least: float | None = None      # the goal
    most: float | None = None
    unit: str = "ratio"
    # Of which the values were made, and what the two figures of each are.
    pairs: tuple[Pair, ...] = ()
    pair_unit: str = ""
    ways: tuple[str, str] = ("", "")

    @property
    def median(self) -> float:
        """Half of the values are below it."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Half of the values are between them."""
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        first, _, last = statistics.quantiles(self.values, n=4, method="inclusive")
        return first, last

    @property
    def met(self) -> bool | None:
        """Whether the median is what was hoped for; None: nothing was."""
        if self.least is None and self.most is None:
            return None
        # As exact as it is printed.
        found = round(self.median, 2)
        return (self.least is None or found >= self.least) and \
               (self.most is None or found <= self.most)

    @property
    def goal(self) -> str:
        """In words."""
        if self.least is not None and self.most is not None:
            return f"{(self.least + self.most) / 2:.2f} +- {(self.most - self.least) / 2:.2f}"
        if self.most is not None:
            return f"<= {number(self.most)}" if self.most else "0"
        return "" if self.least is None else f">= {number(self.least)}"

    def json(self) -> dict[str, Any]:
        """All of it."""
        return {"benchmark": self.benchmark, "name": self.name, "unit": self.unit,
                "median": self.median, "quartiles": self.quartiles,
                "goal": {"least": self.least, "most": self.most}, "met": self.met,
                "values": self.values, "pairs": self.pairs, "pair_unit": self.pair_unit,
                "ways": self.ways}


def ratio(benchmark: str, name: str, pairs: Sequence[Pair], pair_unit: str, ways: tuple[str, str],
          least: float | None = None, most: float | None = None) -> Figure:
    """The second of each pair in parts of the first."""
    return Figure(benchmark, name, tuple(second / first for first, second in pairs), least, most,
                  pairs=tuple(pairs), pair_unit=pair_unit, ways=ways)


def difference(benchmark: str, name: str, pairs: Sequence[Pair], unit: str, ways: tuple[str, str],
               most: float | None = None) -> Figure:
    """What the second of each pair has more than the first."""
    return Figure(benchmark, name, tuple(second - first for first, second in pairs), None, most,
                  unit, tuple(pairs), unit, ways)


def number(value: float) -> str:
    """As many digits as tell something."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def medians(figure: Figure) -> list[str]:
    """Of both ways, with what they are."""
    return [f"{way} {number(statistics.median(pair[side] for pair in figure.pairs))}"
            for side, way in enumerate(figure.ways) if figure.pairs]


HEAD = (f"{'figure':<60} {'goal':>13} {'median':>9} {'quartiles':>18} {'pairs':>5}  "
        "medians of both")


def line(figure: Figure) -> str:
    """A line of the table."""
    low, high = figure.quartiles
    both = ", ".join(medians(figure))
    words = [f"{figure.benchmark}: {figure.name}{UNITS.get(figure.unit, f' ({figure.unit})')}",
             figure.goal + ("*" if figure.met is False else " "), number(figure.median),
             f"{number(low)} to {number(high)}", str(len(figure.values))]
    return ("{:<60} {:>13} {:>9} {:>18} {:>5}  ".format(*words) +
            (f"{both} {figure.pair_unit}" if both else "")).rstrip()
