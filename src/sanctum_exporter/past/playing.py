"""The exporter that reads a recording in the recording's own time."""

from __future__ import annotations

from collections.abc import Iterator

from sanctum_exporter.past.recordings import RecordedLine, Recording
from sanctum_exporter.readings import GroupReading, SlotSnapshot
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.events import Event
from sanctum_exporter.telemetry.rejection import RejectedEventError


class Player:
    """Takes the lines of a recording in, each at the time at which it was written.

    Args:
        recording: what is played.
        now: when it begins, in seconds since the epoch.
        num_envs: envs that each group has before its TRAINING_STARTED.
    """

    def __init__(self, recording: Recording, now: float, num_envs: int = 0) -> None:
        self.now = now
        """What its clock says."""
        self._event: Event | RejectedEventError
        groups = Groups(num_envs, run=recording.run, clock=lambda: self.now)
        self.intake = Intake(groups, str(recording.path), self._decode, clock=lambda: self.now)
        """What came of the lines so far."""

    def play(self, line: RecordedLine) -> str | None:
        """Take in a line; return the group that it went to, None if it went nowhere."""
        self.now = line.at
        self._event = line.event
        return self.intake.line(b"-", line.number)

    def _decode(self, _line: bytes) -> Event:
        if isinstance(self._event, RejectedEventError):
            raise self._event
        return self._event


class Changes:
    """Tells which lines change the values of a published group."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._last: dict[str, SlotSnapshot] = {}

    def after(self, group_id: str | None) -> Iterator[GroupReading]:
        """Yield the group to which a line went, if it has other values than before."""
        reading = None if group_id is None else self._intake.read(group_id)
        if reading is not None and self._last.get(reading.group_id) != reading.slots:
            self._last[reading.group_id] = reading.slots
            yield reading
