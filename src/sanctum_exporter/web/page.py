"""The page for people, and what belongs to it: style, script, icon, runbooks.

It is whole as it is sent, for whoever has no JavaScript; where there is, the script asks for the
documents that it was made of, and writes only what has changed.
"""

from __future__ import annotations

from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import SimpleNamespace
from typing import Any, Final

from sanctum_exporter.panel import STAGE_ROWS
from sanctum_exporter.readings import SeedLifecycleStats, SlotSnapshot
from sanctum_exporter.view.document import GroupView, RunSummary
from sanctum_exporter.view.history import Series
from sanctum_exporter.view.judgement import Judgement
from sanctum_exporter.web.api import Api, chosen_run
from sanctum_exporter.web.content import HTML, Content, Page, Query, fixed
from sanctum_exporter.web.freshness import Freshness
from sanctum_exporter.web.templates import FIXED, SeedCount, StageCount, asset, render

_FIXED_SECONDS: Final = 86400
_GUIDE_SECONDS: Final = 300
_COLUMNS: Final = (
    ("run", "Run"),
    ("state", "State"),
    ("progress", "Episode"),
    ("remaining_seconds", "Time left"),
    ("last_event_timestamp", "Last event"),
    ("active_slots", "Active slots"),
)
# What the script makes new rows of.
_NO_RUN: Final = RunSummary(
    run=None,
    run_id="",
    task="",
    reward_mode="",
    state="waiting",
    severity="none",
    detail="",
    runbook=None,
    current_episode=0,
    planned_episodes=0,
    progress=None,
    remaining_seconds=0.0,
    start_timestamp=0.0,
    last_event_timestamp=0.0,
    total_slots=0,
    active_slots=0,
    groups=[],
)
_NO_GROUP: Final = GroupView(
    group_id="",
    border_title="",
    lines=[],
    state="waiting",
    severity="none",
    detail="",
    slots=SlotSnapshot(0, 0, {}, 0, 0.0, 0, SeedLifecycleStats()),
    epochs_completed=0,
    longest_silence_seconds=0.0,
    judgements=[],
    history=Series([], {}, {}),
)
_BLANK: Final = SimpleNamespace(
    run=_NO_RUN,
    group=_NO_GROUP,
    stage=StageCount("", 0),
    count=SeedCount("", "", 0, 0.0, "stable"),
    judgement=Judgement("", "", "none", "", ""),
)


def pages(api: Api, freshness: Freshness | None = None) -> dict[str, Page]:
    """Return what answers at which path.

    Args:
        api: has the documents.
        freshness: keeps what was answered.
    """
    kept = freshness or Freshness()

    def root(query: Query) -> Content:
        name = chosen_run(query)
        key = "page" if name is None else f"page {name}"
        return kept.get(key, lambda: _root(api, name))

    return {"/": root, **_fixed(), **_guides()}


def _root(api: Api, name: str | None) -> Content:
    view = api.run(name)
    # Many runs make a table, unless one of them was chosen.
    if view is not None and (name is not None or view.runs == 1):
        return _page("run", exporter=view.exporter, now=view.now, view=view, runs=view.runs)
    listed = api.overview()
    if view is None:
        shown = "empty" if name is None else "missing"
        status = HTTPStatus.OK if name is None else HTTPStatus.NOT_FOUND
        return _page(shown, status, exporter=listed.exporter, now=listed.now)
    return _page("runs", exporter=listed.exporter, now=listed.now, rows=listed.runs)


def _page(shown: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Content:
    nothing: dict[str, Any] = {"view": None, "rows": [], "runs": 0}
    html = render(
        "page.html",
        **(nothing | values),
        home="",
        shown=shown,
        columns=_COLUMNS,
        stages=STAGE_ROWS,
        blank=_BLANK,
    )
    return Content(HTML, html.encode(), status=status).packed()


def _fixed() -> dict[str, Page]:
    return {
        f"/-/{name}": fixed(content_type, asset("page", name), _FIXED_SECONDS)
        for name, content_type in FIXED.items()
    }


def _guides() -> dict[str, Page]:
    folder = files("sanctum_exporter") / "assets" / "guides"
    return {
        f"/-/{part.name}/{file.name.removesuffix('.html')}": _guide(file)
        for part in folder.iterdir()
        for file in part.iterdir()
    }


def _guide(file: Traversable) -> Page:
    """Return a page that is read when it is asked for, since few are."""

    def page(query: Query) -> Content:
        title = file.name.removesuffix(".html").replace("index", "Runbooks")
        html = file.read_text("utf-8")
        text = render("guide.html", home="../../", title=title, html=html)
        return fixed(HTML, text, _GUIDE_SECONDS)(query)

    return page
