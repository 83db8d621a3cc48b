"""Random telemetry made of esper-lite's own event objects: the same seed gives the same events."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from benchmarks.recordings import payload_class
from sanctum_exporter.readings import group_name
from tests.differential.original import Original

GROUPS = ("A", "B", "default", "")
SLOTS = ("r0c0", "r0c1", "r0c2", "r1c0")
# A slot that no run has is possible too: its seeds are counted, and it is not.
EVENT_SLOTS = (*SLOTS, "r9c9")
STAGES = (
    "DORMANT",
    "GERMINATED",
    "TRAINING",
    "BLENDING",
    "HOLDING",
    "FOSSILIZED",
    "PRUNED",
    "EMBARGOED",
    "RESETTING",
    "UNKNOWN",
)
# Fields that have defaults, and that nothing would be compared of without other values.
EPOCHS = ("epochs_in_stage", "epochs_total")
# What the original wants of a seed's report, too, and neither of us shows in SlotsPanel.
SEED_FIELDS = {
    "blueprint_id": "norm",
    "accuracy_delta": 0.5,
    "alpha": 0.25,
    "alpha_curve": "LINEAR",
    "grad_ratio": 1.0,
    "has_vanishing": False,
    "has_exploding": False,
}
WEIGHTS = {
    "EPOCH_COMPLETED": 30,
    "SEED_STAGE_CHANGED": 14,
    "SEED_GERMINATED": 14,
    "SEED_PRUNED": 8,
    "SEED_FOSSILIZED": 8,
    "SEED_GATE_EVALUATED": 6,
    "BATCH_EPOCH_COMPLETED": 5,
    "TRAINING_STARTED": 0.3,
}
# In one group nearly all are so: past 10,000 of something, SlotsPanel writes it in another way.
GERMINATION = {"SEED_GERMINATED": 900}
SIMPLE_VALUES: dict[Any, tuple[Any, ...]] = {
    bool: (False, True),
    int: (0, 1, 1, 3, 12, 40),
    float: (0.0, 0.5, -1.5, 40.0, float("nan")),
    str: ("norm", "G1", "x"),
}


class Generator:
    """Makes events of runs that several groups train, each event in its run.

    Args:
        original: whose classes the events are of.
        seed: of the random numbers.
        germination: one group, whose events are germinations for the most part.
    """

    def __init__(self, original: Original, seed: str, *, germination: bool = False) -> None:
        self._random = Random(seed)  # noqa: S311 - no secrets here
        self._original = original
        self._types: list[Any] = list(original.telemetry.TelemetryEventType)
        weights = WEIGHTS | GERMINATION if germination else WEIGHTS
        self._weights = [weights.get(each.name, 0.5) for each in self._types]
        self._groups = ("default",) if germination else GROUPS
        # After so many episodes the rates are so small that the floor of the trend's limit counts.
        self._pace = self._random.choice((1, 1, 1000))
        self._envs: dict[str, int] = {}
        self._episodes: dict[str, int] = {}
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def events(self) -> Iterator[Any]:
        """Yield events for ever."""
        while True:
            group_id = self._random.choice(self._groups)
            name = self._random.choices(self._types, self._weights)[0].name
            group = group_name(group_id)
            if not self._envs.get(group) and self._names_an_env(name):
                # It needs a run that has one; another run makes that possible.
                name = "TRAINING_STARTED"
            yield self._event(name, group_id)

    def _event(self, name: str, group_id: str) -> Any:
        self._now += timedelta(seconds=self._random.choice((-1, 0, 1, 5)))
        given = self._given(name, group_name(group_id))
        slot_id = None
        if "slot_id" in given:
            # The slot stands in the envelope, in the payload, or in both and not the same.
            slot_id = self._random.choice((None, "", given["slot_id"], *EVENT_SLOTS))
        return self._original.telemetry.TelemetryEvent(
            event_type=self._original.telemetry.TelemetryEventType[name],
            timestamp=self._now,
            group_id=group_id,
            slot_id=slot_id,
            epoch=self._random.choice((None, 1, 7)),
            data=self._filled(payload_class(name), given),
        )

    def _given(self, name: str, group: str) -> dict[str, Any]:
        """Return the fields that matter; all others are made up by their types."""
        random = self._random
        if name == "TRAINING_STARTED":
            return self._start(group)
        if name == "BATCH_EPOCH_COMPLETED":
            step = random.choice((0, 1, self._envs[group], self._envs[group])) * self._pace
            self._episodes[group] = random.choice((0, *[self._episodes[group] + step] * 30))
            return {"episodes_completed": self._episodes[group]}
        if not self._names_an_env(name):
            return {}
        env_id = random.randrange(self._envs[group])
        if name == "EPOCH_COMPLETED":
            return {"env_id": env_id, "seeds": self._seeds()}
        if name not in WEIGHTS:
            return {"env_id": env_id}
        given = {"env_id": env_id, "slot_id": random.choice(EVENT_SLOTS)}
        if name == "SEED_STAGE_CHANGED":
            given["to_stage"] = random.choice(STAGES)
        return given

    def _start(self, group: str) -> dict[str, Any]:
        random = self._random
        envs = random.choice((0, 1, 2, 3, 4, 4, 4))
        start = random.choice((0, 0, 0, 5))
        self._envs[group], self._episodes[group] = envs, start
        return {
            "n_envs": envs,
            "slot_ids": tuple(random.choices(SLOTS, k=random.choice((0, 1, 2, 3, 3, 4)))),
            "start_episode": start,
            "n_episodes": 100,
            "reward_mode": "shaped",
        }

    def _seeds(self) -> dict[str, dict[str, Any]] | None:
        random = self._random
        if random.random() < 0.1:
            return None
        seeds: dict[str, dict[str, Any]] = {
            slot: {
                "stage": random.choice(STAGES),
                "epochs_in_stage": random.randrange(20),
                **SEED_FIELDS,
            }
            for slot in random.sample(EVENT_SLOTS, k=random.randrange(len(EVENT_SLOTS)))
        }
        if random.random() < 0.1:
            seeds["__aggregate__"] = {"gradient_norm": 1.0}
        return seeds

    def _names_an_env(self, name: str) -> bool:
        return name == "BATCH_EPOCH_COMPLETED" or (
            name != "TRAINING_STARTED"
            and "env_id" in {each.name for each in fields(payload_class(name))}
        )

    def _filled(self, cls: Any, given: dict[str, Any]) -> Any:
        hints = typing.get_type_hints(cls)
        names = {each.name for each in fields(cls)}
        values = {name: value for name, value in given.items() if name in names}
        for each in fields(cls):
            optional = each.default is not MISSING or each.default_factory is not MISSING
            if each.name in values or (optional and each.name not in EPOCHS):
                continue
            values[each.name] = self._value(hints[each.name])
        return cls(**values)

    def _value(self, hint: Any) -> Any:
        origin = typing.get_origin(hint)
        if origin in (typing.Union, types.UnionType):
            return self._value(self._random.choice(typing.get_args(hint)))
        if origin is typing.Literal:
            return self._random.choice(typing.get_args(hint))
        if hint in SIMPLE_VALUES:
            return self._random.choice(SIMPLE_VALUES[hint])
        container = origin or hint
        return container() if container in (tuple, list, dict) else None
