"""The tests that record TELE-500 lacks, by the names of its test coverage table."""

from __future__ import annotations

import pytest

from sanctum_exporter.readings import SlotSnapshot
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve
from tests import events
from tests.asking import ask
from tests.feeding import fed


@pytest.mark.parametrize(
    ("n_envs", "slot_ids", "total"),
    [(4, ("r0c0", "r0c1", "r0c2"), 12), (1, ("r0c0",), 1), (0, ("r0c0",), 0), (3, (), 0)],
)
def test_tele_500_unit_emitter(n_envs: int, slot_ids: tuple[str, ...], total: int) -> None:
    """TRAINING_STARTED, as the emitter writes it, gives envs times slots."""
    assert published(events.started(n_envs, slot_ids)).total_slots == total


def test_tele_500_unit_aggregator() -> None:
    """The total is static through a run, and the same in both of its places."""
    stream = [
        events.started(4, ("r0c0", "r0c1", "r0c2")),
        events.germinated(3, "r0c2"),
        events.germinated(3, "r7c7"),
        events.germinated(99, "r0c0"),
        events.epoch_completed({"r5c5": {"stage": "TRAINING", "epochs_in_stage": 1}}),
        events.ended("SEED_FOSSILIZED"),
        events.batch_completed(4),
        events.epoch_completed({}),
    ]
    for length in range(1, len(stream) + 1):
        slots = published(*stream[:length])
        assert slots.total_slots == slots.seed_lifecycle.total_slots == 12


def test_tele_500_integration_end_to_end() -> None:
    """Over HTTP: 0 as the placeholder before the start, envs times slots from then on."""
    intake = Intake(Groups(placeholder=True))
    server = serve(intake, ListenAddress("127.0.0.1", 0), origin="test")
    try:
        assert 'sanctum_total_slots{group_id="default"} 0.0' in scrape(server.url)
        intake.line(events.started(4, ("r0c0", "r0c1", "r0c2")), 1)
        assert 'sanctum_total_slots{group_id="default"} 12.0' in scrape(server.url)
    finally:
        server.close()


def published(*lines: bytes) -> SlotSnapshot:
    """Return the slots that are published after some events."""
    (reading,) = fed(lines).readings()
    return reading.slots


def scrape(url: str) -> list[str]:
    """Return the lines of a scrape."""
    return ask(f"{url}/metrics").text.splitlines()
