"""What mkdocs calls while it builds the site (mkdocs.yml).

README and the other pages that stand in the root of the repository are pages of the site, too. A
link to one of them, or to a page of docs/, stays within the site; one to another file of the
repository leads to where pyproject.toml says that its source is, and is none where it says nothing.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent
TOP_PAGES: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
"""Pages in the root of the repository, and what they are called on the site."""

_LINK: Final = re.compile(r"(?<!!)\[(?P<text>[^]]*)\]\((?P<to>[^)\s:]+)\)")
_PICTURE: Final = re.compile(r'(?P<before>!\[[^]]*\]\(|\bsrc(?:set)?=")docs/')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - not where this is only tested

    for name, uri in TOP_PAGES.items():
        text = _PICTURE.sub(r"\g<before>", (ROOT / name).read_text("utf-8"))
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page with links that lead somewhere."""
    return linked(markdown, page.file.src_uri)


def linked(markdown: str, uri: str) -> str:
    """Return the text of a page, named as on the site, with the links of the site."""
    tops = {place: name for name, place in TOP_PAGES.items()}
    page = ROOT / tops[uri] if uri in tops else ROOT / "docs" / uri

    def link(match: re.Match[str]) -> str:
        path, hash_sign, anchor = match["to"].partition("#")
        if not path:
            return match[0]
        target = Path(os.path.normpath(page.parent / path)).relative_to(ROOT).as_posix()
        if target in TOP_PAGES or target.startswith("docs/"):
            place = TOP_PAGES.get(target, target.removeprefix("docs/"))
            to = os.path.relpath(place, Path(uri).parent) + hash_sign + anchor
        else:
            source = _source_url()
            if source is None:
                return match["text"]
            to = f"{source}/blob/main/{target}"
        return f"[{match['text']}]({to})"

    return _LINK.sub(link, markdown)


def _source_url() -> str | None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    url: str | None = project.get("urls", {}).get("Source")
    return url
