"""The page for people: what is served, where, and SlotsPanel as the terminal shows it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from sanctum_exporter import panel
from sanctum_exporter._version import __version__
from sanctum_exporter.readings import GroupReading

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


def render(
    groups: Iterable[GroupReading], *, origin: str, telemetry_path: str, not_ready: str | None
) -> str:
    """Return the page as HTML; it asks the browser to load it again every five seconds.

    Args:
        groups: the published groups.
        origin: where the values come from.
        telemetry_path: where the metrics are.
        not_ready: why the exporter does not do its job, None while it does.
    """
    state = "ready" if not_ready is None else f"not ready: {not_ready}"
    figures = "".join(_figure(group) for group in groups)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>sanctum-exporter</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
<h1>sanctum-exporter {escape(__version__)}</h1>
<p class="dim">{escape(origin)} &middot; {escape(state)}</p>
<nav><a href="{escape(telemetry_path)}">Metrics</a><a href="/-/healthy">Health</a>
<a href="/-/ready">Readiness</a></nav>
<main>{figures or '<p class="dim">No group is configured yet.</p>'}</main>
</body>
</html>
"""


def _figure(group: GroupReading) -> str:
    name = group.group_id if group.run is None else f"{group.run} / {group.group_id}"
    text = "\n".join(
        "".join(f'<span class="{span.style}">{escape(span.text)}</span>' for span in line)
        for line in panel.lines(group.slots)
    )
    title = f"<strong>{escape(panel.border_title(group.slots))}</strong>"
    life = escape(group.life.describe())
    caption = f"<figcaption>{escape(name)} &middot; {title}<br>{life}</figcaption>"
    return f"<figure>{caption}<pre>{text}</pre></figure>"
