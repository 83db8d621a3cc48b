"""What a training pays for an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks import recordings
from benchmarks.harness import Comparison, Missing, Scale, Way, timed
from benchmarks.ways import opentelemetry, ours, prometheus
from benchmarks.ways.hook import CarefulGroup

if not recordings.NO_ORIGINAL:
    from esper.karn.sanctum.registry import AggregatorRegistry

QUANTITY = "µs an event"


def comparisons(scale: Scale) -> Iterator[Comparison]:
    """Compare the ways to take in the live events of a recording."""
    for name in scale.recordings:
        events = recordings.live_events(name)
        yield Comparison(
            f"A live event through `emit`, of the mix in `{name}`",
            [QUANTITY],
            _way("ours", lambda: ours.make_hook().emit, events),
            [
                _way(
                    "prometheus_client's gauges, set at each event",
                    lambda: prometheus.make_hook().emit,
                    events,
                    aim=4,
                ),
                _way(
                    "the same, only those set that change",
                    lambda: prometheus.make_hook(CarefulGroup).emit,
                    events,
                ),
                _way(
                    "OpenTelemetry's instruments, only those set that change",
                    lambda: opentelemetry.make_hook().emit,
                    events,
                ),
                _original(events),
            ],
            _way("an empty function", lambda: _nothing, events),
        )


def _way(
    name: str,
    make: Callable[[], Callable[[Any], object]],
    events: Sequence[Any],
    aim: float | None = None,
) -> Way:
    def prepare() -> Callable[[], None]:
        emit = make()

        def run() -> None:
            for event in events:
                emit(event)

        return run

    return Way(name, timed(prepare, len(events)), {} if aim is None else {QUANTITY: aim})


def _original(events: Sequence[Any]) -> Way | Missing:
    name = "esper-lite's own `process_event`"
    if recordings.NO_ORIGINAL:
        return Missing(name, recordings.NO_ORIGINAL)
    return _way(name, lambda: AggregatorRegistry(num_envs=16).process_event, events, aim=10)


def _nothing(event: object) -> None:
    pass
