"""What holds after any sequence of events, and for any way that a file grows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from sanctum_exporter.files.follower import FileFollower
from sanctum_exporter.files.lines import GZIP_HEADER, read_blocks, read_lines
from sanctum_exporter.readings import STAGES
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import events
from tests.feeding import steps

SLOTS = st.sampled_from(["r0c0", "r0c1", "r1c0", "unknown", "", "__aggregate__"])
ENVS = st.integers(-1, 4)
EPOCHS = st.integers(-3, 60)
ALL_STAGES = st.sampled_from([*STAGES, "PRUNED", "EMBARGOED", "RESETTING", "UNKNOWN"])
REPORTS = st.none() | st.dictionaries(
    SLOTS, st.fixed_dictionaries({"stage": ALL_STAGES, "epochs_in_stage": EPOCHS}), max_size=4
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
GROUPS = st.sampled_from(["", "default", "A"])


def payloads(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return payloads of such fields."""
    return st.fixed_dictionaries(fields)


LINES = st.one_of(
    *(
        st.builds(events.line, st.just(name), data, GROUPS)
        for name, data in {
            "TRAINING_STARTED": payloads(
                n_envs=st.integers(0, 4),
                slot_ids=st.lists(st.sampled_from(["r0c0", "r0c1", "r1c0"]), max_size=4),
                start_episode=st.integers(0, 5),
            ),
            "SEED_GERMINATED": payloads(env_id=ENVS, slot_id=SLOTS, epochs_in_stage=EPOCHS),
            "SEED_STAGE_CHANGED": payloads(
                env_id=ENVS, slot_id=SLOTS, to_stage=ALL_STAGES, epochs_in_stage=EPOCHS
            ),
            "SEED_FOSSILIZED": payloads(env_id=ENVS, slot_id=SLOTS, epochs_total=EPOCHS),
            "SEED_PRUNED": payloads(env_id=ENVS, slot_id=SLOTS, epochs_total=EPOCHS),
            "SEED_GATE_EVALUATED": payloads(env_id=ENVS, slot_id=SLOTS),
            "EPOCH_COMPLETED": payloads(env_id=ENVS, seeds=REPORTS),
            "BATCH_EPOCH_COMPLETED": payloads(episodes_completed=st.integers(-1, 50)),
        }.items()
    ),
    st.builds(events.line, st.sampled_from(["SEED_PRUNED", "ANALYTICS_SNAPSHOT", "X"]), ANYTHING),
    st.binary(max_size=20).filter(lambda line: b"\n" not in line),
    # What gzip files begin with, but for the last byte.
    st.sampled_from([b"\x1f", b"\x1f\x8b", b"\x1f\x8b{"]),
)


@given(st.lists(LINES, max_size=40), st.integers(0, 3))
def test_invariants_hold_after_any_sequence_of_events(lines: list[bytes], num_envs: int) -> None:
    """Stages sum to the total, active is within it, both totals are equal, counters never fall."""
    intake = Intake(Groups(num_envs))
    counters: dict[str, tuple[int, ...]] = {}
    for _ in steps(intake, lines):
        for reading in intake.readings():
            slots, seeds = reading.slots, reading.slots.seed_lifecycle
            assert tuple(slots.slot_stage_counts) == STAGES
            assert min(slots.slot_stage_counts.values()) >= 0
            assert sum(slots.slot_stage_counts.values()) == slots.total_slots
            assert 0 <= slots.active_slots == seeds.active_count <= slots.total_slots
            assert slots.total_slots == seeds.total_slots
            assert slots.active_slots == slots.total_slots - slots.slot_stage_counts["DORMANT"]
            counts = (seeds.germination_count, seeds.prune_count, seeds.fossilize_count)
            before = counters.get(reading.group_id, (0, 0, 0))
            assert all(now >= then for now, then in zip(counts, before, strict=True))
            counters[reading.group_id] = counts
    activity = intake.activity()
    taken = sum(activity.events.values()) + sum(activity.rejected.values())
    assert taken == sum(not line.isspace() and line != b"" for line in lines)
    assert activity.rejected["internal_error"] == 0


@given(st.lists(LINES, max_size=15), st.lists(st.integers(1, 400), max_size=30), st.booleans())
def test_following_in_any_chunks_gives_what_reading_the_whole_file_gives(
    lines: list[bytes], sizes: list[int], final_line_end: bool
) -> None:
    """The state does not depend on how the writes and the polls fall."""
    content = b"\n".join(lines) + (b"\n" if final_line_end else b"")
    # What such a file is has tests of its own.
    assume(not content.startswith(GZIP_HEADER))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.touch()
        follower = FileFollower(path, new_intake, chunk_bytes=100)
        written = 0
        for size in [*sizes, len(content)]:
            with path.open("ab") as file:
                file.write(content[written : written + size])
            written += size
            while follower.poll():
                pass
            follower.poll()
        whole, at_once = new_intake(), new_intake()
        for line in read_lines(path):
            whole.line(line.text, line.number)
        for block in read_blocks(path):
            at_once.block(block, 1)
    assert follower.readings() == whole.readings() == at_once.readings()
    for activity in follower.activity(), at_once.activity():
        assert activity.events == whole.activity().events
        assert activity.rejected == whole.activity().rejected


def new_intake() -> Intake:
    """Return an empty state with a fixed clock."""
    return Intake(Groups(clock=lambda: events.EPOCH_SECONDS))
