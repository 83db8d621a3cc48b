"""The dashboard sanctum-compare: a run against another, A against B, a run against all before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common, dashboard

from grafana import graphs, limits, panels, runs_table
from grafana.layout import COLUMNS, COMPARE_UID, choice, frame, line, newest, row
from grafana.palette import SIDES
from grafana.promql import ANY, COMPARED, JOB, Scope
from grafana.runs import Runs, of_runs

_HISTORY: Final = Runs(replace(JOB, gone_too=True))
"""Every run of the job in the time range."""


class _Measure(NamedTuple):
    """What runs are compared by.

    Attributes:
        title: its name.
        description: what is better.
        unit: its unit.
        of: its value of each run of a scope.
        decimals: of the numbers.
    """

    title: str
    description: str
    unit: str
    of: Callable[[Runs], str]
    decimals: int


def _fossilized_to_pruned(runs: Runs) -> str:
    pruned = runs.scope.of("sanctum_seeds_pruned_total")
    return f"{runs.scope.of('sanctum_seeds_fossilized_total')} / ({pruned} > 0)"


def _lifespan(runs: Runs) -> str:
    return f"{runs.scope.of('sanctum_mean_seed_lifespan_epochs')} > 0"


_MEASURES: Final = (
    _Measure(
        "Blend success",
        f"Fossilized seeds among those that ended; more is better. {limits.BLEND_TEXT}",
        "percentunit",
        lambda runs: runs.blend_success,
        0,
    ),
    _Measure(
        "Fossilized to pruned",
        "Seeds kept for good for each one pruned; more is better.",
        "none",
        _fossilized_to_pruned,
        2,
    ),
    _Measure(
        "Fossilized per episode",
        "Seeds kept for good per completed episode: how fast the host grows.",
        "suffix:/ep",
        lambda runs: runs.per_episode("sanctum_seeds_fossilized_total"),
        2,
    ),
    _Measure(
        "Pruned per episode",
        f"Seeds pruned per completed episode: {limits.PRUNE_RATE_TEXT}",
        "suffix:/ep",
        lambda runs: runs.per_episode("sanctum_seeds_pruned_total"),
        2,
    ),
    _Measure(
        "Utilisation",
        "Slots that are not dormant, as a share of all.",
        "percentunit",
        lambda runs: runs.active_share,
        0,
    ),
    _Measure(
        "Lifespan",
        f"Mean lifespan in epochs of the last 100 seeds that ended: {limits.LIFESPAN_TEXT}",
        "suffix:eps",
        _lifespan,
        0,
    ),
)


def build() -> builder.Dashboard:
    """Return the dashboard."""
    compare = frame(
        COMPARE_UID,
        "Two runs or groups one on the other, and both among all runs of the time range.",
        time_from="now-3h",
        refresh="30s",
    )
    _variables(compare)
    for three in (_MEASURES[:3], _MEASURES[3:]):
        line(compare, 3, *((8, _standing(measure)) for measure in three))
    row(compare, "A on B, from the start of each")
    for three in (_MEASURES[:3], _MEASURES[3:]):
        line(compare, 9, *((8, _course(measure)) for measure in three))
    row(compare, "Among all runs of the job")
    line(compare, 11, (COLUMNS, runs_table.build("Runs of the job", _HISTORY, Runs(JOB))))
    return compare


def _variables(compare: builder.Dashboard) -> None:
    compare.with_variable(newest("job", "Job", "job", ANY, "Scrape job."))
    for side, name in (("A", "a"), ("B", "b")):
        # Of an A/B run they are its two groups; else the newest run and the oldest.
        first = side == "A"
        target = f'job="$job", instance="${name}_instance"'
        for label, scope in (("instance", JOB), ("run", Scope(target, ""))):
            text = f"The {label} that is {side}."
            compare.with_variable(
                newest(f"{name}_{label}", f"{side}: {label}", label, scope, text, first=first)
            )
        groups = f'label_values(sanctum_total_slots{{{target}, run=~"|${name}_run"}}, group_id)'
        order = dashboard.VariableSort
        compare.with_variable(
            choice(f"{name}_group", f"{side}: group", groups, f"The group that is {side}.").sort(
                order.ALPHABETICAL_ASC if first else order.ALPHABETICAL_DESC
            )
        )
    episodes = dashboard.VariableOption(text="episodes", value="0", selected=True)
    compare.with_variable(
        builder.CustomVariable("align")
        .label("Aligned by")
        .description("What the courses of A and B are laid one on the other by.")
        .values("episodes : 0, seconds since the start : 1")
        .current(episodes)
    )


def _standing(measure: _Measure) -> stat.Panel:
    """Return how A, B and the middle of all runs stand."""
    queries = [
        panels.now(side, f"max({measure.of(Runs(replace(scope, gone_too=True)))})", side)
        for side, scope in COMPARED.items()
    ]
    every = of_runs(measure.of(_HISTORY))
    median = panels.now("MEDIAN", f"quantile(0.5, {every})", "median")
    panel = (
        panels.stat(
            measure.title,
            f"{measure.description} The median is that of all runs of the job.",
            measure.unit,
            *queries,
            median,
            missing="no data",
        )
        .decimals(measure.decimals)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .text(common_builder.VizTextDisplayOptions().title_size(14).value_size(panels.LARGE_TEXT))
    )
    for side, colour in SIDES.items():
        panel.override_by_query(side, [panels.fixed_property(colour)])
    return panel


def _course(measure: _Measure) -> panels.AnyPanel:
    """Return A and B over what they are aligned by."""
    queries = []
    for side, scope in COMPARED.items():
        episodes = scope.of("sanctum_current_episode")
        start = f"({scope.of('sanctum_run_start_timestamp_seconds')} > 0)"
        at = f"(1 - $align) * {episodes} + $align * (time() - {start})"
        queries.append(panels.over_time(f"{side}_AT", f"max({at})", f"{side} at"))
        queries.append(panels.over_time(side, f"max({measure.of(Runs(scope))})", side))
    return graphs.against(
        f"{measure.title}, course",
        f"{measure.description} Over completed episodes or seconds since the start.",
        measure.unit,
        *queries,
    ).decimals(measure.decimals)
