"""Panels with everything spelt out that the SDK or Grafana would leave to a default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import bargauge as bargauge_builder
from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.builders import stat as stat_builder
from grafana_foundation_sdk.builders import table as table_builder
from grafana_foundation_sdk.builders import text as text_builder
from grafana_foundation_sdk.builders import timeseries as timeseries_builder
from grafana_foundation_sdk.models import common, dashboard, prometheus, text

from grafana.palette import COLOURS

DATASOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
NO_VALUE: Final = "-"
RUNBOOKS_URL: Final = "${{docs_url}}/runbooks/{}.md"

# Without it nothing has the colour of a value, red where 0 is bad.
_NOTHING: Final = dashboard.SpecialValueMap(
    options=dashboard.DashboardSpecialValueMapOptions(
        match=dashboard.SpecialValueMatch.NULL,
        result=dashboard.ValueMappingResult(text=NO_VALUE, color=COLOURS["dim"]),
    )
)

Query: TypeAlias = prometheus_builder.Dataquery
Steps: TypeAlias = Sequence[tuple[float | None, str]]
AnyPanel: TypeAlias = (
    bargauge_builder.Panel
    | dashboard_builder.Panel
    | stat_builder.Panel
    | table_builder.Panel
    | text_builder.Panel
    | timeseries_builder.Panel
)
DataPanel = TypeVar(
    "DataPanel",
    bargauge_builder.Panel,
    stat_builder.Panel,
    table_builder.Panel,
    timeseries_builder.Panel,
)


def now(ref_id: str, expr: str, legend: str = "") -> Query:
    """Return a query of the latest value, drawn as one number."""
    query = prometheus_builder.Dataquery().ref_id(ref_id).expr(expr).instant()
    return query.legend_format(legend).format(prometheus.PromQueryFormat.TIME_SERIES)


def rows(ref_id: str, expr: str) -> Query:
    """Return a query of the latest values, one row of a table each."""
    query = prometheus_builder.Dataquery().ref_id(ref_id).expr(expr).instant()
    return query.format(prometheus.PromQueryFormat.TABLE)


def over_time(ref_id: str, expr: str, legend: str) -> Query:
    """Return a query of values over the dashboard's time range."""
    query = prometheus_builder.Dataquery().ref_id(ref_id).expr(expr).range()
    return query.legend_format(legend).format(prometheus.PromQueryFormat.TIME_SERIES)


def fixed(colour: str) -> dashboard_builder.FieldColor:
    """Return a colour scheme of one colour."""
    return dashboard_builder.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour)


def by_threshold() -> dashboard_builder.FieldColor:
    """Return a colour scheme that follows the thresholds."""
    return dashboard_builder.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS)


def property_of(id_val: str, value: object) -> dashboard.DynamicConfigValue:
    """Return a property of an override."""
    return dashboard.DynamicConfigValue(id_val=id_val, value=value)


def fixed_property(colour: str) -> dashboard.DynamicConfigValue:
    """Return the property of an override that gives a field one colour."""
    return property_of("color", {"mode": "fixed", "fixedColor": colour})


def where_zero() -> dashboard.MatcherConfig:
    """Return the matcher of fields whose last value is 0."""
    options = {"reducer": "lastNotNull", "op": "eq", "value": 0}
    return dashboard.MatcherConfig(id_val="byValue", options=options)


def value_texts(
    texts: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]],
) -> dashboard.ValueMap:
    """Return a value mapping, from values to texts and colours."""
    options = {
        str(value): dashboard.ValueMappingResult(text=label, color=colour, index=index)
        for index, (value, (label, colour)) in enumerate(texts.items())
    }
    return dashboard.ValueMap(options=options)


def thresholds(steps: Steps) -> dashboard_builder.ThresholdsConfig:
    """Return thresholds; the first step's bound is None."""
    return (
        dashboard_builder.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=colour) for value, colour in steps])
    )


def thresholds_property(steps: Steps) -> dashboard.DynamicConfigValue:
    """Return the property of an override that gives a field thresholds."""
    return property_of("thresholds", thresholds(steps).build())


def stat(title: str, description: str, unit: str, *queries: Query) -> stat_builder.Panel:
    """Return a panel of big numbers."""
    panel = (
        stat_builder.Panel()
        .unit(unit)
        .reduce_options(_last_value())
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .text_mode(common.BigValueTextMode.VALUE)
        .orientation(common.VizOrientation.VERTICAL)
        .wide_layout(True)
        .show_percent_change(False)
        .color_scheme(fixed("text"))
        .thresholds(thresholds([(None, "text")]))
        .mappings([_NOTHING])
        .no_value(NO_VALUE)
    )
    return _described(panel, title, description, queries)


def bars(
    title: str, description: str, unit: str, shown: str, text_size: int, *queries: Query
) -> bargauge_builder.Panel:
    """Return a panel of horizontal bars.

    Args:
        title: title of the panel.
        description: what the panel tells.
        unit: unit of the values.
        shown: regular expression of the names that get a bar; the others only set the scale.
        text_size: size of names and values; Grafana's own choice cuts long names off.
        queries: what to show.
    """
    panel = (
        bargauge_builder.Panel()
        .unit(unit)
        .decimals(0)
        .min(0)
        .reduce_options(_last_value().fields(shown))
        .display_mode(common.BarGaugeDisplayMode.LCD)
        .value_mode(common.BarGaugeValueMode.COLOR)
        .name_placement(common.BarGaugeNamePlacement.LEFT)
        .orientation(common.VizOrientation.HORIZONTAL)
        .show_unfilled(True)
        .text(
            common_builder.VizTextDisplayOptions().title_size(text_size).value_size(text_size * 1.3)
        )
        .sizing(common.BarGaugeSizing.AUTO)
        .min_viz_width(8)
        .min_viz_height(16)
        .max_viz_height(300)
        .legend(_legend(shown=False))
        .color_scheme(fixed("text"))
        .thresholds(thresholds([(None, "text")]))
    )
    return _described(panel, title, description, queries)


def lines(title: str, description: str, unit: str, *queries: Query) -> timeseries_builder.Panel:
    """Return a panel of lines over time."""
    panel = (
        timeseries_builder.Panel()
        .unit(unit)
        .min(0)
        .draw_style(common.GraphDrawStyle.LINE)
        .line_interpolation(common.LineInterpolation.LINEAR)
        .line_width(2)
        .fill_opacity(8)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .stacking(common_builder.StackingConfig().group("A").mode(common.StackingMode.NONE))
        .legend(_legend(shown=True))
        .tooltip(
            common_builder.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.NONE)
        )
        .color_scheme(
            dashboard_builder.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC)
        )
        .thresholds(thresholds([(None, "green")]))
        .no_value("[no data]")
    )
    return _described(panel, title, description, queries)


def stacked(panel: timeseries_builder.Panel) -> timeseries_builder.Panel:
    """Return a panel of lines with the lines turned into areas, one on the other."""
    return (
        panel.line_interpolation(common.LineInterpolation.STEP_AFTER)
        .line_width(1)
        .fill_opacity(60)
        .stacking(common_builder.StackingConfig().group("A").mode(common.StackingMode.NORMAL))
    )


def legend_beside(panel: timeseries_builder.Panel) -> timeseries_builder.Panel:
    """Return a panel of many lines with their names at its right."""
    return panel.legend(_legend(shown=True).placement(common.LegendPlacement.RIGHT)).fill_opacity(0)


def limits(panel: timeseries_builder.Panel, steps: Steps) -> timeseries_builder.Panel:
    """Return a panel of lines with thresholds drawn as dashed lines."""
    style = common_builder.GraphThresholdsStyleConfig()
    return panel.thresholds(thresholds(steps)).thresholds_style(
        style.mode(common.GraphThresholdsStyleMode.DASHED)
    )


def table(title: str, description: str, *queries: Query) -> table_builder.Panel:
    """Return a table."""
    panel = (
        table_builder.Panel()
        .unit("none")
        .show_header(True)
        .cell_height(common.TableCellHeight.SM)
        .min_width(70)
        .color_scheme(fixed("text"))
        .thresholds(thresholds([(None, "text")]))
        .no_value(NO_VALUE)
    )
    return _described(panel, title, description, queries)


def markdown(title: str, description: str, content: str) -> text_builder.Panel:
    """Return a panel of text."""
    return (
        text_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit("none")
        .mode(text.TextMode.MARKDOWN)
        .content(content)
    )


def alert_list(title: str, description: str, matchers: str) -> dashboard_builder.Panel:
    """Return the list of alerts with some labels, from the data source's rules and Grafana's."""
    options = {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": 20,
        "sortOrder": 3,
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": matchers,
        "showInactiveAlerts": False,
        "stateFilter": {
            "firing": True,
            "pending": True,
            "noData": True,
            "normal": False,
            "error": True,
            "recovering": True,
        },
    }
    panel = dashboard_builder.Panel().type("alertlist").title(title).description(description)
    return panel.datasource(DATASOURCE).unit("none").options(options)


def with_runbook(panel: DataPanel, alert: str) -> DataPanel:
    """Return a panel with a link to the runbook of the alert on what it shows."""
    link = dashboard_builder.DashboardLink(f"Runbook {alert}")
    url = RUNBOOKS_URL.format(alert)
    kind = dashboard.DashboardLinkType.LINK
    return panel.links([link.type(kind).url(url).target_blank(True)])


def _described(
    panel: DataPanel, title: str, description: str, queries: Sequence[Query]
) -> DataPanel:
    panel.title(title).description(description).datasource(DATASOURCE)
    for query in queries:
        panel.with_target(query)
    return panel


def _last_value() -> common_builder.ReduceDataOptions:
    return common_builder.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)


def _legend(*, shown: bool) -> common_builder.VizLegendOptions:
    return (
        common_builder.VizLegendOptions()
        .show_legend(shown)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs([])
    )
