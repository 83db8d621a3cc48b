"""Lines of a file: each counts once, no number is impossible, and blocks are as their lines."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from sanctum_exporter.readings import STAGES, GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import recordings
from tests.events import EPOCH_SECONDS
from tests.fuzz.mutations import damaged

BATCH: Final = 50
_BATCHES_A_RUN: Final = 40


def recorded() -> list[bytes]:
    """Return lines of every kind of recording, the rare kinds as often as the frequent ones."""
    kinds: dict[bytes, list[bytes]] = {}
    for name in recordings.NAMES:
        for line in recordings.lines(name):
            kind = line[60:100].partition(b'", "timestamp')[0]
            kinds.setdefault(kind, []).append(line)
    return [line for lines in kinds.values() for line in lines[:: max(1, len(lines) // 20)]]


def damaged_line(random: Random, lines: list[bytes]) -> bytes:
    """Return one of some lines, perhaps damaged, on one line."""
    return damaged(random, lines).replace(b"\n", b" ")


def new_intake() -> Intake:
    """Return an empty state whose clocks stand still, so that it logs next to nothing."""
    return Intake(Groups(clock=lambda: EPOCH_SECONDS), clock=lambda: 0.0)


def run(random: Random) -> Iterator[int]:
    """Try lines for ever; yield how many were tried since the last time.

    Raises:
        AssertionError: if one does what none may do.
    """
    lines = recorded()
    while True:
        by_line, by_block = new_intake(), new_intake()
        number = 1
        for _ in range(_BATCHES_A_RUN):
            batch = [damaged_line(random, lines) for _ in range(BATCH)]
            before = taken(by_line)
            blank = sum(not line or line.isspace() for line in batch)
            for each, line in enumerate(batch, start=number):
                by_line.line(line, each)
            assert by_block.block(b"\n".join(batch) + b"\n", number) == BATCH
            number += BATCH
            assert taken(by_line) - before == BATCH - blank, batch
            assert by_line.activity() == by_block.activity(), batch
            assert by_line.readings() == by_block.readings(), batch
            assert by_line.activity().rejected["internal_error"] == 0, batch
            for reading in by_line.readings():
                check(reading)
            yield BATCH


def taken(intake: Intake) -> int:
    """Return how many events were counted, the rejected ones among them."""
    activity = intake.activity()
    return sum(activity.events.values()) + sum(activity.rejected.values())


def check(reading: GroupReading) -> None:
    """Check what holds of every group, whatever it was told."""
    slots, seeds = reading.slots, reading.slots.seed_lifecycle
    counts = slots.slot_stage_counts
    assert tuple(counts) == STAGES, reading
    assert min(counts.values()) >= 0, reading
    assert sum(counts.values()) == slots.total_slots == seeds.total_slots, reading
    assert slots.active_slots == seeds.active_count == slots.total_slots - counts["DORMANT"], (
        reading
    )
    assert min(seeds.germination_count, seeds.prune_count, seeds.fossilize_count) >= 0, reading
    assert 0 <= seeds.blend_success_rate <= 1, reading
    assert reading.life.remaining_seconds >= 0, reading
