"""A backfilled week: what dashboards show of it, and what the alerts say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from sanctum_exporter.simulation import Simulation
from tests import events, recordings
from tests.clocks import Clock
from tests.grafana import dashboards, prometheus
from tests.grafana.dashboards import ALL, View
from tests.rundirs import write_run
from tests.stack.backfilling import StackTool, backfill, prometheus_with
from tests.stack.test_dashboard_queries import unanswered

pytestmark = pytest.mark.stack

MINUTE, HOUR, DAY = 60, 3600, 86_400
JOB = "sanctum"
BEGIN = datetime.now(UTC).timestamp() // DAY * DAY - 10 * DAY
STEP = 30
"""Seconds from one scrape, and from one evaluation, to the next."""

NOT_OF_A_RUN = {
    ("Cost of a scrape", "MEMORY"),
    ("Cost of a scrape", "SCRAPE"),
    ("Firing alerts", "CRITICAL"),
    ("Firing alerts", "OTHER"),
    ("Run", "SUM"),
    ("Runs of this exporter", "PASSED_OVER"),
    ("State", "NO_RUN"),
    ("annotation", "Firing alerts"),
}
"""Queries about alerts and the exporter's process, of which no recording tells, and those that say
that several runs are summed, some are passed over, or there is none.
"""


class Runs(NamedTuple):
    """Runs on a disk, and a Prometheus that they were backfilled into."""

    home: Path
    server: prometheus.Prometheus


def simulated(begin: float, seconds: float, **options: Any) -> list[bytes]:
    """Return runs that follow each other, of an epoch a minute."""
    clock = Clock(begin)

    def epochs() -> Iterator[bytes]:
        for lines in Simulation(clock=clock, **options).epochs():
            if clock.now >= begin + seconds:
                return
            yield from lines
            clock.now += MINUTE

    return list(epochs())


def at(line: bytes, moment: float) -> bytes:
    """Return an event at a time."""
    text = datetime.fromtimestamp(moment, UTC).isoformat()
    return re.sub(rb'"timestamp": "[^"]*"', f'"timestamp": "{text}"'.encode(), line)


def empty_run(begin: float) -> list[bytes]:
    """Return a run of 50 minutes in which no seed ever germinates."""
    epochs = [
        at(events.epoch_completed({}, env_id), begin + 10 * number)
        for number in range(1, 300)
        for env_id in (0, 1)
    ]
    return [at(events.started(), begin), *epochs]


def pruning_run(begin: float) -> list[bytes]:
    """Return a run of ten minutes of whose seeds none lives."""
    pruned = events.ended("SEED_PRUNED")
    return [at(events.started(), begin), *(at(pruned, begin + 60 * n) for n in range(1, 10))]


def slotless_run(begin: float) -> list[bytes]:
    """Return a run of ten minutes without a slot."""
    started = at(events.started(slot_ids=()), begin)
    return [
        started,
        *(at(events.epoch_completed({}), begin + 10 * number) for number in range(1, 60)),
    ]


@pytest.fixture(scope="module")
def week(stack_tool: StackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A week of A/B runs, a day beside it, and runs that alerts are for."""
    home = tmp_path_factory.mktemp("week")
    runs = home / "runs"
    write_run(runs, "week", *simulated(BEGIN, 7 * DAY, groups=("A", "B"), envs=2))
    write_run(runs, "day", *simulated(BEGIN + 3 * DAY, DAY, seed=1, envs=2))
    write_run(runs, "empty", *empty_run(BEGIN + DAY))
    write_run(runs, "slotless", *slotless_run(BEGIN + 2 * DAY))
    write_run(runs, "pruning", *pruning_run(BEGIN + 2 * DAY))
    done = backfill(
        stack_tool, runs, "-o", home / "data", "--blocks", f"--step={STEP}s", "--retention=90d"
    )
    assert (done.returncode, done.stderr) == (0, "")
    with prometheus_with(stack_tool, home / "data") as server:
        yield Runs(home, prometheus.Prometheus(server.url))


def test_every_query_of_a_run_has_data(week: Runs) -> None:
    """Early in a run and late, over six hours, for both dashboards and every group.

    What is asked for where there is nothing is asked of a run that is not there.
    """
    slots, fleet = dashboards.load("sanctum-slots"), dashboards.load("sanctum-fleet")

    def view(instance: str, group: str, end: float) -> View:
        chosen = {"instance": instance, "group_id": group, "groups": group}
        return View(slots, {"job": JOB, "run": instance, **chosen}, end, 6 * HOUR, STEP)

    views = [
        view(instance, group, BEGIN + 3 * DAY + hours * HOUR)
        for hours in (1, 12)
        for instance, group in (
            ("week", "A"),
            ("week", "B"),
            ("day", "default"),
            ("nowhere", "default"),
        )
    ]
    odd = BEGIN + 2 * DAY + 5 * MINUTE
    views += [view(name, "default", odd) for name in ("slotless", "pruning")]
    assert unanswered(week.server, views) == NOT_OF_A_RUN
    all_runs = View(fleet, {"job": ALL, "instance": ALL}, views[0].end, 6 * HOUR, STEP)
    # A state that no run was in has no line.
    silent = {panel for panel, _ in unanswered(week.server, [all_runs])}
    assert silent == {"Firing alerts", "Runs by state over time", "annotation"}


class Fired(NamedTuple):
    """An alert: its name, severity and group, and when it became active, fired and ended."""

    alert: str
    severity: str
    group_id: str
    active: float
    fired: float | None
    ended: float | None


@pytest.mark.parametrize(
    ("run", "begin", "hours"),
    [("empty", DAY, 1), ("slotless", 2 * DAY, 1), ("day", 3 * DAY, 24)],
)
def test_alerts_over_it_are_those_of_a_rehearsal(
    week: Runs, stack_tool: StackTool, run: str, begin: float, hours: int
) -> None:
    """The same alerts are pending, fire and end, within a scrape and an evaluation of each other.

    The rehearsed exporter lives in the training process, and is gone after the last event.
    """
    rehearsed = list(rehearsal(stack_tool, week.home / "runs" / run / "events.jsonl"))
    start, end = BEGIN + begin - 10 * MINUTE, BEGIN + begin + (hours + 1) * HOUR
    found = sorted(judged(week.server, run, start, end))
    assert [each[:3] for each in found] == [each[:3] for each in sorted(rehearsed)]
    for ours, theirs in zip(found, sorted(rehearsed), strict=True):
        for one, other in zip(ours[3:], theirs[3:], strict=True):
            assert (one is None) == (other is None), (ours, theirs)
            assert abs((one or 0) - (other or 0)) <= 2 * STEP, (ours, theirs)
    expected = {"empty": 2, "slotless": 1}
    assert sum(each.fired is not None for each in found) >= expected.get(run, 0)


def rehearsal(stack_tool: StackTool, path: Path) -> Iterator[Fired]:
    """Yield what ``rehearse`` says of a run."""
    folder = stack_tool("promtool").parent
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sanctum_exporter", "rehearse", path, "--source=hook"),
            *(f"--scrape-interval={STEP}s", f"--evaluation-interval={STEP}s", "--json"),
        ],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
    )
    for alert in json.loads(done.stdout):
        group = alert["labels"].get("group_id", "")
        times = [
            None if alert[key] is None else datetime.fromisoformat(alert[key]).timestamp()
            for key in ("active_at", "fired_at", "resolved_at")
        ]
        yield Fired(alert["alert"], alert["severity"], group, times[0] or 0.0, times[1], times[2])


def judged(server: prometheus.Prometheus, run: str, start: float, end: float) -> Iterator[Fired]:
    """Yield the alerts that Prometheus would have had of a run, by their expressions over time."""
    document = yaml.safe_load((recordings.ROOT / "rules" / "alerts.yml").read_text("utf-8"))
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        for row in server.range(rule["expr"], start, end, STEP)["result"]:
            labels = row["metric"]
            if labels.get("instance") == run:
                true_at = {float(at) for at, _ in row["values"]}
                times = [start + STEP * step for step in range(int((end - start) / STEP) + 1)]
                yield from episodes(rule, labels, true_at, times)


def episodes(
    rule: Mapping[str, Any], labels: Mapping[str, str], true_at: set[float], times: Iterable[float]
) -> Iterator[Fired]:
    """Yield when a rule was active that is evaluated at some times, as Prometheus judges it."""
    waits, keeps = (seconds(rule.get(name, "0s")) for name in ("for", "keep_firing_for"))
    active: float | None = None
    fired: float | None = None
    last_true = 0.0
    of = (rule["alert"], rule["labels"]["severity"], labels.get("group_id", ""))
    for time in times:
        if time in true_at:
            active, last_true = active or time, time
            if fired is None and time - active >= waits:
                fired = time
        elif active is not None and (fired is None or time - last_true - STEP >= keeps):
            yield Fired(*of, active, fired, time)
            active = fired = None
    if active is not None:
        yield Fired(*of, active, fired, None)


def seconds(duration: str) -> int:
    """Return a duration of the rules in seconds."""
    return int(duration[:-1]) * {"s": 1, "m": MINUTE, "h": HOUR}[duration[-1]]
