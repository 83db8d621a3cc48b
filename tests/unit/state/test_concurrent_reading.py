from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from threading import Event, Thread

import pytest

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import events
from tests.feeding import feed
from tests.live import live_event

EVENTS = 20_000
READERS = 3


@pytest.fixture(autouse=True)
def _many_thread_switches() -> Iterator[None]:
    """Let threads take turns after every few instructions, which they rarely do otherwise."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def read_while(
    intake: Intake, write: Callable[[], None], read: Callable[[GroupReading], object]
) -> set[object]:
    """Return all that several readers saw of the only group while a writer wrote."""
    done, seen = Event(), set[object]()

    def keep_reading() -> None:
        while not done.is_set():
            for reading in intake.readings():
                seen.add(read(reading))

    readers = [Thread(target=keep_reading) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        write()
    finally:
        done.set()
        for reader in readers:
            reader.join()
    return seen


def test_a_reading_while_lines_come_in_is_of_one_moment() -> None:
    """A run of 2 x 1 slots and one of 4 x 3 take turns, and no reader sees a mixture of them."""
    small, large = (
        events.line(
            "TRAINING_STARTED", {"n_envs": envs, "slot_ids": slots, "episode_id": f"run of {envs}"}
        )
        for envs, slots in ((2, ["a"]), (4, ["a", "b", "c"]))
    )
    intake = Intake(Groups())

    def write() -> None:
        feed(intake, islice(cycle([small, large]), EVENTS))

    def capacity(reading: GroupReading) -> tuple[str, int, int, int]:
        slots = reading.slots
        return (
            reading.info.run_id,
            slots.n_envs,
            slots.total_slots,
            sum(slots.slot_stage_counts.values()),
        )

    assert read_while(intake, write, capacity) == {("run of 2", 2, 2, 2), ("run of 4", 4, 12, 12)}


def test_a_reading_while_live_events_come_in_is_of_one_moment() -> None:
    """Two slots change their stage with one event, and no reader sees one that has and one not."""
    intake = Intake(Groups())
    intake.live(live_event(events.started(n_envs=1, slot_ids=("r0c0", "r0c1"))))
    reports = [
        live_event(
            events.epoch_completed(
                {slot: {"stage": stage, "epochs_in_stage": 1} for slot in ("r0c0", "r0c1")}
            )
        )
        for stage in ("TRAINING", "BLENDING")
    ]
    intake.live(reports[0])

    def write() -> None:
        for report in islice(cycle(reports), EVENTS):
            intake.live(report)

    def stages(reading: GroupReading) -> tuple[int, int]:
        counts = reading.slots.slot_stage_counts
        return counts["TRAINING"], counts["BLENDING"]

    assert read_while(intake, write, stages) == {(2, 0), (0, 2)}
