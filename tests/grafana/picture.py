#!/usr/bin/env python3
"""Draw the dashboards with Grafana's component library: ``python -m tests.grafana.picture``.

Exporters in a situation are scraped by a real Prometheus, and the dashboards' own queries and
panels are drawn in a headless Chromium.  It is not a screenshot of Grafana: the grid and the
graphs' wiring are the harness's, menus are missing.  The awkward situations go to pictures/, which
is not committed; with names of situations as arguments only those are drawn.
"""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.grafana import prometheus, situations
from tests.grafana.dashboards import View
from tests.grafana.display import HOME, node
from tools.stack import locate

IMAGES: Final = HOME.parent.parent / "docs" / "images"
SITUATIONS: Final = HOME.parent.parent / "pictures"
WIDTH: Final = 1366 - 32
MARGIN: Final = 16
_SLOTS_PANEL: Final = range(3, 13)
"""The lines of sanctum-slots that are SlotsPanel."""
_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>drawn</title>
<link rel="stylesheet" href="page.css"><style>body { margin: 0 }</style>
<div id="page"></div><script>
window.__grafana_public_path__ = "public/";
window.picture = {picture};
</script><script src="page.js"></script>
"""


def asked(server: prometheus.Prometheus, view: View) -> list[dict[str, Any]]:
    """Return the panels of a view, with the answers to their queries."""
    pairs = [
        own_view.ask(server, own_panel)
        for panel in view.dashboard["panels"]
        for own_view, own_panel in view.repeated(server, panel)
    ]
    return [{"panel": panel, "answers": answers} for panel, answers in pairs]


def rows(panels: list[dict[str, Any]], first: int, end: int) -> list[dict[str, Any]]:
    """Return the panels from one line of the grid to another."""
    return [p for p in panels if first <= p["panel"]["gridPos"]["y"] < end]


def draw(panels: list[dict[str, Any]], theme: str, folder: Path, image: Path, scale: float) -> None:
    """Write a picture of panels.

    Args:
        panels: panels and answers.
        theme: dark or light.
        folder: where the page's bundle is.
        image: the file to write.
        scale: pixels of the image for one of the page.

    Raises:
        FileNotFoundError: if there is no Chromium on this machine.
    """
    chromium = locate("chromium")
    if chromium is None:
        raise FileNotFoundError("no chromium: run python tools/stack.py chromium")
    top = min(p["panel"]["gridPos"]["y"] for p in panels)
    bottom = max(p["panel"]["gridPos"]["y"] + p["panel"]["gridPos"]["h"] for p in panels)
    height = (bottom - top) * 38 - 8 + 2 * MARGIN
    picture = json.dumps({"panels": panels, "theme": theme, "width": WIDTH})
    (folder / "index.html").write_text(_PAGE.replace("{picture}", picture.replace("<", "\\u003c")))
    with _site(folder) as url, tempfile.TemporaryDirectory(prefix="sanctum-chromium-") as profile:
        command = [
            str(chromium),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--hide-scrollbars", "--virtual-time-budget=8000"),
            f"--force-device-scale-factor={scale}",
            f"--user-data-dir={profile}",
            f"--window-size={WIDTH + 2 * MARGIN},{height}",
            f"--screenshot={image}",
            url,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


@contextmanager
def bundled() -> Iterator[Path]:
    """Bundle the page into a folder that is there as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="sanctum-picture-") as folder:
        command = [node(), str(HOME / "picture" / "bundle.js"), folder]
        subprocess.run(command, check=True)
        yield Path(folder)


@contextmanager
def _site(folder: Path) -> Iterator[str]:
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/index.html"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Write the pictures: of the documentation, and of awkward situations."""
    for folder in (IMAGES, SITUATIONS):
        folder.mkdir(parents=True, exist_ok=True)
    only = set(sys.argv[1:])
    with bundled() as page:
        for name, situation in situations.EVERY.items():
            if only and name not in only:
                continue
            with situation() as (server, views):
                for picture, view in views.items():
                    panels = asked(server, view)
                    if picture == "sanctum-slots":
                        first, end = _SLOTS_PANEL.start, _SLOTS_PANEL.stop
                        write(rows(panels, first, end), IMAGES, "slots-panel", page, 2.0)
                    home = IMAGES if name == "lively" else SITUATIONS
                    write(panels, home, picture, page)


def write(
    panels: list[dict[str, Any]], home: Path, name: str, page: Path, scale: float = 1
) -> None:
    """Write the pictures of panels in both themes."""
    for theme in ("dark", "light"):
        image = home / f"{name}-{theme}.png"
        draw(panels, theme, page, image, scale)
        print(image)


if __name__ == "__main__":
    main()
