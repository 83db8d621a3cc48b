"""The first line of sanctum-slots: how the chosen run stands, and whether anybody has to act."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common

from grafana import alerts, limits, panels, runbooks
from grafana.layout import line
from grafana.palette import BACKGROUNDS, COLOURS
from grafana.promql import SELECTED
from grafana.runs import STATUSES, Runs, status
from sanctum_exporter import thresholds

HEIGHT: Final = 3
_RUNS: Final = Runs(SELECTED)


def place(frame: builder.Dashboard) -> None:
    """Place the panels of the line."""
    widths = (4, 7, 3, 3, 3, 4)
    every = (_state(), alerts.firing(alerts.OF_RUN), _age(), _progress(), _remaining(), _name())
    line(frame, HEIGHT, *zip(widths, every, strict=True))


def _state() -> stat.Panel:
    exporter = f"last_over_time({SELECTED.of('sanctum_exporter_build_info')}[$__range])"
    published = f"last_over_time({SELECTED.of('sanctum_total_slots')}[$__range])"
    texts = {number: (each.name, BACKGROUNDS[each.style]) for number, each in enumerate(STATUSES)}
    panel = panels.on_colour(
        panels.stat(
            "State",
            "How the run stands, the worst first: died (its process went in the middle), zero "
            f"slots, stalled (silent for {thresholds.SILENCE_SECONDS // 60} minutes), waiting, "
            "running, finished, past. Of several runs it is that of the worst, and everything "
            "below is their sum.",
            "none",
            panels.now("STATE", f"max({status(_RUNS)})", "state"),
            panels.now("NO_RUN", f"absent({published}) unless on () absent({exporter})", "no run"),
            panels.now("NO_EXPORTER", f"absent({exporter})", "no exporter"),
        )
    ).override_by_query("STATE", [panels.property_of("mappings", [panels.value_texts(texts)])])
    for ref_id, text in (("NO_RUN", "no run yet"), ("NO_EXPORTER", "no exporter scraped")):
        missing = panels.value_texts({1: (text, BACKGROUNDS["yellow"])})
        panel.override_by_query(ref_id, [panels.property_of("mappings", [missing])])
    return runbooks.linked(panel, "SanctumNoSlots")


def _age() -> stat.Panel:
    last = SELECTED.of("sanctum_last_event_timestamp_seconds")
    panel = (
        panels.stat(
            "Telemetry age",
            "Time since the newest event of the group, in hours, minutes and seconds. It grows "
            "when training is slow, has finished or has died.",
            "dtdhms",
            panels.now("A", f"time() - max({last} > 0)", "age"),
            missing="no event",
        )
        .color_scheme(panels.by_threshold())
        .thresholds(panels.thresholds(limits.SILENCE))
    )
    return runbooks.linked(panel, "SanctumTelemetryStopped")


def _progress() -> stat.Panel:
    done = SELECTED.sum("sanctum_current_episode")
    planned = SELECTED.sum("sanctum_planned_episodes")
    return panels.stat(
        "Progress",
        "Episodes completed, as a share of those that are planned.",
        "percentunit",
        panels.now("A", f"{done} / ({planned} > 0)", "progress"),
        missing="no plan",
    ).decimals(0)


def _remaining() -> stat.Panel:
    remaining = SELECTED.of("sanctum_run_remaining_seconds")
    return panels.stat(
        "Time left",
        "Time until the planned episodes are done, by the run's own pace, in hours, minutes and "
        "seconds. There is no estimate of a run that is completed, has no episode done yet, or "
        "does not report its end.",
        "dtdhms",
        panels.now("A", f"max({remaining} > 0)", "left"),
        missing="no estimate",
    )


def _name() -> stat.Panel:
    info = SELECTED.of("sanctum_run_info", 'run_id!=""')
    several = f"count({SELECTED.of('sanctum_total_slots')}) > 1"
    panel = panels.stat(
        "Run",
        "Name of the run, or of how many everything here is the sum.",
        "none",
        panels.now("A", f"group by (run_id) ({info}) unless on () {several}", "{{run_id}}"),
        panels.now("SUM", f'count_values("runs", {several})', "{{runs}} runs, summed"),
        panels.now("NONE", f"absent({info})", "no name"),
    ).text_mode(common.BigValueTextMode.NAME)
    panel.text(common_builder.VizTextDisplayOptions())
    return panel.override_by_query("NONE", [panels.fixed_property(COLOURS["dim"])])
