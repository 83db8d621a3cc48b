"""The newest snapshot of each group of a live aggregator."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sanctum_exporter import logs
from sanctum_exporter.readings import Activity, GroupReading, RunLife, group_name
from sanctum_exporter.state.groups import MOST_GROUPS, Groups
from sanctum_exporter.state.lifecycle import Lifecycle
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError, Rejections
from sanctum_exporter.training.decode import read_snapshot


class Snapshots:
    """The newest snapshot of each group, as a ``ReadingSource``; taking one in never raises.

    Args:
        group_id: the group of snapshots that come without one.
        max_age_seconds: how old the newest snapshot may be while the exporter is ready.
        clock: seconds since the epoch.
        monotonic: monotonic seconds, for ages.
    """

    def __init__(
        self,
        group_id: str,
        max_age_seconds: float,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._group_id = group_name(group_id)
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._newest_at: float | None = None
        self._failure: str | None = None
        self._groups: dict[str, GroupReading] = {}
        self._lives: dict[str, Lifecycle] = {}
        self._configured: set[str] = set()
        self._unconfigured = Groups(placeholder=True, clock=clock)
        self._rejections = Rejections(
            "attached aggregator",
            what="snapshot",
            advice="; training is not affected; upgrade sanctum-exporter if esper-lite is newer",
            clock=monotonic,
        )
        self._last_rejection = 0.0

    def take(self, snapshot: object) -> None:
        """Take in the snapshot of the one group; None, as of an aggregator not ready, is none."""
        if snapshot is not None:
            self._take(self._group_id, snapshot)

    def take_all(self, snapshots: Any) -> None:
        """Take in the snapshots of every group, a mapping by id."""
        try:
            for group_id, snapshot in snapshots.items():
                # The original splits a heuristic run in two; that with the name has the slots.
                name = group_name(group_id)
                if name == group_id or name not in snapshots:
                    self._take(name, snapshot)
            if not snapshots:
                self._note_success()
        except Exception as error:  # noqa: BLE001 - a training must never see a fault of ours
            self._reject(Reason.INVALID_FIELD, f"not a mapping by group_id: {logs.describe(error)}")

    def note_failure(self, reason: str) -> None:
        """Be not ready, for a reason, until the next snapshot."""
        self._failure = reason

    def age_seconds(self) -> float | None:
        """Return how old the newest snapshot is, None if there is none."""
        return None if self._newest_at is None else self._monotonic() - self._newest_at

    def not_ready(self) -> str | None:
        """Say why the values are not to be relied on, None while they are."""
        if self._failure is not None:
            return self._failure
        age = self.age_seconds()
        if age is None:
            return (
                "nobody has taken a snapshot yet; without a terminal, attach with refresh_seconds"
            )
        if age > self._max_age_seconds:
            return f"the newest snapshot is {age:.0f} s old, more than {self._max_age_seconds:g} s"
        return None

    def readings(self) -> list[GroupReading]:
        """Return every published group, sorted by id."""
        groups = self._groups.copy()
        now = self._clock()
        published = [
            replace(groups[name], life=_life(self._lives[name], groups[name], now))
            for name in sorted(groups)
            if name in self._configured
        ]
        return published or self._unconfigured.readings()

    def activity(self) -> Activity:
        """Return how many snapshots were rejected, by reason; there are no events to count."""
        return Activity(
            rejected=self._rejections.counts(),
            last_rejection_timestamp=self._last_rejection,
            source_failure=self.not_ready(),
        )

    def _take(self, group_id: str, snapshot: object) -> None:
        if group_id not in self._groups and len(self._groups) >= MOST_GROUPS:
            more = f"group_id {group_id!r} is one more than the {MOST_GROUPS} groups that are kept"
            self._reject(Reason.BEYOND_LIMIT, more)
            return
        try:
            reading, configured = read_snapshot(
                snapshot, group_id, self._clock(), self._groups.get(group_id)
            )
        except RejectedEventError as error:
            self._reject(error.reason, error.detail)
            return
        except Exception as error:  # noqa: BLE001 - a training must never see a fault of ours
            self._reject(Reason.INTERNAL_ERROR, logs.describe(error))
            return
        self._follow(reading, self._groups.get(group_id))
        self._groups[group_id] = reading
        if configured:
            self._configured.add(group_id)
        self._note_success()

    def _reject(self, reason: Reason, detail: str) -> None:
        self._last_rejection = self._clock()
        self._rejections.add(reason, detail)

    def _follow(self, reading: GroupReading, before: GroupReading | None) -> None:
        """Go on with the life of a group's run, as far as snapshots tell of it."""
        life = self._lives.setdefault(reading.group_id, Lifecycle())
        started, last_event = reading.info.start_timestamp, reading.last_event_timestamp
        if before is None or started != before.info.start_timestamp:
            if started:
                # Attached late or resumed, its pace is that of the episodes which were seen.
                life.start(
                    max(started, last_event),
                    run_id=reading.info.run_id,
                    start_episode=reading.slots.current_episode,
                    planned_episodes=reading.info.planned_episodes,
                    n_envs=reading.slots.n_envs,
                )
            return
        if reading.slots.current_episode != before.slots.current_episode:
            life.complete_batch(last_event)
        if before.last_event_timestamp:
            silence = last_event - before.last_event_timestamp
            life.longest_silence_seconds = max(life.longest_silence_seconds, silence)

    def _note_success(self) -> None:
        self._newest_at = self._monotonic()
        self._failure = None


def _life(life: Lifecycle, reading: GroupReading, now: float) -> RunLife:
    return life.read(
        now=now,
        last_event=reading.last_event_timestamp,
        episode=reading.slots.current_episode,
        total_slots=reading.slots.total_slots,
    )
