"""The dashboard sanctum-slots: one run's SlotsPanel, and what a terminal cannot show."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import common, dashboard

from grafana import alerts, exporter_row, limits, panels, run_row, slots_panel
from grafana.layout import (
    COLUMNS,
    FLEET_UID,
    SLOTS_UID,
    Grid,
    annotation,
    choice,
    frame,
    link,
    runbooks,
    with_all,
)
from grafana.palette import COLOURS
from grafana.promql import EVERY_GROUP, ONE_TARGET, REPEATED, SELECTED
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
        "Sanctum · Slots",
        "SlotsPanel of one training run of esper-lite, and its history, quality and exporter.",
        "now-30m",
    )
    _variables(slots)
    _annotations(slots)
    slots.link(link("Fleet", f"/d/{FLEET_UID}", "dashboard"))
    slots.link(runbooks())
    grid = Grid(slots)
    grid.row("SlotsPanel")
    grid.line(3, (COLUMNS, slots_panel.headline()))
    grid.beside(
        (9, slots_panel.stage_bars("Slots by stage", SELECTED, text_size=20)),
        (3, [slots_panel.active()]),
        (3, [slots_panel.count("Germ"), slots_panel.pruned(), slots_panel.count("Foss")]),
        (3, [slots_panel.rate("Germ"), slots_panel.rate("Prune"), slots_panel.rate("Foss")]),
        (3, [slots_panel.lifespan(), slots_panel.blend()]),
    )
    grid.row("Run")
    run_row.place(grid)
    grid.row("Stages over time")
    grid.line(9, (16, _stages_over_time()), (8, _utilisation()))
    grid.row("Lifecycle")
    grid.line(8, (8, _per_episode()), (8, _recent_per_episode()), (8, _per_minute()))
    grid.line(8, (8, _lifespan()), (8, _blend()), (8, _progress()))
    grid.row("Groups side by side")
    grid.line(8, (COLUMNS, _repeated_bars()))
    grid.line(8, (8, _active_by_group()), (8, _fossilized_by_group()), (8, _blend_by_group()))
    grid.row("Alerts and what the stages mean")
    grid.line(
        11,
        (7, alerts.listed()),
        (7, alerts.table()),
        (
            10,
            panels.markdown(
                "Stages of a seed", "What the stages in these panels mean.", STAGES_TEXT
            ),
        ),
    )
    grid.row("Exporter")
    exporter_row.place(grid)
    return slots


def _variables(slots: builder.Dashboard) -> None:
    slots.with_variable(
        choice("job", "Job", "label_values(sanctum_exporter_build_info, job)", "Scrape job.")
    )
    slots.with_variable(
        choice(
            "instance",
            "Instance",
            'label_values(sanctum_exporter_build_info{job="$job"}, instance)',
            "Address of the exporter.",
        )
    )
    # An exporter of one run has no label "run"; All then matches the series without it.
    slots.with_variable(
        with_all(
            choice(
                "run",
                "Run",
                f"label_values(sanctum_total_slots{{{ONE_TARGET}}}, run)",
                "Run, where one exporter follows several; values of All are totals.",
            ),
            ".*",
        )
    )
    groups = f'label_values(sanctum_total_slots{{{ONE_TARGET}, run=~"$run"}}, group_id)'
    slots.with_variable(choice("group_id", "Group", groups, "A or B of an A/B run, or default."))
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
    slots.annotation(alerts.firings())


def _stages_over_time() -> timeseries.Panel:
    queries = [
        panels.over_time(
            row.abbreviation, SELECTED.sum("sanctum_slots", f'stage="{row.stage}"'), row.stage
        )
        for row in STAGE_ROWS
    ]
    panel = panels.stacked(
        panels.lines(
            "Slots by stage over time",
            "Slots in each stage, one on the other: together they are all slots.",
            "none",
            *queries,
        )
    )
    for row in STAGE_ROWS:
        panel.override_by_query(row.abbreviation, [panels.fixed_property(COLOURS[row.style])])
    return panel


def _utilisation() -> timeseries.Panel:
    total = SELECTED.sum("sanctum_total_slots")
    dormant = SELECTED.sum("sanctum_slots", 'stage="DORMANT"')
    panel = (
        panels.limits(
            panels.lines(
                "Utilisation",
                f"Active and dormant slots as shares of all. Dormant slots: {limits.DORMANT_TEXT}",
                "percentunit",
                panels.over_time(
                    "ACTIVE", f"{SELECTED.sum('sanctum_active_slots')} / ({total} > 0)", "active"
                ),
                panels.over_time("DORMANT", f"{dormant} / ({total} > 0)", "dormant"),
            ),
            limits.DORMANT,
        )
        .max(1)
        .override_by_query("ACTIVE", [panels.fixed_property(COLOURS["cyan"])])
        .override_by_query("DORMANT", [panels.fixed_property(COLOURS["dim"])])
    )
    return panels.with_runbook(panel, "SanctumMostlyDormant")


def _per_episode() -> timeseries.Panel:
    queries = [
        panels.over_time(name, SELECTED.per_episode(metric), name)
        for name, (_, metric, _) in slots_panel.EVENTS.items()
    ]
    return _in_event_colours(
        panels.limits(
            panels.lines(
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
        panels.lines(
            "Seeds per episode, recent",
            "Events of the last moments per episode completed in them; a point wherever "
            "episodes were completed.",
            "suffix:/ep",
            *queries,
        )
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
        panels.lines(
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
    panel = panels.limits(
        panels.lines(
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
    )
    return panels.with_runbook(panel, "SanctumShortLifespan")


def _blend() -> timeseries.Panel:
    panel = (
        panels.limits(
            panels.lines(
                "Blend success over time",
                f"Fossilized seeds among those that ended. {limits.BLEND_TEXT}",
                "percentunit",
                panels.over_time(
                    "A", SELECTED.mean("sanctum_blend_success_ratio"), "blend success"
                ),
            ),
            limits.BLEND_SUCCESS,
        )
        .max(1)
        .color_scheme(panels.by_threshold())
    )
    return panels.with_runbook(panel, "SanctumLowBlendSuccess")


def _progress() -> timeseries.Panel:
    return panels.lines(
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
    bars = slots_panel.stage_bars("Group $groups", REPEATED, text_size=12)
    return bars.repeat("groups").repeat_direction("h").max_per_row(4)


def _active_by_group() -> timeseries.Panel:
    active = EVERY_GROUP.sum("sanctum_active_slots", by="group_id")
    total = EVERY_GROUP.sum("sanctum_total_slots", by="group_id")
    return panels.lines(
        "Active slots by group",
        "Active slots as a share of the group's slots.",
        "percentunit",
        panels.over_time("A", f"{active} / ({total} > 0)", "{{group_id}}"),
    ).max(1)


def _fossilized_by_group() -> timeseries.Panel:
    expr = EVERY_GROUP.per_episode("sanctum_seeds_fossilized_total", by="group_id")
    return panels.lines(
        "Fossilized per episode by group",
        "Seeds kept for good per completed episode: which group's growth lasts.",
        "suffix:/ep",
        panels.over_time("A", expr, "{{group_id}}"),
    )


def _blend_by_group() -> timeseries.Panel:
    return panels.lines(
        "Blend success by group",
        f"Fossilized seeds among those that ended. {limits.BLEND_TEXT}",
        "percentunit",
        panels.over_time(
            "A", EVERY_GROUP.mean("sanctum_blend_success_ratio", by="group_id"), "{{group_id}}"
        ),
    ).max(1)
