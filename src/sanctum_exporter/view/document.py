"""The documents of ``/api/v1``: what page, ``top`` and scripts show of a source.

Times are seconds since the epoch, 0 for none yet; durations are in seconds; ratios are 0 to 1.
``docs/api.md`` describes the documents for their users, and names do not change within ``v1``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import msgspec

from sanctum_exporter import panel
from sanctum_exporter.readings import GroupReading, SlotSnapshot
from sanctum_exporter.view.history import Series
from sanctum_exporter.view.judgement import (
    SEVERITIES,
    Judgement,
    Severity,
    State,
    judge_state,
    judge_values,
)


class Exporter(msgspec.Struct, frozen=True):
    """Who says it.

    Attributes:
        version: the exporter's.
        origin: where the values come from, for people.
        not_ready: why the exporter does not do its job, None while it does.
        telemetry_path: where the metrics are.
    """

    version: str
    origin: str
    not_ready: str | None = None
    telemetry_path: str = "/metrics"


class RunSummary(msgspec.Struct, frozen=True):
    """A run in a line; sums are over its groups.

    Attributes:
        run: its name where the exporter follows several, None where it has but one.
        run_id: what the run calls itself; not unique.
        task: what is trained, "" before the start.
        reward_mode: how it is rewarded, "" before the start.
        state: waiting, running, completed, stopped, silent, or zero slots.
        severity: how bad that is: none, good, warning or critical.
        detail: the state in a few words more, for people.
        runbook: the alert whose runbook, at ``/-/runbooks/NAME``, says what to do, or None.
        current_episode: episodes done.
        planned_episodes: episodes to do, 0 where that is not known.
        progress: share of the planned episodes that are done, None where that is not known.
        remaining_seconds: how long it has to go, 0 where that is not known.
        start_timestamp: when it began.
        last_event_timestamp: when its newest event happened.
        total_slots: slots of all groups.
        active_slots: those that are not DORMANT.
        groups: the ids of its groups.
    """

    run: str | None
    run_id: str
    task: str
    reward_mode: str
    state: State
    severity: Severity
    detail: str
    runbook: str | None
    current_episode: int
    planned_episodes: int
    progress: float | None
    remaining_seconds: float
    start_timestamp: float
    last_event_timestamp: float
    total_slots: int
    active_slots: int
    groups: list[str]


class Overview(msgspec.Struct, frozen=True):
    """``/api/v1/runs``: every run, the one with the newest event first.

    Attributes:
        exporter: who says it.
        now: when it was made.
        runs: a line for each run.
    """

    exporter: Exporter
    now: float
    runs: list[RunSummary]


class GroupView(msgspec.Struct, frozen=True):
    """A group as SlotsPanel shows it, and more.

    Attributes:
        group_id: ``A`` and ``B`` in an A/B run, else ``default``.
        border_title: the title in the panel's border.
        lines: the panel, line by line; each is a row of spans, a text and a style's name.
        state: as of the run, for this group.
        severity: how bad that is.
        detail: the state in a few words more, for people.
        slots: the values that the panel is made of, under esper-lite's names.
        epochs_completed: epochs that its envs have reported, each env's counted.
        longest_silence_seconds: the longest time between two of its events so far.
        judgements: what is to be thought of them.
        history: the last minutes.
    """

    group_id: str
    border_title: str
    lines: list[list[panel.Span]]
    state: State
    severity: Severity
    detail: str
    slots: SlotSnapshot
    epochs_completed: int
    longest_silence_seconds: float
    judgements: list[Judgement]
    history: Series


class RunView(msgspec.Struct, frozen=True):
    """``/api/v1/run``: one run with all of its groups.

    Attributes:
        exporter: who says it.
        now: when it was made.
        runs: how many runs the source has.
        run: the run in a line.
        groups: each of its groups.
    """

    exporter: Exporter
    now: float
    runs: int
    run: RunSummary
    groups: list[GroupView]


def by_run(readings: Iterable[GroupReading]) -> dict[str | None, list[GroupReading]]:
    """Return the groups of each run, the run with the newest event first."""

    def name(reading: GroupReading) -> str:
        return reading.run or ""

    grouped = groupby(sorted(readings, key=name), name)
    runs = [list(groups) for _, groups in grouped]
    runs.sort(key=lambda groups: -max(group.last_event_timestamp for group in groups))
    return {groups[0].run: groups for groups in runs}


def overview(exporter: Exporter, readings: Iterable[GroupReading], now: float) -> Overview:
    """Return every run of a source in a line."""
    return Overview(exporter, now, [summary(groups, now) for groups in by_run(readings).values()])


def run_view(
    exporter: Exporter,
    groups: Sequence[GroupReading],
    histories: Mapping[str, Series],
    now: float,
    runs: int = 1,
) -> RunView:
    """Return one run.

    Args:
        exporter: who says it.
        groups: all groups of the run, at least one.
        histories: the last minutes of each group, by its id.
        now: the present moment.
        runs: how many runs the source has.
    """
    views = [_group(group, histories[group.group_id], now) for group in groups]
    return RunView(exporter, now, runs, summary(groups, now), views)


def summary(groups: Sequence[GroupReading], now: float) -> RunSummary:
    """Return a run in a line, given all of its groups, at least one."""
    newest = max(groups, key=lambda group: group.info.start_timestamp)
    judged = max(
        (judge_state(group, now) for group in groups),
        # A run of which one group is not completed is not.
        key=lambda judged: (SEVERITIES.index(judged.severity), judged.state != "completed"),
    )
    info, slots = newest.info, newest.slots
    planned = info.planned_episodes
    return RunSummary(
        run=newest.run,
        run_id=info.run_id,
        task=info.task,
        reward_mode=info.reward_mode,
        state=judged.state,
        severity=judged.severity,
        detail=judged.detail,
        runbook=judged.runbook,
        current_episode=slots.current_episode,
        planned_episodes=planned,
        progress=min(1.0, slots.current_episode / planned) if planned else None,
        remaining_seconds=max(group.life.remaining_seconds for group in groups),
        start_timestamp=info.start_timestamp,
        last_event_timestamp=max(group.last_event_timestamp for group in groups),
        total_slots=sum(group.slots.total_slots for group in groups),
        active_slots=sum(group.slots.active_slots for group in groups),
        groups=[group.group_id for group in groups],
    )


def _group(reading: GroupReading, history: Series, now: float) -> GroupView:
    judged = judge_state(reading, now)
    return GroupView(
        group_id=reading.group_id,
        border_title=panel.border_title(reading.slots),
        lines=panel.lines(reading.slots),
        state=judged.state,
        severity=judged.severity,
        detail=judged.detail,
        slots=reading.slots,
        epochs_completed=reading.life.epochs_completed,
        longest_silence_seconds=reading.life.longest_silence_seconds,
        judgements=judge_values(reading),
        history=history,
    )


def encode(document: Overview | RunView) -> bytes:
    """Return a document as JSON."""
    return msgspec.json.encode(document)
