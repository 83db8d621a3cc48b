"""What the fleet asks of every run, in PromQL.

As in the rules, nothing is joined by job or instance: conditions on one run match by all the labels
that there are. ``of_runs`` then leaves those that tell runs apart.
"""

from __future__ import annotations

from typing import Final

from grafana.promql import FLEET, RUN_KEYS
from sanctum_exporter import thresholds


def of_runs(expr: str, labels: str = "") -> str:
    """Return one value a run; with further labels, one for each of their values."""
    return f"max by ({', '.join(filter(None, (RUN_KEYS, labels)))}) ({expr})"


def count(condition: str) -> str:
    """Return of how many runs a condition holds, 0 included."""
    return f"count({of_runs(condition)}) or vector(0)"


def under_way(expr: str) -> str:
    """Return what an expression says of runs that are neither finished nor the past."""
    return f"{expr} and ignoring ({_STATE_LABELS}) {_state('running')} and {_HEARD_OF}"


def _state(state: str) -> str:
    matcher = f'state="{state}"'
    return f"{FLEET.of('sanctum_run_state', matcher)} == 1"


def _at_last(name: str, matchers: str = "") -> str:
    """Return the last value that a series had, also of one that is gone."""
    return f"last_over_time({FLEET.of(name, matchers)}[$__range])"


_STATE_LABELS: Final = "state, sanctum_run_state"
_INFO_LABELS: Final = "run_id, task, reward_mode"
_HEURISTIC: Final = 'run_id=~"heur_.*"'
_SLOTS: Final = FLEET.of("sanctum_total_slots")
_EPISODES: Final = FLEET.of("sanctum_current_episode")
_NEWEST: Final = FLEET.of("sanctum_last_event_timestamp_seconds")
_SILENCE: Final = f"time() - {_NEWEST}"
_HEARD_OF: Final = f"{_NEWEST} > time() - {thresholds.FORGOTTEN_SECONDS}"
_MIDWAY: Final = FLEET.gone("sanctum_exporter_runs_midway")

SLOTS: Final = of_runs(_SLOTS)
ACTIVE_SHARE: Final = of_runs(f"{FLEET.of('sanctum_active_slots')} / ({_SLOTS} > 0)")
PROGRESS: Final = of_runs(f"{_EPISODES} / ({FLEET.of('sanctum_planned_episodes')} > 0)")
PRUNE_RATE: Final = of_runs(f"{FLEET.of('sanctum_seeds_pruned_total')} / clamp_min({_EPISODES}, 1)")
FOSSILIZE_RATE: Final = of_runs(
    f"{FLEET.of('sanctum_seeds_fossilized_total')} / clamp_min({_EPISODES}, 1)"
)
BLEND_SUCCESS: Final = of_runs(FLEET.of("sanctum_blend_success_ratio"))
AGE: Final = of_runs(_SILENCE)
SILENCE: Final = of_runs(under_way(_SILENCE))
REMAINING: Final = of_runs(under_way(f"{FLEET.of('sanctum_run_remaining_seconds')} > 0"))

UNDER_WAY: Final = under_way(_SLOTS)
ZERO: Final = under_way(f"{_SLOTS} == 0")
WAITING: Final = _state("waiting")
FINISHED: Final = _state("completed")
PAST: Final = f"{_state('running')} unless ignoring ({_STATE_LABELS}) {_HEARD_OF}"
STALLED: Final = under_way(
    f"{_SILENCE} > {thresholds.SILENCE_SECONDS}"
    f" and {_SILENCE} > 2 * {FLEET.of('sanctum_run_longest_silence_seconds')}"
    # Until its first epoch a run has shown no pace, and that may be a long one.
    f" and ({FLEET.of('sanctum_run_epochs_completed')} > 0"
    f" or {_NEWEST} - {FLEET.of('sanctum_run_start_timestamp_seconds')}"
    f" > {thresholds.PACE_KNOWN_SECONDS}"
    f" or {_SILENCE} > {thresholds.FIRST_SILENCE_SECONDS})"
    f" unless ignoring ({_INFO_LABELS}) {FLEET.of('sanctum_run_info', _HEURISTIC)}"
    f" and {_SLOTS} > 0"
)
_RUNNING_AT_LAST: Final = _at_last("sanctum_run_state", 'state="running"')
_NEWEST_AT_LAST: Final = _at_last("sanctum_last_event_timestamp_seconds")
DIED: Final = (
    f"{_at_last('sanctum_total_slots')} > 0"
    f" and ignoring ({_STATE_LABELS}) {_RUNNING_AT_LAST} == 1"
    # Beside it, others may have been the past already.
    f" and {_NEWEST_AT_LAST} > ignoring (run, group_id) group_left ()"
    f" (max without (run, group_id) ({_NEWEST_AT_LAST}) - {thresholds.FORGOTTEN_SECONDS})"
    f" unless ignoring ({_INFO_LABELS}) {_at_last('sanctum_run_info', _HEURISTIC)}"
    f" unless {_at_last('sanctum_run_remaining_seconds')} > 0 <= {thresholds.NEAR_END_SECONDS}"
    f" and ignoring (run, group_id) ({_MIDWAY})"
)
