"""The table of all runs, the worst status first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.models import dashboard

from grafana import limits, panels, runs
from grafana.layout import SLOTS_UID
from grafana.palette import COLOURS
from grafana.promql import FLEET
from sanctum_exporter import thresholds

SLOTS_LINK: Final = (
    f"/d/{SLOTS_UID}?var-datasource=${{datasource}}&var-job=${{__data.fields.job}}"
    "&var-instance=${__data.fields.instance}&var-run=${__data.fields.run}"
    "&var-group_id=${__data.fields.group_id}&${__url_time_range}"
)
_STATUSES: Final = (
    ("past", COLOURS["dim"], runs.PAST),
    ("finished", COLOURS["dim"], runs.FINISHED),
    ("running", "green", runs.UNDER_WAY),
    ("waiting", "yellow", runs.WAITING),
    ("stalled", "yellow", runs.STALLED),
    ("zero slots", "red", runs.ZERO),
    ("died", "red", runs.DIED),
)
"""Name, colour and condition, the worst last; of a run that has several, it is the last one."""
_STATUS: Final = " or ".join(
    f"(0 * {runs.of_runs(condition)} + {status})"
    for status, (_, _, condition) in reversed(list(enumerate(_STATUSES)))
)
_STATUS_TEXTS: Final = {
    status: (name, colour) for status, (name, colour, _) in enumerate(_STATUSES)
}
_INFO: Final = runs.of_runs(FLEET.of("sanctum_run_info"), "task, reward_mode")
_COLOURED_TEXT: Final = panels.property_of("custom.cellOptions", {"type": "color-text"})


class _Column(NamedTuple):
    """A value of every run.

    Attributes:
        ref_id: name of the query.
        title: what stands above it.
        expr: PromQL.
        unit: unit of the value.
        looks: further properties.
    """

    ref_id: str
    title: str
    expr: str
    unit: str
    looks: Sequence[dashboard.DynamicConfigValue] = ()


def _decimals(count: int) -> dashboard.DynamicConfigValue:
    return panels.property_of("decimals", count)


def _judged(steps: panels.Steps, decimals: int) -> list[dashboard.DynamicConfigValue]:
    by_threshold = panels.property_of("color", {"mode": "thresholds"})
    return [_COLOURED_TEXT, by_threshold, panels.thresholds_property(steps), _decimals(decimals)]


_COLUMNS: Final = (
    _Column(
        "STATUS",
        "Status",
        _STATUS,
        "none",
        [
            _COLOURED_TEXT,
            panels.property_of("custom.align", "left"),
            panels.property_of("mappings", [panels.value_texts(_STATUS_TEXTS)]),
        ],
    ),
    # Only its labels are shown.
    _Column("INFO", "Info", _INFO, "none"),
    _Column("SLOTS", "Slots", runs.SLOTS, "none"),
    _Column("ACTIVE", "Active", runs.ACTIVE_SHARE, "percentunit", [_decimals(0)]),
    _Column("PROGRESS", "Progress", runs.PROGRESS, "percentunit", [_decimals(0)]),
    _Column("REMAINING", "Remaining", runs.REMAINING, "s", [_decimals(1)]),
    _Column("PRUNE", "Pruned", runs.PRUNE_RATE, "suffix:/ep", _judged(limits.PRUNE_RATE, 1)),
    _Column("FOSS", "Fossilized", runs.FOSSILIZE_RATE, "suffix:/ep", [_decimals(2)]),
    _Column("BLEND", "Blend", runs.BLEND_SUCCESS, "percentunit", _judged(limits.BLEND_SUCCESS, 0)),
    _Column("AGE", "Last event", runs.AGE, "s", [_decimals(0)]),
)
_ORDER: Final = (
    "Value #STATUS",
    *("job", "instance", "run", "group_id", "task", "reward_mode"),
    *("Value #SLOTS", "Value #ACTIVE", "Value #PROGRESS", "Value #REMAINING"),
    *("Value #PRUNE", "Value #FOSS", "Value #BLEND", "Value #AGE"),
)


def build() -> panels.AnyPanel:
    """Return the table."""
    table = panels.table(
        "All runs",
        "Every run, the worst status first; one that is not finished and was not heard of for "
        f"{thresholds.FORGOTTEN_SECONDS // 60} minutes is past. Seeds pruned and fossilized are "
        "per episode. The instance or group of a row opens the run's own dashboard.",
        *(panels.rows(column.ref_id, _keyed(column.expr)) for column in _COLUMNS),
    )
    for column in _COLUMNS:
        properties = [
            panels.property_of("displayName", column.title),
            panels.property_of("unit", column.unit),
            # Labels share what the numbers leave.
            panels.property_of("custom.width", 84),
            *column.looks,
        ]
        table.override_by_name(f"Value #{column.ref_id}", properties)
    opens = panels.property_of("links", [{"title": "Open SlotsPanel", "url": SLOTS_LINK}])
    table.override_by_name("instance", [opens])
    table.override_by_name("group_id", [opens, panels.property_of("custom.width", 84)])
    return (
        table.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True, "Value #INFO": True},
                    "indexByName": {name: index for index, name in enumerate(_ORDER)},
                    "renameByName": {},
                },
            )
        )
        .sort_by([common_builder.TableSortByFieldState().display_name("Status").desc(True)])
    )


def _keyed(expr: str) -> str:
    """Return an expression whose series all have a run, so that links can name it."""
    return f'label_replace({expr}, "run", "All", "run", "")'
