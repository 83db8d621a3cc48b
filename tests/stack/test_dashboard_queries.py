"""Every query of the dashboards, asked of a real Prometheus: one with runs, and an empty one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from grafana import panels
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
      - alert: SanctumTestCritical
        expr: sanctum_total_slots{instance="empty"} == 0
        labels: {severity: critical}
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
BATCH_EPISODES = 3
"""How many episodes of the A/B run end together."""
MINUTE, HOUR = 60, 3600


class Fleet(NamedTuple):
    """A Prometheus, and the moment at which it had what the fixture is to have."""

    server: prometheus.Prometheus
    moment: float

    def slots(
        self, instance: str, group_id: str = "default", run: str | tuple[str, ...] = ""
    ) -> View:
        """Return sanctum-slots of one group, of one run or of several."""
        chosen: dict[str, str | tuple[str, ...]] = {"job": JOB, "instance": instance, "run": run}
        chosen |= {"group_id": group_id, "groups": group_id}
        return View(dashboards.load("sanctum-slots"), chosen, self.moment)

    def compare(self, a: str, b: str, align: str = "0") -> View:
        """Return sanctum-compare of two instances, of groups A and B where they are one."""
        groups = ("A", "B") if a == b else ("default", "default")
        chosen = {"job": JOB, "align": align, "a_instance": a, "b_instance": b}
        chosen |= {"a_run": "", "b_run": "", "a_group": groups[0], "b_group": groups[1]}
        return View(dashboards.load("sanctum-compare"), chosen, self.moment)

    def fleet(self) -> View:
        """Return sanctum-fleet of all runs."""
        chosen = {"job": ALL, "instance": ALL}
        return View(dashboards.load("sanctum-fleet"), chosen, self.moment)


class Watch:
    """What ``watch`` publishes of its runs: it is to outlive them, and may fail to read them."""

    def __init__(
        self,
        *runs: Intake,
        on_duty: bool = True,
        failure: str | None = None,
        passed_over: int = 0,
    ) -> None:
        self._runs = runs
        self._on_duty = on_duty
        self._failure = failure
        self._passed_over = passed_over

    def readings(self) -> Sequence[GroupReading]:
        """Return those of all runs."""
        return [reading for run in self._runs for reading in run.readings()]

    def activity(self) -> Activity:
        """Return the exporter's state, without counts of events."""
        return Activity(
            on_duty=self._on_duty, source_failure=self._failure, runs_passed_over=self._passed_over
        )


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
        two = Watch(half_done(0, "new"), half_done(2 * HOUR, "old"), on_duty=False, passed_over=3)
        for name, source in (("named", named), ("several", two)):
            address = stack.enter_context(exporters.served(source, run_label=True))
            targets.append(prometheus.Target(JOB, name, address))
        server = stack.enter_context(prometheus.running(targets, ALERT))
        server.wait_for(f"count(sanctum_exporter_build_info) == {len(targets)}")
        short_lived.close()
        lines = recordings.lines("ab")
        for number, _ in steps(replayed, lines):
            if number % 900 == 0 or number == len(lines):
                # For two seconds, so that graphs with a point a second have it.
                taken = 'sum(sanctum_exporter_events_total{instance="ab"} offset 2s)'
                server.wait_for(f"{taken} == {number}")
        moment = server.wait_for(
            'ALERTS{alertname="SanctumTest", alertstate="firing"}'
            ' and on () absent_over_time(sanctum_exporter_build_info{instance=~"dead.*"}[5s])'
            " and on () count(sanctum_exporter_build_info) == 11"
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
        fleet.slots("empty"),
        fleet.slots("busy"),
        fleet.slots("named", run="one"),
        fleet.slots("several", run=("new", "old")),
        fleet.slots("unreadable"),
        fleet.slots("nowhere"),
    ]
    assert unanswered(fleet.server, views) == set()


def test_every_query_of_the_fleet_returns_data(fleet: Fleet) -> None:
    """Every query has data for all runs together."""
    assert unanswered(fleet.server, [fleet.fleet()]) == {("Firing alerts", "NONE")}


def test_every_query_of_a_comparison_returns_data(fleet: Fleet) -> None:
    """Every query has data of an A/B run, whatever it is aligned by."""
    for align in "01":
        assert unanswered(fleet.server, [fleet.compare("ab", "ab", align)]) == set()


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
        for annotation in view.dashboard.get("annotations", {}).get("list", []):
            asked.add(("annotation", annotation["name"]))
            if server.instant(view.fill(annotation["expr"]), view.end)["result"]:
                answered.add(("annotation", annotation["name"]))
    assert asked
    return asked - answered


def has_number(series: dict[str, Any]) -> bool:
    """Return whether a series has a value that can be drawn."""
    points = series.get("values") or [series["value"]]
    return any(value not in ("NaN", "+Inf", "-Inf") for _, value in points)


def test_a_run_with_a_name_is_found_by_it(fleet: Fleet, grafana: Grafana) -> None:
    """One that the exporter does not follow is not there, and one without a name always is."""

    def headline(instance: str, run: str) -> str:
        view = fleet.slots(instance, run=run)
        title = "SlotsPanel · group $group_id"
        (panel,) = (p for p in dashboards.panels(view.dashboard) if p["title"] == title)
        text: str = grafana.display(*view.ask(fleet.server, panel))["values"][0]["text"]
        return text

    assert headline("named", "one") == "CURRENT SLOTS ─ 9 across 3 envs"
    assert headline("named", "two") == "CURRENT SLOTS"
    assert headline("busy", "two") == headline("busy", "") != "CURRENT SLOTS"


def test_a_dashboard_opens_with_the_newest_run_that_is_alive(fleet: Fleet) -> None:
    """Older runs, those that are over, and those whose process is gone come after it."""
    server, moment = fleet.server, fleet.moment
    view = dashboards.opened("sanctum-slots", server, moment)
    under_way = {"busy", "stalled", "empty", "heuristic", "several"}
    instances = view.options(server, "instance")
    assert view.values["instance"] == instances[0] == "empty"
    assert set(instances[: len(under_way)]) == under_way
    over, gone = instances[len(under_way) : -2], {"dead", "dead-past", "dead-heuristic"}
    assert set(over[5:]) == gone | {"dead-several"}
    assert not set(over[:5]) & gone
    assert set(instances[-2:]) == {"unreadable", "dead-watch"}, "those without a run"
    of_several = dashboards.opened("sanctum-slots", server, moment, job=JOB, instance="several")
    assert of_several.values["run"] == "new"
    assert of_several.options(server, "run") == ["new", "old"]
    compared = dashboards.opened(
        "sanctum-compare", server, moment, job=JOB, a_instance="ab", b_instance="ab"
    )
    assert (compared.values["a_group"], compared.values["b_group"]) == ("A", "B")


def test_the_fleet_tells_which_runs_need_somebody(fleet: Fleet, grafana: Grafana) -> None:
    """Zero slots, stalled, died and finished are told apart, in words and colours."""
    view = fleet.fleet()
    shown = {p["title"]: grafana.display(*view.ask(fleet.server, p)) for p in asked_of(view)}
    numbers = {
        title: ", ".join(value["text"].strip() for value in display["values"])
        for title, display in shown.items()
        if "values" in display
    }
    row = midway_row()
    slots, active = row["total_slots"], row["active_slots"]
    busy = recordings.golden("heuristic")[-1]
    all_slots = 3 * slots + busy["total_slots"]
    all_active = 3 * active + busy["active_slots"]
    assert in_hours(numbers.pop("Last one done in")) == LEFT_HOURS
    assert numbers == {
        "Under way": "5",
        "Firing alerts": "SanctumTestCritical (1), SanctumTest (2)",
        "Zero slots": "1",
        "Stalled": "1",
        "Died": "2",
        "Exporters down": "1",
        "Sources down": "1",
        "Slots": f"{all_slots}",
        "Active slots": f"{all_active}",
        "Utilisation": f"{all_active / all_slots:.0%}",
    }
    rows = {
        (row["Instance"]["text"], row["Run"]["text"], row["Group"]["text"]): row
        for row in shown["All runs"]["rows"]
    }
    assert {key: row["Status"]["text"] for key, row in rows.items()} == {
        ("ab", "-", "A"): "finished",
        ("ab", "-", "B"): "finished",
        ("busy", "-", "default"): "running",
        ("dead", "-", "default"): "died",
        ("dead-several", "new", "default"): "died",
        ("empty", "-", "default"): "zero slots",
        ("heuristic", "-", "default"): "running",
        ("named", "one", "default"): "finished",
        ("past", "-", "default"): "past",
        ("placeholder", "-", "default"): "waiting",
        ("several", "new", "default"): "running",
        ("several", "old", "default"): "past",
        ("stalled", "-", "default"): "stalled",
        ("stopped", "-", "default"): "past",
    }
    left = {key[:2]: row["Time left"]["text"].strip() for key, row in rows.items()}
    assert {name: in_hours(text) for name, text in left.items() if text != "-"} == {
        ("busy", "-"): LEFT_HOURS,
        ("several", "new"): LEFT_HOURS,
        ("stalled", "-"): LEFT_HOURS - 0.5,
    }
    row = rows["ab", "-", "B"]
    assert (row["Task"]["text"], row["Slots"]["text"]) == ("cifar_baseline", "9")
    assert (row["Active"]["text"], row["Progress"]["text"]) == ("0%", "100%")
    assert (row["Blend"]["text"], row["Fossilized"]["text"]) == (
        "62%",
        "1.08 /ep",
    )


LEFT_HOURS = 2.6
"""What a run in the middle has to go, if the rest takes as long per episode as its first batch.

The recorded run took 6.279 s for 4 of 16 episodes, so 18.84 s for the rest, of which 3.23 s had
passed: 15.6 s, and 600 times that here. Half an hour later that is half an hour less.
"""


def in_hours(text: str) -> float:
    """Return hours, minutes and seconds as tenths of hours, in which a test's own time is lost."""
    hours, minutes, seconds = map(int, text.split(":"))
    return round(hours + minutes / 60 + seconds / 3600, 1)


def midway_row() -> dict[str, Any]:
    """Return what esper-lite computed for the run in the middle."""
    return [row for row in recordings.golden("ppo_single") if row["line"] <= MIDWAY][-1]


def status_line(
    fleet: Fleet, grafana: Grafana, theme: str = "dark", **chosen: Any
) -> dict[str, list[tuple[str, str]]]:
    """Return texts and colours of the first line of sanctum-slots, by title."""
    view = fleet.slots(**chosen)
    line = [panel for panel in asked_of(view) if panel["gridPos"]["y"] == 0]
    shown = {p["title"]: grafana.display(*view.ask(fleet.server, p), theme) for p in line}
    return {
        title: [(value["text"].strip(), value["colour"]) for value in display["values"]]
        for title, display in shown.items()
    }


def test_the_first_line_tells_how_the_run_stands(fleet: Fleet, grafana: Grafana) -> None:
    """State, alerts, time to go, progress and name of a run, in words and colours."""
    colours = grafana.palette(["dark-green", "yellow", "dark-red"], "dark")
    busy = status_line(fleet, grafana, instance="busy")
    assert busy["State"] == [("running", colours["dark-green"])]
    assert [text for text, _ in busy["Firing alerts"]] == ["none"]
    assert in_hours(busy["Time left"][0][0]) == LEFT_HOURS
    assert busy["Progress"][0][0] == "25%"
    assert busy["Run"][0][0] == "ppo_7_16ep"
    done = status_line(fleet, grafana, instance="ab", group_id="A")
    assert done["State"][0][0] == "finished"
    assert done["Time left"][0][0] == "no estimate"
    assert done["Firing alerts"] == [("SanctumTest", colours["yellow"])]
    states = {
        "placeholder": ("waiting", colours["yellow"]),
        "stalled": ("stalled", colours["yellow"]),
        "dead": ("died", colours["dark-red"]),
        "unreadable": ("no run yet", colours["yellow"]),
        "nowhere": ("no exporter scraped", colours["yellow"]),
    }
    for instance, state in states.items():
        assert status_line(fleet, grafana, instance=instance)["State"] == [state]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_slots_are_red_above_all_else(fleet: Fleet, grafana: Grafana, theme: str) -> None:
    """The one state that the project is for stands on red in the first panel of the screen."""
    red = grafana.palette(["dark-red"], theme)["dark-red"]
    line = status_line(fleet, grafana, theme, instance="empty")
    assert line["State"] == [("zero slots", red)]
    state = dashboards.load("sanctum-slots")["panels"][0]
    assert state["title"] == "State"
    assert state["gridPos"] == {"x": 0, "y": 0, "w": 4, "h": 3}
    assert state["options"]["colorMode"] == "background_solid"


def test_a_sum_of_runs_says_that_it_is_one(fleet: Fleet, grafana: Grafana) -> None:
    """Of one run nothing is said; of two, how many they are, beside the state of the worst."""
    two = status_line(fleet, grafana, instance="several", run=("new", "old"))
    assert [text for text, _ in two["State"]] == ["running"]
    assert [text for text, _ in two["Run"]] == ["2 runs, summed"]
    one = status_line(fleet, grafana, instance="several", run="new")
    assert [text for text, _ in one["Run"]] == ["ppo_7_16ep"]


def test_the_source_tells_whether_it_is_read(fleet: Fleet, grafana: Grafana) -> None:
    """An exporter that cannot read its telemetry is red, any other green."""
    colours = grafana.palette(["semi-dark-green", "red"], "dark")
    for instance, shown in (
        ("busy", ("up", colours["semi-dark-green"])),
        ("unreadable", ("down", colours["red"])),
    ):
        view = fleet.slots(instance)
        (source,) = (p for p in asked_of(view) if p["title"] == "Source")
        (value,) = grafana.display(*view.ask(fleet.server, source))["values"]
        assert (value["text"], value["colour"]) == shown


def test_blend_success_is_not_judged_before_a_seed_has_ended(
    fleet: Fleet, grafana: Grafana
) -> None:
    """A run of which no seed has ended has no share of them: no 0 %, and no red."""
    view = fleet.fleet()
    (table,) = (p for p in asked_of(view) if p["title"] == "All runs")
    rows = grafana.display(*view.ask(fleet.server, table))["rows"]
    (empty,) = (row for row in rows if row["Instance"]["text"] == "empty")
    assert empty["Blend"]["text"] == "-"
    assert empty["Blend"]["colour"].lower() in ("#00000000", "#000000")
    graph = next(
        p for p in asked_of(fleet.slots("empty")) if p["title"] == "Blend success over time"
    )
    shown = grafana.display(*fleet.slots("empty").ask(fleet.server, graph))
    assert shown == {"series": []}


def course(fleet: Fleet, grafana: Grafana, view: View) -> dict[str, dict[str, Any]]:
    """Return what is drawn of the pruned seeds of A and B, and at which places."""
    (panel,) = (p for p in asked_of(view) if p["title"] == "Pruned per episode, course")
    shown = grafana.display(*view.ask(fleet.server, panel))["series"]
    return {line["title"]: line for line in shown}


def test_the_courses_of_a_and_b_are_aligned_by_episode(fleet: Fleet, grafana: Grafana) -> None:
    """Both begin in their first batch, though B started later, and end where the records do."""
    last = {row["group_id"]: row for row in recordings.golden("ab")}
    lines = course(fleet, grafana, fleet.compare("ab", "ab"))
    assert lines.keys() == {"A", "B"}
    for group, line in lines.items():
        assert line["at"][0] <= BATCH_EPISODES
        assert line["at"] == sorted(line["at"])
        assert line["at"][-1] == last[group]["current_episode"]
        rate = last[group]["seed_lifecycle"]["prune_rate"]
        assert line["text"].strip() == f"{rate:.2f} /ep"


def test_the_courses_of_two_runs_are_aligned_by_their_starts(
    fleet: Fleet, grafana: Grafana
) -> None:
    """At the same moment the run that began half an hour before is as much further right."""
    lines = course(fleet, grafana, fleet.compare("stalled", "busy", align="1"))
    assert round((lines["A"]["at"][-1] - lines["B"]["at"][-1]) / MINUTE) == 30


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


OF_SLOTS_PANEL = {"CURRENT SLOTS", "[no data]", "-"}
"""What the row says that is to say what the terminal says."""
MISSING = {
    "sanctum-slots": {
        *("no exporter scraped", "no exporter", "none", "no event", "no plan", "no estimate"),
        *("no name", "no run has begun", "no events", "no slots", "no seed has ended"),
        "no episode was completed lately",
        panels.NO_DATA,
    },
    "sanctum-fleet": {"no data", "none", "no run", "no slots", "no estimate", panels.NO_DATA},
    "sanctum-compare": {"no data", panels.NO_DATA},
}


@pytest.mark.parametrize("uid", MISSING)
def test_an_empty_prometheus_gives_texts_that_say_what_is_missing(
    uid: str, nothing: prometheus.Prometheus, grafana: Grafana
) -> None:
    """Nothing is blank, NaN or an error, and only SlotsPanel, as the terminal, has a bare dash."""
    view = dashboards.opened(uid, nothing, time.time())
    texts: set[str] = set()
    of_slots_panel: set[str] = set()
    for panel in asked_of(view):
        shown = grafana.display(*view.ask(nothing, panel))
        values = shown.get("values") or shown.get("rows") or shown.get("series") or []
        found = {value["text"].strip() for value in values}
        found = found or {panel["fieldConfig"]["defaults"]["noValue"]}
        in_row = uid == "sanctum-slots" and found <= OF_SLOTS_PANEL
        (of_slots_panel if in_row else texts).update(found)
    assert texts == MISSING[uid]
    assert of_slots_panel == (OF_SLOTS_PANEL if uid == "sanctum-slots" else set())
