"""The dashboard sanctum-slots: one run's SlotsPanel, and what a terminal cannot show."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import common, dashboard

from grafana import alerts, exporter_row, graphs, limits, panels, runbooks, slots_panel, status_line
from grafana.layout import (
    COLUMNS,
    SLOTS_UID,
    annotation,
    choice,
    frame,
    line,
    newest,
    row,
    with_all,
)
from grafana.palette import COLOURS
from grafana.promql import ANY, EVERY_GROUP, JOB, ONE_TARGET, REPEATED, SELECTED, THE_RUN, Scope
from grafana.runs import Runs
from sanctum_exporter.panel import STAGE_ROWS

EVENT_COLOURS: Final = {
    "Germ": COLOURS["green"],
    "Prune": COLOURS["red"],
    "Foss": COLOURS["blue"],
}

_STAGE_ROWS: Final = "\n".join(
    f"| {row.abbreviation} | {row.stage} | {row.meaning} |" for row in STAGE_ROWS
)
STAGES_TEXT: Final = f"""\
A **seed** is a small network that grows inside the host network. It lives in a **slot**; each env has the same slots.

| | stage | what happens |
|---|---|---|
{_STAGE_ROWS}

A seed that does not help is **pruned** instead. At the end of a batch of episodes every slot is emptied.

**Healthy:** {limits.HEALTHY_TEXT}
"""  # noqa: E501 - a table row is one line


def build() -> builder.Dashboard:
    """Return the dashboard."""
    slots = frame(
        SLOTS_UID,
        "How one training run of esper-lite stands, its SlotsPanel, history and exporter.",
        time_from="now-30m",
        refresh="5s",
    )
    _variables(slots)
    _annotations(slots)
    status_line.place(slots)
    row(slots, "Over time", slots_panel.place(slots, status_line.HEIGHT))
    line(slots, 7, (12, _stages_over_time()), (6, _utilisation()), (6, _blend()))
    line(slots, 8, (8, _per_episode()), (8, _recent_per_episode()), (8, _per_minute()))
    line(slots, 8, (8, _lifespan()), (8, _progress()), (8, alerts.listed()))
    row(slots, "Groups side by side")
    line(slots, 8, (COLUMNS, _repeated_bars()))
    line(slots, 8, (8, _active_by_group()), (8, _fossilized_by_group()), (8, _blend_by_group()))
    row(slots, "Run")
    line(slots, 3, (COLUMNS, _run()))
    line(slots, 11, (COLUMNS, _stages()))
    row(slots, "Exporter")
    exporter_row.place(slots)
    return slots


def _variables(slots: builder.Dashboard) -> None:
    slots.with_variable(newest("job", "Job", "job", ANY, "Scrape job."))
    slots.with_variable(newest("instance", "Instance", "instance", JOB, "Address of the exporter."))
    slots.with_variable(
        newest(
            "run",
            "Run",
            "run",
            Scope(ONE_TARGET, ""),
            "Run, where one exporter follows several; of several chosen ones the sum is shown.",
        ).multi(True)
    )
    slots.with_variable(
        newest("group_id", "Group", "group_id", EVERY_GROUP, "A or B of an A/B run, or default.")
    )
    groups = f"label_values(sanctum_total_slots{{{ONE_TARGET}, {THE_RUN}}}, group_id)"
    slots.with_variable(
        with_all(choice("groups", "Groups", groups, "Groups that are shown side by side."), ".+")
        .multi(True)
        .hide(dashboard.VariableHide.HIDE_VARIABLE)
    )


def _annotations(slots: builder.Dashboard) -> None:
    start = SELECTED.of("sanctum_run_start_timestamp_seconds")
    slots.annotation(
        annotation(
            "Run starts", "green", f"{start} * 1000 > 0", "Training started", "Group {{group_id}}"
        ).use_value_for_time(True)
    )
    slots.annotation(alerts.firings(alerts.OF_RUN))


def _stages_over_time() -> timeseries.Panel:
    queries = [
        panels.over_time(
            row.abbreviation, SELECTED.sum("sanctum_slots", f'stage="{row.stage}"'), row.stage
        )
        for row in STAGE_ROWS
    ]
    panel = graphs.stacked(
        graphs.lines(
            "Slots by stage over time",
            "Slots in each stage, one on the other: together they are all slots.",
            "none",
            *queries,
        )
    )
    for stage in STAGE_ROWS:
        panel.override_by_query(stage.abbreviation, [panels.fixed_property(COLOURS[stage.style])])
    return panel


def _utilisation() -> timeseries.Panel:
    total = SELECTED.sum("sanctum_total_slots")
    share = f"{SELECTED.sum('sanctum_active_slots')} / ({total} > 0)"
    panel = graphs.limits(
        graphs.lines(
            "Utilisation",
            f"Slots that are not dormant, as a share of all. Dormant slots: {limits.DORMANT_TEXT}",
            "percentunit",
            panels.over_time("ACTIVE", share, "active"),
        ),
        limits.ACTIVE,
    ).no_value("no slots")
    return runbooks.linked(panel, "SanctumMostlyDormant")


def _per_episode() -> timeseries.Panel:
    queries = [
        panels.over_time(name, SELECTED.per_episode(metric), name)
        for name, (_, metric, _) in slots_panel.EVENTS.items()
    ]
    return _in_event_colours(
        graphs.limits(
            graphs.lines(
                "Seeds per episode, whole run",
                f"The rates of SlotsPanel over time. Pruned seeds: {limits.PRUNE_RATE_TEXT}",
                "suffix:/ep",
                *queries,
            ),
            limits.PRUNE_RATE,
        )
    )


def _recent_per_episode() -> timeseries.Panel:
    episodes = f"sum(delta({SELECTED.of('sanctum_current_episode')}[$__rate_interval]))"
    queries = [
        panels.over_time(
            name, f"sum(increase({SELECTED.of(metric)}[$__rate_interval])) / ({episodes} > 0)", name
        )
        for name, (_, metric, _) in slots_panel.EVENTS.items()
    ]
    return _in_event_colours(
        graphs.lines(
            "Seeds per episode, recent",
            "Events of the last moments per episode completed in them; a point wherever "
            "episodes were completed.",
            "suffix:/ep",
            *queries,
        )
        .no_value("no episode was completed lately")
        .show_points(common.VisibilityMode.ALWAYS)
        .point_size(5)
        .span_nulls(True)
    )


def _per_minute() -> timeseries.Panel:
    queries = [
        panels.over_time(name, f"sum(rate({SELECTED.of(metric)}[$__rate_interval])) * 60", name)
        for name, (_, metric, _) in slots_panel.EVENTS.items()
    ]
    return _in_event_colours(
        graphs.lines(
            "Lifecycle events per minute",
            "Seeds germinated, pruned and fossilized per minute of wall time.",
            "suffix:/min",
            *queries,
        )
    )


def _in_event_colours(panel: timeseries.Panel) -> timeseries.Panel:
    for name, colour in EVENT_COLOURS.items():
        panel.override_by_query(name, [panels.fixed_property(colour)])
    return panel


def _lifespan() -> timeseries.Panel:
    panel = graphs.limits(
        graphs.lines(
            "Seed lifespan and age",
            "Mean lifespan of the last 100 seeds that ended, and mean epochs that live seeds have "
            f"spent in their stage. Lifespan: {limits.LIFESPAN_TEXT}",
            "suffix:eps",
            panels.over_time(
                "LIFESPAN", SELECTED.mean("sanctum_mean_seed_lifespan_epochs"), "lifespan"
            ),
            panels.over_time(
                "STAGE", SELECTED.mean("sanctum_mean_epochs_in_stage"), "epochs in stage"
            ),
        ),
        limits.LIFESPAN,
    ).override_by_query("STAGE", [panels.fixed_property(COLOURS["dim"])])
    return runbooks.linked(panel, "SanctumShortLifespan")


def _blend() -> timeseries.Panel:
    panel = (
        graphs.limits(
            graphs.lines(
                "Blend success over time",
                f"Fossilized seeds among those that ended; nothing until one has. "
                f"{limits.BLEND_TEXT}",
                "percentunit",
                panels.over_time("A", f"avg({Runs(SELECTED).blend_success})", "blend success"),
            ),
            limits.BLEND_SUCCESS,
        )
        .color_scheme(panels.by_threshold())
        .no_value("no seed has ended")
    )
    return runbooks.linked(panel, "SanctumLowBlendSuccess")


def _progress() -> timeseries.Panel:
    return graphs.lines(
        "Episodes",
        "Episodes completed over all envs, and those that the run is planned to have.",
        "none",
        panels.over_time("DONE", SELECTED.sum("sanctum_current_episode"), "completed"),
        panels.over_time("PLANNED", SELECTED.sum("sanctum_planned_episodes"), "planned"),
    ).override_by_query(
        "PLANNED",
        [
            panels.fixed_property(COLOURS["dim"]),
            panels.property_of("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}),
            panels.property_of("custom.fillOpacity", 0),
        ],
    )


def _repeated_bars() -> panels.AnyPanel:
    bars = slots_panel.stage_bars("Group $groups", REPEATED)
    return bars.repeat("groups").repeat_direction("h").max_per_row(4)


def _run() -> stat.Panel:
    info = SELECTED.of("sanctum_run_info")
    return panels.stat(
        "Task and reward",
        "Task and reward of the run.",
        "none",
        panels.now(
            "A",
            f"group by (task, reward_mode) ({info})",
            "{{task}} · {{reward_mode}}",
        ),
        panels.now("NONE", f"absent({info})", "no run has begun"),
    ).text_mode(common.BigValueTextMode.NAME)


def _stages() -> panels.AnyPanel:
    return panels.markdown("Stages of a seed", "What the stages in these panels mean.", STAGES_TEXT)


def _active_by_group() -> timeseries.Panel:
    active = EVERY_GROUP.sum("sanctum_active_slots", by="group_id")
    total = EVERY_GROUP.sum("sanctum_total_slots", by="group_id")
    return graphs.by_group(
        graphs.lines(
            "Active slots by group",
            "Active slots as a share of the group's slots.",
            "percentunit",
            panels.over_time("A", f"{active} / ({total} > 0)", "{{group_id}}"),
        )
    ).no_value("no slots")


def _fossilized_by_group() -> timeseries.Panel:
    expr = EVERY_GROUP.per_episode("sanctum_seeds_fossilized_total", by="group_id")
    return graphs.by_group(
        graphs.lines(
            "Fossilized per episode by group",
            "Seeds kept for good per completed episode: which group's growth lasts.",
            "suffix:/ep",
            panels.over_time("A", expr, "{{group_id}}"),
        )
    )


def _blend_by_group() -> timeseries.Panel:
    return graphs.by_group(
        graphs.lines(
            "Blend success by group",
            f"Fossilized seeds among those that ended. {limits.BLEND_TEXT}",
            "percentunit",
            panels.over_time(
                "A", f"avg by (group_id) ({Runs(EVERY_GROUP).blend_success})", "{{group_id}}"
            ),
        )
    ).no_value("no seed has ended")
