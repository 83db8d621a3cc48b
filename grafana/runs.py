"""What is asked of runs, in PromQL.

As in the rules, nothing is joined by job or instance: conditions on one run match by all the labels
that there are. ``of_runs`` then leaves those that tell runs apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from grafana.promql import RUN_KEYS, Scope
from sanctum_exporter import thresholds
from sanctum_exporter.readings import HEURISTIC_PREFIX

_STATE_LABELS: Final = "state, sanctum_run_state"
_INFO_LABELS: Final = "run_id, task, reward_mode"
_HEURISTIC: Final = f'run_id=~"{HEURISTIC_PREFIX}.*"'


def of_runs(expr: str, labels: str = "") -> str:
    """Return one value a run; with further labels, one for each of their values."""
    return f"max by ({', '.join(filter(None, (RUN_KEYS, labels)))}) ({expr})"


@dataclass(frozen=True)
class Runs:
    """The runs of a scope: conditions on them, and what is told of each."""

    scope: Scope

    def under_way(self, expr: str) -> str:
        """Return what an expression says of runs that are neither finished nor the past."""
        return f"{expr} and ignoring ({_STATE_LABELS}) {self._state('running')} and {self._heard}"

    def with_ended_seeds(self, expr: str) -> str:
        """Return what an expression says of runs of which a seed has ended."""
        fossilized, pruned = (
            self.scope.of(f"sanctum_seeds_{end}_total") for end in ("fossilized", "pruned")
        )
        return f"{expr} and ({fossilized} + {pruned}) > 0"

    @property
    def zero(self) -> str:
        """Return the runs under way without a slot."""
        return self.under_way(f"{self._slots} == 0")

    @property
    def running(self) -> str:
        """Return the runs under way."""
        return self.under_way(self._slots)

    @property
    def waiting(self) -> str:
        """Return the groups in which nothing has started."""
        return self._state("waiting")

    @property
    def finished(self) -> str:
        """Return the runs whose planned episodes are done."""
        return self._state("completed")

    @property
    def past(self) -> str:
        """Return the runs that are not finished and were not heard of for an hour."""
        return f"{self._state('running')} unless ignoring ({_STATE_LABELS}) {self._heard}"

    @property
    def stalled(self) -> str:
        """Return the runs under way that are silent for too long."""
        of, newest, silence = self.scope.of, self._newest, self.age
        return self.under_way(
            f"{silence} > {thresholds.SILENCE_SECONDS}"
            f" and {silence}"
            f" > {thresholds.SILENCE_TIMES} * {of('sanctum_run_longest_silence_seconds')}"
            # Until its first epoch a run has shown no pace, and that may be a long one.
            f" and ({of('sanctum_run_epochs_completed')} > 0"
            f" or {newest} - {of('sanctum_run_start_timestamp_seconds')}"
            f" > {thresholds.PACE_KNOWN_SECONDS}"
            f" or {silence} > {thresholds.FIRST_SILENCE_SECONDS})"
            f" unless ignoring ({_INFO_LABELS}) {of('sanctum_run_info', _HEURISTIC)}"
            f" and {self._slots} > 0"
        )

    @property
    def died(self) -> str:
        """Return the runs whose process went in the middle of them, within the time range."""
        running = self._at_last("sanctum_run_state", 'state="running"')
        newest = self._at_last("sanctum_last_event_timestamp_seconds")
        remaining = self._at_last("sanctum_run_remaining_seconds")
        return (
            f"{self._at_last('sanctum_total_slots')} > 0"
            f" and ignoring ({_STATE_LABELS}) {running} == 1"
            # Beside it, others may have been the past already.
            f" and {newest} > ignoring (run, group_id) group_left ()"
            f" (max without (run, group_id) ({newest}) - {thresholds.FORGOTTEN_SECONDS})"
            f" unless ignoring ({_INFO_LABELS}) {self._at_last('sanctum_run_info', _HEURISTIC)}"
            f" unless {remaining} > 0 <= {thresholds.NEAR_END_SECONDS}"
            f" and ignoring (run, group_id) ({self.scope.gone('sanctum_exporter_runs_midway')})"
        )

    @property
    def age(self) -> str:
        """Return the seconds since the newest event of each run."""
        return f"time() - {self._newest}"

    @property
    def active_share(self) -> str:
        """Return active slots as a share of each run's slots."""
        return f"{self.scope.of('sanctum_active_slots')} / ({self._slots} > 0)"

    @property
    def progress(self) -> str:
        """Return completed episodes as a share of those that are planned."""
        planned = self.scope.of("sanctum_planned_episodes")
        return f"{self.scope.of('sanctum_current_episode')} / ({planned} > 0)"

    @property
    def remaining(self) -> str:
        """Return the seconds that runs under way have to go, where there is an estimate."""
        return self.under_way(f"{self.scope.of('sanctum_run_remaining_seconds')} > 0")

    @property
    def blend_success(self) -> str:
        """Return fossilized seeds among those that ended, where any has."""
        return self.with_ended_seeds(self.scope.of("sanctum_blend_success_ratio"))

    def per_episode(self, name: str) -> str:
        """Return a counter of seeds per completed episode."""
        episodes = self.scope.of("sanctum_current_episode")
        return f"{self.scope.of(name)} / clamp_min({episodes}, 1)"

    @property
    def _slots(self) -> str:
        return self.scope.of("sanctum_total_slots")

    @property
    def _newest(self) -> str:
        return self.scope.of("sanctum_last_event_timestamp_seconds")

    @property
    def _heard(self) -> str:
        return f"{self._newest} > time() - {thresholds.FORGOTTEN_SECONDS}"

    def _state(self, state: str) -> str:
        matcher = f'state="{state}"'
        return f"{self.scope.of('sanctum_run_state', matcher)} == 1"

    def _at_last(self, name: str, matchers: str = "") -> str:
        """Return the last value that a series had, also of one that is gone."""
        return f"last_over_time({self.scope.selector(name, matchers)}[$__range])"


class Status(NamedTuple):
    """How a run stands.

    Attributes:
        name: in words.
        style: how bad that is, as a name of the palette.
        condition: the runs that it holds of.
    """

    name: str
    style: str
    condition: Callable[[Runs], str]


STATUSES: Final = (
    Status("past", "dim", lambda runs: runs.past),
    Status("finished", "dim", lambda runs: runs.finished),
    Status("running", "green", lambda runs: runs.running),
    Status("waiting", "yellow", lambda runs: runs.waiting),
    Status("stalled", "yellow", lambda runs: runs.stalled),
    Status("zero slots", "red", lambda runs: runs.zero),
    Status("died", "red", lambda runs: runs.died),
)
"""The worst last; of a run that has several, it is the last one."""


def status(runs: Runs) -> str:
    """Return how each run stands, as a position in ``STATUSES``."""
    return " or ".join(
        f"(0 * {of_runs(each.condition(runs))} + {number})"
        for number, each in reversed(list(enumerate(STATUSES)))
    )
