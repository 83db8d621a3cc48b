#!/usr/bin/env python3
"""Draw sanctum-slots with Grafana's component library: ``python -m grafana.harness.picture``.

A real A/B run is replayed into an exporter, a real Prometheus scrapes it, and the dashboard's own
queries and panels are drawn in a headless Chromium.  It is not a screenshot of Grafana: the grid
and the graphs' wiring are the harness's, menus are missing.
"""

from __future__ import annotations

import http.server
import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from grafana.harness import dashboards, exporters, prometheus
from grafana.harness.dashboards import View
from grafana.harness.display import HOME, node
from sanctum_exporter.groups import Groups
from sanctum_exporter.intake import Intake
from tests import recordings
from tools.stack import locate

IMAGES: Final = HOME.parent.parent / "docs" / "images"
WIDTH: Final = 1376
MARGIN: Final = 16
_JOB, _INSTANCE, _RECORDING, _GROUP, _LINE = "sanctum", "gpu-1:10500", "ab", "B", 4651
_LINES_A_SCRAPE: Final = 90
_DRAWN: Final = ("row", "stat", "bargauge", "timeseries")
_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>drawn</title>
<link rel="stylesheet" href="page.css"><style>body { margin: 0 }</style>
<div id="page"></div><script>
window.__grafana_public_path__ = "public/";
window.picture = {picture};
</script><script src="page.js"></script>
"""


@contextmanager
def replayed() -> Iterator[prometheus.Prometheus]:
    """Replay a recorded A/B run, scraped every second, up to a lively moment."""
    intake = Intake(Groups())
    with exporters.served(intake) as address:
        target = prometheus.Target(_JOB, _INSTANCE, address)
        with prometheus.running([target]) as server:
            for number, line in enumerate(recordings.lines(_RECORDING)[:_LINE], start=1):
                intake.line(line, number)
                if number % _LINES_A_SCRAPE == 0 or number == _LINE:
                    server.wait_for(f"sum(sanctum_exporter_events_total) == {number}")
            yield server


def asked(server: prometheus.Prometheus, view: View, rows: int) -> list[dict[str, Any]]:
    """Return the first rows' panels that can be drawn, with the answers to their queries."""
    starts = [p["gridPos"]["y"] for p in view.dashboard["panels"] if p["type"] == "row"]
    end = starts[rows]
    pairs = [
        own_view.ask(server, own_panel)
        for panel in view.dashboard["panels"]
        if panel["type"] in _DRAWN and panel["gridPos"]["y"] < end
        for own_view, own_panel in view.repeated(server, panel)
    ]
    return [{"panel": panel, "answers": answers} for panel, answers in pairs]


def draw(panels: list[dict[str, Any]], theme: str, folder: Path, image: Path) -> None:
    """Write a picture of panels.

    Args:
        panels: panels and answers.
        theme: dark or light.
        folder: where the page's bundle is.
        image: the file to write.

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
            *("--hide-scrollbars", "--force-device-scale-factor=2", "--virtual-time-budget=8000"),
            f"--user-data-dir={profile}",
            f"--window-size={WIDTH + 2 * MARGIN},{height}",
            f"--screenshot={image}",
            url,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 - ours


@contextmanager
def bundled() -> Iterator[Path]:
    """Bundle the page into a folder that is there as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="sanctum-picture-") as folder:
        command = [node(), str(HOME / "picture" / "bundle.js"), folder]
        subprocess.run(command, check=True)  # noqa: S603 - a program of ours
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
    """Write the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with replayed() as server, bundled() as folder:
        view = dashboards.view_of_group(_JOB, _INSTANCE, _GROUP)
        for name, rows in (("slots-panel", 1), ("sanctum-slots", 4)):
            panels = asked(server, view, rows)
            for theme in ("dark", "light"):
                image = IMAGES / f"{name}-{theme}.png"
                draw(panels, theme, folder, image)
                print(image)


if __name__ == "__main__":
    main()
