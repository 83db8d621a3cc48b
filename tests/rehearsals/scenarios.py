"""The scenarios: what happens, which alerts have to fire, and when; all others must not.

Nothing here is a number that the exporter gave: the bounds follow from what the alerts promise in
docs/alerting.md, the intervals of the setup, and the moment at which something happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from sanctum_exporter.files.directory import EVENTS_FILE
from sanctum_exporter.files.follower import FileFollower
from sanctum_exporter.files.runs import AllRuns, Follower, LatePath
from sanctum_exporter.history.scenario import (
    Clock,
    Ending,
    Exporter,
    InTraining,
    Scenario,
    TimedLine,
    Watching,
    Writer,
)
from sanctum_exporter.readings import Activity, GroupReading, ReadingSource
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests.rehearsals import trainings
from tests.rehearsals.trainings import length, training

START: Final = 607.0
"""When trainings begin: at no round time."""
_MIDDLE: Final = START + 1200
_END: Final = START + length()
_LATER: Final = 4200.0
"""How long it is looked at after the end: more than the hour after which all is past."""


class Setup(NamedTuple):
    """How a Prometheus, or a receiver of pushed values, is set up; times in seconds."""

    scrape_interval: int = 60
    evaluation_interval: int = 60
    phase: int = 0
    pushed: bool = False


class Expected(NamedTuple):
    """An alert that has to fire.

    Attributes:
        alert: its name.
        severity: its severity.
        since: the moment that it is about.
        earliest: seconds after that moment before which it must not fire, in the best case.
        latest: seconds after which it must have fired, with no delay of scrape and evaluation.
        evaluations: how many evaluations it may wait for at most.
    """

    alert: str
    severity: str
    since: float
    earliest: float
    latest: float
    evaluations: int = 1

    def window(self, setup: Setup) -> tuple[float, float]:
        """Return between which times it has to fire."""
        late = setup.scrape_interval + self.evaluations * setup.evaluation_interval
        return self.since + self.earliest - setup.scrape_interval, self.since + self.latest + late


@dataclass(frozen=True)
class Play:
    """A scenario, and what has to come of it.

    Attributes:
        scenario: what happens.
        expected: the alerts that have to fire.
        failed_scrapes: which scrapes fail whatever is there, of every ten.
        ends_by: when the last alert has to be over, at most.
    """

    scenario: Scenario
    expected: Sequence[Expected] = ()
    failed_scrapes: Sequence[int] = ()
    ends_by: float = inf


Stage = Callable[[Path], Play]
"""Sets a scenario, given a folder for its files."""

STAGES: dict[str, Stage] = {}
"""The scenarios by name, and by how the exporter is attached."""


def _stage(name: str) -> Callable[[Stage], Stage]:
    def add(stage: Stage) -> Stage:
        STAGES[name] = stage
        return stage

    return add


# What the alerts promise.


def vanished(at: float) -> Expected:
    """Return the page about a process that is gone: 4 minutes without it, then 2 of waiting."""
    return Expected("SanctumRunVanished", "critical", at, 360, 360, 2)


def unseen(at: float) -> Expected:
    """Return the note that an end was not seen, at the same time."""
    return Expected("SanctumRunEndUnseen", "info", at, 360, 360, 2)


def silent(at: float, lag: float = 15.0) -> list[Expected]:
    """Return the warning after 10 minutes of silence, and the page after 12."""
    return [
        Expected("SanctumTelemetryStopped", "warning", at, 600 - lag, 600),
        Expected("SanctumTelemetryStopped", "critical", at, 720 - lag, 720),
    ]


def no_slots(at: float) -> Expected:
    """Return the page about a run without slots: half a minute, and what the writer holds back."""
    return Expected("SanctumNoSlots", "critical", at, 30, 45, 2)


# How an exporter is attached.


def watched(
    folder: Path,
    lines: Iterable[TimedLine],
    until: float,
    *,
    killed_at: float = inf,
    exporters: Sequence[tuple[float, float, Ending]] = ((0.0, inf, "killed"),),
) -> Scenario:
    """Return a training that writes a file, which ``watch`` follows."""
    clock = Clock()
    path = folder / "telemetry_1970-01-01_000000" / EVENTS_FILE
    watching = [
        Watching(_follower(folder, clock), start, end, ending=ending)
        for start, end, ending in exporters
    ]
    return Scenario(clock, watching, until, [Writer(path, lines, killed_at)])


def _follower(path: Path, clock: Clock, *, all_runs: bool = False) -> Follower:
    def new_intake(path: Path, run: str | None) -> Intake:
        return Intake(Groups(run=run, clock=clock), str(path), clock=clock)

    return AllRuns(path, new_intake, clock) if all_runs else LatePath(path, new_intake, clock)


def hooked(
    lines: Iterable[TimedLine], end: float, until: float, ending: Ending = "closed"
) -> Scenario:
    """Return a training with the exporter in its process, which begins 20 s before."""
    clock = Clock()
    return Scenario(clock, [InTraining(lines, START - 20, end, clock, ending=ending)], until)


# The scenarios.


@_stage("healthy / hook")
def _(folder: Path) -> Play:
    return Play(hooked(training(START), inf, _END - 300))


@_stage("healthy / watch")
def _(folder: Path) -> Play:
    return Play(watched(folder, training(START), _END - 300))


@_stage("two failed scrapes in a row / hook")
def _(folder: Path) -> Play:
    return Play(hooked(training(START), inf, _END - 300), failed_scrapes=(4, 5))


@_stage("finishes / hook")
def _(folder: Path) -> Play:
    return Play(hooked(training(START), _END + 0.005, _END + _LATER))


@_stage("finishes / run")
def _(folder: Path) -> Play:
    return Play(hooked(training(START), _END + 0.005, _END + _LATER, "waits"))


@_stage("finishes / watch")
def _(folder: Path) -> Play:
    return Play(watched(folder, training(START), _END + _LATER))


@_stage("finishes / sidecar")
def _(folder: Path) -> Play:
    exporters: list[tuple[float, float, Ending]] = [(0.0, _END + 1, "waits")]
    return Play(watched(folder, training(START), _END + _LATER, exporters=exporters))


@_stage("killed / hook")
def _(folder: Path) -> Play:
    scenario = hooked(training(START), _MIDDLE, _MIDDLE + _LATER, "killed")
    return Play(scenario, [vanished(_MIDDLE)], ends_by=_MIDDLE + 3720)


@_stage("killed / watch")
def _(folder: Path) -> Play:
    scenario = watched(folder, training(START), _MIDDLE + _LATER, killed_at=_MIDDLE)
    return Play(scenario, silent(_MIDDLE), ends_by=_MIDDLE + 3720)


@_stage("killed in its first batch / hook")
def _(folder: Path) -> Play:
    at = START + 100
    scenario = hooked(training(START), at, at + _LATER, "killed")
    return Play(scenario, [vanished(at)], ends_by=at + 3720)


@_stage("killed in its first batch / watch")
def _(folder: Path) -> Play:
    at = START + 100
    scenario = watched(folder, training(START), at + _LATER, killed_at=at)
    return Play(scenario, silent(at), ends_by=at + 3720)


@_stage("killed in its last batch / hook")
def _(folder: Path) -> Play:
    at = _END - 100
    return Play(hooked(training(START), at, at + _LATER, "killed"), [unseen(at)])


@_stage("killed in its last batch / watch")
def _(folder: Path) -> Play:
    at = _END - 100
    return Play(watched(folder, training(START), at + _LATER, killed_at=at), silent(at))


@_stage("zero slots / hook")
def _(folder: Path) -> Play:
    return Play(hooked(training(START, slots=0), inf, _MIDDLE), [no_slots(START)])


@_stage("zero slots / watch")
def _(folder: Path) -> Play:
    return Play(watched(folder, training(START, slots=0), _MIDDLE), [no_slots(START)])


@_stage("zero slots, then stopped / hook")
def _(folder: Path) -> Play:
    scenario = hooked(training(START, slots=0), _MIDDLE, _MIDDLE + _LATER)
    return Play(scenario, [no_slots(START)], ends_by=_MIDDLE + 3720)


@_stage("zero slots, then stopped / watch")
def _(folder: Path) -> Play:
    scenario = watched(folder, training(START, slots=0), _MIDDLE + _LATER, killed_at=_MIDDLE)
    return Play(scenario, [no_slots(START)], ends_by=_MIDDLE + 3720)


@_stage("paused for 25 minutes / hook")
def _(folder: Path) -> Play:
    lines = trainings.paused(training(START), _MIDDLE, 1500)
    return Play(hooked(lines, inf, _END + 1200), silent(_MIDDLE, 5), ends_by=_MIDDLE + 1680)


@_stage("paused for 25 minutes / watch")
def _(folder: Path) -> Play:
    lines = trainings.paused(training(START), _MIDDLE, 1500)
    return Play(watched(folder, lines, _END + 1200), silent(_MIDDLE), ends_by=_MIDDLE + 1680)


@_stage("killed, and resumed after 3 minutes / hook")
def _(folder: Path) -> Play:
    clock = Clock()
    again = training(_MIDDLE + 200, edit=trainings.resumed(32))
    exporters = [
        InTraining(training(START), START - 20, _MIDDLE, clock),
        InTraining(again, _MIDDLE + 180, inf, clock),
    ]
    return Play(Scenario(clock, exporters, _MIDDLE + 2400))


@_stage("killed, and resumed after 3 minutes / watch")
def _(folder: Path) -> Play:
    again = training(_MIDDLE + 200, edit=trainings.resumed(32))
    scenario = watched(folder, training(START), _MIDDLE + 2400, killed_at=_MIDDLE)
    path = folder / "telemetry_1970-01-02_000000" / EVENTS_FILE
    return Play(replace(scenario, writers=[*scenario.writers, Writer(path, again)]))


@_stage("restarted elsewhere after 40 s / sidecar")
def _(folder: Path) -> Play:
    first, second = folder / "first", folder / "second"
    clock = Clock()
    again = training(_MIDDLE + 45, edit=trainings.resumed(32))
    name = f"telemetry_1970-01-01_000000/{EVENTS_FILE}"
    return Play(
        Scenario(
            clock,
            [
                Watching(_follower(first, clock), 0.0, _MIDDLE),
                Watching(_follower(second, clock), _MIDDLE + 40),
            ],
            _MIDDLE + 2400,
            [Writer(first / name, training(START), _MIDDLE), Writer(second / name, again)],
        )
    )


def _one_after_the_other() -> list[TimedLine]:
    return [
        *training(START, group="A", batches=8),
        *training(START + length(batches=8) + 0.013, group="B", batches=8),
    ]


@_stage("A/B, one after the other / hook")
def _(folder: Path) -> Play:
    end = START + 2 * length(batches=8) + 0.02
    return Play(hooked(_one_after_the_other(), end, end + _LATER))


@_stage("A/B, one after the other / watch")
def _(folder: Path) -> Play:
    return Play(watched(folder, _one_after_the_other(), START + 3000 + _LATER))


@_stage("heuristic, to its end / hook")
def _(folder: Path) -> Play:
    lines = training(START, edit=trainings.heuristic)
    return Play(hooked(lines, _END + 0.005, _END + _LATER))


@_stage("heuristic, to its end / watch")
def _(folder: Path) -> Play:
    return Play(watched(folder, training(START, edit=trainings.heuristic), _END + _LATER))


def _long_epochs() -> list[TimedLine]:
    return training(START, epoch_seconds=900, batches=4, epochs=3, envs=8, slots=8)


@_stage("epochs of 15 minutes / hook")
def _(folder: Path) -> Play:
    return Play(hooked(_long_epochs(), inf, START + 10_700))


@_stage("epochs of 15 minutes / watch")
def _(folder: Path) -> Play:
    return Play(watched(folder, _long_epochs(), START + 10_700))


def _old_runs(folder: Path, clock: Clock, now: float) -> tuple[list[Writer], list[Exporter]]:
    writers = [
        Writer(folder / f"old-{number}" / EVENTS_FILE, training(START), START + 10 * number)
        for number in range(1, 31)
    ]
    writers.append(Writer(folder / "new" / EVENTS_FILE, training(now + 60)))
    return writers, [Watching(_follower(folder, clock, all_runs=True), now, run_label=True)]


@_stage("30 old unfinished runs / watch")
def _(folder: Path) -> Play:
    clock = Clock()
    now = START + 7200
    writers, exporters = _old_runs(folder, clock, now)
    return Play(Scenario(clock, exporters, now + 3000, writers))


@_stage("30 old unfinished runs, and the exporter restarted / watch")
def _(folder: Path) -> Play:
    clock = Clock()
    now = START + 7200
    writers, _ = _old_runs(folder, clock, now)
    exporters = [
        Watching(_follower(folder, clock, all_runs=True), start, end, run_label=True)
        for start, end in ((now, now + 1200), (now + 1380, inf))
    ]
    return Play(Scenario(clock, exporters, now + 3000, writers))


@_stage("exporter restarted within 3 minutes / watch")
def _(folder: Path) -> Play:
    exporters: list[tuple[float, float, Ending]] = [
        (0.0, _MIDDLE, "killed"),
        (_MIDDLE + 180, inf, "killed"),
    ]
    return Play(watched(folder, training(START), _END - 300, exporters=exporters))


@_stage("exporter killed, its run lives on / watch")
def _(folder: Path) -> Play:
    exporters: list[tuple[float, float, Ending]] = [(0.0, _MIDDLE, "killed")]
    scenario = watched(folder, training(START), _MIDDLE + _LATER, exporters=exporters)
    down = Expected("SanctumExporterDown", "warning", _MIDDLE, 540, 540, 2)
    return Play(scenario, [vanished(_MIDDLE), down], ends_by=_MIDDLE + 3720)


@_stage("exporter told to end when all is done / watch")
def _(folder: Path) -> Play:
    exporters: list[tuple[float, float, Ending]] = [(0.0, _END + 600, "waits")]
    return Play(watched(folder, training(START), _END + _LATER, exporters=exporters))


@_stage("exporter killed while it waits for its first run / watch")
def _(folder: Path) -> Play:
    exporters: list[tuple[float, float, Ending]] = [(0.0, START, "killed")]
    down = Expected("SanctumExporterDown", "warning", START, 540, 540, 2)
    scenario = watched(folder, [], START + _LATER, exporters=exporters)
    return Play(scenario, [down], ends_by=START + 3720)


@_stage("source cannot be read / watch")
def _(folder: Path) -> Play:
    path = folder / "events.jsonl"
    # The tests may run as root, who can read everything but this.
    path.mkdir()
    clock = Clock()
    follower = FileFollower(path, lambda: Intake(Groups(clock=clock)))
    down = Expected("SanctumSourceDown", "warning", 0.0, 600, 600, 2)
    return Play(Scenario(clock, [Watching(follower)], 3600), [down])


@_stage("attached, and nothing starts / hook")
def _(folder: Path) -> Play:
    nothing = Expected("SanctumNothingStarted", "critical", START - 20, 600, 600, 2)
    return Play(hooked([], inf, START + 1200), [nothing])


@_stage("attached, and it starts after 8 minutes / hook")
def _(folder: Path) -> Play:
    return Play(hooked(training(START + 480), inf, START + 2400))


def _dormant(at: float) -> list[Expected]:
    return [
        Expected("SanctumNoActiveSlots", "warning", at, 600, 600),
        Expected("SanctumNoActiveSlots", "critical", at, 1800, 1800),
    ]


@_stage("no seed grows / hook")
def _(folder: Path) -> Play:
    return Play(hooked(training(START, edit=trainings.barren), inf, _END - 300), _dormant(START))


@_stage("no seed is to grow / hook")
def _(folder: Path) -> Play:
    edit = trainings.chain(
        trainings.barren, trainings.started_with(proof_baseline_mode="off_switch")
    )
    return Play(hooked(training(START, edit=edit), inf, _END - 300))


@_stage("telemetry that tells of no seed / hook")
def _(folder: Path) -> Play:
    return Play(hooked(training(START, edit=trainings.mute), inf, _END - 300))


@_stage("a single seed grows / hook")
def _(folder: Path) -> Play:
    lines = training(START, edit=trainings.nearly_barren)
    mostly = Expected("SanctumMostlyDormant", "warning", START, 1800, 1800)
    return Play(hooked(lines, inf, _END - 300), [mostly])


@_stage("every seed is pruned / hook")
def _(folder: Path) -> Play:
    lines = training(START, edit=trainings.short_lived)
    # 7 of its 28 epochs an episode, of 4 envs: 20 seeds have ended after 20 epochs.
    ended = START + 100
    batch = START + length(batches=1)
    return Play(
        hooked(lines, inf, _END - 300),
        [
            Expected("SanctumLowBlendSuccess", "warning", ended, 300, 300, 2),
            Expected("SanctumShortLifespan", "warning", ended, 300, 300, 2),
            Expected("SanctumHighPruneRate", "warning", batch, 300, 300, 2),
        ],
    )


@_stage("events are rejected / watch")
def _(folder: Path) -> Play:
    lines = training(START)
    index = next(i for i, line in enumerate(lines) if line.at > _MIDDLE)
    lines.insert(index, TimedLine(_MIDDLE, b"garbage"))
    rejected = Expected("SanctumEventsRejected", "warning", _MIDDLE, 0, 15)
    return Play(watched(folder, lines, _END - 300), [rejected], ends_by=_MIDDLE + 720)


@_stage("events were rejected an hour ago, and the exporter restarts / watch")
def _(folder: Path) -> Play:
    lines = training(START, batches=40)
    lines.insert(1, TimedLine(START, b"garbage"))
    restart = START + 3600
    exporters: list[tuple[float, float, Ending]] = [(restart, inf, "killed")]
    return Play(watched(folder, lines, restart + 1500, exporters=exporters))


class _Dropping:
    """An exporter in a training whose hub drops events from a moment on."""

    def __init__(self, exporter: InTraining, since: float) -> None:
        self.instance, self.start, self.end = exporter.instance, exporter.start, exporter.end
        self.ending, self.run_label = exporter.ending, exporter.run_label
        self._exporter = exporter
        self._since = since
        self._now = 0.0
        self._source: ReadingSource | None = None

    def go_on(self, now: float) -> ReadingSource:
        self._now = now
        self._source = self._exporter.go_on(now)
        return self

    def readings(self) -> Sequence[GroupReading]:
        assert self._source is not None
        return self._source.readings()

    def activity(self) -> Activity:
        assert self._source is not None
        dropped = 12 if self._now >= self._since else 0
        return replace(self._source.activity(), dropped=dropped)


@_stage("events are dropped / hook")
def _(folder: Path) -> Play:
    scenario = hooked(training(START), inf, _END - 300)
    (training_process,) = scenario.exporters
    assert isinstance(training_process, InTraining)
    dropping: Any = _Dropping(training_process, _MIDDLE)
    dropped = Expected("SanctumEventsDropped", "warning", _MIDDLE, 0, 0)
    return Play(replace(scenario, exporters=[dropping]), [dropped], ends_by=_MIDDLE + 780)


PHASES: Final = (0.0, 0.27, 0.5, 0.77)
SETUPS: Final = [
    Setup(scrape, evaluation, int(scrape * phase), pushed)
    for scrape in (5, 15, 30, 60)
    for evaluation in (15, 60)
    for phase in PHASES
    for pushed in (False, True)
]
"""Every setup that a scenario is played in."""


def some_setups(number: int) -> list[Setup]:
    """Return four setups for a scenario: with each interval of scrapes and each phase once.

    Over several scenarios, each phase meets each interval, and each way of both others each.
    """
    return [
        Setup(
            scrape,
            (15, 60)[(index + number) % 2],
            int(scrape * PHASES[(index + number // 2) % 4]),
            pushed=(index // 2 + number) % 2 == 1,
        )
        for index, scrape in enumerate((5, 15, 30, 60))
    ]


def promised(name: str, alert: tuple[str, str]) -> float:
    """Return the moment that an alert of a scenario is about, the end of the process if unnamed."""
    with TemporaryDirectory() as folder:
        staged = STAGES[name](Path(folder))
    for expected in staged.expected:
        if (expected.alert, expected.severity) == alert:
            return expected.since
    return max(exporter.end for exporter in staged.scenario.exporters)


@dataclass
class Result:
    """What came of a play in a setup: what is wrong with it, and what fired when."""

    wrong: list[str] = field(default_factory=list)
    fired: dict[tuple[str, str], float] = field(default_factory=dict)
