"""A simulated training run, as the lines that esper-lite would write.

Seeds germinate, train, blend, hold and fossilize, or are pruned on the way and leave an embargo;
the policy gets better at it with every episode. The same seed gives the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

EPOCHS_PER_EPISODE: Final = 30
BATCHES_PER_RUN: Final = 50

# Where a seed goes when its time in a stage is over, and how long that is, in epochs.
_NEXT_STAGE: Final = {
    "GERMINATED": "TRAINING",
    "TRAINING": "BLENDING",
    "BLENDING": "HOLDING",
    "HOLDING": "FOSSILIZED",
    "PRUNED": "EMBARGOED",
    "EMBARGOED": "RESETTING",
    "RESETTING": "DORMANT",
}
_EPOCHS_IN_STAGE: Final = {
    "GERMINATED": (1, 1),
    "TRAINING": (4, 9),
    "BLENDING": (3, 6),
    "HOLDING": (2, 5),
    "PRUNED": (1, 1),
    "EMBARGOED": (2, 4),
    "RESETTING": (1, 1),
}
_GATES: Final = {"TRAINING": "G1", "BLENDING": "G2", "HOLDING": "G3", "FOSSILIZED": "G5"}
_GERMINATION_CHANCE: Final = 0.06
_WORST_PRUNE_CHANCE: Final = 0.16
_BEST_PRUNE_CHANCE: Final = 0.04
_BLUEPRINTS: Final = ("norm", "attention", "conv_light", "depthwise", "bottleneck")


@dataclass(slots=True)
class _Seed:
    seed_id: str
    blueprint_id: str
    stage: str
    epochs_left: int
    epochs_in_stage: int = 0
    epochs_total: int = 0


class Simulation:
    """Training runs that follow each other, each of one or more groups side by side.

    Args:
        envs: environments of a group.
        slots: slots of an environment.
        groups: ids of the groups.
        seed: the same seed gives the same run.
        batches: batches of a run.
        epochs_per_episode: epochs of an episode, and so of a batch.
        clock: seconds since the epoch, for the time of events.
    """

    def __init__(
        self,
        *,
        envs: int = 4,
        slots: int = 3,
        groups: Sequence[str] = ("default",),
        seed: int = 0,
        batches: int = BATCHES_PER_RUN,
        epochs_per_episode: int = EPOCHS_PER_EPISODE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._groups = [
            _Group(
                group,
                envs,
                slots,
                Random(f"{seed}/{group}"),  # noqa: S311 - no secrets here
                batches,
                epochs_per_episode,
            )
            for group in groups
        ]
        self._clock = clock

    def epochs(self) -> Iterator[list[bytes]]:
        """Yield the lines of each epoch of all groups, for ever."""
        streams = [group.epochs() for group in self._groups]
        for events in zip(*streams, strict=True):
            timestamp = datetime.fromtimestamp(self._clock(), UTC).isoformat()
            yield [
                msgspec.json.encode({**event, "timestamp": timestamp})
                for group_events in events
                for event in group_events
            ]


class _Group:
    def __init__(
        self,
        group_id: str,
        envs: int,
        slots: int,
        random: Random,
        batches: int,
        epochs_per_episode: int,
    ) -> None:
        self._group_id = group_id
        self._slot_ids = [f"r0c{column}" for column in range(slots)]
        self._random = random
        self._batches = batches
        self._epochs_per_episode = epochs_per_episode
        self._envs: list[dict[str, _Seed]] = [{} for _ in range(envs)]
        self._events: list[dict[str, Any]] = []
        self._seeds_made = 0
        self._run = 0

    def epochs(self) -> Iterator[list[dict[str, Any]]]:
        while True:
            self._start_run()
            for batch in range(1, self._batches + 1):
                skill = batch / self._batches
                for epoch in range(1, self._epochs_per_episode + 1):
                    for env_id, seeds in enumerate(self._envs):
                        self._advance(env_id, seeds, epoch, skill)
                    if epoch == self._epochs_per_episode:
                        self._end_episode(batch)
                    yield self._events
                    self._events = []

    def _start_run(self) -> None:
        self._run += 1
        envs = len(self._envs)
        self._emit(
            "TRAINING_STARTED",
            {
                "n_envs": envs,
                "max_epochs": self._epochs_per_episode,
                "max_batches": self._batches,
                "task": "demo",
                "slot_ids": self._slot_ids,
                "n_episodes": self._batches * envs,
                "start_episode": 0,
                "reward_mode": "shaped",
                "episode_id": f"demo_{self._group_id}_{self._run}",
                "world_size": 1,
                "rank": 0,
            },
        )
        # As the hub sends it: without the group, even in an A/B run.
        self._emit("TAMIYO_INITIATED", {"env_id": 0, "stable_count": 3}, group_id="default")

    def _advance(self, env_id: int, seeds: dict[str, _Seed], epoch: int, skill: float) -> None:
        prune_chance = _WORST_PRUNE_CHANCE + skill * (_BEST_PRUNE_CHANCE - _WORST_PRUNE_CHANCE)
        for slot_id in list(seeds):
            self._advance_seed(env_id, slot_id, seeds, prune_chance)
        free = [slot_id for slot_id in self._slot_ids if slot_id not in seeds]
        if free and self._random.random() < _GERMINATION_CHANCE * len(free):
            self._germinate(env_id, self._random.choice(free), seeds)
        reports = {
            slot_id: {
                "stage": seed.stage,
                "blueprint_id": seed.blueprint_id,
                "epochs_in_stage": seed.epochs_in_stage,
            }
            for slot_id, seed in seeds.items()
        }
        accuracy = 20.0 + 60.0 * skill + self._random.uniform(-3.0, 3.0)
        self._emit(
            "EPOCH_COMPLETED",
            {
                "env_id": env_id,
                "val_accuracy": accuracy,
                "val_loss": 2.5 - accuracy / 40.0,
                "inner_epoch": epoch,
                "seeds": reports,
            },
            epoch=epoch,
        )

    def _germinate(self, env_id: int, slot_id: str, seeds: dict[str, _Seed]) -> None:
        self._seeds_made += 1
        seed = seeds[slot_id] = _Seed(
            f"seed_{self._seeds_made}",
            self._random.choice(_BLUEPRINTS),
            "GERMINATED",
            self._epochs_in("GERMINATED"),
        )
        data = {"blueprint_id": seed.blueprint_id, "params": 720, "epochs_in_stage": 0}
        self._emit_seed("SEED_GERMINATED", env_id, slot_id, seed, data)

    def _advance_seed(
        self, env_id: int, slot_id: str, seeds: dict[str, _Seed], prune_chance: float
    ) -> None:
        seed = seeds[slot_id]
        seed.epochs_in_stage += 1
        seed.epochs_total += 1
        seed.epochs_left -= 1
        if seed.stage == "FOSSILIZED" or seed.epochs_left > 0:
            return
        stage = _NEXT_STAGE[seed.stage]
        gate = _GATES.get(stage)
        if gate is not None:
            passed = stage == "TRAINING" or self._random.random() >= prune_chance
            data = {"gate": gate, "passed": passed, "target_stage": stage}
            self._emit_seed("SEED_GATE_EVALUATED", env_id, slot_id, seed, data)
            stage = stage if passed else "PRUNED"
        self._change_stage(env_id, slot_id, seed, stage)
        if stage == "DORMANT":
            del seeds[slot_id]

    def _change_stage(self, env_id: int, slot_id: str, seed: _Seed, stage: str) -> None:
        data = {"from_stage": seed.stage, "to_stage": stage, "epochs_in_stage": 0}
        seed.stage, seed.epochs_in_stage = stage, 0
        seed.epochs_left = self._epochs_in(stage)
        self._emit_seed("SEED_STAGE_CHANGED", env_id, slot_id, seed, data)
        if stage in ("FOSSILIZED", "PRUNED"):
            ended = {"blueprint_id": seed.blueprint_id, "epochs_total": seed.epochs_total}
            self._emit_seed(f"SEED_{stage}", env_id, slot_id, seed, ended)

    def _epochs_in(self, stage: str) -> int:
        return self._random.randint(*_EPOCHS_IN_STAGE.get(stage, (1, 1)))

    def _end_episode(self, batch: int) -> None:
        for seeds in self._envs:
            seeds.clear()
        envs = len(self._envs)
        data = {"episodes_completed": batch * envs, "batch_idx": batch, "n_envs": envs}
        self._emit("PPO_UPDATE_COMPLETED", {"policy_loss": self._random.gauss(0.0, 0.1)})
        self._emit("BATCH_EPOCH_COMPLETED", data)

    def _emit_seed(
        self, event_type: str, env_id: int, slot_id: str, seed: _Seed, data: dict[str, Any]
    ) -> None:
        data = {"slot_id": slot_id, "env_id": env_id, **data}
        self._emit(event_type, data, seed_id=seed.seed_id, slot_id=slot_id)

    def _emit(self, event_type: str, data: dict[str, Any], **envelope: Any) -> None:
        self._events.append(
            {
                "event_id": str(UUID(int=self._random.getrandbits(128), version=4)),
                "event_type": event_type,
                "seed_id": None,
                "slot_id": None,
                "epoch": None,
                "group_id": self._group_id,
                "message": "",
                "data": data,
                "severity": "info",
                **envelope,
            }
        )
