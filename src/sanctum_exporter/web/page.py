"""The page for people: what is served, where, and SlotsPanel as the terminal shows it."""

from __future__ import annotations

from html import escape
from typing import Final

from sanctum_exporter._version import __version__
from sanctum_exporter.view.document import GroupView
from sanctum_exporter.web.api import Api
from sanctum_exporter.web.content import HTML, Content, Page, Query, fixed

STYLE: Final = """
:root { color-scheme: light dark; --dim: #6b7280; --blue: #1d4ed8; --bright_blue: #2563eb;
  --cyan: #0e7490; --yellow: #a16207; --magenta: #a21caf; --green: #15803d; --red: #b91c1c;
  --line: #d1d5db; }
@media (prefers-color-scheme: dark) { :root { --dim: #8b949e; --blue: #58a6ff;
  --bright_blue: #79c0ff; --cyan: #39c5cf; --yellow: #d29922; --magenta: #d2a8ff;
  --green: #3fb950; --red: #ff7b72; --line: #30363d; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem;
  padding: 0 1rem; }
h1 { font-size: 1.3rem; margin-bottom: .2rem; }
nav a { margin-right: 1.2rem; }
main { display: flex; flex-wrap: wrap; gap: 1.5rem; margin-top: 1.5rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; }
figcaption, .dim { color: var(--dim); }
pre { font: 14px/1.35 ui-monospace, Menlo, Consolas, monospace; margin: .5rem 0 0; }
""" + "".join(
    f".{name} {{ color: var(--{name}); }}\n"
    for name in ("blue", "bright_blue", "cyan", "yellow", "magenta", "green", "red")
)
"""The stylesheet, which is served on its own: our policy lets no style stand in a page."""


STYLE_PATH: Final = "/-/style.css"


def pages(api: Api) -> dict[str, Page]:
    """Return what answers at which path."""

    def root(query: Query) -> Content:
        view = api.run(query.get("run", [None])[0])
        groups = [] if view is None else view.groups
        figures = "".join(_figure(group) for group in groups)
        return Content(HTML, _PAGE.format(figures=figures, version=escape(__version__)).encode())

    return {"/": root, STYLE_PATH: fixed("text/css; charset=utf-8", STYLE, 300)}


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>sanctum-exporter</title>
<link rel="stylesheet" href="-/style.css">
</head>
<body>
<h1>sanctum-exporter {version}</h1>
<main>{figures}</main>
</body>
</html>
"""


def _figure(group: GroupView) -> str:
    text = "\n".join(
        "".join(f'<span class="{span.style}">{escape(span.text)}</span>' for span in line)
        for line in group.lines
    )
    title = f"<strong>{escape(group.border_title)}</strong>"
    caption = f"<figcaption>{escape(group.group_id)} &middot; {title}</figcaption>"
    return f"<figure>{caption}<pre>{text}</pre></figure>"
