"""What the fleet asks of every run: one value a run, in PromQL."""

from __future__ import annotations

from typing import Final

from grafana.promql import FLEET, RUN_KEYS
from sanctum_exporter.thresholds import SILENCE_SECONDS


def _latest(name: str) -> str:
    return f"max by ({RUN_KEYS}) ({FLEET.of(name)})"


def _remembered(name: str) -> str:
    """Return the last value that a series had, also of one that is gone."""
    return f"max by ({RUN_KEYS}) (last_over_time({FLEET.of(name)}[$__range]))"


_EPISODES: Final = "sanctum_current_episode"
_PLANNED: Final = "sanctum_planned_episodes"
_ENDED_WELL: Final = f"{_remembered(_EPISODES)} >= ({_remembered(_PLANNED)} > 0)"

SLOTS: Final = _latest("sanctum_total_slots")
ACTIVE_SHARE: Final = f"{_latest('sanctum_active_slots')} / ({SLOTS} > 0)"
PROGRESS: Final = f"{_latest(_EPISODES)} / ({_latest(_PLANNED)} > 0)"
PRUNE_RATE: Final = f"{_latest('sanctum_seeds_pruned_total')} / clamp_min({_latest(_EPISODES)}, 1)"
FOSSILIZE_RATE: Final = (
    f"{_latest('sanctum_seeds_fossilized_total')} / clamp_min({_latest(_EPISODES)}, 1)"
)
BLEND_SUCCESS: Final = _latest("sanctum_blend_success_ratio")
AGE: Final = f"time() - {_latest('sanctum_last_event_timestamp_seconds')}"

ALL: Final = SLOTS
ZERO: Final = f"{SLOTS} == 0"
FINISHED: Final = f"{_latest(_EPISODES)} >= ({_latest(_PLANNED)} > 0)"
STALLED: Final = f"({AGE} > {SILENCE_SECONDS}) unless ({FINISHED})"
DIED: Final = f"({_remembered('sanctum_total_slots')} unless {SLOTS}) unless ({_ENDED_WELL})"
