"""The simulated run is believable and repeatable."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.simulation import BATCHES_PER_RUN, EPOCHS_PER_EPISODE, Simulation
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests.feeding import feed

RUN = BATCHES_PER_RUN * EPOCHS_PER_EPISODE


def play(
    simulation: Simulation, epochs: int
) -> tuple[list[GroupReading], Counter[str], Counter[str]]:
    """Return the last readings, the events, and the stages that seeds were seen in."""
    intake = Intake(Groups())
    stages: Counter[str] = Counter()
    for lines in islice(simulation.epochs(), epochs):
        feed(intake, lines)
        for reading in intake.readings():
            stages.update(reading.slots.slot_stage_counts)
    activity = intake.activity()
    assert sum(activity.rejected.values()) == 0
    return list(intake.readings()), Counter(activity.events), stages


def test_a_run_goes_through_every_stage_and_ends_as_planned() -> None:
    """Seeds germinate, train, blend, hold, fossilize and are pruned."""
    (reading,), events, stages = play(Simulation(envs=4, slots=3), RUN)
    assert reading.slots.total_slots == 12
    assert reading.slots.current_episode == reading.info.planned_episodes == 200
    assert all(stages[stage] > 50 for stage in reading.slots.slot_stage_counts)
    seeds = reading.slots.seed_lifecycle
    assert seeds.germination_count > seeds.fossilize_count > 0 < seeds.prune_count
    assert events["EPOCH_COMPLETED"] == 4 * RUN
    assert events["TRAINING_STARTED"] == events["TAMIYO_INITIATED"] == 1


def test_the_run_is_within_the_healthy_thresholds_of_the_records() -> None:
    """A demo that sets off its own alerts would be no demo."""
    (reading,), _, _ = play(Simulation(), RUN)
    seeds = reading.slots.seed_lifecycle
    assert 0.1 <= seeds.prune_rate < 1.0
    assert seeds.blend_success_rate >= 0.5
    assert seeds.avg_lifespan_epochs >= 10


def test_groups_train_side_by_side_and_differ() -> None:
    """No third group comes of the hub-level events."""
    readings, _, _ = play(Simulation(groups=("A", "B")), 300)
    assert [reading.group_id for reading in readings] == ["A", "B"]
    assert readings[0].slots.seed_lifecycle != readings[1].slots.seed_lifecycle


def test_same_seed_gives_the_same_lines() -> None:
    """A seed repeats a run to the byte, and another seed gives another run."""

    def lines(seed: int) -> list[list[bytes]]:
        return list(islice(Simulation(seed=seed, clock=lambda: 0.0).epochs(), 100))

    assert lines(1) == lines(1)
    assert lines(1) != lines(2)


def test_a_run_without_slots_or_envs_goes_on() -> None:
    """A run without slots or envs can be simulated, to try the critical alert out."""
    for simulation in (Simulation(slots=0), Simulation(envs=0)):
        (reading,), _, _ = play(simulation, 2 * RUN)
        assert reading.slots.total_slots == 0
        assert reading.info.run_id == "demo_default_2"
