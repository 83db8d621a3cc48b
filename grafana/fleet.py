"""The dashboard sanctum-fleet: many runs at once, and which of them need somebody."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import dashboard

from grafana import exporter_row, limits, panels
from grafana.layout import (
    COLUMNS,
    FLEET_UID,
    SLOTS_UID,
    Grid,
    choice,
    frame,
    link,
    runbooks,
    with_all,
)
from grafana.palette import COLOURS
from grafana.promql import FLEET, RUN_KEYS
from sanctum_exporter.thresholds import SILENCE_SECONDS

STATUS: Final = {
    0: ("running", "green"),
    1: ("finished", COLOURS["dim"]),
    2: ("stalled", "yellow"),
    3: ("zero slots", "red"),
    4: ("died", "red"),
}
SLOTS_LINK: Final = (
    f"/d/{SLOTS_UID}?var-datasource=${{datasource}}&var-job=${{__data.fields.job}}"
    "&var-instance=${__data.fields.instance}&var-run=${__data.fields.run}"
    "&var-group_id=${__data.fields.group_id}&${__url_time_range}"
)


def _latest(name: str) -> str:
    return f"max by ({RUN_KEYS}) ({FLEET.of(name)})"


def _remembered(name: str) -> str:
    """Return the last value that a series had, also of one that is gone."""
    return f"max by ({RUN_KEYS}) (last_over_time({FLEET.of(name)}[$__range]))"


def _keyed(expr: str) -> str:
    """Return an expression whose series all have a run, so that links can name it."""
    return f'label_replace({expr}, "run", "All", "run", "")'


_EPISODES, _PLANNED = "sanctum_current_episode", "sanctum_planned_episodes"
RUNS: Final = _latest("sanctum_total_slots")
ZERO: Final = f"{RUNS} == 0"
FINISHED: Final = f"{_latest(_EPISODES)} >= ({_latest(_PLANNED)} > 0)"
_AGE: Final = f"time() - {_latest('sanctum_last_event_timestamp_seconds')}"
STALLED: Final = f"({_AGE} > {SILENCE_SECONDS}) unless ({FINISHED})"
_WAS_FINISHED: Final = f"{_remembered(_EPISODES)} >= ({_remembered(_PLANNED)} > 0)"
DIED: Final = f"({_remembered('sanctum_total_slots')} unless {RUNS}) unless ({_WAS_FINISHED})"


def build() -> builder.Dashboard:
    """Return the dashboard."""
    fleet = frame(
        FLEET_UID,
        "Sanctum · Fleet",
        "Every training run that Prometheus scrapes: which have no slots, stalled or died.",
        "now-6h",
    )
    fleet.with_variable(
        with_all(
            choice("job", "Job", "label_values(sanctum_exporter_build_info, job)", "Scrape jobs."),
            ".+",
        ).multi(True)
    )
    fleet.with_variable(
        with_all(
            choice(
                "instance",
                "Instance",
                'label_values(sanctum_exporter_build_info{job=~"$job"}, instance)',
                "Addresses of exporters.",
            ),
            ".+",
        ).multi(True)
    )
    fleet.annotation(exporter_row.firing_alerts())
    fleet.link(link("Slots", f"/d/{SLOTS_UID}", "dashboard"))
    fleet.link(runbooks())
    grid = Grid(fleet)
    grid.row("Now")
    grid.line(4, *((3, panel) for panel in _totals()))
    grid.line(12, (COLUMNS, _runs()))
    grid.row("Over time")
    grid.line(9, (12, _active_over_time()), (12, _age_over_time()))
    grid.line(9, (12, _blend_over_time()), (12, _pruned_over_time()))
    grid.row("Alerts")
    grid.line(
        9,
        (
            10,
            panels.alert_list(
                "Alerts",
                "Alerts of the exporter's rules that fire or are about to.",
                '{alertname=~"Sanctum.*"}',
            ),
        ),
        (14, exporter_row.alerts_table()),
    )
    return fleet


def _totals() -> list[stat.Panel]:
    # An exporter that is down has no build info, but had one.
    ours = f"last_over_time({FLEET.of('sanctum_exporter_build_info')}[$__range])"
    down = f"({FLEET.of('up')} == 0) and on (job, instance) {ours}"
    total, active = FLEET.sum("sanctum_total_slots"), FLEET.sum("sanctum_active_slots")
    return [
        _number("Runs", "Groups of runs that are published now.", RUNS),
        _number(
            "Zero slots",
            "Runs without slots: the seed system is inactive.",
            ZERO,
            "red",
            "SanctumNoSlots",
        ),
        _number(
            "Stalled",
            f"Runs that are not finished and sent no event for {SILENCE_SECONDS // 60} minutes.",
            STALLED,
            "yellow",
            "SanctumTelemetryStopped",
        ),
        _number(
            "Died",
            "Runs that were seen in the time range, had not finished and are gone, since their "
            "process or their exporter ended.",
            DIED,
            "red",
            "SanctumRunVanished",
        ),
        _number(
            "Exporters down", "Exporters that do not answer.", down, "red", "SanctumExporterDown"
        ),
        panels.stat(
            "Slots",
            "Slots that all runs together have.",
            "sishort",
            panels.now("A", f"{total} or vector(0)"),
        ),
        panels.stat(
            "Active slots",
            "Slots of all runs that are not DORMANT.",
            "sishort",
            panels.now("A", f"{active} or vector(0)"),
        ).color_scheme(panels.fixed(COLOURS["cyan"])),
        panels.stat(
            "Utilisation",
            "Active slots of all runs, as a share of all slots.",
            "percentunit",
            panels.now("A", f"{active} / ({total} > 0)"),
        )
        .decimals(0)
        .color_scheme(panels.fixed(COLOURS["cyan"])),
    ]


def _number(
    title: str, description: str, expr: str, trouble: str = "", alert: str = ""
) -> stat.Panel:
    panel = panels.stat(
        title, description, "none", panels.now("A", f"count({expr}) or vector(0)", title)
    )
    if not trouble:
        return panel
    steps = ((None, "green"), (1, trouble))
    panel.color_scheme(panels.by_threshold()).thresholds(panels.thresholds(steps))
    return panels.with_runbook(panel, alert)


def _runs() -> panels.AnyPanel:
    info = FLEET.of("sanctum_run_info")
    per_episode = {
        column: f"{_latest(metric)} / clamp_min({_latest(_EPISODES)}, 1)"
        for column, metric in (
            ("PRUNE", "sanctum_seeds_pruned_total"),
            ("FOSS", "sanctum_seeds_fossilized_total"),
        )
    }
    status = " or ".join(
        f"(0 * ({expr}) + {value})"
        for value, expr in ((4, DIED), (3, ZERO), (2, STALLED), (1, FINISHED), (0, RUNS))
    )
    share = f"{_latest('sanctum_active_slots')} / ({RUNS} > 0)"
    progress = f"{_latest(_EPISODES)} / ({_latest(_PLANNED)} > 0)"
    columns = {
        "STATUS": ("Status", status, "none"),
        "INFO": ("Info", f"max by ({RUN_KEYS}, task, reward_mode) ({info})", "none"),
        "SLOTS": ("Slots", RUNS, "none"),
        "ACTIVE": ("Active", share, "percentunit"),
        "PROGRESS": ("Progress", progress, "percentunit"),
        "PRUNE": ("Pruned", per_episode["PRUNE"], "suffix:/ep"),
        "FOSS": ("Fossilized", per_episode["FOSS"], "suffix:/ep"),
        "BLEND": ("Blend", _latest("sanctum_blend_success_ratio"), "percentunit"),
        "AGE": ("Last event", _AGE, "s"),
    }
    table = panels.table(
        "All runs",
        "Every run, the worst status first; seeds pruned and fossilized are per episode. The "
        "instance or group of a row opens the run's own dashboard.",
        *(panels.rows(ref_id, _keyed(expr)) for ref_id, (_, expr, _) in columns.items()),
    )
    for ref_id, (title, _, unit) in columns.items():
        properties = [
            panels.property_of("displayName", title),
            panels.property_of("unit", unit),
            # Labels share what the numbers leave.
            panels.property_of("custom.width", 90),
        ]
        table.override_by_name(f"Value #{ref_id}", properties + _looks(ref_id))
    opens = panels.property_of("links", [{"title": "Open SlotsPanel", "url": SLOTS_LINK}])
    for label in ("instance", "group_id"):
        table.override_by_name(label, [opens])
    order = ["Value #STATUS", "job", "instance", "run", "group_id", "task", "reward_mode"]
    order += [f"Value #{ref_id}" for ref_id in columns if ref_id not in {"STATUS", "INFO"}]
    return (
        table.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True, "Value #INFO": True},
                    "indexByName": {name: index for index, name in enumerate(order)},
                    "renameByName": {},
                },
            )
        )
        .sort_by([common_builder.TableSortByFieldState().display_name("Status").desc(True)])
    )


def _looks(ref_id: str) -> list[dashboard.DynamicConfigValue]:
    coloured = panels.property_of("custom.cellOptions", {"type": "color-text"})
    by_threshold = panels.property_of("color", {"mode": "thresholds"})
    if ref_id == "STATUS":
        return [
            coloured,
            panels.property_of("custom.align", "left"),
            panels.property_of("mappings", [panels.value_texts(STATUS)]),
        ]
    if ref_id == "BLEND":
        return [
            coloured,
            by_threshold,
            _steps(limits.BLEND_SUCCESS),
            panels.property_of("decimals", 0),
        ]
    if ref_id == "PRUNE":
        return [
            coloured,
            by_threshold,
            _steps(limits.PRUNE_RATE),
            panels.property_of("decimals", 1),
        ]
    decimals = {"ACTIVE": 0, "PROGRESS": 0, "FOSS": 2, "AGE": 0}.get(ref_id)
    return [] if decimals is None else [panels.property_of("decimals", decimals)]


def _steps(steps: panels.Steps) -> dashboard.DynamicConfigValue:
    values = [{"value": value, "color": colour} for value, colour in steps]
    return panels.property_of("thresholds", {"mode": "absolute", "steps": values})


def _by_run(title: str, description: str, unit: str, expr: str) -> timeseries.Panel:
    legend = "{{instance}} {{run}} {{group_id}}"
    lines = panels.lines(title, description, unit, panels.over_time("A", expr, legend))
    return panels.legend_beside(lines)


def _active_over_time() -> timeseries.Panel:
    return _by_run(
        "Active slots by run",
        "Active slots as a share of the run's slots.",
        "percentunit",
        f"{_latest('sanctum_active_slots')} / ({RUNS} > 0)",
    ).max(1)


def _age_over_time() -> timeseries.Panel:
    return panels.limits(
        _by_run(
            "Telemetry age by run",
            "Time since the newest event; above the line an unfinished run has stalled.",
            "s",
            _AGE,
        ),
        limits.SILENCE,
    )


def _blend_over_time() -> timeseries.Panel:
    return panels.limits(
        _by_run(
            "Blend success by run",
            f"Fossilized seeds among those that ended. {limits.BLEND_TEXT}",
            "percentunit",
            _latest("sanctum_blend_success_ratio"),
        ),
        limits.BLEND_SUCCESS,
    ).max(1)


def _pruned_over_time() -> timeseries.Panel:
    pruned = _latest("sanctum_seeds_pruned_total")
    return panels.limits(
        _by_run(
            "Pruned per episode by run",
            f"Seeds pruned per completed episode: {limits.PRUNE_RATE_TEXT}",
            "suffix:/ep",
            f"{pruned} / clamp_min({_latest(_EPISODES)}, 1)",
        ),
        limits.PRUNE_RATE,
    )
