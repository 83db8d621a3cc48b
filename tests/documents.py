"""README, CONTRIBUTING and the pages of docs/, as what they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

from tests.recordings import ROOT

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_MARKER = re.compile(r"<!-- (.*?) -->\s*")


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        page: its page, from the root of the repository.
        line: where it begins there, from 1.
        kind: its language.
        code: what is in it.
        marker: the comment right above it, empty for none.
    """

    page: str
    line: int
    kind: str
    code: str
    marker: str

    @property
    def place(self) -> str:
        """Where it is, as an editor opens it."""
        return f"{self.page}:{self.line}"


class Link(NamedTuple):
    """A link or a picture: its page, and where it leads from there."""

    page: Path
    to: str


def pages() -> list[Path]:
    """Return every page that is written for readers."""
    tops = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [*tops, ROOT / "deploy" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks() -> Iterator[Block]:
    """Yield every fenced block of every page."""
    for page in pages():
        before = ""
        for token in _MARKDOWN.parse(page.read_text("utf-8")):
            if token.type == "fence":
                assert token.map is not None
                marker = _MARKER.fullmatch(before)
                name, line = str(page.relative_to(ROOT)), token.map[0] + 1
                yield Block(name, line, token.info, token.content, marker[1] if marker else "")
            before = token.content if token.type == "html_block" else ""


def links() -> Iterator[Link]:
    """Yield every link of every page that leads to something of this repository."""
    for page in pages():
        for token in _MARKDOWN.parse(page.read_text("utf-8")):
            found = re.findall(r'\bsrc(?:set)?="([^"]+)"', token.content)
            for child in token.children or ():
                found.append(str(child.attrs.get("href") or child.attrs.get("src") or ""))
            yield from (Link(page, to) for to in found if to and not re.match(r"[a-z]+:", to))


def anchors(page: Path) -> set[str]:
    """Return what links to a page may have behind the ``#``, as GitHub makes it of headings."""
    tokens = _MARKDOWN.parse(page.read_text("utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", text.content.lower()).replace(" ", "-")
        for heading, text in pairwise(tokens)
        if heading.type == "heading_open"
    }


def cells(page: Path) -> Iterator[list[str]]:
    """Yield the cells of every row of every table of a page, as they are written."""
    row: list[str] = []
    for token in _MARKDOWN.parse(page.read_text("utf-8")):
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(token.content)
        elif token.type == "tr_close":
            yield row
