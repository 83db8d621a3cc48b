"""Telemetry that comes into being while a test runs: files that grow, recordings played anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sanctum_exporter.files.replay import Pacer
from tests import recordings
from tests.events import line

_FLUSHED_EVERY = 10
"""After so many events esper-lite's writer flushes."""


class Run:
    """A telemetry file that grows, with events of this moment."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.touch()

    def write(self, event_type: str, data: dict[str, Any]) -> float:
        """Append an event and return its time."""
        now = datetime.now(UTC)
        with self.file.open("ab") as file:
            file.write(line(event_type, data, timestamp=now.isoformat()) + b"\n")
        return now.timestamp()

    def start(self, slot_ids: list[str]) -> float:
        """Start a run of four envs and sixteen episodes."""
        return self.write(
            "TRAINING_STARTED",
            {
                "n_envs": 4,
                "slot_ids": slot_ids,
                "start_episode": 0,
                "n_episodes": 16,
                "episode_id": "ppo_7_16ep",
                "task": "cifar_baseline",
                "reward_mode": "shaped",
            },
        )

    def finish(self) -> float:
        """Complete the last of its episodes."""
        return self.write("BATCH_EPOCH_COMPLETED", {"episodes_completed": 16, "batch_idx": 4})


def relive(name: str, speed: float, stop: Event) -> Iterator[bytes]:
    """Yield each line of a recording when it is due, with the time that it is due; or stop."""
    pacer = Pacer(speed, stop)
    for recorded in recordings.lines(name):
        timestamp = pacer.read(recorded).timestamp
        if stop.is_set():
            return
        fields = json.loads(recorded)
        yield json.dumps({**fields, "timestamp": timestamp and timestamp.isoformat()}).encode()


class Replay:
    """A thread that writes a recording into a file, as esper-lite did.

    Whenever the writer's buffer is full, the file ends within a line.
    """

    def __init__(self, name: str, file: Path, speed: float) -> None:
        self.lines = 0
        self._stop = Event()
        file.touch()
        self._thread = Thread(target=self._write, args=(name, file, speed))
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether all of it is written."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """Write no more."""
        self._stop.set()
        self._thread.join()

    def _write(self, name: str, file: Path, speed: float) -> None:
        with file.open("ab") as output:
            for event in relive(name, speed, self._stop):
                output.write(event + b"\n")
                self.lines += 1
                if self.lines % _FLUSHED_EVERY == 0:
                    output.flush()
