"""Every query of the dashboards, asked of a real Prometheus: one with runs, and an empty one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import recordings
from tests.feeding import fed, steps
from tests.grafana import dashboards, exporters, prometheus
from tests.grafana.dashboards import ALL, View
from tests.grafana.display import Grafana
from tests.grafana.shifting import as_of

pytestmark = pytest.mark.stack

JOB = "fleet"
ALERT = """
groups:
  - name: test
    rules:
      - alert: SanctumTest
        expr: sanctum_total_slots{instance="ab"} > 0
        labels: {severity: warning}
"""
NO_SLOTS = (
    b'{"event_type": "TRAINING_STARTED", "group_id": "default",'
    b' "timestamp": "2020-02-02T00:00:00+00:00",'
    b' "data": {"n_envs": 0, "slot_ids": ["a"], "start_episode": 0, "n_episodes": 9}}'
)
MIDWAY = 1000
"""The line of ppo_single up to which runs have come: their second batch of four."""
NEAR_END = 2410
"""The line of ppo_single up to which a run has come that is nearly done."""
SLOWER = 600
"""How many times longer than the recorded run, of a quarter of a minute, they take."""
MINUTE, HOUR = 60, 3600


class Fleet(NamedTuple):
    """A Prometheus, and the moment at which it had what the fixture is to have."""

    server: prometheus.Prometheus
    moment: float

    def slots(self, instance: str, group_id: str, run: str = ALL) -> View:
        """Return sanctum-slots of one group."""
        chosen = {"job": JOB, "instance": instance, "run": run}
        chosen |= {"group_id": group_id, "groups": group_id}
        return View(dashboards.load("sanctum-slots"), chosen, self.moment)

    def fleet(self) -> View:
        """Return sanctum-fleet of all runs."""
        chosen = {"job": ALL, "instance": ALL}
        return View(dashboards.load("sanctum-fleet"), chosen, self.moment)


class Watch:
    """What ``watch`` publishes of its runs: it is to outlive them, and may fail to read them."""

    def __init__(self, *runs: Intake, on_duty: bool = True, failure: str | None = None) -> None:
        self._runs = runs
        self._on_duty = on_duty
        self._failure = failure

    def readings(self) -> Sequence[GroupReading]:
        """Return those of all runs."""
        return [reading for run in self._runs for reading in run.readings()]

    def activity(self) -> Activity:
        """Return the exporter's state, without counts of events."""
        return Activity(on_duty=self._on_duty, source_failure=self._failure)


def half_done(seconds_ago: float, run: str | None = None, lines: int = MIDWAY) -> Intake:
    """Return a run in the middle, whose last event was some time ago."""
    return fed(as_of(recordings.lines("ppo_single")[:lines], seconds_ago, slower=SLOWER), run)


@pytest.fixture(scope="module")
def fleet(stack_tool: Callable[[str], Path]) -> Iterator[Fleet]:
    """A replayed A/B run beside runs in every state, and some whose process is gone."""
    stack_tool("prometheus")
    with ExitStack() as stack, ExitStack() as short_lived:
        replayed = Intake(Groups())
        heuristic = recordings.lines("heuristic")
        targets = [
            prometheus.Target(JOB, name, (end or stack).enter_context(exporters.served(source)))
            for name, source, end in (
                ("ab", replayed, None),
                ("empty", fed(as_of([NO_SLOTS], MINUTE)), None),
                ("stopped", fed(as_of([NO_SLOTS], 2 * HOUR)), None),
                ("busy", half_done(0), None),
                ("stalled", half_done(30 * MINUTE), None),
                ("past", half_done(2 * HOUR), None),
                ("heuristic", fed(as_of(heuristic, 30 * MINUTE)), None),
                ("placeholder", Intake(Groups(placeholder=True)), None),
                ("unreadable", Watch(failure="permission denied"), None),
                ("dead", half_done(0), short_lived),
                ("dead-past", half_done(2 * HOUR), short_lived),
                ("dead-heuristic", fed(as_of(heuristic, 0)), short_lived),
                ("dead-watch", Watch(), short_lived),
            )
        ]
        several = Watch(
            half_done(0, "new"),
            half_done(2 * HOUR, "old"),
            half_done(0, "near its end", NEAR_END),
            fed(as_of(heuristic, 0), "heuristic"),
            fed(as_of([NO_SLOTS], MINUTE), "no slots"),
            on_duty=False,
        )
        address = short_lived.enter_context(exporters.served(several, run_label=True))
        targets.append(prometheus.Target(JOB, "dead-several", address))
        named = fed(recordings.lines("lifecycle_only"), run="one")
        address = stack.enter_context(exporters.served(named, run_label=True))
        targets.append(prometheus.Target(JOB, "named", address))
        server = stack.enter_context(prometheus.running(targets, ALERT))
        server.wait_for(f"count(sanctum_exporter_build_info) == {len(targets)}")
        short_lived.close()
        lines = recordings.lines("ab")
        for number, _ in steps(replayed, lines):
            if number % 900 == 0 or number == len(lines):
                taken = 'sum(sanctum_exporter_events_total{instance="ab"})'
                server.wait_for(f"{taken} == {number}")
        moment = server.wait_for(
            'ALERTS{alertname="SanctumTest", alertstate="firing"}'
            ' and on () absent_over_time(sanctum_exporter_build_info{instance=~"dead.*"}[5s])'
            " and on () count(sanctum_exporter_build_info) == 10"
        )
        yield Fleet(server, moment)


@pytest.fixture(scope="module")
def nothing(stack_tool: Callable[[str], Path]) -> Iterator[prometheus.Prometheus]:
    """A Prometheus that scrapes nothing."""
    stack_tool("prometheus")
    with prometheus.running([]) as server:
        yield server


def test_every_query_of_slots_returns_data(fleet: Fleet) -> None:
    """Every query has data for some kind of run; those that exclude each other have it in turn."""
    views = [
        fleet.slots("ab", "A"),
        fleet.slots("ab", "B"),
        fleet.slots("empty", "default"),
        fleet.slots("busy", "default"),
        fleet.slots("named", "default", "one"),
        fleet.slots("nowhere", "default"),
    ]
    assert unanswered(fleet.server, views) == set()


def test_every_query_of_the_fleet_returns_data(fleet: Fleet) -> None:
    """Every query has data for all runs together."""
    assert unanswered(fleet.server, [fleet.fleet()]) == set()


def unanswered(server: prometheus.Prometheus, views: list[View]) -> set[tuple[str, str]]:
    """Return the queries that no view has data for."""
    asked, answered = set(), set()
    for view in views:
        for panel in dashboards.panels(view.dashboard):
            _, answers = view.ask(server, panel)
            for ref_id, answer in answers.items():
                asked.add((panel["title"], ref_id))
                if any(has_number(series) for series in answer["result"]):
                    answered.add((panel["title"], ref_id))
        for annotation in view.dashboard["annotations"]["list"]:
            asked.add(("annotation", annotation["name"]))
            if server.instant(view.fill(annotation["expr"]), view.end)["result"]:
                answered.add(("annotation", annotation["name"]))
    assert asked
    return asked - answered


def has_number(series: dict[str, Any]) -> bool:
    """Return whether a series has a value that can be drawn."""
    points = series.get("values") or [series["value"]]
    return any(value not in ("NaN", "+Inf", "-Inf") for _, value in points)


def test_a_run_with_a_name_is_found_by_it_and_by_all(fleet: Fleet, grafana: Grafana) -> None:
    """The run's SlotsPanel is the same whether it is chosen or the only one; others are empty."""
    titles = []
    for run in ("one", ALL, "two"):
        view = fleet.slots("named", "default", run)
        panel = next(dashboards.panels(view.dashboard))
        titles.append(grafana.display(*view.ask(fleet.server, panel))["values"][0]["text"])
    assert titles == ["CURRENT SLOTS ─ 9 across 3 envs"] * 2 + ["CURRENT SLOTS"]


def test_the_fleet_tells_which_runs_need_somebody(fleet: Fleet, grafana: Grafana) -> None:
    """Zero slots, stalled, died and finished are told apart, in words and colours."""
    view = fleet.fleet()
    shown = {p["title"]: grafana.display(*view.ask(fleet.server, p)) for p in asked_of(view)}
    numbers = {title: d["values"][0]["text"] for title, d in shown.items() if "values" in d}
    row = midway_row()
    slots, active = row["total_slots"], row["active_slots"]
    busy = recordings.golden("heuristic")[-1]
    all_slots = 2 * slots + busy["total_slots"]
    all_active = 2 * active + busy["active_slots"]
    assert {title: text.strip() for title, text in numbers.items()} == {
        "Under way": "4",
        "Zero slots": "1",
        "Stalled": "1",
        "Died": "2",
        "Exporters down": "1",
        "Sources down": "1",
        "Slots": f"{all_slots}",
        "Active slots": f"{all_active}",
        "Utilisation": f"{all_active / all_slots:.0%}",
        "Last one done in": LEFT,
    }
    rows = {
        (row["instance"]["text"], row["run"]["text"], row["group_id"]["text"]): row
        for row in shown["All runs"]["rows"]
    }
    assert {key: row["Status"]["text"] for key, row in rows.items()} == {
        ("ab", "All", "A"): "finished",
        ("ab", "All", "B"): "finished",
        ("busy", "All", "default"): "running",
        ("dead", "All", "default"): "died",
        ("dead-several", "new", "default"): "died",
        ("empty", "All", "default"): "zero slots",
        ("heuristic", "All", "default"): "running",
        ("named", "one", "default"): "finished",
        ("past", "All", "default"): "past",
        ("placeholder", "All", "default"): "waiting",
        ("stalled", "All", "default"): "stalled",
        ("stopped", "All", "default"): "past",
    }
    left = {key[0]: row["Remaining"]["text"].strip() for key, row in rows.items()}
    assert {name: text for name, text in left.items() if text != "-"} == {
        "busy": LEFT,
        "stalled": "2.1 hours",
    }
    row = rows["ab", "All", "B"]
    assert (row["task"]["text"], row["Slots"]["text"]) == ("cifar_baseline", "9")
    assert (row["Active"]["text"], row["Progress"]["text"]) == ("0%", "100%")
    assert (row["Blend"]["text"], row["Fossilized"]["text"]) == (
        "62%",
        "1.08 /ep",
    )


LEFT = "2.6 hours"
"""What a run in the middle has to go, if the rest takes as long per episode as its first batch.

The recorded run took 6.279 s for 4 of 16 episodes, so 18.84 s for the rest, of which 3.23 s had
passed: 15.6 s, and 600 times that here. Half an hour later that is half an hour less.
"""


def midway_row() -> dict[str, Any]:
    """Return what esper-lite computed for the run in the middle."""
    return [row for row in recordings.golden("ppo_single") if row["line"] <= MIDWAY][-1]


def test_the_row_of_the_run_tells_how_it_stands(fleet: Fleet, grafana: Grafana) -> None:
    """State, time to go, progress and name of a run, and whether its source is being read."""

    def shown(instance: str, group_id: str = "default") -> dict[str, tuple[str, str]]:
        view = fleet.slots(instance, group_id)
        titles = ("State", "Remaining", "Progress", "Run", "Source")
        panels = [panel for panel in asked_of(view) if panel["title"] in titles]
        answers = {p["title"]: grafana.display(*view.ask(fleet.server, p)) for p in panels}
        return {
            title: (answer["values"][0]["text"].strip(), answer["values"][0]["colour"])
            for title, answer in answers.items()
            if answer["values"]
        }

    colours = grafana.palette(["green", "yellow", "red"], "dark")
    busy = shown("busy")
    assert busy["State"] == ("running", colours["green"])
    assert busy["Remaining"][0] == LEFT
    assert busy["Progress"][0] == "25%"
    assert busy["Run"][0] == "ppo_7_16ep · cifar_baseline · shaped"
    assert busy["Source"] == ("up", colours["green"])
    done = shown("ab", "A")
    assert done["State"][0] == "completed"
    assert done["Remaining"][0] == "-"
    assert shown("placeholder")["State"] == ("waiting", colours["yellow"])
    assert shown("unreadable")["Source"] == ("down", colours["red"])
    assert shown("unreadable")["State"][0] == "-"


def test_groups_stand_side_by_side(fleet: Fleet, grafana: Grafana) -> None:
    """The repeated panel is there once a group, each with the bars of the group's SlotsPanel."""
    view = fleet.slots("ab", "A")
    view = replace(view, values={**view.values, "groups": ALL})
    (panel,) = (p for p in dashboards.panels(view.dashboard) if "repeat" in p)
    copies = view.repeated(fleet.server, panel)
    assert [copy["gridPos"]["x"] for _, copy in copies] == [0, 12]
    for group, (own, copy) in zip("AB", copies, strict=True):
        filled, answers = own.ask(fleet.server, copy)
        assert filled["title"] == f"Group {group}"
        alone = fleet.slots("ab", group)
        bars = next(p for p in dashboards.panels(alone.dashboard) if p["type"] == "bargauge")
        shown = grafana.display(filled, answers)["values"]
        assert shown == grafana.display(*alone.ask(fleet.server, bars))["values"]
        assert len(shown) == 6


def asked_of(view: View) -> list[dashboards.Panel]:
    """Return the panels of a view that show data."""
    return [panel for panel in dashboards.panels(view.dashboard) if "targets" in panel]


@pytest.mark.parametrize("uid", ["sanctum-slots", "sanctum-fleet"])
def test_an_empty_prometheus_gives_sensible_texts(
    uid: str, nothing: prometheus.Prometheus, grafana: Grafana
) -> None:
    """A dash, a zero, or the terminal's own words; nothing is blank, NaN or an error."""
    dashboard = dashboards.load(uid)
    names = [variable["name"] for variable in dashboard["templating"]["list"]]
    single = {v["name"] for v in dashboard["templating"]["list"] if not v.get("includeAll")}
    chosen = {name: "" if name in single else ALL for name in names}
    view = View(dashboard, chosen, time.time())
    texts = set()
    for panel in asked_of(view):
        shown = grafana.display(*view.ask(nothing, panel))
        values = shown.get("values") or shown.get("rows") or shown.get("series")
        texts |= {value["text"].strip() for value in values or []}
        if not values:
            texts.add(panel["fieldConfig"]["defaults"]["noValue"])
    slots = {"CURRENT SLOTS", "[no data]", "-", "no alerts"}
    assert texts == (slots if uid == "sanctum-slots" else {"0", "-", "[no data]", "no alerts"})
