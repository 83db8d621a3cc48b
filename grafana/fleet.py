"""The dashboard sanctum-fleet: many runs at once, and which of them need somebody."""

from __future__ import annotations

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
from sanctum_exporter.thresholds import SILENCE_SECONDS


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
    fleet.annotation(alerts.firings())
    fleet.link(link("Slots", f"/d/{SLOTS_UID}", "dashboard"))
    fleet.link(runbooks())
    grid = Grid(fleet)
    grid.row("Now")
    grid.line(4, *((3, panel) for panel in _totals()))
    grid.line(12, (COLUMNS, runs_table.build()))
    grid.row("Over time")
    grid.line(9, (12, _active_over_time()), (12, _age_over_time()))
    grid.line(9, (12, _blend_over_time()), (12, _pruned_over_time()))
    grid.row("Alerts")
    grid.line(9, (10, alerts.listed()), (14, alerts.table()))
    return fleet


def _totals() -> list[stat.Panel]:
    # An exporter that is down has no build info, but had one.
    ours = f"last_over_time({FLEET.of('sanctum_exporter_build_info')}[$__range])"
    down = f"({FLEET.of('up')} == 0) and on (job, instance) {ours}"
    total, active = FLEET.sum("sanctum_total_slots"), FLEET.sum("sanctum_active_slots")
    return [
        _number("Runs", "Groups of runs that are published now.", runs.ALL),
        _number(
            "Zero slots",
            "Runs without slots: the seed system is inactive.",
            runs.ZERO,
            "red",
            "SanctumNoSlots",
        ),
        _number(
            "Stalled",
            f"Runs that are not finished and sent no event for {SILENCE_SECONDS // 60} minutes.",
            runs.STALLED,
            "yellow",
            "SanctumTelemetryStopped",
        ),
        _number(
            "Died",
            "Runs that were seen in the time range, had not finished and are gone, since their "
            "process or their exporter ended.",
            runs.DIED,
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
            "Time since the newest event; above the line an unfinished run has stalled.",
            "s",
            runs.AGE,
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
