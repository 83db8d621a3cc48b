"""What a page has to show: exporters in all the states that there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from prometheus_client import CollectorRegistry

from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.view.history import History
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.api import Api
from sanctum_exporter.web.app import Site
from sanctum_exporter.web.page import pages
from sanctum_exporter.web.server import WebServer
from tests import recordings
from tests.grafana.shifting import as_of
from tests.readings import reading

_AB_LINE: Final = 4651
_PPO_LINE: Final = 1797


class Scene:
    """A source whose runs a test adds to, with the exporter that serves it.

    Args:
        origin: where the values come from, for people.
        clock: seconds since the epoch, for what is judged by the present moment.
    """

    def __init__(
        self, origin: str = "watch ~/telemetry", clock: Callable[[], float] = time.time
    ) -> None:
        self.origin = origin
        self.clock = clock
        self.not_ready: str | None = None
        self.intakes: list[Intake] = []
        self.fixed: list[GroupReading] = []
        self.history = History()

    def add(self, lines: Sequence[bytes], run: str | None = None) -> Intake:
        """Add a run that has said so much, and return what takes in more."""
        intake = Intake(Groups(run=run, clock=self.clock))
        self.intakes.append(intake)
        for number, line in enumerate(lines, start=1):
            self.take(intake, line, number)
        return intake

    def take(self, intake: Intake, line: bytes, number: int) -> None:
        """Let a run say one thing more, and remember what it was then."""
        intake.line(line, number)
        groups = intake.readings()
        if groups:
            self.history.note(groups, max(group.last_event_timestamp for group in groups))

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups of all runs."""
        return [*self.fixed, *(group for intake in self.intakes for group in intake.readings())]

    def activity(self) -> Activity:
        """Return nothing: no page shows it."""
        return Activity()

    @contextmanager
    def served(self, port: int = 0) -> Iterator[WebServer]:
        """Serve it on the loopback inside the block."""
        api = Api(
            self,
            self.history,
            origin=lambda: self.origin,
            not_ready=lambda: self.not_ready,
            telemetry_path="/metrics",
            clock=self.clock,
        )
        site = Site(CollectorRegistry(), lambda: self.not_ready, {**pages(api), **api.pages()})
        server = WebServer(ListenAddress("127.0.0.1", port), site)
        try:
            yield server
        finally:
            server.close()


def one_run() -> Scene:
    """Return a real run of one group that is under way."""
    scene = Scene("watch ~/telemetry/events.jsonl")
    scene.add(as_of(recordings.lines("ppo_single")[:_PPO_LINE], 1, slower=45))
    return scene


def two_groups() -> Scene:
    """Return a real A/B run that is under way."""
    scene = Scene("watch ~/telemetry")
    scene.add(as_of(recordings.lines("ab")[:_AB_LINE], 1, slower=15))
    return scene


def zero_slots() -> Scene:
    """Return a run that was started without a slot."""
    scene = Scene("watch ~/telemetry")
    scene.fixed = [now(stages=(0,) * 6, episode=0, info={"planned_episodes": 16})]
    return scene


def nothing() -> Scene:
    """Return a directory without a run."""
    scene = Scene("watch --all-runs ~/telemetry")
    scene.not_ready = "waiting for a run in ~/telemetry"
    return scene


def many(count: int = 50) -> Scene:
    """Return many runs, in every state that there is, a run of each every few minutes."""
    scene = Scene("watch --all-runs /srv/telemetry")
    scene.fixed = [_varied(number) for number in range(count)]
    return scene


def now(group_id: str = "default", *, ago: float = 2.0, **given: Any) -> GroupReading:
    """Return a group of a run whose newest event is so many seconds old."""
    present = time.time()
    info = {"start_timestamp": present - 3600 - ago} | dict(given.pop("info", {}))
    return reading(group_id, info=info, last_event_timestamp=present - ago, **given)


def _varied(number: int) -> GroupReading:
    kind = number % 10
    task = ("cifar_baseline", "cifar_scale", "tinystories")[number % 3]
    info: dict[str, Any] = {"run_id": f"ppo_{number}_100ep", "task": task, "planned_episodes": 100}
    episode = (number * 37) % 100
    life: dict[str, Any] = {"remaining_seconds": (100 - episode) * 43.0}
    stages, ago = (12 - number % 5, number % 3, number % 2, 1, 0, 1), number * 0.7
    if kind == 4:
        ago = 660.0 + number
    elif kind == 7:
        stages = (0,) * 6
    elif kind in {2, 5, 8}:
        life, episode, ago = {"state": "completed", "under_way": False}, 100, number * 700.0
    elif kind == 9:
        life, ago = {"under_way": False}, 7000.0 + number
    elif number == 1:
        life, episode, info["task"] = {"state": "waiting", "under_way": False}, 0, ""
    return now(
        stages=stages,
        episode=episode,
        info=info,
        life=life,
        ago=ago,
        run=f"telemetry_2026-11-{1 + number % 25:02d}_{number:06d}",
    )


SCENES: Final[dict[str, Callable[[], Scene]]] = {
    "one-run": one_run,
    "two-groups": two_groups,
    "zero-slots": zero_slots,
    "many-runs": many,
    "nothing": nothing,
}
"""What the pictures are of, and what accessibility is checked on."""
