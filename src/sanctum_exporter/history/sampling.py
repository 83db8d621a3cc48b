"""What Prometheus has of a scenario: the samples of its scrapes, or of what was pushed to it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sanctum_exporter.history.scenario import Exporter, Scenario
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.web.scrapers import LONGEST_WAIT_SECONDS

JOB: Final = "sanctum"
STALE: Final = None

Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels."""


@dataclass
class Samples:
    """Samples by series, each at a time in seconds; None stands for a stale marker."""

    by_series: dict[Series, list[tuple[float, float | None]]] = field(default_factory=dict)

    def add(self, at: float, values: dict[Series, float]) -> None:
        """Add the values of a moment."""
        for series, value in values.items():
            self.by_series.setdefault(series, []).append((at, value))

    def end(self, at: float, series: Iterator[Series]) -> None:
        """Add stale markers."""
        for each in series:
            self.by_series[each].append((at, STALE))


def scraped(
    scenario: Scenario,
    interval: float,
    phase: float,
    names: Container[str],
    failed: Container[float] = (),
) -> Samples:
    """Return what a Prometheus has that scrapes each instance.

    Args:
        scenario: what happens.
        interval: from one scrape to the next, in seconds.
        phase: when the first scrape is.
        names: the metrics that are of interest.
        failed: times of scrapes that fail whatever is there.
    """
    samples = Samples()
    present: dict[str, dict[Series, float]] = {}
    instances = {exporter.instance for exporter in scenario.exporters}
    at = phase
    while at <= scenario.until:
        _advance(scenario, at)
        for instance in instances:
            before = present.get(instance, {})
            answering = _answering(scenario.exporters, instance, at, interval)
            if answering is None or at in failed:
                values: dict[Series, float] = {}
            else:
                values = _values(answering.go_on(at), answering, names)
            samples.add(at, values)
            samples.end(at, iter(before.keys() - values.keys()))
            present[instance] = values
            up: Series = ("up", (("instance", instance), ("job", JOB)))
            samples.add(at, {up: float(bool(values))})
        at += interval
    return samples


def pushed(scenario: Scenario, interval: float, names: Container[str]) -> Samples:
    """Return what a receiver has that every exporter pushes to; see ``scraped``.

    Each pushes at its start, every interval, and at an end that is not a kill.
    """
    samples = Samples()
    moments = sorted(
        (at, index)
        for index, exporter in enumerate(scenario.exporters)
        for at in _push_times(exporter, interval, scenario.until)
    )
    for at, index in moments:
        exporter = scenario.exporters[index]
        _advance(scenario, at)
        samples.add(at, _values(exporter.go_on(at), exporter, names))
    return samples


def _advance(scenario: Scenario, now: float) -> None:
    scenario.clock.now = now
    for writer in scenario.writers:
        writer.write(now)


def _answering(
    exporters: Sequence[Exporter], instance: str, at: float, interval: float
) -> Exporter | None:
    for exporter in exporters:
        # It has been scraped regularly, so it waits for the next scrape if that is soon.
        waits = min(interval, LONGEST_WAIT_SECONDS) if exporter.ending == "waits" else 0.0
        regular = at - interval >= exporter.start + interval
        end = exporter.end + (waits if regular else 0.0)
        last_scrape = at - interval < exporter.end
        if exporter.instance == instance and exporter.start <= at <= end and last_scrape:
            return exporter
    return None


def _push_times(exporter: Exporter, interval: float, until: float) -> Iterator[float]:
    at = exporter.start
    while at < min(exporter.end, until):
        yield at
        at += interval
    if exporter.ending != "killed" and exporter.end <= until:
        yield exporter.end


def _values(
    source: ReadingSource, exporter: Exporter, names: Container[str]
) -> dict[Series, float]:
    identity = {"instance": exporter.instance, "job": JOB}
    return {
        (sample.name, tuple(sorted((sample.labels | identity).items()))): sample.value
        for family in SanctumCollector(source, run_label=exporter.run_label).collect()
        for sample in family.samples
        if sample.name in names
    }
