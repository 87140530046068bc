# SPDX-License-Identifier: BSD-3-Clause
"""A picture of the ratios: a line from quartile to quartile, a dot at the median, the goal."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from .figures import Figure, number

ROW, LEFT, WIDTH, TOP = 18, 330, 360, 44
LEAST, MOST = 1 / 64, 4.0
TICKS = (1 / 64, 1 / 16, 1 / 4, 1 / 2, 1, 2, 4)


def place(value: float) -> float:
    """Where a ratio is; what is beyond an end is at the end."""
    share = math.log(min(max(value, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + WIDTH * share


def row(figure: Figure, top: float) -> Iterator[str]:
    """One ratio."""
    low, high = (place(value) for value in figure.quartiles)
    middle, color = top + ROW / 2, "#b00020" if figure.met is False else "#1a6b3c"
    if figure.most is not None:
        start = place(figure.least) if figure.least is not None else LEFT
        yield (f'<rect x="{start:.1f}" y="{top + 2:.1f}" width="{place(figure.most) - start:.1f}" '
               f'height="{ROW - 4}" fill="#dcefe2"/>')
    yield (f'<text x="{LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">'
           f'{escape(f"{figure.benchmark}: {figure.name}")}</text>')
    yield (f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="{color}" '
           'stroke-width="3"/>')
    yield f'<circle cx="{place(figure.median):.1f}" cy="{middle}" r="4" fill="{color}"/>'
    yield f'<text x="{LEFT + WIDTH + 8}" y="{middle + 4:.1f}">{figure.median:.3f}</text>'


def axis(height: float) -> Iterator[str]:
    """The scale, which is logarithmic."""
    for tick in TICKS:
        text = number(tick) if tick >= 1 else f"1/{1 / tick:.0f}"
        yield (f'<line x1="{place(tick):.1f}" x2="{place(tick):.1f}" y1="{TOP - 6}" '
               f'y2="{height - 6}" stroke="{"#444" if tick == 1 else "#ccc"}"/>')
        yield f'<text x="{place(tick):.1f}" y="{TOP - 12}" text-anchor="middle">{text}</text>'


def svg(figures: Sequence[Figure], title: str) -> str:
    """The whole picture."""
    ratios = [figure for figure in figures if figure.unit == "ratio"]
    height = TOP + ROW * len(ratios) + 10
    width = LEFT + WIDTH + 60
    lines = ['<?xml version="1.0" encoding="UTF-8"?>',
             "<!-- SPDX-License-Identifier: BSD-3-Clause -->",
             f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
             'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="#111">',
             f"<title>{escape(title)}</title>",
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="8" y="18" font-size="13">{escape(title)}</text>', *axis(height)]
    for index, figure in enumerate(ratios):
        lines += row(figure, TOP + ROW * index)
    return "\n".join([*lines, "</svg>", ""])
