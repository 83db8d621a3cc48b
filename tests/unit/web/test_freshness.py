"""Answers that many ask for."""

from __future__ import annotations

import pytest

from sanctum_exporter.web.content import PLAIN, Content
from sanctum_exporter.web.freshness import FRESH_SECONDS, MOST_SHARE, Freshness
from tests.clocks import Clock


class Kitchen:
    """Makes answers that cost as much as a test says."""

    def __init__(self) -> None:
        self.clock, self.cpu = Clock(), Clock()
        self.freshness = Freshness(self.clock, self.cpu)
        self.cost = 0.0
        self.made = 0

    def ask(self, key: str = "") -> Content:
        """Return the answer of a key."""
        return self.freshness.get(key, self._make)

    def _make(self) -> Content:
        self.made += 1
        self.cpu.now += self.cost
        self.clock.now += self.cost
        return Content(PLAIN, b"%d" % self.made)


def test_an_answer_is_made_anew_when_it_is_no_longer_fresh() -> None:
    """Until then everybody is given the one that is there, and each key has its own."""
    kitchen = Kitchen()
    assert [kitchen.ask().body, kitchen.ask().body, kitchen.ask("other").body] == [b"1", b"1", b"2"]
    kitchen.clock.now += FRESH_SECONDS
    assert kitchen.ask().body == b"3"


def test_a_costly_answer_is_kept_until_its_cost_is_a_small_share() -> None:
    """However many ask, and whatever it takes, making it takes no more than that of a core."""
    kitchen = Kitchen()
    kitchen.cost = 1.0
    began = kitchen.clock.now
    while kitchen.clock.now - began < 200:
        kitchen.ask()
        kitchen.clock.now += 0.01
    assert kitchen.made / 200 <= MOST_SHARE * 1.1
    assert kitchen.made >= 9


def test_an_answer_that_cannot_be_made_is_not_kept() -> None:
    """The next who asks has it made."""
    kitchen = Kitchen()

    def fail() -> Content:
        raise OSError("gone")

    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            kitchen.freshness.get("", fail)
    assert kitchen.ask().body == b"1"
