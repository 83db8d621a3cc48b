"""Panels of lines and cells, over time or over another value."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import heatmap as heatmap_builder
from grafana_foundation_sdk.builders import timeseries as timeseries_builder
from grafana_foundation_sdk.builders import xychart as xychart_builder
from grafana_foundation_sdk.models import common, dashboard, heatmap, xychart

from grafana.palette import COLOURS, SIDES
from grafana.panels import (
    NO_DATA,
    Query,
    Steps,
    described,
    fixed,
    fixed_property,
    legend,
    property_of,
    thresholds,
)

_OTHERS: Final = COLOURS["cyan"]
"""Lines that have no meaning of their own are shades of it."""


def lines(title: str, description: str, unit: str, *queries: Query) -> timeseries_builder.Panel:
    """Return a panel of lines over time."""
    panel = (
        timeseries_builder.Panel()
        .unit(unit)
        .min(0)
        .axis_soft_max(1)
        .draw_style(common.GraphDrawStyle.LINE)
        .line_interpolation(common.LineInterpolation.LINEAR)
        .line_width(2)
        .fill_opacity(8)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .stacking(common_builder.StackingConfig().group("A").mode(common.StackingMode.NONE))
        .legend(legend(shown=True))
        .tooltip(
            common_builder.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.NONE)
        )
        .color_scheme(
            dashboard_builder.FieldColor()
            .mode(dashboard.FieldColorModeId.SHADES)
            .fixed_color(_OTHERS)
        )
        .thresholds(thresholds([(None, "text")]))
        .no_value(NO_DATA)
    )
    return described(panel, title, description, queries)


def stacked(panel: timeseries_builder.Panel) -> timeseries_builder.Panel:
    """Return a panel of lines with the lines turned into areas, one on the other."""
    return (
        panel.line_interpolation(common.LineInterpolation.STEP_AFTER)
        .line_width(1)
        .fill_opacity(60)
        .stacking(common_builder.StackingConfig().group("A").mode(common.StackingMode.NORMAL))
    )


def by_group(panel: timeseries_builder.Panel) -> timeseries_builder.Panel:
    """Return a panel with the lines of the groups A and B in their own colours."""
    for name, colour in SIDES.items():
        panel.override_by_name(name, [fixed_property(colour)])
    return panel


def limits(panel: timeseries_builder.Panel, steps: Steps) -> timeseries_builder.Panel:
    """Return a panel of lines with thresholds drawn as dashed lines."""
    style = common_builder.GraphThresholdsStyleConfig()
    return panel.thresholds(thresholds(steps)).thresholds_style(
        style.mode(common.GraphThresholdsStyleMode.DASHED)
    )


def distribution(title: str, description: str, query: Query) -> heatmap_builder.Panel:
    """Return a panel of how many there are of each value, over time.

    Args:
        title: title of the panel.
        description: what the panel tells.
        query: how many there are now, a series for each step of the value and named by it.
    """
    panel = (
        heatmap_builder.Panel()
        .unit("none")
        .calculate(False)
        .rows_frame(heatmap_builder.RowsHeatmapOptions().layout(common.HeatmapCellLayout.UNKNOWN))
        .color(
            heatmap_builder.HeatmapColorOptions()
            .mode(heatmap.HeatmapColorMode.OPACITY)
            .fill("blue")
            .scale(heatmap.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .steps(64)
        )
        .filter_values(heatmap_builder.FilterValueRange().le(1e-9))
        .cell_gap(1)
        .tooltip(heatmap_builder.HeatmapTooltip().mode(common.TooltipDisplayMode.SINGLE))
        .hide_legend()
        .color_scheme(fixed("blue"))
        .thresholds(thresholds([(None, "text")]))
        .no_value(NO_DATA)
    )
    return described(panel, title, description, [query])


def against(title: str, description: str, unit: str, *queries: Query) -> xychart_builder.Panel:
    """Return a panel of lines over another value than time.

    Every side has two queries: ``A`` is what is drawn, over ``A at``.

    Args:
        title: title of the panel.
        description: what the panel tells.
        unit: unit of what is drawn.
        queries: what to show.
    """
    panel = (
        xychart_builder.Panel()
        .unit(unit)
        .min(0)
        .mapping(xychart.SeriesMapping.MANUAL)
        .series([_side(name) for name in SIDES])
        .show(xychart.XYShowMode.POINTS_AND_LINES)
        .point_size(xychart_builder.XychartFieldConfigPointSize().fixed(3))
        .line_width(2)
        .legend(legend(shown=True))
        .tooltip(common_builder.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE))
        .color_scheme(fixed("text"))
        .thresholds(thresholds([(None, "text")]))
        .no_value(NO_DATA)
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="joinByField", options={"byField": "Time", "mode": "outer"}
            )
        )
    )
    for name, colour in SIDES.items():
        panel.override_by_name(name, [fixed_property(colour)])
        panel.override_by_name(f"{name} at", [property_of("unit", "none")])
    return described(panel, title, description, queries)


def _side(name: str) -> xychart_builder.XYSeriesConfig:
    return (
        xychart_builder.XYSeriesConfig()
        .name(xychart_builder.XychartXYSeriesConfigName().fixed(name))
        .frame(xychart_builder.XychartXYSeriesConfigFrame().matcher(_matcher("byIndex", 0)))
        .x(xychart_builder.XychartXYSeriesConfigX().matcher(_matcher("byName", f"{name} at")))
        .y(xychart_builder.XychartXYSeriesConfigY().matcher(_matcher("byName", name)))
    )


def _matcher(kind: str, options: object) -> xychart_builder.MatcherConfig:
    return xychart_builder.MatcherConfig().id(kind).options(options)
