# SPDX-License-Identifier: BSD-3-Clause
"""Circles in a graph of calls, and the layers that it would have without a list."""

from collections.abc import Mapping, Set

Graph = Mapping[str, Set[str]]


def reach(graph: Graph, start: str) -> set[str]:
    """All that can be reached from here; the start only by a way back to it."""
    found: set[str] = set()
    open_ends = [start]
    while open_ends:
        new = graph.get(open_ends.pop(), set()) - found
        found |= new
        open_ends += new
    return found


def circles(graph: Graph) -> list[list[str]]:
    """Each largest set of files that all reach each other."""
    ways = {name: reach(graph, name) for name in graph}
    found = {tuple(sorted(other for other in ways if other in ways[name] and name in ways[other]))
             for name in ways if name in ways[name]}
    return [list(circle) for circle in sorted(found) if len(circle) > 1]


def levels(graph: Graph) -> list[list[str]]:
    """The lowest layers that the calls allow; the files of a circle are in one."""
    ways = {name: reach(graph, name) for name in graph}
    level: dict[str, int] = {}
    # What is below has fewer files to reach, but for those that it shares a circle with.
    for name in sorted(ways, key=lambda name: (len(ways[name]), name not in ways[name], name)):
        circle = {other for other in ways[name] if name in ways[other]} | {name}
        below = [level[other] for other in ways[name] - circle]
        level[name] = max(below, default=-1) + 1
    return [[name for name in sorted(level) if level[name] == i]
            for i in sorted(set(level.values()))]
