# SPDX-License-Identifier: BSD-3-Clause
"""A file calls only files of lower layers, a folder only lower folders.

The layers are lists in meson.build (`xxx_layers` of a folder's files, `folder_layers` of folders in
the top one). Who calls whom comes from the symbol tables of the objects that were built of them.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from .circles import circles, levels
from .symbols import c_library, nm
from .tree import CheckError, Tree, is_product

Layers = list[list[str]]
Arrows = dict[tuple[str, str], set[str]]
LIST = re.compile(r"(?m)^(\w+_layers) = (\[.*?^\])", re.DOTALL)


@dataclass
class Folder:
    """The sources of a folder, its layers from the lowest up, and the calls inside."""

    name: str
    sources: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    layers: Layers | None = None
    arrows: Arrows = field(default_factory=lambda: defaultdict(set))

    def rank(self) -> dict[str, int]:
        """The layer of each file; one with main() is above all of them."""
        listed = self.layers or []
        ranks = {name: len(listed) for name in self.programs}
        return ranks | {name: i for i, layer in enumerate(listed) for name in layer}


def read_lists(tree: Tree, name: str) -> dict[str, Layers]:
    """The lists of layers in a meson.build; their syntax is also Python's."""
    found = {}
    for match in LIST.finditer(tree.text(name)):
        try:
            found[match[1]] = ast.literal_eval(match[2])
        except (SyntaxError, ValueError) as err:
            raise CheckError(f"{name}: {match[1]} is not a list of lists of names") from err
    return found


def read_symbols(tree: Tree) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What each source uses, and who defines each name."""
    uses: dict[str, set[str]] = defaultdict(set)
    defined: dict[str, set[str]] = defaultdict(set)
    sources = {str(path): source for path, source in tree.objects.items()}
    if not sources:
        raise CheckError(f"{tree.build} has no object of lib, drivers or app")
    for file, kind, name in nm(tree, "-g", *sources):
        if kind in "Uw":
            uses[sources[file]].add(name)
        else:
            defined[name].add(sources[file])
    for name in c_library(tree) & defined.keys():
        del defined[name]
    return uses, defined


def read_folders(tree: Tree) -> tuple[dict[str, Folder], Arrows]:
    """All folders with what is called inside them, and the calls between them."""
    uses, defined = read_symbols(tree)
    folders: dict[str, Folder] = {}
    for source in sorted(set(tree.objects.values())):
        path = PurePath(source)
        folder = folders.setdefault(str(path.parent), Folder(str(path.parent)))
        folder.sources.add(path.name)
        if source in defined.get("main", ()):
            folder.programs.add(path.name)
    for name, folder in folders.items():
        if f"{name}/meson.build" in tree.names:
            lists = read_lists(tree, f"{name}/meson.build")
            if lists:
                folder.layers = [layer for layers in lists.values() for layer in layers]
    between: Arrows = defaultdict(set)
    for source, names in uses.items():
        mine = PurePath(source)
        for name in names & defined.keys():
            # Programs that are not linked with each other may use one name for two things.
            others = [PurePath(other) for other in defined[name]]
            near = [other for other in others if other.parent == mine.parent]
            for other in near or others:
                if near:
                    folders[str(mine.parent)].arrows[mine.name, other.name].add(name)
                else:
                    between[source, str(other.parent)].add(f"{name} of {other.name}")
    return folders, between


def names_of(names: set[str]) -> str:
    """A few of the names."""
    few = sorted(names)
    return ", ".join(few[:4]) + (f" and {len(few) - 4} more" if len(few) > 4 else "")


def unlisted(folder: Folder) -> Iterator[str]:
    """Files in no layer, in two, or in a layer but not there."""
    if folder.layers is None:
        if len(folder.sources - folder.programs) > 1:
            yield f"{folder.name}: several sources, but no xxx_layers in its meson.build"
        return
    listed = [name for layer in folder.layers for name in layer]
    for name in sorted(folder.sources - folder.programs - set(listed)):
        yield f"{folder.name}/{name}: in no layer of {folder.name}/meson.build"
    for name in sorted(set(listed) - folder.sources):
        yield f"{folder.name}/meson.build: {name} is in a layer, but is not built"
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        yield f"{folder.name}/meson.build: {name} is in two layers"


def upward(folder: Folder) -> Iterator[str]:
    """Calls inside a folder that do not go down."""
    ranks = folder.rank()
    for (mine, other), names in sorted(folder.arrows.items()):
        if mine in ranks and other in ranks and ranks[other] >= ranks[mine]:
            same = "the same" if ranks[other] == ranks[mine] else "a higher"
            yield f"{folder.name}/{mine}: calls {other} of {same} layer ({names_of(names)})"


def folder_ranks(tree: Tree) -> dict[str, int]:
    """The layer of each folder, by the top meson.build."""
    lists = read_lists(tree, "meson.build") if "meson.build" in tree.names else {}
    return {name: i for i, layer in enumerate(lists.get("folder_layers", [])) for name in layer}


def layers(tree: Tree) -> Iterator[str]:
    """A file calls only files of lower layers, a folder only lower folders."""
    folders, between = read_folders(tree)
    ranks = folder_ranks(tree)
    for source in filter(is_product, tree.ending(".c")):
        if source not in tree.objects.values():
            yield f"{source}: not built, so nothing is known of its calls"
    for name in sorted(ranks.keys() - folders.keys()):
        yield f"meson.build: {name} is in folder_layers, but nothing is built there"
    for name, folder in sorted(folders.items()):
        if name not in ranks:
            yield f"{name}: in no layer of folder_layers in meson.build"
        yield from unlisted(folder)
        yield from upward(folder)
    for (source, other), names in sorted(between.items()):
        mine = str(PurePath(source).parent)
        if mine in ranks and other in ranks and ranks[other] >= ranks[mine]:
            yield f"{source}: calls {other}, which is not a lower folder ({names_of(names)})"


def report(tree: Tree) -> Iterator[str]:
    """Folders, their layers, the calls that go up and the circles, for a person to read."""
    folders, between = read_folders(tree)
    ranks = folder_ranks(tree)
    yield "folders, lowest first: " + (
        " | ".join(" ".join(n for n in ranks if ranks[n] == i)
                   for i in sorted(set(ranks.values()))) or "no list")
    for name, folder in sorted(folders.items(), key=lambda item: (ranks.get(item[0], -1), item)):
        graph = {source: {other for mine, other in folder.arrows if mine == source}
                 for source in folder.sources}
        found = circles(graph)
        listed = folder.layers or levels(graph)
        yield (f"\n{name}: {len(folder.sources)} files, "
               f"{len(listed)} layers{'' if folder.layers else ' (no list: as the calls go)'}, "
               f"{len(found)} circles of {sum(map(len, found))} files")
        yield from (f"  {i}  {'  '.join(sorted(layer))}" for i, layer in enumerate(listed, 1))
        for circle in found:
            yield f"  circle: {' '.join(circle)}"
            for (mine, other), names in sorted(folder.arrows.items()):
                if mine in circle and other in circle:
                    yield f"    {mine} -> {other}: {names_of(names)}"
        if folder.layers:
            yield from (f"  up: {line}" for line in upward(folder))
        calls = sorted({other for source, other in between if source.startswith(f"{name}/")
                        and "/" not in source[len(name) + 1:]})
        yield f"  calls folders: {' '.join(calls) or 'none'}"
