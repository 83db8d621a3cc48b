"""SlotsPanel, line by line, as Grafana panels.

Every query is an instant one whose value needs no transformation, so that what is displayed can
be computed outside of Grafana and compared with the terminal's text.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import common

from grafana import limits, panels, runbooks
from grafana.layout import beside, line, row
from grafana.palette import COLOURS
from grafana.promql import SELECTED, Scope
from sanctum_exporter.catalogue import TREND_VALUES
from sanctum_exporter.panel import ARROWS, BORDER_TITLE, NO_DATA, NO_ENVIRONMENTS, STAGE_ROWS

TREND_ARROWS: Final = {
    TREND_VALUES[trend]: (arrow, COLOURS[style]) for trend, (arrow, style) in ARROWS.items()
}
EVENTS: Final = {
    "Germ": ("germination", "sanctum_seeds_germinated_total", 1),
    "Prune": ("prune", "sanctum_seeds_pruned_total", 1),
    "Foss": ("fossilize", "sanctum_seeds_fossilized_total", 2),
}
"""Name in the panel: value of the label event, the counter, decimals of the rate."""
JUST_ABOVE_ZERO: Final = 0.001


def place(frame: builder.Dashboard, top: int) -> int:
    """Place the row, so low that it is seen without scrolling, and return where it ends."""
    row(frame, "SlotsPanel")
    line(frame, 3, (12, headline()), (4, active()), (4, lifespan()), (4, blend()))
    return beside(
        frame,
        top + 4,
        (8, stage_bars("Slots by stage", SELECTED)),
        (3, [count("Germ"), pruned(), count("Foss")]),
        (3, [rate("Germ"), rate("Prune"), rate("Foss")]),
    )


def headline() -> stat.Panel:
    """Return the border's title, as the name of a series."""
    total = f'count_values("total", {SELECTED.sum("sanctum_total_slots")})'
    envs = f'count_values("envs", {SELECTED.sum("sanctum_envs")})'
    panel = panels.stat(
        "SlotsPanel · group $group_id",
        "Slots that exist and the envs that they are in, as in the border of SlotsPanel. "
        "`CURRENT SLOTS` alone: the exporter publishes no such group.",
        "none",
        panels.now(
            "A",
            f"{total} * on () group_left (envs) {envs}",
            f"{BORDER_TITLE} ─ {{{{total}}}} across {{{{envs}}}} envs",
        ),
        panels.now("NONE", f"absent({SELECTED.of('sanctum_total_slots')})", BORDER_TITLE),
    ).text_mode(common.BigValueTextMode.NAME)
    return runbooks.linked(panel, "SanctumNoSlots")


def stage_bars(title: str, scope: Scope) -> bargauge.Panel:
    """Return a bar a stage; total slots are in the data only to be the end of the scale."""
    stages = [
        panels.now(
            row.abbreviation,
            _shown(scope, scope.sum("sanctum_slots", f'stage="{row.stage}"')),
            row.abbreviation,
        )
        for row in STAGE_ROWS
    ]
    total = scope.sum("sanctum_total_slots")
    names = "|".join(row.abbreviation for row in STAGE_ROWS)
    panel = panels.bars(
        title,
        "Slots in each lifecycle stage, of all that exist. Empty slots and seeds that were pruned "
        f"are DORMANT; {limits.DORMANT_TEXT} "
        f"`{NO_DATA}`: nothing is published. `{NO_ENVIRONMENTS}`: there are no slots.",
        "none",
        f"/^({names}|NONE)$/",
        *stages,
        panels.now("TOTAL", f"{total} > 0", "TOTAL"),
        panels.now("ABSENT", f"absent({total}) - 1", "NONE"),
        panels.now("NONE", f"{total} == 0", "NONE"),
    ).no_value(NO_DATA)
    for stage in STAGE_ROWS:
        panel.override_by_query(stage.abbreviation, [panels.fixed_property(COLOURS[stage.style])])
    for ref_id, text in (("ABSENT", NO_DATA), ("NONE", NO_ENVIRONMENTS)):
        mapping = panels.value_texts({0: (text, COLOURS["dim"])})
        panel.override_by_query(
            ref_id, [panels.property_of("max", 1), panels.property_of("mappings", [mapping])]
        )
    # The last override wins: a stage without slots is dim, whatever its colour.  A bar lights
    # its first cell at the end of its scale, so 0 has to be below that.
    return panel.with_override(
        panels.where_zero(),
        [panels.fixed_property(COLOURS["dim"]), panels.property_of("min", JUST_ABOVE_ZERO)],
    )


def active() -> stat.Panel:
    """Return active slots of all slots, as the name of a series."""
    count = f'count_values("active", {SELECTED.sum("sanctum_active_slots")})'
    total = f'count_values("total", {SELECTED.sum("sanctum_total_slots")})'
    panel = (
        panels.stat(
            "Active",
            "Slots whose stage is not DORMANT, of all slots; fossilized seeds are active. "
            "0 while training runs is a warning.",
            "none",
            panels.now(
                "A",
                _shown(SELECTED, f"{count} * on () group_left (total) {total}"),
                "{{active}}/{{total}}",
            ),
            panels.now(
                "NONE",
                f"absent({SELECTED.sum('sanctum_total_slots')} > 0)",
                panels.NO_VALUE,
            ),
        )
        .text_mode(common.BigValueTextMode.NAME)
        .color_scheme(panels.fixed(COLOURS["cyan"]))
        .override_by_query("NONE", [panels.fixed_property(COLOURS["dim"])])
    )
    return runbooks.linked(panel, "SanctumNoActiveSlots")


def count(name: str) -> stat.Panel:
    """Return how many seeds germinated or fossilized."""
    colour = {"Germ": COLOURS["green"], "Foss": COLOURS["blue"]}[name]
    event, metric, _ = EVENTS[name]
    verb = {"germination": "germinated", "fossilize": "fossilized"}[event]
    return panels.stat(
        name,
        f"Seeds {verb} since the exporter began to follow the run.",
        "sishort",
        panels.now("A", _shown(SELECTED, SELECTED.sum(metric)), name),
    ).color_scheme(panels.fixed(colour))


def pruned() -> stat.Panel:
    """Return how many seeds were pruned, in red where that is more than fossilized ones."""
    pruned_seeds = SELECTED.sum("sanctum_seeds_pruned_total")
    more = f"({pruned_seeds} > {SELECTED.sum('sanctum_seeds_fossilized_total')})"
    panel = (
        panels.stat(
            "Prune",
            "Seeds pruned since the exporter began to follow the run; red where they are more "
            "than the fossilized ones.",
            "sishort",
            panels.now("MORE", _shown(SELECTED, more), "Prune"),
            panels.now("A", _shown(SELECTED, f"{pruned_seeds} unless {more}"), "Prune"),
        )
        .color_scheme(panels.fixed(COLOURS["dim"]))
        .override_by_query("MORE", [panels.fixed_property(COLOURS["red"])])
    )
    return runbooks.linked(panel, "SanctumHighPruneRate")


def rate(name: str) -> stat.Panel:
    """Return an event's trend arrow and its rate per episode."""
    event, metric, decimals = EVENTS[name]
    # Of several runs together the sign of the sum says where most go; of one it is the trend.
    trend = SELECTED.sum("sanctum_seed_rate_trend", f'event="{event}"')
    healthy = f" Healthy: {limits.PRUNE_RATE_HEALTHY} per episode." if name == "Prune" else ""
    return (
        panels.stat(
            f"{name} per episode",
            "Events per completed episode of the whole run; the arrow compares the last five "
            f"episodes' rates with those before: ↗ rising, → stable, ↘ falling.{healthy}",
            "suffix:/ep",
            panels.now("TREND", _shown(SELECTED, f"sgn({trend})"), f"{name} trend"),
            panels.now("RATE", _shown(SELECTED, SELECTED.per_episode(metric)), name),
        )
        .decimals(decimals)
        .color_scheme(panels.fixed(COLOURS["dim"]))
        .override_by_query(
            "TREND",
            [
                panels.property_of("mappings", [panels.value_texts(TREND_ARROWS)]),
                panels.property_of("unit", "none"),
            ],
        )
    )


def lifespan() -> stat.Panel:
    """Return the mean lifespan of seeds."""
    mean = SELECTED.mean("sanctum_mean_seed_lifespan_epochs")
    panel = (
        panels.stat(
            "Lifespan μ",
            f"Mean lifespan in epochs of the last 100 seeds that ended: {limits.LIFESPAN_TEXT}",
            "suffix:eps",
            panels.now("A", _shown(SELECTED, mean), "Lifespan"),
        )
        .decimals(0)
        .color_scheme(panels.fixed(COLOURS["cyan"]))
    )
    return runbooks.linked(panel, "SanctumShortLifespan")


def blend() -> stat.Panel:
    """Return the share of seeds that ended well, in three colours."""
    ratio = SELECTED.mean("sanctum_blend_success_ratio")
    panel = (
        panels.stat(
            "Blend success",
            f"Fossilized seeds among those that ended: {limits.BLEND_COLOURS_TEXT}",
            "percentunit",
            panels.now("A", _shown(SELECTED, ratio), "Blend"),
        )
        .decimals(0)
        .color_scheme(panels.by_threshold())
        .thresholds(panels.thresholds(limits.BLEND_SUCCESS))
    )
    return runbooks.linked(panel, "SanctumLowBlendSuccess")


def _shown(scope: Scope, expr: str) -> str:
    """Return an expression that, like the terminal's panel, shows nothing without slots."""
    return f"({expr}) and on () ({scope.sum('sanctum_total_slots')} > 0)"
