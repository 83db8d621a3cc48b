"""Panels on the run itself: which it is, how far, and how long it has to go."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common

from grafana import limits, panels
from grafana.layout import Grid
from grafana.palette import COLOURS
from grafana.promql import SELECTED

_STATE_COLOURS: Final = {"waiting": "yellow", "running": "green", "completed": COLOURS["dim"]}


def place(grid: Grid) -> None:
    """Place the panels on the run."""
    grid.line(3, (4, _state()), (4, _remaining()), (4, _progress()), (4, _age()), (8, _name()))


def _state() -> stat.Panel:
    state = SELECTED.of("sanctum_run_state")
    panel = panels.stat(
        "State",
        "Waiting for a start, running, or completed. A run that died is running for as long as an "
        "exporter follows what it left: the age of its telemetry tells.",
        "none",
        panels.now("A", f"group by (state) ({state} == 1)", "{{state}}"),
        panels.now("NONE", f"absent({state})", panels.NO_VALUE),
    ).text_mode(common.BigValueTextMode.NAME)
    for name, colour in _STATE_COLOURS.items():
        panel.override_by_name(name, [panels.fixed_property(colour)])
    return panel.override_by_query("NONE", [panels.fixed_property(COLOURS["dim"])])


def _remaining() -> stat.Panel:
    remaining = SELECTED.of("sanctum_run_remaining_seconds")
    return panels.stat(
        "Remaining",
        "Time until the planned episodes are done, by the run's own pace. A dash: it is completed, "
        "no episode is done yet, or it does not report its end.",
        "s",
        panels.now("A", f"max({remaining} > 0)", "remaining"),
    ).decimals(1)


def _progress() -> stat.Panel:
    done, planned = (
        SELECTED.sum("sanctum_current_episode"),
        SELECTED.sum("sanctum_planned_episodes"),
    )
    return panels.stat(
        "Progress",
        "Episodes completed, as a share of those that are planned.",
        "percentunit",
        panels.now("A", f"{done} / ({planned} > 0)", "progress"),
    ).decimals(0)


def _age() -> stat.Panel:
    last = SELECTED.of("sanctum_last_event_timestamp_seconds")
    panel = (
        panels.stat(
            "Telemetry age",
            "Time since the newest event of the group. It grows when training is slow, has "
            "finished or has died.",
            "s",
            panels.now("A", f"time() - max({last})", "age"),
        )
        .decimals(0)
        .color_scheme(panels.by_threshold())
        .thresholds(panels.thresholds(limits.SILENCE))
    )
    return panels.with_runbook(panel, "SanctumTelemetryStopped")


def _name() -> stat.Panel:
    info = SELECTED.of("sanctum_run_info")
    return panels.stat(
        "Run",
        "Name, task and reward of the run.",
        "none",
        panels.now(
            "A",
            f"group by (run_id, task, reward_mode) ({info})",
            "{{run_id}} · {{task}} · {{reward_mode}}",
        ),
        panels.now("NONE", f"absent({info})", panels.NO_VALUE),
    ).text_mode(common.BigValueTextMode.NAME)
