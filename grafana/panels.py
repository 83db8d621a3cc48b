"""Panels with everything spelt out that the SDK or Grafana would leave to a default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import bargauge as bargauge_builder
from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import heatmap as heatmap_builder
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.builders import stat as stat_builder
from grafana_foundation_sdk.builders import table as table_builder
from grafana_foundation_sdk.builders import text as text_builder
from grafana_foundation_sdk.builders import timeseries as timeseries_builder
from grafana_foundation_sdk.builders import xychart as xychart_builder
from grafana_foundation_sdk.models import common, dashboard, prometheus, text

from grafana.palette import BACKGROUNDS, COLOURS

DATASOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
NO_VALUE: Final = "-"
NO_DATA: Final = "no data: is an exporter scraped, in this time range?"
_NAME_SIZE: Final = 12
"""Grafana reserves for the name of a bar what it takes at 0.4 of the bar's height."""
LARGE_TEXT: Final = 24
"""Pixels from which on coloured text may have a contrast of 3:1 (WCAG)."""

Query: TypeAlias = prometheus_builder.Dataquery
Steps: TypeAlias = Sequence[tuple[float | None, str]]
AnyPanel: TypeAlias = (
    bargauge_builder.Panel
    | dashboard_builder.Panel
    | heatmap_builder.Panel
    | stat_builder.Panel
    | table_builder.Panel
    | text_builder.Panel
    | timeseries_builder.Panel
    | xychart_builder.Panel
)
DataPanel = TypeVar(
    "DataPanel",
    bargauge_builder.Panel,
    heatmap_builder.Panel,
    stat_builder.Panel,
    table_builder.Panel,
    timeseries_builder.Panel,
    xychart_builder.Panel,
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


def nothing(label: str, colour: str) -> dashboard.SpecialValueMap:
    """Return a mapping of no value, which else has the colour of one, red where 0 is bad."""
    return dashboard.SpecialValueMap(
        options=dashboard.DashboardSpecialValueMapOptions(
            match=dashboard.SpecialValueMatch.NULL,
            result=dashboard.ValueMappingResult(text=label, color=colour),
        )
    )


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


def stat(
    title: str, description: str, unit: str, *queries: Query, missing: str = NO_VALUE
) -> stat_builder.Panel:
    """Return a panel of big numbers.

    Args:
        title: title of the panel.
        description: what the panel tells.
        unit: unit of the values.
        queries: what to show.
        missing: what stands there where there is nothing to show.
    """
    panel = (
        stat_builder.Panel()
        .unit(unit)
        .reduce_options(_last_value())
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .text_mode(common.BigValueTextMode.VALUE)
        .orientation(common.VizOrientation.VERTICAL)
        .text(common_builder.VizTextDisplayOptions().value_size(LARGE_TEXT))
        .wide_layout(True)
        .show_percent_change(False)
        .color_scheme(fixed("text"))
        .thresholds(thresholds([(None, "text")]))
        .mappings([nothing(missing, COLOURS["dim"])])
        .no_value(missing)
    )
    return described(panel, title, description, queries)


def on_colour(panel: stat_builder.Panel) -> stat_builder.Panel:
    """Return a panel of big numbers with the colour behind them, which nobody overlooks."""
    panel.text(common_builder.VizTextDisplayOptions())
    panel.mappings([nothing(NO_VALUE, BACKGROUNDS["dim"])])
    return panel.color_mode(common.BigValueColorMode.BACKGROUND_SOLID)


def bars(
    title: str, description: str, unit: str, shown: str, *queries: Query
) -> bargauge_builder.Panel:
    """Return a panel of horizontal bars.

    Args:
        title: title of the panel.
        description: what the panel tells.
        unit: unit of the values.
        shown: regular expression of the names that get a bar; the others only set the scale.
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
        .text(common_builder.VizTextDisplayOptions().title_size(_NAME_SIZE).value_size(LARGE_TEXT))
        .sizing(common.BarGaugeSizing.AUTO)
        .min_viz_width(8)
        .min_viz_height(16)
        .max_viz_height(300)
        .legend(legend(shown=False))
        .color_scheme(fixed("text"))
        .thresholds(thresholds([(None, "text")]))
    )
    return described(panel, title, description, queries)


def table(title: str, description: str, *queries: Query) -> table_builder.Panel:
    """Return a table."""
    panel = (
        table_builder.Panel()
        .unit("none")
        .show_header(True)
        .cell_height(common.TableCellHeight.SM)
        .min_width(70)
        .filterable(True)
        .color_scheme(fixed("text"))
        .thresholds(thresholds([(None, "text")]))
        .no_value(NO_DATA)
    )
    return described(panel, title, description, queries)


def markdown(title: str, description: str, content: str) -> text_builder.Panel:
    """Return a panel of text."""
    return (
        text_builder.Panel()
        .title(title)
        .description(description)
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


def described(
    panel: DataPanel, title: str, description: str, queries: Sequence[Query]
) -> DataPanel:
    """Return a panel with what every panel has."""
    panel.title(title).description(description).datasource(DATASOURCE)
    for query in queries:
        panel.with_target(query)
    return panel


def _last_value() -> common_builder.ReduceDataOptions:
    return common_builder.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)


def legend(*, shown: bool) -> common_builder.VizLegendOptions:
    """Return the names of lines, below them."""
    return (
        common_builder.VizLegendOptions()
        .show_legend(shown)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs([])
    )
