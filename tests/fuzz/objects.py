"""Live objects: none ever raises, each counts once, and those of lines do what their lines do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from types import SimpleNamespace
from typing import Any, Final

from sanctum_exporter.readings import Activity
from tests.fuzz.lines import check, new_intake, recorded, taken
from tests.live import live_event


class Raising:
    """An object that cannot even be looked at."""

    def __getattr__(self, name: str) -> Any:
        """Raise."""
        raise RuntimeError(name)

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        """Raise."""
        raise RuntimeError

    def __hash__(self) -> int:
        """Raise."""
        raise RuntimeError


class Text(str):
    """A text of somebody's own."""

    __slots__ = ()


class Number(int):
    """A number of somebody's own."""


_STRANGE: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 2**53 + 1, 10**400, 1.5, float("nan"), float("inf"), "", "r0c0", "\ud800",
    "x" * 100_000, b"bytes", [], {}, {"r0c0": 1}, {1: 2}, object(), Raising(), Text("A"), Number(3),
    SimpleNamespace(), SimpleNamespace(name="SEED_PRUNED", _name_="SEED_PRUNED"),
    datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), datetime(2026, 1, 1),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=14))), lambda: None, type, ...,
)  # fmt: skip
_FIELDS: Final = ("event_type", "timestamp", "group_id", "slot_id", "data", "message", "seed_id")
_DEEP: Final = 2


def run(random: Random) -> Iterator[int]:
    """Try objects for ever; yield how many were tried since the last time.

    Raises:
        AssertionError: if one does what none may do; BaseException: if one comes through.
    """
    lines = [line for line in recorded() if json.loads(line).get("timestamp")]
    while True:
        live, file = new_intake(), new_intake()
        for number in range(1, 2000):
            line = random.choice(lines)
            live.live(live_event(line))
            file.line(line, number)
        assert live.readings() == file.readings()
        assert _undated(live.activity()) == _undated(file.activity())
        for _ in range(2000):
            before = taken(live)
            event = _strange(random, live_event(random.choice(lines)))
            live.live(event)
            assert taken(live) == before + 1, vars(event)
        for reading in live.readings():
            check(reading)
        yield 4000


def _strange(random: Random, event: Any) -> Any:
    """Return an event with strange values in it, or something that is no event at all."""
    if random.random() < 0.01:
        return SimpleNamespace(x=random.choice(_STRANGE))
    for _ in range(random.choice((1, 1, 2))):
        payload = event.data if hasattr(event, "data") else None
        inside = isinstance(payload, SimpleNamespace) and random.randrange(_DEEP)
        if inside and vars(payload):
            name = random.choice(sorted(vars(payload)))
            if random.randrange(5):
                setattr(payload, name, random.choice(_STRANGE))
            else:
                delattr(payload, name)
        elif random.randrange(5):
            setattr(event, random.choice(_FIELDS), random.choice(_STRANGE))
        elif vars(event):
            delattr(event, random.choice(sorted(vars(event))))
    return event


def _undated(activity: Activity) -> Activity:
    return replace(activity, last_rejection_timestamp=0.0)
