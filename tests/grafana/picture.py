#!/usr/bin/env python3
"""Draw the dashboards with Grafana's component library: ``python -m tests.grafana.picture``.

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
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import recordings
from tests.feeding import fed, steps
from tests.grafana import dashboards, exporters, prometheus
from tests.grafana.dashboards import View
from tests.grafana.display import HOME, node
from tests.grafana.shifting import as_of
from tools.stack import locate

IMAGES: Final = HOME.parent.parent / "docs" / "images"
WIDTH: Final = 1376
MARGIN: Final = 16
_JOB, _INSTANCE, _RECORDING, _GROUP, _LINE = "sanctum", "gpu-1:10500", "ab", "B", 4651
_LINES_A_SCRAPE: Final = 90
_HOUR_SECONDS: Final = 3600
_SLOWER: Final = 600
_IDLE: Final = (
    b'{"event_type": "TRAINING_STARTED", "group_id": "default",'
    b' "timestamp": "2020-02-02T00:00:00+00:00",'
    b' "data": {"n_envs": 4, "slot_ids": [], "start_episode": 0, "n_episodes": 16,'
    b' "task": "cifar_baseline", "reward_mode": "shaped"}}'
)
_DRAWN: Final = ("row", "stat", "bargauge", "timeseries", "table")
_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>drawn</title>
<link rel="stylesheet" href="page.css"><style>body { margin: 0 }</style>
<div id="page"></div><script>
window.__grafana_public_path__ = "public/";
window.picture = {picture};
</script><script src="page.js"></script>
"""


@contextmanager
def replayed() -> Iterator[tuple[prometheus.Prometheus, float]]:
    """Replay a recorded A/B run, scraped every second, to a lively moment; others stand beside."""
    run = Intake(Groups())
    half = recordings.lines("ppo_single")
    nothing = fed(as_of([_IDLE], 60))
    stuck = fed(as_of(half[:1797], _HOUR_SECONDS / 2, slower=_SLOWER))
    done = fed(as_of(recordings.lines("lifecycle_only"), _HOUR_SECONDS))
    gone = fed(as_of(half[:900], 0, slower=_SLOWER))
    slow = fed(as_of(half[:1000], 0, slower=_SLOWER))
    with ExitStack() as stack, ExitStack() as short_lived:
        served = [(_INSTANCE, run, stack), ("gpu-2:10500", stuck, stack)]
        served += [("gpu-3:10500", nothing, stack), ("gpu-4:10500", gone, short_lived)]
        served += [("gpu-5:10500", done, stack), ("gpu-6:10500", slow, stack)]
        targets = [
            prometheus.Target(_JOB, instance, life.enter_context(exporters.served(intake)))
            for instance, intake, life in served
        ]
        server = stack.enter_context(prometheus.running(targets))
        server.wait_for('sanctum_total_slots{instance="gpu-4:10500"}')
        lines = recordings.lines(_RECORDING)[:_LINE]
        for number, _ in steps(run, (as_of([line], 0)[0] for line in lines)):
            if number == len(lines) // 2:
                short_lived.close()
            if number % _LINES_A_SCRAPE == 0 or number == len(lines):
                events = f'sum(sanctum_exporter_events_total{{instance="{_INSTANCE}"}})'
                moment = server.wait_for(f"{events} == {number}")
        yield server, moment


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
    """Write the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with replayed() as (server, moment), bundled() as folder:
        run = dashboards.view_of_group(_JOB, _INSTANCE, _GROUP, moment)
        every = {"job": dashboards.ALL, "instance": dashboards.ALL}
        fleet = View(dashboards.load("sanctum-fleet"), every, moment)
        pictures = (
            ("slots-panel", run, 1, 2.0),
            ("sanctum-slots", run, 5, 1.0),
            ("sanctum-fleet", fleet, 2, 1.0),
        )
        for name, view, rows, scale in pictures:
            panels = asked(server, view, rows)
            for theme in ("dark", "light"):
                image = IMAGES / f"{name}-{theme}.png"
                draw(panels, theme, folder, image, scale)
                print(image)


if __name__ == "__main__":
    main()
