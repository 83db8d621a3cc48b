"""What became of recordings: of each group the values at its end, and the best that it had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sanctum_exporter.past.playing import Changes, Player
from sanctum_exporter.past.recordings import Recording, read
from sanctum_exporter.readings import GroupReading

_ENOUGH_ENDED: Final = 20
"""The share of seeds that ended well says little before; the alerts judge it from here, too."""


@dataclass
class Best:
    """The largest values that a group ever had.

    Attributes:
        active_slots: slots that were active at once.
        blend_success_rate: once 20 seeds had ended, None if fewer did.
        avg_lifespan_epochs: mean lifespan in epochs.
    """

    active_slots: int = 0
    blend_success_rate: float | None = None
    avg_lifespan_epochs: float = 0.0

    def add(self, reading: GroupReading) -> None:
        """Take account of a change."""
        slots, seeds = reading.slots, reading.slots.seed_lifecycle
        self.active_slots = max(self.active_slots, slots.active_slots)
        self.avg_lifespan_epochs = max(self.avg_lifespan_epochs, seeds.avg_lifespan_epochs)
        if seeds.fossilize_count + seeds.prune_count >= _ENOUGH_ENDED:
            self.blend_success_rate = max(self.blend_success_rate or 0.0, seeds.blend_success_rate)


@dataclass(frozen=True)
class Outcome:
    """What became of a group of a run.

    Attributes:
        run: the name of the recording.
        reading: the group at the end.
        seconds: from its first event that changed something to its last one.
        best: the best that it had.
    """

    run: str
    reading: GroupReading
    seconds: float
    best: Best

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        info = self.reading.info
        return {
            "run": self.run,
            "group_id": self.reading.group_id,
            "run_id": info.run_id,
            "task": info.task,
            "reward_mode": info.reward_mode,
            "state": self.reading.life.state,
            "seconds": self.seconds,
            "planned_episodes": info.planned_episodes,
            **self.reading.slots.to_dict(),
            "best": vars(self.best),
        }


def outcomes(
    recording: Recording,
    num_envs: int = 0,
    told: Callable[[float], object] = lambda _share: None,
) -> Iterator[Outcome]:
    """Yield what became of each group of a recording, sorted by group.

    Args:
        recording: the run.
        num_envs: envs that each group has before its TRAINING_STARTED.
        told: is told how much of the recording has been read, 0 to 1.

    Raises:
        SourceError: if it cannot be read, or none of its events tells its time.
    """
    player: Player | None = None
    began: dict[str, float] = {}
    best: dict[str, Best] = {}
    for line in read(recording):
        told(line.share_read)
        if player is None:
            player = Player(recording, line.at, num_envs)
            changes = Changes(player.intake)
        for reading in changes.after(player.play(line)):
            began.setdefault(reading.group_id, reading.last_event_timestamp)
            best.setdefault(reading.group_id, Best()).add(reading)
    for reading in player.intake.readings() if player else ():
        group = reading.group_id
        seconds = reading.last_event_timestamp - began[group]
        yield Outcome(recording.run, reading, seconds, best[group])
