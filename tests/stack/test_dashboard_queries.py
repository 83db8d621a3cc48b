"""Every query of the dashboards, asked of a real Prometheus: one with runs, and an empty one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from grafana.harness import dashboards, exporters, prometheus
from grafana.harness.dashboards import ALL, View
from grafana.harness.display import Grafana
from sanctum_exporter.groups import Groups
from sanctum_exporter.intake import Intake
from tests import recordings

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
START = (
    b'{"event_type": "TRAINING_STARTED", "group_id": "default",'
    b' "timestamp": "2020-02-02T00:00:00+00:00",'
    b' "data": {"n_envs": %d, "slot_ids": ["a"], "start_episode": 0, "n_episodes": 9}}'
)


@contextmanager
def parts() -> Iterator[None]:
    """Skip, or fail where everything has to be there, if a part is missing."""
    try:
        yield
    except FileNotFoundError as error:
        if os.environ.get("REQUIRE_STACK") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def grafana() -> Iterator[Grafana]:
    """Grafana's own code."""
    with parts(), Grafana() as running:
        yield running


@pytest.fixture(scope="module")
def fleet() -> Iterator[prometheus.Prometheus]:
    """A replayed A/B run beside runs without slots, without events, with a name, and one dead."""
    with parts(), ExitStack() as stack, ExitStack() as short_lived:
        replayed = Intake(Groups())
        half = recordings.lines("ppo_single")[:1000]
        targets = [
            prometheus.Target(JOB, name, (end or stack).enter_context(exporters.served(intake)))
            for name, intake, end in (
                ("ab", replayed, None),
                ("empty", exporters.fed([START % 0]), None),
                ("stalled", exporters.fed([START % 2]), None),
                ("dead", exporters.fed(half), short_lived),
            )
        ]
        named = exporters.fed(recordings.lines("lifecycle_only"), run="one")
        address = stack.enter_context(exporters.served(named, run_label=True))
        targets.append(prometheus.Target(JOB, "named", address))
        server = stack.enter_context(prometheus.running(targets, ALERT))
        server.wait_for('sanctum_total_slots{instance="dead"}')
        short_lived.close()
        lines = recordings.lines("ab")
        for number, line in enumerate(lines, start=1):
            replayed.line(line, number)
            if number % 900 == 0 or number == len(lines):
                taken = 'sum(sanctum_exporter_events_total{instance="ab"})'
                server.wait_for(f"{taken} == {number}")
        server.wait_for('ALERTS{alertname="SanctumTest", alertstate="firing"}')
        server.wait_for('up{instance="dead"} == 0')
        yield server


@pytest.fixture(scope="module")
def nothing() -> Iterator[prometheus.Prometheus]:
    """A Prometheus that scrapes nothing."""
    with parts(), prometheus.running([]) as server:
        yield server


def views(uid: str, *choices: dict[str, str]) -> list[View]:
    """Return a dashboard as it is now, with each of some choices of its variables."""
    return [View(dashboards.load(uid), choice, time.time()) for choice in choices]


def of_group(instance: str, group_id: str, run: str = ALL) -> dict[str, str]:
    """Return the choices for a group in sanctum-slots."""
    chosen = {"group_id": group_id, "groups": group_id}
    return {"job": JOB, "instance": instance, "run": run} | chosen


def slots_views() -> list[View]:
    """Return sanctum-slots for each kind of run."""
    return views(
        "sanctum-slots",
        of_group("ab", "A"),
        of_group("ab", "B"),
        of_group("empty", "default"),
        of_group("named", "default", "one"),
        of_group("nowhere", "default"),
    )


def test_every_query_of_slots_returns_data(fleet: prometheus.Prometheus) -> None:
    """For some kind of run; queries that exclude each other never do so for one."""
    assert unanswered(fleet, slots_views()) == set()


def test_every_query_of_the_fleet_returns_data(fleet: prometheus.Prometheus) -> None:
    """For all runs together."""
    every = views("sanctum-fleet", {"job": ALL, "instance": ALL})
    assert unanswered(fleet, every) == set()


def unanswered(server: prometheus.Prometheus, chosen: list[View]) -> set[tuple[str, str]]:
    """Return the queries that no view has data for."""
    asked, answered = set(), set()
    for view in chosen:
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


def test_a_run_with_a_name_is_found_by_it_and_by_all(
    fleet: prometheus.Prometheus, grafana: Grafana
) -> None:
    """The run's SlotsPanel is the same whether it is chosen or the only one; others are empty."""
    titles = []
    for run in ("one", ALL, "two"):
        (view,) = views("sanctum-slots", of_group("named", "default", run))
        panel = next(dashboards.panels(view.dashboard))
        titles.append(grafana.display(*view.ask(fleet, panel))["values"][0]["text"])
    assert titles == ["CURRENT SLOTS ─ 9 across 3 envs"] * 2 + ["CURRENT SLOTS"]


def test_the_fleet_tells_which_runs_need_somebody(
    fleet: prometheus.Prometheus, grafana: Grafana
) -> None:
    """Zero slots, stalled, died and finished are told apart, in words and colours."""
    (view,) = views("sanctum-fleet", {"job": ALL, "instance": ALL})
    shown = {p["title"]: grafana.display(*view.ask(fleet, p)) for p in asked_of(view)}
    numbers = {title: d["values"][0]["text"] for title, d in shown.items() if "values" in d}
    assert {title: text.strip() for title, text in numbers.items()} == {
        "Runs": "5",
        "Zero slots": "1",
        "Stalled": "2",
        "Died": "1",
        "Exporters down": "1",
        "Slots": "29",
        "Active slots": "0",
        "Utilisation": "0%",
    }
    rows = {
        (row["instance"]["text"], row["run"]["text"], row["group_id"]["text"]): row
        for row in shown["All runs"]["rows"]
    }
    assert {key: row["Status"]["text"] for key, row in rows.items()} == {
        ("ab", "All", "A"): "finished",
        ("ab", "All", "B"): "finished",
        ("dead", "All", "default"): "died",
        ("empty", "All", "default"): "zero slots",
        ("named", "one", "default"): "finished",
        ("stalled", "All", "default"): "stalled",
    }
    row = rows["ab", "All", "B"]
    assert (row["task"]["text"], row["Slots"]["text"]) == ("cifar_baseline", "9")
    assert (row["Active"]["text"], row["Progress"]["text"]) == ("0%", "100%")
    assert (row["Blend success"]["text"], row["Fossilized per episode"]["text"]) == (
        "62%",
        "1.08 /ep",
    )


def test_groups_stand_side_by_side(fleet: prometheus.Prometheus, grafana: Grafana) -> None:
    """The repeated panel is there once a group, each with the bars of the group's SlotsPanel."""
    every = of_group("ab", "A") | {"groups": ALL}
    (view,) = views("sanctum-slots", every)
    (panel,) = (p for p in dashboards.panels(view.dashboard) if "repeat" in p)
    copies = view.repeated(fleet, panel)
    assert [copy["gridPos"]["x"] for _, copy in copies] == [0, 12]
    for group, (own, copy) in zip("AB", copies, strict=True):
        filled, answers = own.ask(fleet, copy)
        assert filled["title"] == f"Group {group}"
        (alone,) = views("sanctum-slots", of_group("ab", group))
        bars = next(p for p in dashboards.panels(alone.dashboard) if p["type"] == "bargauge")
        shown = grafana.display(filled, answers)["values"]
        assert shown == grafana.display(*alone.ask(fleet, bars))["values"]
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
    (view,) = views(uid, {name: "" if name in single else ALL for name in names})
    texts = set()
    for panel in asked_of(view):
        shown = grafana.display(*view.ask(nothing, panel))
        values = shown.get("values") or shown.get("rows") or shown.get("series")
        texts |= {value["text"].strip() for value in values or []}
        if not values:
            texts.add(panel["fieldConfig"]["defaults"]["noValue"])
    slots = {"CURRENT SLOTS", "[no data]", "-", "no alerts"}
    assert texts == (slots if uid == "sanctum-slots" else {"0", "-", "[no data]", "no alerts"})
