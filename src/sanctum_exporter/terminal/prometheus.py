"""A Prometheus, or anything that speaks its API: what it holds, read back as documents."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from sanctum_exporter import thresholds
from sanctum_exporter._version import __version__
from sanctum_exporter.catalogue import GROUP_LABEL, GROUP_METRICS, RUN_LABEL, TREND_VALUES
from sanctum_exporter.readings import (
    DEFAULT_GROUP,
    RUN_STATES,
    STAGES,
    GroupReading,
    RunInfo,
    RunLife,
    RunState,
    SeedLifecycleStats,
    SlotSnapshot,
    Trend,
)
from sanctum_exporter.terminal.exporter import Site
from sanctum_exporter.terminal.feed import SourceLostError
from sanctum_exporter.view.document import Exporter, Overview, RunView, by_run, overview, run_view
from sanctum_exporter.view.history import LENGTH, STEP_SECONDS, Series

PREFIXES: Final = ("", "/prometheus")
"""Where its API may be; VictoriaMetrics and Mimir have it below a path."""

_NAMES: Final = "|".join(metric.name for metric in GROUP_METRICS)
_COUNTERS: Final = {
    "sanctum_seeds_germinated_total": "germinated",
    "sanctum_seeds_pruned_total": "pruned",
    "sanctum_seeds_fossilized_total": "fossilized",
}
_OWN_LABELS: Final = {label for metric in GROUP_METRICS for label in metric.labels}
_NOT_OF_RUN: Final = {"__name__", GROUP_LABEL, *_OWN_LABELS}
_TRENDS: Final[Mapping[int, Trend]] = {value: trend for trend, value in TREND_VALUES.items()}
_HISTORY_STEP_SECONDS: Final = 3 * STEP_SECONDS
_HISTORY_SECONDS: Final = LENGTH * STEP_SECONDS

Labels = frozenset[tuple[str, str]]


class _Samples(NamedTuple):
    """The samples of one group: by name, and by the value of the one label that tells them apart.

    Attributes:
        run: the labels that tell its run from others.
        values: by metric, and by stage, event or state ("" where a metric has none of these).
        info: the labels of the run's info.
    """

    run: Labels
    values: dict[str, dict[str, float]]
    info: dict[str, str]

    def one(self, name: str) -> float:
        return self.values.get(name, {}).get("", 0.0)

    def whole(self, name: str) -> int:
        return int(self.one(name))

    def trend(self, event: str) -> Trend:
        value = self.values.get("sanctum_seed_rate_trend", {}).get(event, 0.0)
        return _TRENDS.get(int(value), "stable")


class PrometheusFeed:
    """What a Prometheus holds of every run, now or at a moment of the past.

    Runs are told apart by all labels but those that the metrics have themselves.

    Args:
        site: the base of its API.
        match: what to choose series by, as between braces: ``cluster="a"``.
        at: the moment, in seconds since the epoch, None for now.
        clock: seconds since the epoch.
    """

    period_seconds = 5.0

    def __init__(
        self,
        site: Site,
        match: str = "",
        at: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = site.name
        self.is_past = at is not None
        self._site = site
        self._match = f",{match}" if match else ""
        self._at = at
        self._clock = clock
        self._labels: dict[str, Labels] = {}
        self._readings: list[GroupReading] = []
        self._now = 0.0

    def overview(self) -> Overview:
        """Return every run in a line."""
        self._now = self._clock() if self._at is None else self._at
        selector = f'{{__name__=~"{_NAMES}"{self._match}}}'
        found = self._ask("query", query=selector, time=self._now)
        groups = _groups((row["metric"], float(row["value"][1])) for row in found)
        self._labels = {_run_name(samples.run): samples.run for samples, _ in groups}
        self._readings = [_reading(samples, group_id, self._now) for samples, group_id in groups]
        return overview(self._exporter(), self._readings, self._now)

    def run(self, name: str | None) -> RunView | None:
        """Return a run of the last overview by its name, with its last minutes."""
        runs = by_run(self._readings)
        groups = next(iter(runs.values()), None) if name is None else runs.get(name)
        if groups is None or groups[0].run is None:
            return None
        histories = self._histories(self._labels[groups[0].run])
        empty = _series([])
        return run_view(
            self._exporter(),
            groups,
            {group.group_id: histories.get(group.group_id, empty) for group in groups},
            self._now,
        )

    def close(self) -> None:
        """Close its connections."""
        self._site.close()

    def _histories(self, run: Labels) -> dict[str, Series]:
        labels = "".join(f",{name}={json.dumps(value)}" for name, value in sorted(run))
        found = self._ask(
            "query_range",
            query=f'{{__name__=~"sanctum_slots|{"|".join(_COUNTERS)}"{self._match}{labels}}}',
            start=self._now - _HISTORY_SECONDS,
            end=self._now,
            step=_HISTORY_STEP_SECONDS,
        )
        by_group: dict[str, list[Any]] = defaultdict(list)
        for row in found:
            if {item for item in row["metric"].items() if item[0] not in _NOT_OF_RUN} == run:
                by_group[row["metric"].get(GROUP_LABEL, DEFAULT_GROUP)].append(row)
        return {group_id: _series(rows) for group_id, rows in by_group.items()}

    def _exporter(self) -> Exporter:
        return Exporter(__version__, self.name)

    def _ask(self, path: str, **query: str | float) -> list[Any]:
        response = self._site.get(f"/api/v1/{path}", query)
        try:
            answer = response.json()
            if answer["status"] == "success":
                result: list[Any] = answer["data"]["result"]
                return result
            refusal = str(answer.get("error", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SourceLostError(
                f"{self.name} answers with status {response.status_code}, and not as Prometheus"
            ) from None
        raise SourceLostError(f"{self.name} refuses the query: {refusal}")


def is_prometheus(site: Site) -> bool:
    """Tell whether a server speaks the API of Prometheus.

    Raises:
        SourceLostError: if it does not answer.
    """
    response = site.get("/api/v1/query", {"query": "vector(1)"})
    try:
        return bool(
            response.status_code == HTTPStatus.OK
            and response.json()["data"]["resultType"] == "vector"
        )
    except (ValueError, KeyError, TypeError):
        return False


def _groups(samples: Iterable[tuple[dict[str, str], float]]) -> list[tuple[_Samples, str]]:
    groups: dict[tuple[Labels, str], _Samples] = {}
    for labels, value in samples:
        run = frozenset(item for item in labels.items() if item[0] not in _NOT_OF_RUN)
        group_id = labels.get(GROUP_LABEL, DEFAULT_GROUP)
        group = groups.setdefault((run, group_id), _Samples(run, defaultdict(dict), {}))
        if labels["__name__"] == "sanctum_run_info":
            group.info.update(labels)
        else:
            own = labels.get("stage") or labels.get("event") or labels.get("state") or ""
            group.values[labels["__name__"]][own] = value
    # A group without its slots is one of which only a part was chosen, or an older exporter's.
    return [
        (group, group_id)
        for (_, group_id), group in groups.items()
        if "sanctum_total_slots" in group.values
    ]


def _run_name(run: Labels) -> str:
    """Return a name that no other run has: its own, then the other labels."""
    labels = dict(sorted(run))
    name = labels.pop(RUN_LABEL, "")
    others = ", ".join(f"{label}={value}" for label, value in labels.items())
    return " ".join(filter(None, (name, f"({others})" if others else "")))


def _reading(samples: _Samples, group_id: str, now: float) -> GroupReading:
    """Return what a group published, from its samples: the inverse of the catalogue."""
    total, episode = samples.whole("sanctum_total_slots"), samples.whole("sanctum_current_episode")
    active = samples.whole("sanctum_active_slots")
    stages = samples.values.get("sanctum_slots", {})
    last_event = samples.one("sanctum_last_event_timestamp_seconds")
    state = _state(samples)
    return GroupReading(
        group_id,
        SlotSnapshot(
            total_slots=total,
            active_slots=active,
            slot_stage_counts={stage: int(stages.get(stage, 0)) for stage in STAGES},
            n_envs=samples.whole("sanctum_envs"),
            avg_epochs_in_stage=samples.one("sanctum_mean_epochs_in_stage"),
            current_episode=episode,
            seed_lifecycle=_seeds(samples, active, total, max(1, episode)),
        ),
        RunInfo(
            samples.info.get("run_id", ""),
            samples.info.get("task", ""),
            samples.info.get("reward_mode", ""),
            samples.whole("sanctum_planned_episodes"),
            samples.one("sanctum_run_start_timestamp_seconds"),
        ),
        last_event,
        RunLife(
            state,
            remaining_seconds=samples.one("sanctum_run_remaining_seconds"),
            longest_silence_seconds=samples.one("sanctum_run_longest_silence_seconds"),
            epochs_completed=samples.whole("sanctum_run_epochs_completed"),
            under_way=state != "completed"
            and last_event > 0
            and now - last_event < thresholds.FORGOTTEN_SECONDS,
            seeds_expected=samples.one("sanctum_seeds_expected") > 0,
        ),
        run=_run_name(samples.run),
    )


def _seeds(samples: _Samples, active: int, total: int, episodes: int) -> SeedLifecycleStats:
    germinated, pruned, fossilized = map(samples.whole, _COUNTERS)
    return SeedLifecycleStats(
        germination_count=germinated,
        prune_count=pruned,
        fossilize_count=fossilized,
        active_count=active,
        total_slots=total,
        germination_rate=germinated / episodes,
        prune_rate=pruned / episodes,
        fossilize_rate=fossilized / episodes,
        blend_success_rate=samples.one("sanctum_blend_success_ratio"),
        avg_lifespan_epochs=samples.one("sanctum_mean_seed_lifespan_epochs"),
        germination_trend=samples.trend("germination"),
        prune_trend=samples.trend("prune"),
        fossilize_trend=samples.trend("fossilize"),
    )


def _state(samples: _Samples) -> RunState:
    states = samples.values.get("sanctum_run_state", {})
    return next((state for state in RUN_STATES if states.get(state)), "waiting")


def _series(rows: Iterable[Any]) -> Series:
    """Return series of one group as columns; a moment that one of them lacks is left out."""
    columns: dict[str, dict[float, int]] = {}
    for row in rows:
        labels = row["metric"]
        column = labels.get("stage") or _COUNTERS[labels["__name__"]]
        columns[column] = {float(when): int(float(value)) for when, value in row["values"]}
    wanted = [*STAGES, *_COUNTERS.values()]
    moments = (
        sorted(set.intersection(*(set(columns[column]) for column in wanted)))
        if columns.keys() >= set(wanted)
        else []
    )
    return Series(
        moments,
        {stage: [columns[stage][moment] for moment in moments] for stage in STAGES},
        {name: [columns[name][moment] for moment in moments] for name in _COUNTERS.values()},
    )
