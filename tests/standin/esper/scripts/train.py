"""A training of two envs: it starts, grows a seed, and goes on until its standard input ends."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from enum import Enum
from types import SimpleNamespace
from typing import Any

from ..nissa import get_hub

TelemetryEventType = Enum("TelemetryEventType", ["TRAINING_STARTED", "SEED_GERMINATED"])


def event(event_type: Enum, **data: Any) -> SimpleNamespace:
    """Return a live event of the group "default"."""
    return SimpleNamespace(
        event_type=event_type,
        timestamp=datetime.now(UTC),
        slot_id=None,
        epoch=None,
        group_id="default",
        data=SimpleNamespace(**data),
    )


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser()
    parser.add_argument("algorithm", choices=["ppo"])
    parser.add_argument("--task", default="cifar_baseline")
    parser.add_argument("--exit-status", type=int, default=0)
    parser.add_argument("--crash", action="store_true")
    arguments = parser.parse_args()
    hub = get_hub()
    try:
        hub.emit(
            event(
                TelemetryEventType.TRAINING_STARTED,
                n_envs=2,
                slot_ids=("r0c0", "r0c1", "r0c2"),
                start_episode=0,
                n_episodes=8,
                episode_id="run_1",
                task=arguments.task,
                reward_mode="shaped",
            )
        )
        hub.emit(
            event(TelemetryEventType.SEED_GERMINATED, env_id=1, slot_id="r0c1", epochs_in_stage=0)
        )
        hub.flush()
        print("training", flush=True)
        sys.stdin.read()
        if arguments.crash:
            raise ValueError("the loss is not a number")
    finally:
        hub.close()
    print("trained", flush=True)
    if arguments.exit_status:
        sys.exit(arguments.exit_status)


if __name__ == "__main__":
    main()
