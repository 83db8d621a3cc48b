"""What is published: the values of one group at one moment, frozen.

Field names are those of esper-lite's records TELE-500 to TELE-513 and of ``SanctumSnapshot``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from sanctum_exporter.durations import describe_duration

DEFAULT_GROUP: Final = "default"

LONGEST_LABEL: Final = 255
"""Characters of a label's value, which is in some thirty series, while a line may be all id.

A directory's name has 255 bytes at most, and receivers take 1024 and more."""
_DIGEST_BYTES: Final = 16


def label_value(text: str) -> str:
    """Return a text as the value of a label: what is too long ends in a digest of all of it.

    It is then a character longer than any text that is not cut, so no two texts are one value.
    """
    if len(text) <= LONGEST_LABEL:
        return text
    # Half a surrogate pair, which is no text, is refused elsewhere.
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{text[: LONGEST_LABEL - len(digest)]}~{digest}"


HEURISTIC_PREFIX: Final = "heur_"
"""Of the ids of heuristic runs, which announce episodes and never report one as completed."""


def group_name(group_id: str | None) -> str:
    """Return the group that an id names: none and an empty one name the default (R1)."""
    return label_value(group_id) if group_id else DEFAULT_GROUP


Trend: TypeAlias = Literal["rising", "stable", "falling"]
Stage: TypeAlias = Literal["DORMANT", "GERMINATED", "TRAINING", "BLENDING", "HOLDING", "FOSSILIZED"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""The stages that are counted, in SlotsPanel's order; every other stage counts as DORMANT."""


@dataclass(frozen=True, slots=True)
class SeedLifecycleStats:
    """What became of the seeds (TELE-503 to TELE-513).

    Counts are cumulative over the process; rates are per episode; a lifespan is in epochs.
    """

    germination_count: int = 0
    prune_count: int = 0
    fossilize_count: int = 0
    active_count: int = 0
    total_slots: int = 0
    germination_rate: float = 0.0
    prune_rate: float = 0.0
    fossilize_rate: float = 0.0
    blend_success_rate: float = 0.0
    avg_lifespan_epochs: float = 0.0
    germination_trend: Trend = "stable"
    prune_trend: Trend = "stable"
    fossilize_trend: Trend = "stable"


@dataclass(frozen=True, slots=True)
class SlotSnapshot:
    """The slots of one group (TELE-500 to TELE-502), as SlotsPanel shows them.

    ``slot_stage_counts`` holds the six ``STAGES`` and sums to ``total_slots``;
    ``avg_epochs_in_stage`` is in epochs. ``total_slots`` stands in ``seed_lifecycle`` too, as in
    the record.
    """

    total_slots: int
    active_slots: int
    slot_stage_counts: Mapping[str, int]
    n_envs: int
    avg_epochs_in_stage: float
    current_episode: int
    seed_lifecycle: SeedLifecycleStats

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Which run the values belong to; times are seconds since the epoch, 0 for none yet."""

    run_id: str = ""
    task: str = ""
    reward_mode: str = ""
    planned_episodes: int = 0
    start_timestamp: float = 0.0


RunState: TypeAlias = Literal["waiting", "running", "completed"]
RUN_STATES: Final[tuple[RunState, ...]] = get_args(RunState)


@dataclass(frozen=True, slots=True)
class RunLife:
    """The life of a run at one moment.

    Attributes:
        state: waiting for its TRAINING_STARTED, running, or completed.
        remaining_seconds: how long until the planned episodes are done, by the run's own pace; at
            least 1 while it runs, 0 where there is no estimate and when it is completed.
        longest_silence_seconds: the longest time between two events of the run so far.
        epochs_completed: epochs that its envs have reported, each env's counted.
        under_way: not completed, not ended on purpose, and heard of within the last hour.
        midway: under way, with slots, and its end will be seen and is not near: who loses it
            now, loses something.
        seeds_expected: False for a run that is to grow none, as a proof's baseline.
    """

    state: RunState = "waiting"
    remaining_seconds: float = 0.0
    longest_silence_seconds: float = 0.0
    epochs_completed: int = 0
    under_way: bool = False
    midway: bool = False
    seeds_expected: bool = True

    def describe(self) -> str:
        """Return the state for people, with how long there is to go where that is known."""
        if self.state == "waiting":
            return "waiting for its start"
        if self.remaining_seconds:
            return f"running, about {describe_duration(self.remaining_seconds)} to go"
        return self.state


@dataclass(frozen=True, slots=True)
class GroupReading:
    """One group as it is published.

    ``last_event_timestamp`` is in seconds since the epoch, 0 for none yet. ``run`` tells the runs
    apart where one exporter follows several at once, and is None otherwise. ``counted_since`` is
    when the cumulative counts began, in seconds since the epoch, 0 where that is not known.
    """

    group_id: str
    slots: SlotSnapshot
    info: RunInfo
    last_event_timestamp: float
    life: RunLife = field(default_factory=RunLife)
    run: str | None = None
    counted_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Activity:
    """What the exporter itself has done: counts of events by type and by reason of rejection.

    ``last_rejection_timestamp`` is when the newest event that was rejected happened, in seconds
    since the epoch, 0 for none: for a line of a file, when the event before it did.
    ``dropped`` is what the hub dropped before the exporter saw it, where the hub can tell.
    ``counted_since`` is when the counts began, in seconds since the epoch, 0 where not known.
    ``on_duty`` is whether somebody would miss the exporter: it follows a run that is midway, or
    waits for its first. It is not where it lives in a training process, nor once told to end.
    ``source_failure`` says why the source is not being read, None while it is.
    ``runs_passed_over`` is how many runs there are beyond those that are followed.
    """

    events: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    last_rejection_timestamp: float = 0.0
    dropped: int = 0
    counted_since: float = 0.0
    source_failure: str | None = None
    on_duty: bool = False
    runs_passed_over: int = 0


class ReadingSource(Protocol):
    """What every sink reads from: each call is one consistent moment, and changes nothing."""

    def readings(self) -> Sequence[GroupReading]:
        """Return the published groups."""
        ...

    def activity(self) -> Activity:
        """Return the counts of the exporter on itself."""
        ...
