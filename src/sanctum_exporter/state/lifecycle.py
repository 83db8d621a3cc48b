"""The life of a group's run: whether it is under way, how far it is, how long it has to go.

Times are seconds since the epoch, by the run's own events.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from sanctum_exporter import thresholds
from sanctum_exporter.readings import HEURISTIC_PREFIX, RunLife, RunState

# ``proof_baseline_mode`` of the cohorts that are to grow nothing, to compare others with.
_GROW_NOTHING: Final = ("off_switch", "static_initial")
_SHORTEST_REMAINING_SECONDS: Final = 1.0


class Lifecycle:
    """The life of the newest run of one group."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._start_episode = 0
        self._planned_episodes = 0
        self._end_is_seen = False
        self._n_envs = 0
        self._max_epochs = 0
        self._seeds_expected = True
        self._last_batch = 0.0
        self._ended = False
        self.longest_silence_seconds = 0.0
        """The longest time between two events of the run so far."""
        self.epochs_completed = 0
        """Epochs that the run's envs have reported."""
        self.seeds_reported = False
        """Whether the run has reported a seed, from which its telemetry is known to arrive."""

    def start(
        self,
        timestamp: float,
        *,
        run_id: str,
        start_episode: int,
        planned_episodes: int,
        n_envs: int = 0,
        max_epochs: int = 0,
        baseline_mode: object = None,
    ) -> None:
        """Begin a run; what was before it is past.

        Args:
            timestamp: when it began.
            run_id: its name.
            start_episode: how many episodes a checkpoint brought with it.
            planned_episodes: after how many it is complete, 0 where it does not say.
            n_envs: how many episodes a batch has.
            max_epochs: how many epochs an episode has, 0 where it does not say.
            baseline_mode: the proof's cohort that the run is, None for a run of its own.
        """
        self._started = timestamp
        self._start_episode = start_episode
        self._planned_episodes = planned_episodes
        self._end_is_seen = planned_episodes > 0 and not run_id.startswith(HEURISTIC_PREFIX)
        self._n_envs = max(1, n_envs)
        self._max_epochs = max_epochs
        self._seeds_expected = not (
            isinstance(baseline_mode, str) and baseline_mode in _GROW_NOTHING
        )
        self._last_batch = 0.0
        self._ended = False
        self.longest_silence_seconds = 0.0
        self.epochs_completed = 0
        self.seeds_reported = False

    def complete_batch(self, timestamp: float) -> None:
        """Note when an episode of every env was over."""
        self._last_batch = timestamp

    def end(self) -> None:
        """Note that somebody ended the run on purpose."""
        self._ended = True

    def read(self, *, now: float, last_event: float, episode: int, total_slots: int) -> RunLife:
        """Return the life of the run at a moment.

        Args:
            now: the moment.
            last_event: when the newest event was, 0 for none.
            episode: episodes completed.
            total_slots: slots that exist.
        """
        state = self._state(episode)
        under_way = (
            state != "completed"
            and not self._ended
            and last_event > 0
            and now - last_event < thresholds.FORGOTTEN_SECONDS
        )
        remaining = self._remaining_seconds(now, episode) if state == "running" else 0.0
        return RunLife(
            state,
            remaining_seconds=remaining,
            longest_silence_seconds=self.longest_silence_seconds,
            epochs_completed=self.epochs_completed,
            under_way=under_way,
            midway=(
                under_way
                and self._end_is_seen
                and total_slots > 0
                and (remaining or self._at_least_seconds(now)) > thresholds.NEAR_END_SECONDS
            ),
            seeds_expected=self._seeds_expected,
        )

    def _state(self, episode: int) -> RunState:
        if self._started is None:
            return "waiting"
        return "completed" if episode >= self._planned_episodes > 0 else "running"

    def _remaining_seconds(self, now: float, episode: int) -> float:
        """Return the estimate for a running run, 0 where there is none."""
        done = episode - self._start_episode
        if self._started is None or not self._last_batch or not self._end_is_seen or done <= 0:
            return 0.0
        pace = (self._last_batch - self._started) / done
        since_batch = now - self._last_batch
        left = pace * (self._planned_episodes - episode) - since_batch
        # One that has run out is near its end, too.
        return max(_SHORTEST_REMAINING_SECONDS, left)

    def _at_least_seconds(self, now: float) -> float:
        """Return how long the run has to go at least, before its first batch is done.

        What has not come since its start takes that long at least, each time. A run of a minute
        may be seen but once; it must not be taken for one of hours.
        """
        if self._started is None:
            return 0.0
        episodes = self._planned_episodes - self._start_episode
        done, planned = self.epochs_completed, episodes * self._max_epochs
        if planned <= 0 or (self.seeds_reported and not done):
            # It does not report epochs, but batches.
            done, planned = 0, ceil(episodes / self._n_envs)
        return (now - self._started) / (done + 1) * (planned - done - 1)
