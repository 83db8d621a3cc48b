"""The state of one group, rule by rule."""

from __future__ import annotations

import tracemalloc

import pytest

from sanctum_exporter.readings import RunInfo, SlotSnapshot
from sanctum_exporter.state.aggregator import Aggregator
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError
from tests import events


def after(*lines: bytes, num_envs: int = 0) -> Aggregator:
    """Return the state after some events."""
    aggregator = Aggregator("default", num_envs, clock=lambda: 1000.0)
    for line in lines:
        decode(line).tell(aggregator)
    return aggregator


def slots_of(aggregator: Aggregator) -> SlotSnapshot:
    """Return the slots that a reader sees."""
    return aggregator.read(0.0)[0]


def snapshot(*lines: bytes, num_envs: int = 0) -> SlotSnapshot:
    """Return the snapshot after some events."""
    return slots_of(after(*lines, num_envs=num_envs))


def test_before_any_event_every_value_is_the_documented_default() -> None:
    """Nothing exists, nothing has happened, all is stable."""
    slots = snapshot()
    assert slots.total_slots == slots.active_slots == slots.n_envs == slots.current_episode == 0
    assert set(slots.slot_stage_counts.values()) == {0}
    assert slots.seed_lifecycle.blend_success_rate == 0.0
    assert slots.seed_lifecycle.germination_trend == "stable"


def test_a_duplicate_slot_id_counts_twice() -> None:
    """slot_ids are taken as given, so a seed in a doubled slot is two slots."""
    slots = snapshot(events.started(1, ("r0c0", "r0c0", "r0c1")), events.germinated(epochs=3))
    assert slots.total_slots == 3
    assert slots.active_slots == 2
    assert slots.avg_epochs_in_stage == 3.0


def test_germination_counts_even_where_the_slot_was_occupied() -> None:
    """Two germinations into one slot are two seeds and one active slot."""
    slots = snapshot(events.started(), events.germinated(), events.germinated())
    assert slots.seed_lifecycle.germination_count == 2
    assert slots.active_slots == 1


def test_fossilized_keeps_its_epochs_in_stage_and_is_active() -> None:
    """A fossilized seed is active, and its epochs stay in the mean."""
    slots = snapshot(
        events.started(), events.stage_changed("HOLDING", 4), events.ended("SEED_FOSSILIZED")
    )
    assert slots.slot_stage_counts["FOSSILIZED"] == slots.active_slots == 1
    assert slots.avg_epochs_in_stage == 4.0


@pytest.mark.parametrize("stage", ["PRUNED", "EMBARGOED", "RESETTING", "UNKNOWN", "SOMETHING_NEW"])
def test_transition_stages_count_as_dormant_but_are_in_the_mean(stage: str) -> None:
    """They are in no active stage, and only the literal DORMANT is left out of the mean."""
    slots = snapshot(
        events.started(),
        events.stage_changed("TRAINING", 2),
        events.stage_changed(stage, 6, slot_id="r0c1"),
        events.stage_changed("DORMANT", 9, env_id=1),
    )
    assert slots.active_slots == 1
    assert slots.slot_stage_counts["DORMANT"] == 3
    assert slots.avg_epochs_in_stage == 4.0


def test_pruned_seed_has_no_epochs_and_its_slot_is_dormant() -> None:
    """The mean then has a zero in it."""
    slots = snapshot(
        events.started(),
        events.stage_changed("TRAINING", 8),
        events.stage_changed("TRAINING", 8, slot_id="r0c1"),
        events.ended("SEED_PRUNED"),
    )
    assert slots.seed_lifecycle.prune_count == 1
    assert slots.active_slots == 1
    assert slots.avg_epochs_in_stage == 4.0


def test_lifespans_are_the_mean_of_the_last_hundred_above_zero() -> None:
    """101 seeds of which the first lived a million epochs; a lifespan of 0 does not count."""
    ended = [events.ended("SEED_PRUNED", 1_000_000)]
    ended += [events.ended("SEED_FOSSILIZED", 7)] * 100
    ended += [events.ended("SEED_PRUNED", 0)]
    assert snapshot(events.started(), *ended).seed_lifecycle.avg_lifespan_epochs == 7.0


def test_blend_success_is_fossilized_among_the_ended() -> None:
    """One seed fossilized among four that ended is a success of a quarter."""
    pruned = [events.ended("SEED_PRUNED")] * 3
    slots = snapshot(events.started(), events.ended("SEED_FOSSILIZED"), *pruned)
    assert slots.seed_lifecycle.blend_success_rate == 0.25


def test_a_gate_makes_a_slot_known_and_changes_no_stage() -> None:
    """Before TRAINING_STARTED, that is how a slot can be learned."""
    gate = events.line("SEED_GATE_EVALUATED", {"env_id": 3, "slot_id": "r0c0", "gate": "G1"})
    slots = snapshot(gate)
    assert (slots.total_slots, slots.active_slots, slots.n_envs) == (1, 0, 1)


def test_the_envelope_names_the_slot_before_the_data() -> None:
    """A non-empty slot_id of the envelope wins; an empty one does not."""
    data = {"env_id": 0, "slot_id": "r0c1"}
    first = events.line("SEED_GERMINATED", data, slot_id="r0c0")
    second = events.line("SEED_GERMINATED", data, slot_id="")
    aggregator = after(events.started(1), first)
    assert slots_of(aggregator).active_slots == 1
    decode(second).tell(aggregator)
    assert slots_of(aggregator).active_slots == 2


def test_seed_in_a_slot_that_the_run_does_not_have_is_not_counted() -> None:
    """Its germination is, though, as in the original."""
    slots = snapshot(events.started(), events.germinated(slot_id="r9c9"))
    assert slots.active_slots == 0
    assert slots.seed_lifecycle.germination_count == 1


def test_report_sets_every_slot_and_clears_those_it_lacks_once_locked() -> None:
    """An empty report clears the env; null says nothing."""
    report = {"r0c1": {"stage": "BLENDING", "epochs_in_stage": 2, "alpha": 0.5}}
    aggregator = after(
        events.started(), events.germinated(), events.germinated(1), events.epoch_completed(report)
    )
    assert slots_of(aggregator).slot_stage_counts["BLENDING"] == 1
    assert slots_of(aggregator).slot_stage_counts["GERMINATED"] == 1
    decode(events.epoch_completed(None)).tell(aggregator)
    assert slots_of(aggregator).active_slots == 2
    decode(events.epoch_completed({})).tell(aggregator)
    assert slots_of(aggregator).active_slots == 1


def test_aggregates_in_a_report_are_no_slots() -> None:
    """R3: keys with two underscores are passed over; with nothing else, the report is null."""
    aggregate = {"__aggregate__": {"gradient_norm": 1.0}}
    slot = {"r0c0": {"stage": "TRAINING", "epochs_in_stage": 1}}
    shaped_like_a_slot = {"__mean__": {"stage": "TRAINING", "epochs_in_stage": 1}}
    aggregator = after(events.started(1), events.germinated(slot_id="r0c1"))
    decode(events.epoch_completed(aggregate)).tell(aggregator)
    decode(events.epoch_completed(shaped_like_a_slot)).tell(aggregator)
    assert slots_of(aggregator).slot_stage_counts["GERMINATED"] == 1
    decode(events.epoch_completed({**aggregate, **slot, **shaped_like_a_slot})).tell(aggregator)
    assert slots_of(aggregator).slot_stage_counts["TRAINING"] == 1
    assert slots_of(aggregator).active_slots == 1


def test_end_of_an_episode_clears_every_seed_and_moves_the_episode() -> None:
    """Fossilized seeds go too; the cumulative counts stay."""
    slots = snapshot(events.started(), events.ended("SEED_FOSSILIZED"), events.batch_completed(4))
    assert slots.active_slots == 0
    assert slots.current_episode == 4
    assert slots.seed_lifecycle.fossilize_count == 1
    assert slots.seed_lifecycle.fossilize_rate == 0.25


def test_another_start_keeps_counts_and_lifespans_and_takes_the_new_capacity() -> None:
    """Cohorts follow each other in one process."""
    slots = snapshot(
        events.started(2), events.germinated(), events.ended("SEED_PRUNED", 6), events.started(5)
    )
    assert slots.total_slots == 10
    assert slots.active_slots == 0
    assert slots.seed_lifecycle.germination_count == 1
    assert slots.seed_lifecycle.avg_lifespan_epochs == 6.0


def test_env_outside_a_locked_run_is_rejected_whole() -> None:
    """R4: neither the count nor the slots nor the capacity change."""
    aggregator = after(events.started(2))
    with pytest.raises(RejectedEventError, match="env_id 2 of a run with 2 envs") as caught:
        decode(events.germinated(env_id=2)).tell(aggregator)
    assert caught.value.reason is Reason.UNKNOWN_ENV
    assert slots_of(aggregator) == snapshot(events.started(2))


def test_attached_late_it_learns_slots_and_envs_and_clears_nothing_by_absence() -> None:
    """R7: "" and "unknown" are never slots."""
    slots = snapshot(
        events.germinated(env_id=5),
        events.germinated(env_id=1, slot_id="unknown"),
        events.germinated(env_id=1, slot_id=""),
        events.epoch_completed({"r0c2": {"stage": "TRAINING", "epochs_in_stage": 1}}, env_id=5),
    )
    assert (slots.n_envs, slots.total_slots, slots.active_slots) == (2, 4, 2)


def test_num_envs_exist_before_the_start() -> None:
    """R7: the behaviour of the original with its 16 envs."""
    slots = snapshot(events.germinated(env_id=3), events.germinated(env_id=20), num_envs=16)
    assert (slots.n_envs, slots.total_slots) == (17, 17)


def test_times_of_start_and_newest_event_are_published() -> None:
    """An older event that comes late does not set the clock back; one without a time is now."""
    aggregator = after(events.started(), events.line("PLATEAU_DETECTED", {}, timestamp=None))
    _, info, newest, _ = aggregator.read(0.0)
    assert info.start_timestamp == newest == events.EPOCH_SECONDS
    decode(events.line("PLATEAU_DETECTED", timestamp="2026-11-22T11:00:00+00:00")).tell(aggregator)
    assert aggregator.read(0.0)[2] == events.EPOCH_SECONDS
    untimed = events.line("TRAINING_STARTED", {"n_envs": 1, "slot_ids": []}, timestamp=None)
    assert after(untimed).read(0.0)[1].start_timestamp == 1000.0


def test_episodes_of_zero_give_no_rates() -> None:
    """Five samples would be needed for a trend; none is taken at episode 0."""
    lines = [events.batch_completed(0)] * 10
    assert snapshot(events.started(), *lines).seed_lifecycle.germination_trend == "stable"


def test_a_million_envs_allocate_nothing_per_slot() -> None:
    """TRAINING_STARTED of 64 million slots takes less than 100 kB."""
    event = decode(events.started(1_000_000, tuple(f"r{i // 8}c{i % 8}" for i in range(64))))
    aggregator = Aggregator("default")
    tracemalloc.start()
    try:
        event.tell(aggregator)
        slots = slots_of(aggregator)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert slots.total_slots == slots.slot_stage_counts["DORMANT"] == 64_000_000
    assert peak < 100_000


@pytest.mark.parametrize(
    "line",
    [
        events.germinated(env_id=1),
        events.stage_changed("TRAINING", env_id=1),
        events.ended("SEED_FOSSILIZED", env_id=1),
        events.ended("SEED_PRUNED", env_id=1),
        events.line("SEED_GATE_EVALUATED", {"env_id": 1, "slot_id": "r0c0"}),
    ],
)
def test_every_seed_event_makes_its_slot_and_env_known_before_the_start(line: bytes) -> None:
    """Attached late, the first event of a seed, whichever it is, tells of one slot of one env."""
    slots = snapshot(line)
    assert (slots.total_slots, slots.n_envs) == (1, 1)
    again = snapshot(line, events.germinated(env_id=1, slot_id="r0c0"))
    assert (again.total_slots, again.n_envs, again.active_slots) == (1, 1, 1)


def test_a_report_of_an_env_past_the_last_is_rejected() -> None:
    """The envs of a run of two are 0 and 1."""
    aggregator = after(events.started(2))
    with pytest.raises(RejectedEventError, match="env_id 2 of a run with 2 envs"):
        decode(events.epoch_completed(None, env_id=2)).tell(aggregator)


def test_before_the_start_a_report_replaces_its_own_slots_and_no_others() -> None:
    """Slots that a report does not name keep their seeds, and those it names have the new ones."""

    def report(**slots: str) -> bytes:
        return events.epoch_completed(
            {slot: {"stage": stage, "epochs_in_stage": 1} for slot, stage in slots.items()}
        )

    aggregator = after(report(a="TRAINING"), report(b="HOLDING"), report(b="BLENDING"))
    decode(report(a="GERMINATED")).tell(aggregator)
    counts = slots_of(aggregator).slot_stage_counts
    assert (counts["GERMINATED"], counts["BLENDING"], counts["DORMANT"]) == (1, 1, 0)
    assert slots_of(aggregator).active_slots == 2


def test_rates_are_sampled_from_the_first_episode_on() -> None:
    """Five batches that end at episode 1 are five samples, which is what a trend needs."""
    lines = [events.started()]
    for _ in range(5):
        lines += [events.batch_completed(1), events.germinated()]
    lines += [events.batch_completed(1)] * 5
    assert snapshot(*lines).seed_lifecycle.germination_trend == "rising"


def test_a_start_says_which_run_it_is() -> None:
    """What the start does not say is empty, or 0."""
    full = after(events.started()).read(0.0)[1]
    assert full == RunInfo("run_1", "cifar_baseline", "shaped", 10, events.EPOCH_SECONDS)
    bare = after(events.line("TRAINING_STARTED", {"n_envs": 1, "slot_ids": []})).read(0.0)[1]
    assert bare == RunInfo("", "", "", 0, events.EPOCH_SECONDS)


@pytest.mark.parametrize("field", ["episode_id", "task", "reward_mode"])
def test_an_identity_that_cannot_stand_in_a_label_starts_no_run(field: str) -> None:
    """The message names the field, and the run that there was goes on."""
    aggregator = after(events.started())
    before = aggregator.read(0.0)
    line = events.line("TRAINING_STARTED", {"n_envs": 9, "slot_ids": [], field: "\ud800"})
    with pytest.raises(RejectedEventError, match=f"{field} is not valid Unicode: '.ud800'"):
        decode(line).tell(aggregator)
    assert aggregator.read(0.0) == before
