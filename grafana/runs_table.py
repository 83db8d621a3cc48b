"""The table of all runs, the worst status first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import table as builder
from grafana_foundation_sdk.models import dashboard

from grafana import limits, panels
from grafana.layout import SLOTS_UID
from grafana.palette import BACKGROUNDS
from grafana.runs import STATUSES, Runs, of_runs, status
from sanctum_exporter import thresholds

SLOTS_LINK: Final = (
    f"/d/{SLOTS_UID}?var-datasource=${{datasource}}&var-job=${{__data.fields.job}}"
    "&var-instance=${__data.fields.instance}&var-run=${__data.fields.run}"
    "&var-group_id=${__data.fields.group_id}&${__url_time_range}"
)
WORST: Final = 10
"""How many runs a table of the worst has."""
_NO_NAME: Final = "-"
"""Stands for the run of an exporter that gives it no label, so that links can name it."""
_TEXTS: Final = {
    number: (
        each.name,
        BACKGROUNDS[each.style] if each.style in ("red", "yellow") else "transparent",
    )
    for number, each in enumerate(STATUSES)
}
_ON_COLOUR: Final = panels.property_of(
    "custom.cellOptions", {"type": "color-background", "mode": "basic"}
)


class _Column(NamedTuple):
    """A value of every run.

    Attributes:
        ref_id: name of the query.
        title: what stands above it.
        expr: PromQL.
        unit: unit of the value.
        width: pixels.
        looks: further properties.
    """

    ref_id: str
    title: str
    expr: str
    unit: str
    width: int = 80
    looks: Sequence[dashboard.DynamicConfigValue] = ()


def build(title: str, runs: Runs, standing: Runs) -> panels.AnyPanel:
    """Return the table.

    Args:
        title: title of the panel.
        runs: the runs, and what is told of them.
        standing: the same runs, and how they stand.
    """
    columns = _columns(runs, standing)
    table = panels.table(
        title,
        "Every run, the worst status first; one that is not finished and was not heard of for "
        f"{thresholds.FORGOTTEN_SECONDS // 60} minutes is past. Seeds pruned and fossilized are "
        "per episode; there is no blend success until a seed has ended. The instance or group of a "
        "row opens the run's own dashboard.",
        *(panels.rows(column.ref_id, _named(column.expr)) for column in columns),
    )
    for column in columns:
        looks = [
            panels.property_of("displayName", column.title),
            panels.property_of("unit", column.unit),
            panels.property_of("custom.width", column.width),
            panels.property_of("noValue", panels.NO_VALUE),
            panels.property_of("mappings", [panels.nothing(panels.NO_VALUE, "transparent")]),
            *column.looks,
        ]
        table.override_by_name(f"Value #{column.ref_id}", looks)
    _name_labels(table)
    order = [
        *("Value #STATUS", "instance", "run", "group_id"),
        *(f"Value #{column.ref_id}" for column in columns if column.ref_id != "STATUS"),
        *("task", "reward_mode", "job"),
    ]
    table.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    return _ordered(table, order, "Status", worst_is_most=True)


def worst(
    title: str, description: str, unit: str, steps: panels.Steps, expr: str, *, worst_is_most: bool
) -> panels.AnyPanel:
    """Return a table of the runs in which a value is the worst, with a bar for the value.

    Args:
        title: title of the panel, and of the value.
        description: what the panel tells.
        unit: unit of the value.
        steps: limits of the value.
        expr: its value of each run.
        worst_is_most: whether the worst value is the highest, otherwise the lowest.
    """
    select = "topk" if worst_is_most else "bottomk"
    query = panels.rows("A", _named(f"{select}({WORST}, {expr})"))
    table = panels.table(title, description, query)
    looks = [
        panels.property_of("displayName", title),
        panels.property_of("unit", unit),
        panels.property_of("min", 0),
        panels.property_of("custom.cellOptions", {"type": "gauge", "mode": "basic"}),
        panels.property_of("color", {"mode": "thresholds"}),
        panels.thresholds_property(steps),
        _decimals(0 if unit == "percentunit" else 1),
        panels.property_of("custom.width", 170),
    ]
    table.override_by_name("Value", looks)
    _name_labels(table)
    order = ["instance", "Value", "group_id", "run", "job"]
    return _ordered(table, order, title, worst_is_most=worst_is_most)


def _name_labels(table: builder.Panel) -> None:
    """Name the columns of labels, and link those that people look for."""
    opens = panels.property_of("links", [{"title": "Open SlotsPanel", "url": SLOTS_LINK}])
    for label, shown, width, links in (
        ("instance", "Instance", 240, [opens]),
        ("run", "Run", 110, []),
        ("group_id", "Group", 75, [opens]),
        ("task", "Task", 130, []),
        ("reward_mode", "Reward", 100, []),
        ("job", "Job", 100, []),
    ):
        looks = [
            panels.property_of("displayName", shown),
            panels.property_of("custom.width", width),
            panels.property_of("noValue", panels.NO_VALUE),
        ]
        table.override_by_name(label, [*looks, *links])


def _ordered(
    table: builder.Panel, order: Sequence[str], by: str, *, worst_is_most: bool
) -> builder.Panel:
    """Return a table with its columns in order, the worst row first."""
    options = {
        "excludeByName": {"Time": True, "Value #INFO": True},
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": {},
    }
    organize = dashboard.DataTransformerConfig(id_val="organize", options=options)
    first = common_builder.TableSortByFieldState().display_name(by).desc(worst_is_most)
    return table.with_transformation(organize).sort_by([first])


def _columns(runs: Runs, standing: Runs) -> list[_Column]:
    info = of_runs(runs.scope.of("sanctum_run_info"), "task, reward_mode")
    slots = of_runs(runs.scope.of("sanctum_total_slots"))
    pruned, fossilized = (
        of_runs(runs.per_episode(f"sanctum_seeds_{end}_total")) for end in ("pruned", "fossilized")
    )
    words = panels.property_of("mappings", [panels.value_texts(_TEXTS)])
    left = panels.property_of("custom.align", "left")
    return [
        _Column("STATUS", "Status", status(standing), "none", 90, [_ON_COLOUR, left, words]),
        # Only its labels are shown.
        _Column("INFO", "Info", info, "none"),
        _Column("AGE", "Last event", of_runs(runs.age), "dtdhms", 110),
        _Column("SLOTS", "Slots", slots, "none", 70),
        _Column("ACTIVE", "Active", of_runs(runs.active_share), "percentunit", 75, [_decimals(0)]),
        _Column("PROGRESS", "Progress", of_runs(runs.progress), "percentunit", 90, [_decimals(0)]),
        _Column("REMAINING", "Time left", of_runs(runs.remaining), "dtdhms", 110),
        _Column("PRUNE", "Pruned", pruned, "suffix:/ep", 85, _judged(limits.PRUNE_RATE, 1)),
        _Column("FOSS", "Fossilized", fossilized, "suffix:/ep", 100, [_decimals(2)]),
        _Column(
            "BLEND",
            "Blend",
            of_runs(runs.blend_success),
            "percentunit",
            75,
            _judged(limits.BLEND_SUCCESS, 0),
        ),
    ]


def _decimals(count: int) -> dashboard.DynamicConfigValue:
    return panels.property_of("decimals", count)


def _judged(steps: panels.Steps, decimals: int) -> list[dashboard.DynamicConfigValue]:
    by_threshold = panels.property_of("color", {"mode": "thresholds"})
    colours = panels.thresholds_property(limits.on_background(steps))
    return [_ON_COLOUR, by_threshold, colours, _decimals(decimals)]


def _named(expr: str) -> str:
    """Return an expression whose series all have a run."""
    return f'label_replace({expr}, "run", "{_NO_NAME}", "run", "")'
