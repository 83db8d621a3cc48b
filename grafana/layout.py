"""A dashboard's frame: what all have in common, and what is put on it."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import dashboard

from grafana.panels import DATASOURCE, AnyPanel
from grafana.promql import Scope
from grafana.runs import Runs
from sanctum_exporter import __version__

COLUMNS: Final = 24
SLOTS_UID: Final = "sanctum-slots"
FLEET_UID: Final = "sanctum-fleet"
COMPARE_UID: Final = "sanctum-compare"
RUNBOOKS_UID: Final = "sanctum-runbooks"
_TITLES: Final = {
    SLOTS_UID: "Slots",
    FLEET_UID: "Fleet",
    COMPARE_UID: "Compare",
    RUNBOOKS_UID: "Runbooks",
}
_ALL: Final = dashboard.VariableOption(text="All", value="$__all", selected=True)
_OPTION: Final = r'/^\{{{}="(.*)"\}} \S+ \S+$/'
"""The value of a label in an answer to ``query_result``."""


def row(frame: builder.Dashboard, title: str, top: int = 0) -> None:
    """Begin a row with a title, below what was placed so far or at a given height."""
    frame.with_row(builder.Row(title).grid_pos(dashboard.GridPos(x=0, y=top, w=COLUMNS, h=1)))


def line(frame: builder.Dashboard, height: int, *panels: tuple[int, AnyPanel]) -> None:
    """Place panels, each with its width, beside each other over the whole width."""
    for width, panel in panels:
        frame.with_panel(panel.height(height).span(width))


def beside(
    frame: builder.Dashboard,
    top: int,
    tall: tuple[int, AnyPanel],
    *lines: tuple[int, list[AnyPanel]],
) -> int:
    """Place a tall panel and, at its right, lines of narrower ones; return where they end."""
    width, panel = tall
    y = top
    for height, panels in lines:
        edges = [width + (COLUMNS - width) * i // len(panels) for i in range(len(panels) + 1)]
        for small, left, right in zip(panels, edges, edges[1:], strict=False):
            _put(frame, small, left, y, right - left, height)
        y += height
    _put(frame, panel, 0, top, width, y - top)
    return y


def _put(
    frame: builder.Dashboard, panel: AnyPanel, x: int, y: int, width: int, height: int
) -> None:
    frame.with_panel(panel.grid_pos(dashboard.GridPos(x=x, y=y, w=width, h=height)))


def bare(uid: str, description: str) -> builder.Dashboard:
    """Return a dashboard that asks nothing yet, with links to the others."""
    frame = (
        builder.Dashboard(f"Sanctum · {_TITLES[uid]}")
        .uid(uid)
        .description(description)
        .tags(["sanctum", "esper-lite", "training", f"sanctum-exporter-{__version__}"])
        .timezone("browser")
        .editable()
    )
    for other, title in _TITLES.items():
        if other != uid:
            frame.link(_link(title, f"/d/{other}"))
    return frame


def frame(uid: str, description: str, time_from: str, refresh: str) -> builder.Dashboard:
    """Return a dashboard without panels."""
    return (
        bare(uid, description)
        .time(time_from, "now")
        .timepicker(builder.TimePicker().refresh_intervals(["5s", "10s", "30s", "1m", "5m"]))
        .refresh(refresh)
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            builder.DatasourceVariable("datasource")
            .label("Data source")
            .type("prometheus")
            .hide(dashboard.VariableHide.DONT_HIDE)
        )
    )


def choice(name: str, label: str, query: str, description: str) -> builder.QueryVariable:
    """Return a variable whose values are those of a label, in alphabetical order."""
    return (
        builder.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": f"variable-{name}", "qryType": 1})
        .definition(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .hide(dashboard.VariableHide.DONT_HIDE)
        .multi(False)
        .include_all(False)
    )


def newest(
    name: str, label: str, of: str, scope: Scope, description: str, *, first: bool = True
) -> builder.QueryVariable:
    """Return a variable whose values are those of a label that runs have, the newest run first.

    Grafana chooses the first one.  A run that is under way comes before one that is not, and that
    before one whose process is gone.

    Args:
        name: name of the variable.
        label: what people see of it.
        of: the label.
        scope: the runs.
        description: what it chooses.
        first: whether the newest is the first one, otherwise the last.
    """
    start = scope.of("sanctum_run_start_timestamp_seconds")
    ranked = " or ".join(
        f"max by ({of}) ({runs})"
        for runs in (
            f"2e10 + ({Runs(scope).under_way(start)})",
            f"1e10 + {start}",
            f"last_over_time({start}[$__range])",
            # An exporter without a run yet.
            f"0 * last_over_time({scope.of('sanctum_exporter_build_info')}[$__range])",
        )
    )
    query = f"query_result({'sort_desc' if first else 'sort'}({ranked}))"
    return (
        choice(name, label, query, description)
        .query({"query": query, "refId": f"variable-{name}", "qryType": 3})
        .regex(_OPTION.format(of))
        .sort(dashboard.VariableSort.DISABLED)
    )


def with_all(variable: builder.QueryVariable, all_value: str) -> builder.QueryVariable:
    """Return a variable that can be, and at first is, all of its values."""
    return variable.include_all(True).all_value(all_value).current(_ALL)


def annotation(name: str, colour: str, expr: str, title: str, text: str) -> builder.AnnotationQuery:
    """Return marks in every panel over time, one for each sample of a query."""
    return (
        builder.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .hide(False)
        .icon_color(colour)
        .expr(expr)
        .step("10s")
        .title_format(title)
        .text_format(text)
    )


def _link(title: str, url: str) -> builder.DashboardLink:
    return (
        builder.DashboardLink(title)
        .type(dashboard.DashboardLinkType.LINK)
        .icon("dashboard")
        .tooltip("")
        .tags([])
        .url(url)
        .keep_time(True)
    )
