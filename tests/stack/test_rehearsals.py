"""The alerts of the rules, judged by the real promtool over what the exporter itself gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import yaml

from sanctum_exporter.history.promtool import judge, metric_names
from sanctum_exporter.history.sampling import Samples, scraped
from sanctum_exporter.history.scenario import Clock, InTraining, Scenario
from tests import recordings
from tests.rehearsals.__main__ import TABLE
from tests.rehearsals.playing import RULES, play
from tests.rehearsals.scenarios import SETUPS, STAGES, START, Setup, hooked, some_setups
from tests.rehearsals.trainings import training

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def promtool_on_path(stack_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``promtool`` be found as a user's is."""
    folder = stack_tool("promtool").parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Give a process for each core: a play is hours of scrapes, in seconds of computing."""
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        yield processes


@pytest.mark.parametrize("number", range(len(STAGES)), ids=list(STAGES))
def test_what_has_to_fire_fires_in_time_and_nothing_else_does(
    number: int, pool: ProcessPoolExecutor
) -> None:
    """In four setups: each interval of scrapes, each phase, scraped and pushed."""
    name = list(STAGES)[number]
    setups = some_setups(number)
    plays = [pool.submit(play, name, setup) for setup in setups]
    results = [each.result() for each in plays]
    wrong = {s: result.wrong for s, result in zip(setups, results, strict=True) if result.wrong}
    assert wrong == {}


def test_the_setups_that_are_tried_meet_in_every_pair() -> None:
    """Any two values of two settings come together in some play."""
    tried = {setup for number in range(len(STAGES)) for setup in some_setups(number)}
    assert tried <= set(SETUPS)

    def pairs(setups: Iterable[Setup]) -> set[tuple[object, ...]]:
        return {(i, j, setup[i], setup[j]) for setup in setups for i in range(4) for j in range(i)}

    assert pairs(tried) == pairs(SETUPS)


def test_every_alert_fires_in_a_scenario_and_not_in_another(tmp_path: Path) -> None:
    """No alert of the file is left out."""
    rules = yaml.safe_load((recordings.ROOT / "rules" / "alerts.yml").read_text("utf-8"))
    alerts = {
        (rule["alert"], rule["labels"]["severity"])
        for group in rules["groups"]
        for rule in group["rules"]
    }
    fired_in: dict[tuple[str, str], set[str]] = {}
    for number, (name, stage) in enumerate(STAGES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        for expected in stage(folder).expected:
            fired_in.setdefault((expected.alert, expected.severity), set()).add(name)
    assert set(fired_in) == alerts
    assert all(names < set(STAGES) for names in fired_in.values())


def test_the_table_of_the_page_names_every_scenario() -> None:
    """``make rehearsals`` writes it; a scenario that is added is added there, too."""
    page = (recordings.ROOT / "docs" / "alerting.md").read_text("utf-8")
    found = TABLE.search(page)
    assert found is not None
    assert [row.split(" | ")[0][2:] for row in found[0].splitlines()[3:-1]] == list(STAGES)


def test_a_twin_of_another_cluster_does_not_hide_a_death() -> None:
    """Two clusters behind one ruler have the same address; the alert keeps its cluster."""
    moment = 1800.0
    twins = Samples()
    for cluster, end in (("east", moment), ("west", float("inf"))):
        samples = scraped(hooked(training(START), end, 3000, "killed"), 15, 5, metric_names(RULES))
        for (name, labels), values in samples.by_series.items():
            twins.by_series[name, (("cluster", cluster), *labels)] = values
    fired = [alert for alert in judge(twins, RULES, 60, 3000) if alert.fired_at is not None]
    assert [(alert.alert, dict(alert.labels)) for alert in fired] == [
        (
            "SanctumRunVanished",
            {"cluster": "east", "instance": "training", "job": "sanctum"},
        )
    ]


def test_an_address_that_another_pod_takes_over_does_not_hide_a_death() -> None:
    """Somebody's own scrape configuration may have pods for labels, and addresses come again."""
    taken_over = Samples()
    for pod, start, end in (("first", 0.0, 1800.0), ("second", 1830.0, float("inf"))):
        clock = Clock()
        process = InTraining(training(START if pod == "first" else 1900), start, end, clock)
        samples = scraped(Scenario(clock, [process], 3000), 15, 5, metric_names(RULES))
        for (name, labels), values in samples.by_series.items():
            taken_over.by_series[name, (*labels, ("pod", pod))] = values
    fired = [alert for alert in judge(taken_over, RULES, 60, 3000) if alert.fired_at is not None]
    assert [(alert.alert, dict(alert.labels)["pod"]) for alert in fired] == [
        ("SanctumRunVanished", "first")
    ]
