"""Lines of telemetry for tests, with only what matters spelled out."""

from __future__ import annotations

import json
from typing import Any

TIME = "2026-11-22T12:00:00+00:00"
EPOCH_SECONDS = 1795348800.0
"""``TIME`` in Unix seconds."""


def line(event_type: str, data: Any = None, group_id: Any = "default", **envelope: Any) -> bytes:
    """Return an event as a line without its end."""
    event = {
        "event_id": "e",
        "event_type": event_type,
        "timestamp": TIME,
        "seed_id": None,
        "slot_id": None,
        "epoch": None,
        "group_id": group_id,
        "message": "",
        "data": data,
        "severity": "info",
        **envelope,
    }
    return json.dumps(event).encode()


def started(
    n_envs: int = 2, slot_ids: tuple[str, ...] = ("r0c0", "r0c1"), group_id: str = "default"
) -> bytes:
    """Return a TRAINING_STARTED."""
    data = {
        "n_envs": n_envs,
        "slot_ids": slot_ids,
        "start_episode": 0,
        "n_episodes": 10,
        "episode_id": "run_1",
        "task": "cifar_baseline",
        "reward_mode": "shaped",
    }
    return line("TRAINING_STARTED", data, group_id)


def germinated(
    env_id: int = 0, slot_id: str = "r0c0", group_id: str = "default", epochs: int = 0
) -> bytes:
    """Return a SEED_GERMINATED."""
    data = {"env_id": env_id, "slot_id": slot_id, "epochs_in_stage": epochs}
    return line("SEED_GERMINATED", data, group_id)


def stage_changed(to_stage: str, epochs: int = 0, env_id: int = 0, slot_id: str = "r0c0") -> bytes:
    """Return a SEED_STAGE_CHANGED."""
    data = {"env_id": env_id, "slot_id": slot_id, "to_stage": to_stage, "epochs_in_stage": epochs}
    return line("SEED_STAGE_CHANGED", data)


def ended(kind: str, epochs_total: int = 5, env_id: int = 0, slot_id: str = "r0c0") -> bytes:
    """Return a SEED_FOSSILIZED or SEED_PRUNED."""
    return line(kind, {"env_id": env_id, "slot_id": slot_id, "epochs_total": epochs_total})


def epoch_completed(seeds: Any, env_id: int = 0) -> bytes:
    """Return an EPOCH_COMPLETED."""
    return line("EPOCH_COMPLETED", {"env_id": env_id, "val_loss": 1.0, "seeds": seeds})


def batch_completed(episodes: int) -> bytes:
    """Return a BATCH_EPOCH_COMPLETED."""
    return line("BATCH_EPOCH_COMPLETED", {"episodes_completed": episodes, "batch_idx": 1})
