"""The dashboard sanctum-fleet: many runs at once, and which of them need somebody."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat, timeseries

from grafana import alerts, limits, panels, runs, runs_table
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
from grafana.promql import FLEET
from sanctum_exporter import thresholds

_MEMORY: Final = f"{thresholds.FORGOTTEN_SECONDS // 60} minutes"


def build() -> builder.Dashboard:
    """Return the dashboard."""
    fleet = frame(
        FLEET_UID,
        "Sanctum · Fleet",
        "Every training run that Prometheus knows: which have no slots, stalled or died.",
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
    fleet.annotation(alerts.firings())
    fleet.link(link("Slots", f"/d/{SLOTS_UID}", "dashboard"))
    fleet.link(runbooks())
    grid = Grid(fleet)
    grid.row("Now")
    grid.line(4, *((4, panel) for panel in _counts()))
    grid.line(3, *((6, panel) for panel in _totals()))
    grid.line(12, (COLUMNS, runs_table.build()))
    grid.row("Over time")
    grid.line(9, (12, _active_over_time()), (12, _age_over_time()))
    grid.line(9, (12, _blend_over_time()), (12, _pruned_over_time()))
    grid.row("Alerts")
    grid.line(9, (10, alerts.listed()), (14, alerts.table()))
    return fleet


def _counts() -> list[stat.Panel]:
    minutes = thresholds.SILENCE_SECONDS // 60
    return [
        panels.stat(
            "Under way",
            f"Runs that have started, are not finished and were heard of within {_MEMORY}.",
            "none",
            panels.now("A", runs.count(runs.UNDER_WAY), "Under way"),
        ),
        _trouble(
            "Zero slots",
            "Runs under way without slots: the seed system is inactive.",
            runs.count(runs.ZERO),
            "red",
            "SanctumNoSlots",
        ),
        _trouble(
            "Stalled",
            f"Runs under way that sent no event for {minutes} minutes and for twice as long as "
            "ever before. Heuristic runs, which do not report their end, do not count.",
            runs.count(runs.STALLED),
            "yellow",
            "SanctumTelemetryStopped",
        ),
        _trouble(
            "Died",
            "Runs whose process was seen in the time range, is gone, and was in the middle of them "
            "when it was last seen.",
            runs.count(runs.DIED),
            "red",
            "SanctumRunVanished",
        ),
        _trouble(
            "Exporters down",
            "Exporters that follow files, were seen in the time range and are gone, in the middle "
            "of a run or before the first, without having been told to end.",
            f"count({FLEET.gone('sanctum_exporter_on_duty')}) or vector(0)",
            "red",
            "SanctumExporterDown",
        ),
        _trouble(
            "Sources down",
            "Exporters that cannot read their telemetry, so their numbers stand still.",
            f"count({FLEET.of('sanctum_exporter_source_up')} == 0) or vector(0)",
            "red",
            "SanctumSourceDown",
        ),
    ]


def _totals() -> list[stat.Panel]:
    total = f"sum({runs.under_way(FLEET.of('sanctum_total_slots'))})"
    active = f"sum({runs.under_way(FLEET.of('sanctum_active_slots'))})"
    return [
        panels.stat(
            "Slots",
            "Slots that all runs under way together have.",
            "sishort",
            panels.now("A", f"{total} or vector(0)"),
        ),
        panels.stat(
            "Active slots",
            "Slots of the runs under way that are not DORMANT.",
            "sishort",
            panels.now("A", f"{active} or vector(0)"),
        ).color_scheme(panels.fixed(COLOURS["cyan"])),
        panels.stat(
            "Utilisation",
            "Active slots of the runs under way, as a share of all their slots.",
            "percentunit",
            panels.now("A", f"{active} / ({total} > 0)"),
        )
        .decimals(0)
        .color_scheme(panels.fixed(COLOURS["cyan"])),
        panels.stat(
            "Last one done in",
            "Time until the last of the runs under way is finished, by their own pace; runs "
            "before their first completed episode and heuristic runs have no estimate.",
            "s",
            panels.now("A", f"max({runs.REMAINING})"),
        ).decimals(1),
    ]


def _trouble(title: str, description: str, expr: str, colour: str, alert: str) -> stat.Panel:
    """Return how many there are of what there should be none of."""
    panel = (
        panels.stat(title, description, "none", panels.now("A", expr, title))
        .color_scheme(panels.by_threshold())
        .thresholds(panels.thresholds(((None, "green"), (1, colour))))
    )
    return panels.with_runbook(panel, alert)


def _by_run(title: str, description: str, unit: str, expr: str) -> timeseries.Panel:
    legend = "{{instance}} {{run}} {{group_id}}"
    lines = panels.lines(title, description, unit, panels.over_time("A", expr, legend))
    return panels.legend_beside(lines)


def _active_over_time() -> timeseries.Panel:
    return _by_run(
        "Active slots by run",
        "Active slots as a share of the run's slots.",
        "percentunit",
        runs.ACTIVE_SHARE,
    ).max(1)


def _age_over_time() -> timeseries.Panel:
    return panels.limits(
        _by_run(
            "Telemetry age by run",
            "Time since the newest event of each run under way; above the line it has stalled, "
            "unless it was silent for half as long before.",
            "s",
            runs.SILENCE,
        ),
        limits.SILENCE,
    )


def _blend_over_time() -> timeseries.Panel:
    return panels.limits(
        _by_run(
            "Blend success by run",
            f"Fossilized seeds among those that ended. {limits.BLEND_TEXT}",
            "percentunit",
            runs.BLEND_SUCCESS,
        ),
        limits.BLEND_SUCCESS,
    ).max(1)


def _pruned_over_time() -> timeseries.Panel:
    return panels.limits(
        _by_run(
            "Pruned per episode by run",
            f"Seeds pruned per completed episode: {limits.PRUNE_RATE_TEXT}",
            "suffix:/ep",
            runs.PRUNE_RATE,
        ),
        limits.PRUNE_RATE,
    )
