"""What /api/v1 answers."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.view.history import STEP_SECONDS, History
from sanctum_exporter.web.api import RUN_PATH, RUNS_PATH, Api
from sanctum_exporter.web.content import Content
from sanctum_exporter.web.freshness import FRESH_SECONDS, Freshness
from tests.clocks import Clock
from tests.readings import NOW, reading


class Asked:
    """An API over groups that a test sets, with clocks that it moves."""

    def __init__(self, *groups: GroupReading) -> None:
        self.groups = list(groups)
        self.clock = Clock(NOW)
        self.reads = 0
        self.not_ready: str | None = None
        self._pages = Api(
            self,
            History(),
            origin=lambda: "watch runs",
            not_ready=lambda: self.not_ready,
            telemetry_path="/metrics",
            clock=self.clock,
            freshness=Freshness(self.clock, cpu_time=lambda: 0.0),
        ).pages()

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups."""
        self.reads += 1
        return self.groups

    def activity(self) -> Activity:
        """Return nothing."""
        return Activity()

    def ask(self, path: str, **query: str) -> Content:
        """Return the answer."""
        return self._pages[path]({name: [value] for name, value in query.items()})

    def document(self, path: str, **query: str) -> Any:
        """Return the document of an answer."""
        return json.loads(self.ask(path, **query).body)


def test_all_runs_are_listed_and_each_is_there_by_its_name() -> None:
    """The first one in the list is the one without a name given."""
    asked = Asked(reading(run="a/b c", last_event_timestamp=NOW - 9), reading(run="é"))
    assert [run["run"] for run in asked.document(RUNS_PATH)["runs"]] == ["é", "a/b c"]
    assert asked.document(RUN_PATH)["run"]["run"] == "é"
    view = asked.document(RUN_PATH, run="a/b c")
    assert view["run"]["run"] == "a/b c"
    assert [group["group_id"] for group in view["groups"]] == ["default"]
    assert view["exporter"]["origin"] == "watch runs"


def test_a_run_that_is_not_there_is_not_found() -> None:
    """The answer says where those are listed that there are."""
    for asked, query in (Asked(reading(run="a")), {"run": "b"}), (Asked(), {}):
        answer = asked.ask(RUN_PATH, **query)
        assert answer.status == HTTPStatus.NOT_FOUND
        assert json.loads(answer.body) == {
            "error": "no such run; /api/v1/runs lists those there are"
        }


def test_with_many_viewers_a_source_is_read_no_oftener_than_with_one() -> None:
    """Within half a second everybody is given the same bytes."""
    asked = Asked(reading())
    first = asked.ask(RUNS_PATH)
    asked.groups = [reading(episode=6)]
    assert all(asked.ask(RUNS_PATH) is first for _ in range(50))
    assert asked.reads == 1
    asked.clock.now += FRESH_SECONDS
    assert json.loads(asked.ask(RUNS_PATH).body)["runs"][0]["current_episode"] == 6


def test_an_answer_has_another_name_only_when_something_has_happened() -> None:
    """That time has passed is no news to who has it."""
    asked = Asked(reading())
    before = asked.ask(RUNS_PATH)
    asked.clock.now += 1
    later = asked.ask(RUNS_PATH)
    assert later.body != before.body
    assert later.etag == before.etag is not None
    asked.not_ready = "gone"
    asked.clock.now += 1
    assert asked.ask(RUNS_PATH).etag != before.etag


def test_who_asks_for_what_is_not_there_fills_no_memory() -> None:
    """Answers that are kept are few, whatever names clients think of."""
    asked = Asked(reading(run="a"))
    tracemalloc.start()
    for number in range(1000):
        asked.ask(RUN_PATH, run=f"{number:10000}")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000


def test_a_run_has_its_last_minutes() -> None:
    """Those who look add to them, no oftener than the step."""
    asked = Asked(reading())
    for _ in range(5):
        view = asked.document(RUN_PATH)
        asked.clock.now += STEP_SECONDS / 2
    assert view["groups"][0]["history"]["timestamps"] == [NOW, NOW + 5, NOW + 10]
