"""What alerts would have said of recordings."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file
from pathlib import Path
from typing import Final, Literal, TypeAlias

from sanctum_exporter import monitoring
from sanctum_exporter.files.directory import EVENTS_FILE
from sanctum_exporter.files.follower import FileFollower
from sanctum_exporter.files.lines import read_lines
from sanctum_exporter.files.runs import AllRuns
from sanctum_exporter.history import promtool
from sanctum_exporter.history.promtool import FiredAlert
from sanctum_exporter.history.sampling import scraped
from sanctum_exporter.history.scenario import (
    Clock,
    Exporter,
    InTraining,
    Scenario,
    Shifted,
    TimedLine,
    Watching,
    Writer,
)
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.rejection import RejectedEventError
from sanctum_exporter.telemetry.times import check_believed, latest_believed

Source: TypeAlias = Literal["watch", "hook"]

LEAD_SECONDS: Final = 600.0
"""How long it is looked at before the first event."""
TAIL_SECONDS: Final = 7200.0
"""How long it is looked at after the last."""


@dataclass(frozen=True)
class Recording:
    """A recorded telemetry file, and when its first and its last event were, since the epoch."""

    path: Path
    first: float
    last: float

    @classmethod
    def at(cls, path: Path) -> Recording:
        """Return the recording of a file.

        Raises:
            SourceError: if the file cannot be read.
            ValueError: if none of its events tells its time.
        """
        times = [told_at for _, told_at in _timed(path) if told_at is not None]
        if not times:
            raise ValueError(f"{path} has no event that tells its time: nothing can be rehearsed")
        return cls(path, min(times), max(times))

    def lines(self, shift: float) -> Iterator[TimedLine]:
        """Yield its lines, with what is taken off their times; one without a time follows."""
        at = self.first
        for text, told_at in _timed(self.path):
            # What is out of order was written after what stands before it.
            at = max(at, told_at or at)
            yield TimedLine(at - shift, text)


def rehearse(
    recordings: Sequence[Recording],
    rules: Sequence[Path],
    *,
    source: Source = "watch",
    scrape_interval: int = 60,
    evaluation_interval: int = 60,
    phase: int = 0,
    kill_after: float | None = None,
) -> list[FiredAlert]:
    """Return the alerts that would have been pending or firing, at seconds since the epoch.

    Args:
        recordings: what happened.
        rules: files of rules.
        source: ``watch`` follows the files, and goes on when they end; with ``hook`` the exporter
            lives in the training process, which ends with the last event.
        scrape_interval: from one scrape to the next, in seconds.
        evaluation_interval: from one evaluation of the rules to the next, in seconds.
        phase: how long after an evaluation the first scrape is, in seconds.
        kill_after: when every training is killed, in seconds after the first event.

    Raises:
        SourceError: if a recording cannot be read.
        PromtoolError: if there is no ``promtool``, or it cannot use the rules.
    """
    shift = min(recording.first for recording in recordings) - LEAD_SECONDS
    killed_at = None if kill_after is None else LEAD_SECONDS + kill_after
    with tempfile.TemporaryDirectory(prefix="sanctum-exporter-") as directory:
        scenario = _scenario(recordings, source, shift, killed_at, Path(directory))
        names = promtool.metric_names(rules)
        samples = scraped(scenario, scrape_interval, phase, names)
        alerts = promtool.judge(samples, rules, evaluation_interval, scenario.until)
    return [_shifted(alert, shift) for alert in alerts]


@contextmanager
def shipped_rules() -> Iterator[Path]:
    """Give the file of the alerts that come with the exporter."""
    with as_file(monitoring.FIXED / "rules" / "alerts.yml") as path:
        yield path


def _timed(path: Path) -> Iterator[tuple[bytes, float | None]]:
    latest = latest_believed(time.time())
    for line in read_lines(path):
        if line.text is None:
            continue
        try:
            timestamp = decode(line.text).timestamp
            if timestamp is not None:
                check_believed(timestamp, latest)
        except RejectedEventError:
            timestamp = None
        yield line.text, None if timestamp is None else timestamp.timestamp()


def _scenario(
    recordings: Sequence[Recording],
    source: Source,
    shift: float,
    killed_at: float | None,
    directory: Path,
) -> Scenario:
    clock = Clock()
    decode_line = Shifted(shift)
    end = max(recording.last for recording in recordings) - shift
    until = (end if killed_at is None else min(end, killed_at)) + TAIL_SECONDS
    if source == "hook":
        exporters: list[Exporter] = [
            InTraining(
                recording.lines(shift),
                recording.first - shift,
                _earlier(recording.last - shift, killed_at),
                clock,
                decode_line,
                instance=recording.path.name,
            )
            for recording in recordings
        ]
        return Scenario(clock, exporters, until)

    def new_intake(path: Path, run: str | None) -> Intake:
        return Intake(Groups(run=run, clock=clock), str(path), decode_line, clock=clock)

    several = len(recordings) > 1
    paths = [
        directory / f"{number}-{recording.path.stem}" / EVENTS_FILE
        for number, recording in enumerate(recordings, 1)
    ]
    writers = [
        Writer(path, recording.lines(shift), _earlier(end, killed_at))
        for path, recording in zip(paths, recordings, strict=True)
    ]
    follower = (
        AllRuns(directory, new_intake, clock)
        if several
        else FileFollower(paths[0], lambda: new_intake(paths[0], None))
    )
    watching = Watching(follower, run_label=several, instance="watch")
    return Scenario(clock, [watching], until, writers)


def _earlier(time: float, other: float | None) -> float:
    return time if other is None else min(time, other)


def _shifted(alert: FiredAlert, shift: float) -> FiredAlert:
    def real(time: float | None) -> float | None:
        return None if time is None else time + shift

    return FiredAlert(
        alert.alert,
        alert.severity,
        alert.labels,
        alert.active_at + shift,
        real(alert.fired_at),
        real(alert.resolved_at),
    )


def iso(time: float) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
