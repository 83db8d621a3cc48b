"""Ways of doing the same thing, measured in turn, so that one noisy minute hits all of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Shorter than this, the clock and a switch to another process would be most of what is measured.
SHORTEST_SAMPLE_SECONDS = 0.02


class Scale(NamedTuple):
    """How much is measured."""

    rounds: int
    """How often each way is measured."""
    recordings: tuple[str, ...]
    """Those of tests/data whose live events are taken in."""
    envs: tuple[int, ...]
    """The sizes of run that are scraped."""
    requests: int
    """Scrapes over loopback in a round."""
    megabytes: int
    """The size of the file that is read."""


FULL = Scale(11, ("ppo_single", "ab"), (16, 1_024, 100_000), 1_000, 100)
SMALL = Scale(1, ("ppo_single",), (16, 1_024), 20, 4)


@dataclass(frozen=True)
class Way:
    """One way of doing something.

    Attributes:
        name: what the table calls it.
        sample: does it once and returns the quantities of its comparison, in their order.
        aims: how many times as much as ours it should cost at least, by quantity.
    """

    name: str
    sample: Callable[[], Sequence[float]]
    aims: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """A way that cannot be measured here, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Comparison:
    """The same thing done in our way and in others.

    Attributes:
        what: what is done.
        quantities: what a sample tells, each with its unit, as ``"p50, ms"``.
        floor: does the least that could be done.
    """

    what: str
    quantities: Sequence[str]
    ours: Way
    theirs: Sequence[Way | Missing]
    floor: Way


class Quartiles(NamedTuple):
    """The middle half of some numbers."""

    lower: float
    median: float
    upper: float


class Row(NamedTuple):
    """One line of the table: what one other way costs beside ours, or why that is not known."""

    what: str
    quantity: str
    theirs_name: str
    why_missing: str = ""
    ours: float = math.nan
    theirs: float = math.nan
    ratio: Quartiles = Quartiles(math.nan, math.nan, math.nan)
    floor: float = math.nan
    floor_name: str = ""
    aim: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for JSON."""
        return self._asdict()

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Row:
        """Return the row that ``to_dict`` gave."""
        return cls(**{**fields, "ratio": Quartiles(*fields["ratio"])})


def measure(comparison: Comparison, rounds: int) -> list[Row]:
    """Return a row for every other way and quantity.

    Every round samples each way once, in the opposite order of the round before. A ratio is that
    of two samples of one round.
    """
    others = [other for other in comparison.theirs if isinstance(other, Way)]
    ways = [comparison.ours, *others, comparison.floor]
    for way in ways:
        # What is compiled, cached or imported at first use is no part of the cost.
        way.sample()
    samples: list[list[Sequence[float]]] = [[] for _ in ways]
    for turn in range(rounds):
        numbered = list(zip(ways, samples, strict=True))
        for way, taken in reversed(numbered) if turn % 2 else numbered:
            taken.append(way.sample())
    ours, floor = samples[0], samples[-1]
    by_way = dict(zip(map(id, others), samples[1:-1], strict=True))
    rows = []
    for index, quantity in enumerate(comparison.quantities):
        for other in comparison.theirs:
            if isinstance(other, Missing):
                rows.append(Row(comparison.what, quantity, other.name, other.why))
                continue
            theirs = by_way[id(other)]
            ratios = [b[index] / a[index] for a, b in zip(ours, theirs, strict=True)]
            rows.append(
                Row(
                    comparison.what,
                    quantity,
                    other.name,
                    ours=_median(ours, index),
                    theirs=_median(theirs, index),
                    ratio=quartiles(ratios),
                    floor=_median(floor, index),
                    floor_name=comparison.floor.name,
                    aim=other.aims.get(quantity),
                )
            )
    return rows


def _median(samples: Iterable[Sequence[float]], index: int) -> float:
    return statistics.median(sample[index] for sample in samples)


def quartiles(numbers: Sequence[float]) -> Quartiles:
    """Return the quartiles of at least one number."""
    if len(numbers) == 1:
        return Quartiles(numbers[0], numbers[0], numbers[0])
    lower, median, upper = statistics.quantiles(numbers, n=4, method="inclusive")
    return Quartiles(lower, median, upper)


def timed(
    prepare: Callable[[], Callable[[], object]], parts: float = 1, unit: float = 1e6
) -> Callable[[], list[float]]:
    """Return a sample: the time that a part of a run takes, in so many parts of a second.

    Args:
        prepare: makes anew what is then run; that it takes a while does not count.
        parts: how many equal things a run does.
        unit: parts of a second.
    """
    times = 0

    def sample() -> list[float]:
        nonlocal times
        times = times or math.ceil(SHORTEST_SAMPLE_SECONDS / _seconds(prepare()))
        return [sum(_seconds(prepare()) for _ in range(times)) / times / parts * unit]

    return sample


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
