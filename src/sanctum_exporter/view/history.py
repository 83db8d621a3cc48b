"""The last minutes of each group, in a bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from threading import Lock
from typing import Final

import msgspec

from sanctum_exporter.readings import STAGES, GroupReading

STEP_SECONDS: Final = 5.0
"""How far apart two moments are at least."""
LENGTH: Final = 180
"""How many moments are kept: a quarter of an hour at that step."""
MOST_GROUPS: Final = 200
"""How many groups have a history, those whose newest event is the newest."""

_COUNTS: Final = ("germinated", "pruned", "fossilized")
_WIDTH: Final = 1 + len(STAGES) + len(_COUNTS)
BYTES_A_GROUP: Final = LENGTH * _WIDTH * 8
"""What a group takes: 14 kB; with 200 groups 2.9 MB."""


class Series(msgspec.Struct, frozen=True):
    """The last minutes of a group, column by column, oldest first.

    Attributes:
        timestamps: seconds since the epoch.
        stages: slots in each stage, by stage.
        counts: cumulative counts of what became of seeds: germinated, pruned, fossilized.
    """

    timestamps: list[float]
    stages: dict[str, list[int]]
    counts: dict[str, list[int]]


class History:
    """What the groups of a source were in the last minutes; for any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[tuple[str | None, str], array[float]] = {}

    def note(self, readings: Sequence[GroupReading], now: float) -> None:
        """Note a moment of every group, unless its newest one is too near; forget those gone.

        Args:
            readings: all groups of the source.
            now: the moment, in seconds since the epoch.
        """
        newest = sorted(readings, key=lambda reading: -reading.last_event_timestamp)[:MOST_GROUPS]
        with self._lock:
            keys = {(reading.run, reading.group_id) for reading in newest}
            for gone in self._rows.keys() - keys:
                del self._rows[gone]
            for reading in newest:
                self._note(reading, now)

    def series(self, run: str | None, group_id: str) -> Series:
        """Return the last minutes of a group; no moment at all for one without a history."""
        with self._lock:
            rows = self._rows.get((run, group_id), array("d"))[:]
        columns = [rows[column::_WIDTH] for column in range(_WIDTH)]
        whole = [list(map(int, column)) for column in columns[1:]]
        return Series(
            list(columns[0]),
            dict(zip(STAGES, whole, strict=False)),
            dict(zip(_COUNTS, whole[len(STAGES) :], strict=True)),
        )

    def _note(self, reading: GroupReading, now: float) -> None:
        key = (reading.run, reading.group_id)
        rows = self._rows.get(key)
        if rows is None:
            rows = self._rows[key] = array("d")
        # A run that is over draws no line to the right for ever.
        elif not reading.life.under_way or now - rows[-_WIDTH] < STEP_SECONDS:
            return
        slots, seeds = reading.slots, reading.slots.seed_lifecycle
        rows.append(now)
        rows.extend(slots.slot_stage_counts.get(stage, 0) for stage in STAGES)
        rows.extend((seeds.germination_count, seeds.prune_count, seeds.fossilize_count))
        if len(rows) > LENGTH * _WIDTH:
            del rows[:_WIDTH]
