"""The pages of docs/ that an exporter serves itself, as HTML: runbooks, metrics, the API, the page.

They are for machines without a way to the internet, so a link leads to another such page, or is
none.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
SERVED: Final = ("api", "metrics", "page", "runbooks")
"""What is served of docs/: pages, and a folder of them."""

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


def guides() -> dict[str, str]:
    """Return the HTML of every page that is served, by its address below ``/-/``."""
    paths = {address(path): path for path in _paths()}
    return {name: _html(path, set(paths)) for name, path in paths.items()}


def address(path: Path) -> str:
    """Return where a page of docs/ is served, below ``/-/``."""
    relative = path.relative_to(DOCS).with_suffix("")
    if relative.name == "README":
        return f"{relative.parent}/index"
    return str(relative if len(relative.parts) > 1 else "docs" / relative)


def _paths() -> list[Path]:
    folders = [sorted((DOCS / name).glob("*.md")) for name in SERVED if (DOCS / name).is_dir()]
    pages = [DOCS / f"{name}.md" for name in SERVED if not (DOCS / name).is_dir()]
    return [*pages, *(path for folder in folders for path in folder)]


def _html(path: Path, addresses: set[str]) -> str:
    # What a comment says is for the tests of the page.
    tokens = _MARKDOWN.parse(re.sub(r"(?m)^<!-- .*? -->\n", "", path.read_text("utf-8")))
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrs["id"] = re.sub(r"[^\w]+", "-", content.content.lower()).strip("-")
    for token in tokens:
        if token.children:
            token.children = _linked(token.children, path, addresses)
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    # A wide table or query scrolls by itself, and by the keyboard.
    html = html.replace("<pre>", '<pre tabindex="0">')
    return re.sub(
        r"<table>.*?</table>", r'<div class="wide" tabindex="0">\g<0></div>', html, flags=re.DOTALL
    )


def _linked(tokens: list[Token], path: Path, addresses: set[str]) -> list[Token]:
    """Return the tokens of a line with links that lead somewhere, and no pictures."""
    kept, dropped = [], 0
    for token in tokens:
        if token.type == "link_open":
            target = _target(str(token.attrs["href"]), path, addresses)
            if target is None:
                dropped += 1
                continue
            token.attrs["href"] = target
        elif token.type == "link_close" and dropped:
            dropped -= 1
            continue
        if token.type != "image":
            kept.append(token)
    return kept


def _target(href: str, path: Path, addresses: set[str]) -> str | None:
    page, mark, fragment = href.partition("#")
    if "://" in page or not page:
        return href
    wanted = (path.parent / page).resolve()
    if wanted.suffix != ".md" or not wanted.is_relative_to(DOCS):
        return None
    found = address(wanted)
    return f"../{found}{mark}{fragment}" if found in addresses else None
