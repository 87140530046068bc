#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check the links of HTML pages to each other: every file and every anchor has to be there.

Links to other sites are not followed: the build has no network.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LEADING = ("href", "src", "data")


class Page(HTMLParser):
    """The anchors of a page, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what is of interest of a tag."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif tag in ("a", "img", "link", "object", "script") and name in LEADING and value:
                self.links.append(value)


def broken(top: Path) -> Iterator[str]:
    """The links that lead nowhere, with their pages."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(top.rglob("*.html"))}
    if not pages:
        yield f"{top}: no pages"
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            other = pages.get(target)
            lost = bool(other and parts.fragment and unquote(parts.fragment) not in other.anchors)
            if lost or not target.exists():
                yield f"{path.relative_to(top)}: {link} leads nowhere"


def main() -> int:
    """Print them; the exit status. A stamp is written if there are none."""
    complaints = list(broken(Path(sys.argv[1]).resolve()))
    print("".join(f"{complaint}\n" for complaint in complaints), end="", file=sys.stderr)
    if not complaints and len(sys.argv) > 2:
        Path(sys.argv[2]).touch()
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
