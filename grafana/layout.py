"""A dashboard's frame: what all have in common, panels numbered and placed on the grid."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import dashboard

from grafana import panels
from grafana.panels import DATASOURCE, AnyPanel
from sanctum_exporter import __version__

COLUMNS: Final = 24
DOCS_URL: Final = "/public/docs"
"""Where docker-compose.yml mounts the runbooks; a variable of the dashboards, to be changed."""
SLOTS_UID: Final = "sanctum-slots"
FLEET_UID: Final = "sanctum-fleet"
_ALL: Final = dashboard.VariableOption(text="All", value="$__all", selected=True)


class Grid:
    """Places rows and lines of panels from top to bottom, left to right."""

    def __init__(self, frame: builder.Dashboard) -> None:
        self._frame = frame
        self._next_id = 1
        self._y = 0

    def row(self, title: str) -> None:
        """Begin a row with a title."""
        place = dashboard.GridPos(x=0, y=self._y, w=COLUMNS, h=1)
        self._frame.with_row(builder.Row(title).id(self._take_id()).grid_pos(place))
        self._y += 1

    def line(self, height: int, *row: tuple[int, AnyPanel]) -> None:
        """Place panels, each with its width, beside each other."""
        x = 0
        for width, panel in row:
            self._place(panel, x, self._y, width, height)
            x += width
        self._y += height

    def beside(self, tall: tuple[int, AnyPanel], *lines: tuple[int, list[AnyPanel]]) -> None:
        """Place a tall panel and, at its right, lines of narrower panels, with heights."""
        width, panel = tall
        top = self._y
        for height, line in lines:
            edges = [width + (COLUMNS - width) * i // len(line) for i in range(len(line) + 1)]
            for small, left, right in zip(line, edges, edges[1:], strict=False):
                self._place(small, left, self._y, right - left, height)
            self._y += height
        self._place(panel, 0, top, width, self._y - top)

    def _place(self, panel: AnyPanel, x: int, y: int, width: int, height: int) -> None:
        place = dashboard.GridPos(x=x, y=y, w=width, h=height)
        self._frame.with_panel(panel.id(self._take_id()).grid_pos(place))

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1


def frame(uid: str, title: str, description: str, time_from: str) -> builder.Dashboard:
    """Return a dashboard without panels."""
    return (
        builder.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["sanctum", "esper-lite", "training", f"sanctum-exporter-{__version__}"])
        .timezone("browser")
        .time(time_from, "now")
        .timepicker(builder.TimePicker().refresh_intervals(["5s", "10s", "30s", "1m", "5m"]))
        .refresh("5s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .editable()
        .with_variable(
            builder.DatasourceVariable("datasource")
            .label("Data source")
            .type("prometheus")
            .hide(dashboard.VariableHide.DONT_HIDE)
        )
        .with_variable(
            builder.ConstantVariable("docs_url")
            .label("Docs")
            .description("What links to runbooks begin with.")
            .value(DOCS_URL)
        )
    )


def choice(name: str, label: str, query: str, description: str) -> builder.QueryVariable:
    """Return a variable whose values are those of a label."""
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


def link(title: str, url: str, icon: str) -> builder.DashboardLink:
    """Return a link for the top of a dashboard."""
    return (
        builder.DashboardLink(title)
        .type(dashboard.DashboardLinkType.LINK)
        .icon(icon)
        .tooltip("")
        .tags([])
        .url(url)
        .keep_time(url.startswith("/d/"))
        .target_blank(not url.startswith("/d/"))
    )


def runbooks() -> builder.DashboardLink:
    """Return the link to all runbooks."""
    return link("Runbooks", panels.RUNBOOKS_URL.format("README"), "doc")
