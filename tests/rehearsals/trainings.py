"""Simulated trainings, as the lines that they write, each with its time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from sanctum_exporter.history.scenario import Clock, TimedLine
from sanctum_exporter.simulation import Simulation

Edit = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Changes an event, or leaves it out."""


def training(
    start: float,
    *,
    epoch_seconds: float = 5.0,
    batches: int = 20,
    epochs: int = 30,
    envs: int = 4,
    slots: int = 3,
    group: str = "default",
    edit: Edit = lambda event: event,
) -> list[TimedLine]:
    """Return a run: it starts, and what it reports of an epoch comes at that epoch's end."""
    clock = Clock()
    simulation = Simulation(
        envs=envs,
        slots=slots,
        groups=(group,),
        batches=batches,
        epochs_per_episode=epochs,
        clock=clock,
    )
    lines = []
    stream = islice(simulation.epochs(), batches * epochs)
    for epoch in range(1, batches * epochs + 1):
        clock.now = start + epoch * epoch_seconds
        for event in map(json.loads, next(stream)):
            at = start if event["event_type"] == "TRAINING_STARTED" else clock.now
            changed = edit(event)
            if changed is not None:
                lines.append(_line(changed, at))
    return lines


def length(epoch_seconds: float = 5.0, batches: int = 20, epochs: int = 30) -> float:
    """Return how long a run takes, in seconds."""
    return epoch_seconds * batches * epochs


def _line(event: dict[str, Any], at: float) -> TimedLine:
    hours, rest = divmod(at, 3600)
    minutes, seconds = divmod(rest, 60)
    time = (
        f"1970-01-{1 + int(hours) // 24:02}T{int(hours) % 24:02}:{int(minutes):02}:{seconds:06.3f}"
    )
    return TimedLine(at, json.dumps({**event, "timestamp": f"{time}+00:00"}).encode())


def until(lines: list[TimedLine], moment: float) -> Iterator[TimedLine]:
    """Yield what was said before a moment."""
    return (line for line in lines if line.at <= moment)


def paused(lines: list[TimedLine], at: float, seconds: float) -> list[TimedLine]:
    """Return a run that stands still from a moment on for some seconds."""
    return [
        line if line.at <= at else _line(json.loads(line.text), line.at + seconds) for line in lines
    ]


def resumed(episodes: int) -> Edit:
    """Make a run one that goes on from a checkpoint after so many episodes."""

    def edit(event: dict[str, Any]) -> dict[str, Any]:
        data = event["data"]
        if event["event_type"] == "TRAINING_STARTED":
            data = {
                **data,
                "start_episode": episodes,
                "n_episodes": data["n_episodes"] + episodes,
            }
        elif event["event_type"] == "BATCH_EPOCH_COMPLETED":
            data = {**data, "episodes_completed": data["episodes_completed"] + episodes}
        return {**event, "data": data}

    return edit


def heuristic(event: dict[str, Any]) -> dict[str, Any] | None:
    """Make a run one that does not report its end."""
    if event["event_type"] == "BATCH_EPOCH_COMPLETED":
        return None
    return started_with(episode_id="heur_7")(event)


def started_with(**fields: object) -> Edit:
    """Make a run say something else of itself when it starts."""

    def edit(event: dict[str, Any]) -> dict[str, Any]:
        if event["event_type"] != "TRAINING_STARTED":
            return event
        return {**event, "data": {**event["data"], **fields}}

    return edit


def barren(event: dict[str, Any]) -> dict[str, Any] | None:
    """Make a run one in which no seed grows."""
    if event["event_type"].startswith("SEED_"):
        return None
    if event["event_type"] == "EPOCH_COMPLETED":
        return {**event, "data": {**event["data"], "seeds": {}}}
    return event


def mute(event: dict[str, Any]) -> dict[str, Any] | None:
    """Make a run one whose telemetry tells of no seed, as ``--telemetry-level minimal`` does."""
    if event["event_type"].startswith("SEED_"):
        return None
    if event["event_type"] == "EPOCH_COMPLETED":
        return {**event, "event_type": "ANALYTICS_SNAPSHOT"}
    return event


def nearly_barren(event: dict[str, Any]) -> dict[str, Any] | None:
    """Make a run one in which a single slot of one env has a seed."""
    if event["event_type"] == "EPOCH_COMPLETED" and event["data"]["env_id"] == 0:
        seed = {"stage": "TRAINING", "epochs_in_stage": 3, "blueprint_id": "norm"}
        return {**event, "data": {**event["data"], "seeds": {"r0c0": seed}}}
    return barren(event)


def short_lived(event: dict[str, Any]) -> dict[str, Any] | None:
    """Make a run one whose seeds are all pruned after two epochs, eight an episode."""
    if event["event_type"].startswith("SEED_"):
        return None
    if event["event_type"] != "EPOCH_COMPLETED" or event["data"]["inner_epoch"] % 4:
        return event
    data = {"env_id": event["data"]["env_id"], "slot_id": "r0c0", "epochs_total": 2}
    return {**event, "event_type": "SEED_PRUNED", "slot_id": "r0c0", "data": data}


def chain(*edits: Edit) -> Edit:
    """Make one change of several."""

    def edit(event: dict[str, Any]) -> dict[str, Any] | None:
        changed: dict[str, Any] | None = event
        for each in edits:
            changed = None if changed is None else each(changed)
        return changed

    return edit
