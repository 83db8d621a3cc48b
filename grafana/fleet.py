"""The dashboard sanctum-fleet: many runs at once, and which of them need somebody."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat, timeseries

from grafana import alerts, graphs, limits, panels, runbooks, runs_table
from grafana.layout import COLUMNS, FLEET_UID, choice, frame, line, row, with_all
from grafana.palette import COLOURS
from grafana.promql import FLEET
from grafana.runs import Runs, of_runs
from sanctum_exporter import thresholds

_RUNS: Final = Runs(FLEET)
_MEMORY: Final = f"{thresholds.FORGOTTEN_SECONDS // 60} minutes"
_POINTS: Final = 60
"""How many moments a graph of all runs asks for: each costs as much as all of the table."""
_KNOWN: Final = f"count(last_over_time({FLEET.of('sanctum_exporter_build_info')}[$__range]))"


def build() -> builder.Dashboard:
    """Return the dashboard."""
    fleet = frame(
        FLEET_UID,
        "Every training run that Prometheus knows: which have no slots, stalled or died.",
        time_from="now-3h",
        refresh="30s",
    )
    for name, label, query, description in (
        ("job", "Job", "label_values(sanctum_exporter_build_info, job)", "Scrape jobs."),
        (
            "instance",
            "Instance",
            'label_values(sanctum_exporter_build_info{job=~"$job"}, instance)',
            "Addresses of exporters.",
        ),
    ):
        fleet.with_variable(with_all(choice(name, label, query, description), ".+").multi(True))
    fleet.annotation(alerts.firings(alerts.OF_FLEET))
    widths = (2, 2, 2, 2, 3, 3, 10)
    fired = alerts.firing(alerts.OF_FLEET, counted=True)
    line(fleet, 3, *zip(widths, (*_counts(), fired), strict=True))
    line(fleet, 10, (COLUMNS, runs_table.build("All runs", _RUNS, _RUNS)))
    line(fleet, 8, (14, _states()), (10, alerts.listed()))
    row(fleet, f"The worst {runs_table.WORST}")
    line(fleet, 10, *((8, panel) for panel in _worst()))
    row(fleet, "All together")
    line(fleet, 8, *((8, panel) for panel in _distributions()))
    line(fleet, 3, *((6, panel) for panel in _totals()))
    return fleet


def _counts() -> list[stat.Panel]:
    minutes = thresholds.SILENCE_SECONDS // 60
    return [
        panels.stat(
            "Under way",
            f"Runs that have started, are not finished and were heard of within {_MEMORY}.",
            "none",
            panels.now("A", _count(of_runs(_RUNS.running)), "Under way"),
            missing="no data",
        ),
        _trouble(
            "Zero slots",
            "Runs under way without slots: the seed system is inactive.",
            of_runs(_RUNS.zero),
            "red",
            "SanctumNoSlots",
        ),
        _trouble(
            "Stalled",
            f"Runs under way that sent no event for {minutes} minutes and for twice as long as "
            "ever before. Heuristic runs, which do not report their end, do not count.",
            of_runs(_RUNS.stalled),
            "yellow",
            "SanctumTelemetryStopped",
        ),
        _trouble(
            "Died",
            "Runs whose process was seen in the time range, is gone, and was in the middle of them "
            "when it was last seen.",
            of_runs(_RUNS.died),
            "red",
            "SanctumRunVanished",
        ),
        _trouble(
            "Exporters down",
            "Exporters that follow files, were seen in the time range and are gone, in the middle "
            "of a run or before the first, without having been told to end.",
            FLEET.gone("sanctum_exporter_on_duty"),
            "red",
            "SanctumExporterDown",
        ),
        _trouble(
            "Sources down",
            "Exporters that cannot read their telemetry, so their numbers stand still.",
            f"{FLEET.of('sanctum_exporter_source_up')} == 0",
            "red",
            "SanctumSourceDown",
        ),
    ]


def _count(condition: str) -> str:
    """Return of how many a condition holds: 0 where there are exporters, else nothing."""
    return f"count({condition}) or 0 * {_KNOWN}"


def _trouble(title: str, description: str, condition: str, style: str, alert: str) -> stat.Panel:
    """Return how many there are of what there should be none of."""
    count = panels.now("A", _count(condition), title)
    panel = (
        panels.stat(title, description, "none", count, missing="no data")
        .color_scheme(panels.by_threshold())
        .thresholds(panels.thresholds(((None, COLOURS["green"]), (1, COLOURS[style]))))
    )
    return runbooks.linked(panel, alert)


def _states() -> timeseries.Panel:
    with_slots = _RUNS.under_way(f"{FLEET.of('sanctum_total_slots')} > 0")
    newest = FLEET.of("sanctum_last_event_timestamp_seconds")
    heard = f"{newest} > time() - {thresholds.SILENCE_SECONDS}"
    states = (
        ("FINISHED", "finished", "dim", _RUNS.finished),
        ("RUNNING", "running", "green", f"{with_slots} and {heard}"),
        ("WAITING", "waiting", "bright_blue", _RUNS.waiting),
        ("SILENT", "silent", "yellow", f"({with_slots}) unless {heard}"),
        ("ZERO", "zero slots", "red", _RUNS.zero),
    )
    panel = graphs.stacked(
        graphs.lines(
            "Runs by state over time",
            "How many runs were in each state, one on the other. Silent are those under way "
            f"without an event for {thresholds.SILENCE_SECONDS // 60} minutes. Runs whose process "
            "is gone are not counted any more.",
            "none",
            *(panels.over_time(ref, f"count({runs})", name) for ref, name, _, runs in states),
        )
    ).max_data_points(_POINTS)
    for ref_id, _, style, _ in states:
        panel.override_by_query(ref_id, [panels.fixed_property(COLOURS[style])])
    return panel


def _worst() -> list[panels.AnyPanel]:
    ended = of_runs(_RUNS.under_way(_RUNS.blend_success))
    pruned = of_runs(_RUNS.under_way(_RUNS.per_episode("sanctum_seeds_pruned_total")))
    return [
        runs_table.worst(
            "Silent for",
            "Runs under way whose newest event is the oldest, in hours, minutes and seconds.",
            "dtdhms",
            limits.SILENCE,
            of_runs(_RUNS.under_way(_RUNS.age)),
            worst_is_most=True,
        ),
        runs_table.worst(
            "Blend success",
            f"Runs under way of which a seed has ended. {limits.BLEND_TEXT}",
            "percentunit",
            limits.BLEND_SUCCESS,
            ended,
            worst_is_most=False,
        ),
        runs_table.worst(
            "Pruned",
            f"Seeds pruned per completed episode of runs under way: {limits.PRUNE_RATE_TEXT}",
            "suffix:/ep",
            limits.PRUNE_RATE,
            pruned,
            worst_is_most=True,
        ),
    ]


def _distributions() -> list[panels.AnyPanel]:
    pruned = _RUNS.per_episode("sanctum_seeds_pruned_total")
    return [
        graphs.distribution(
            "Active slots of all runs",
            "How many runs under way have so many per cent of their slots active.",
            _steps(f"ceil(10 * ({of_runs(_RUNS.under_way(_RUNS.active_share))})) * 10", 10),
        ).max_data_points(_POINTS),
        graphs.distribution(
            "Blend success of all runs",
            "How many runs under way have so many per cent fossilized of the seeds that ended. "
            f"{limits.BLEND_TEXT}",
            _steps(f"ceil(10 * ({of_runs(_RUNS.under_way(_RUNS.blend_success))})) * 10", 10),
        ).max_data_points(_POINTS),
        graphs.distribution(
            "Pruned per episode of all runs",
            "How many runs under way pruned so many seeds per episode, 10 for more: "
            f"{limits.PRUNE_RATE_TEXT}",
            _steps(f"clamp_max(ceil({of_runs(_RUNS.under_way(pruned))}), 10)", 1),
        ).max_data_points(_POINTS),
    ]


def _steps(expr: str, width: int) -> panels.Query:
    """Return how many series have each of the values from 0 to ten widths, 0 included."""
    every = " or ".join(
        f'label_replace(vector(0), "step", "{width * step}", "", "")' for step in range(11)
    )
    exporters = f"count({FLEET.of('sanctum_exporter_build_info')})"
    counts = f'count_values("step", {expr}) or on (step) (({every}) and on () {exporters})'
    return panels.over_time("A", counts, "{{step}}")


def _totals() -> list[stat.Panel]:
    total = f"sum({_RUNS.under_way(FLEET.of('sanctum_total_slots'))})"
    active = f"sum({_RUNS.under_way(FLEET.of('sanctum_active_slots'))})"
    return [
        panels.stat(
            "Slots",
            "Slots that all runs under way together have.",
            "sishort",
            panels.now("A", total),
            missing="no run",
        ),
        panels.stat(
            "Active slots",
            "Slots of the runs under way that are not DORMANT.",
            "sishort",
            panels.now("A", active),
            missing="no run",
        ).color_scheme(panels.fixed(COLOURS["cyan"])),
        panels.stat(
            "Utilisation",
            "Active slots of the runs under way, as a share of all their slots.",
            "percentunit",
            panels.now("A", f"{active} / ({total} > 0)"),
            missing="no slots",
        )
        .decimals(0)
        .color_scheme(panels.fixed(COLOURS["cyan"])),
        panels.stat(
            "Last one done in",
            "Time until the last of the runs under way is finished, by their own pace, in hours, "
            "minutes and seconds; runs before their first completed episode and heuristic runs "
            "have no estimate.",
            "dtdhms",
            panels.now("A", f"max({of_runs(_RUNS.remaining)})"),
            missing="no estimate",
        ),
    ]
