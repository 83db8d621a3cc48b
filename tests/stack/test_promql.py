"""The documented queries, asked of a real Prometheus that holds a recorded run."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import recordings
from tests.behaviour.test_rules_and_docs import documented
from tests.stack.servers import Prometheus, Server, free_port

pytestmark = pytest.mark.stack

SCRAPE_SECONDS = 5
START = 1795387991
"""The first whole second of the recorded A/B run."""
MOMENT = int(datetime(2026, 11, 22, 22, 55, 11, tzinfo=UTC).timestamp())
END = MOMENT + SCRAPE_SECONDS
"""The last scrape, when B is still in its last batch."""
LATER_SECONDS = {24: 600}
"""How long after the moment a question is asked."""

Row = Mapping[str, Any]
Answer = dict[frozenset[tuple[str, str]], float]


def event_times() -> list[float]:
    """Return the time of each event of the recording."""
    events = (json.loads(line) for line in recordings.lines("ab"))
    return [datetime.fromisoformat(event["timestamp"]).timestamp() for event in events]


def open_metrics() -> str:
    """Return what scrapes of the recorded run would have found, as OpenMetrics with times."""
    moment = START
    intake = Intake(Groups(clock=lambda: moment))
    registry = CollectorRegistry()
    registry.register(SanctumCollector(intake))
    times, fed = event_times(), 0
    samples: dict[str, dict[str, list[str]]] = {}
    for moment in range(START, END + 1, SCRAPE_SECONDS):
        while fed < len(times) and times[fed] <= moment:
            intake.line(recordings.lines("ab")[fed], fed + 1)
            fed += 1
        for family in text_string_to_metric_families(generate_latest(registry).decode()):
            for sample in family.samples:
                labels = sample.labels | {"job": "sanctum", "instance": "trainer:10500"}
                text = ",".join(f"{k}={json.dumps(v)}" for k, v in sorted(labels.items()))
                series = samples.setdefault(sample.name, {}).setdefault(text, [])
                series.append(f"{sample.name}{{{text}}} {sample.value} {moment}")
    rows = [row for family in samples.values() for series in family.values() for row in series]
    return "\n".join([*rows, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(
    stack_tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Start a Prometheus that holds the recorded A/B run."""
    home = tmp_path_factory.mktemp("promql")
    (home / "run.txt").write_text(open_metrics(), "utf-8")
    subprocess.run(
        [
            *(stack_tool("promtool"), "tsdb", "create-blocks-from", "openmetrics"),
            *(home / "run.txt", home / "data"),
        ],
        check=True,
        capture_output=True,
    )
    (home / "empty.yml").touch()
    address = f"127.0.0.1:{free_port()}"
    argv: list[str | Path] = [stack_tool("prometheus"), f"--web.listen-address={address}"]
    argv += [f"--config.file={home / 'empty.yml'}", f"--storage.tsdb.path={home / 'data'}"]
    # However old the recording is by then.
    argv.append("--storage.tsdb.retention.time=100y")
    server = Server(argv, home / "log")
    try:
        server.wait_until_it_answers(f"http://{address}/-/ready")
        yield Prometheus(f"http://{address}")
    finally:
        server.close()


class Truth:
    """What esper-lite computed and recorded, by group."""

    def __init__(self) -> None:
        self._times = event_times()
        self._starts = {
            event["group_id"]: (datetime.fromisoformat(event["timestamp"]).timestamp(), event)
            for event in map(json.loads, recordings.lines("ab"))
            if event["event_type"] == "TRAINING_STARTED"
        }

    def row(self, group: str, moment: float = MOMENT) -> Row:
        """Return the values of a group at a moment."""
        seen = sum(time <= moment for time in self._times)
        rows = [r for r in recordings.golden("ab") if r["group_id"] == group and r["line"] <= seen]
        return rows[-1]

    def has_started(self, group: str, moment: float) -> bool:
        """Tell whether a group trains at a moment."""
        return bool(self._starts[group][0] <= moment)

    def start(self, group: str) -> tuple[float, Mapping[str, Any]]:
        """Return time and payload of a group's TRAINING_STARTED."""
        time, event = self._starts[group]
        return time, event["data"]

    def times(self, group: str, event_type: str = "") -> list[float]:
        """Return the times of a group's events until now, of all types or of one."""
        events = zip(self._times, map(json.loads, recordings.lines("ab")), strict=True)
        return [
            time
            for time, event in events
            if event["group_id"] == group
            and time <= MOMENT
            and event_type in ("", event["event_type"])
        ]

    def running(self) -> list[str]:
        """Return the groups that have episodes left."""
        return [
            group
            for group in ("A", "B")
            if self.row(group)["current_episode"] < self.start(group)[1]["n_episodes"]
        ]

    def remaining(self, group: str) -> float:
        """Return how long a group has to go by its own pace, as the contract puts it."""
        start, data = self.start(group)
        done = self.row(group)["current_episode"]
        left: int = data["n_episodes"] - done
        last_batch = self.times(group, "BATCH_EPOCH_COMPLETED")[-1]
        pace: float = (last_batch - start) / (done - data["start_episode"])
        return max(1.0, pace * left - (MOMENT - last_batch)) if left else 0.0

    def silence(self, group: str) -> float:
        """Return how long a group has been silent, by how long it was at most before."""
        times = self.times(group)
        longest = max(later - time for time, later in itertools.pairwise(times))
        return (MOMENT - times[-1]) / longest

    def seeds(self, group: str, moment: float = MOMENT) -> Row:
        """Return the seed lifecycle of a group at a moment."""
        seeds: Row = self.row(group, moment)["seed_lifecycle"]
        return seeds

    def each(self, value: Callable[[str], float], **labels: str) -> Answer:
        """Return an answer with a value for each group."""
        return {frozenset({"group_id": g, **labels}.items()): value(g) for g in ("A", "B")}


TREND = {"rising": 1, "stable": 0, "falling": -1}


def expected(question: int, truth: Truth) -> Answer:
    """Return the answer to a question, from what esper-lite computed."""
    row, seeds, each = truth.row, truth.seeds, truth.each
    half_a_minute_ago = MOMENT - 30
    scrapes = range(START, MOMENT + 1, SCRAPE_SECONDS)
    stages = row("B")["slot_stage_counts"]
    fossilize = {g: seeds(g)["fossilize_rate"] for g in ("A", "B")}
    best = max(fossilize, key=lambda g: fossilize[g])
    answers: dict[int, Callable[[], Answer]] = {
        1: lambda: each(lambda g: row(g)["total_slots"]),
        2: lambda: each(lambda g: row(g)["active_slots"]),
        3: lambda: {
            frozenset({("group_id", "B"), ("stage", stage)}): count
            for stage, count in stages.items()
        },
        4: lambda: each(lambda g: row(g)["active_slots"] / row(g)["total_slots"]),
        5: lambda: each(lambda g: len(truth.start(g)[1]["slot_ids"])),
        6: lambda: each(lambda g: row(g)["current_episode"] / truth.start(g)[1]["n_episodes"]),
        7: lambda: each(lambda g: seeds(g)["germination_rate"]),
        8: lambda: each(lambda g: seeds(g)["prune_rate"]),
        9: lambda: each(lambda g: seeds(g)["fossilize_rate"]),
        10: lambda: each(
            lambda g: (
                seeds(g)["germination_count"] - seeds(g, half_a_minute_ago)["germination_count"]
            )
        ),
        11: lambda: each(lambda g: seeds(g)["blend_success_rate"]),
        12: lambda: each(lambda g: seeds(g)["avg_lifespan_epochs"]),
        13: lambda: {frozenset({("group_id", best)}): fossilize[best]},
        14: lambda: {
            frozenset(): seeds("B")["blend_success_rate"] - seeds("A")["blend_success_rate"]
        },
        15: lambda: each(lambda g: TREND[seeds(g)["germination_trend"]], event="germination"),
        16: lambda: {
            labels: value
            for labels, value in each(lambda g: seeds(g)["fossilize_count"]).items()
            if value <= seeds(dict(labels)["group_id"])["prune_count"]
        },
        17: lambda: each(
            lambda g: max(row(g, t)["active_slots"] for t in scrapes if truth.has_started(g, t))
        ),
        18: lambda: each(lambda g: row(g)["avg_epochs_in_stage"]),
        19: lambda: each(truth.remaining),
        20: lambda: {
            frozenset(
                {
                    ("group_id", g),
                    ("run_id", truth.start(g)[1]["episode_id"]),
                    ("reward_mode", truth.start(g)[1]["reward_mode"]),
                }
            ): row(g)["current_episode"]
            for g in ("A", "B")
        },
        21: lambda: {
            frozenset({("group_id", g), ("state", "running"), ("sanctum_run_state", "running")}): 1
            for g in truth.running()
        },
        22: lambda: {frozenset({("group_id", g)}): truth.silence(g) for g in truth.running()},
        23: lambda: {frozenset(): len(truth.running())},
        24: lambda: {frozenset(): len(truth.running())},
        25: lambda: {frozenset(): 1},
    }
    return answers[question]()


def questions() -> list[tuple[int, str, str]]:
    """Return number, query and documented answer of every question."""
    page = (recordings.ROOT / "docs" / "promql.md").read_text("utf-8")
    found = re.findall(r"(?ms)^## (\d+)\. .*?\n```promql\n(.*?)^```.*?^```text\n(.*?)^```", page)
    return [(int(number), query, answer) for number, query, answer in found]


def as_text(answer: Answer) -> str:
    """Return an answer as the page shows it: a line a series, sorted."""
    rows = []
    for labels, value in answer.items():
        names = ", ".join(f'{name}="{text}"' for name, text in sorted(labels))
        rows.append(f"{{{names}}} {value:.4g}\n")
    return "".join(sorted(rows)) or "(nothing)\n"


def test_there_are_twenty_five_questions() -> None:
    """The page has all of them, numbered."""
    assert [number for number, _, _ in questions()] == list(range(1, 26))


@pytest.mark.parametrize(("number", "query", "documented_answer"), questions())
def test_prometheus_answers_a_question_as_esper_lite_would(
    prometheus: Prometheus, number: int, query: str, documented_answer: str
) -> None:
    """Query, recorded values of the original and the page agree on labels and values."""
    target = {("job", "sanctum"), ("instance", "trainer:10500")}
    at = MOMENT + LATER_SECONDS.get(number, 0)
    answer = {labels - target: value for labels, value in prometheus.query(query, at=at).items()}
    wanted = expected(number, Truth())
    assert answer == pytest.approx(wanted, rel=1e-6)
    assert documented_answer == as_text(wanted)


@pytest.mark.parametrize(("page", "query"), documented())
def test_prometheus_accepts_every_documented_query(
    prometheus: Prometheus, page: str, query: str
) -> None:
    """Pages and runbooks hold nothing that Prometheus calls an error."""
    prometheus.query(query, at=MOMENT)
