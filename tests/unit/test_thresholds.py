from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sanctum_exporter import thresholds
from tests.recordings import ROOT

CHANGED = {
    "BLEND_SUCCESS_HEALTHY": 0.73,
    "BLEND_SUCCESS_CRITICAL": 0.37,
    "LIFESPAN_HEALTHY_EPOCHS": 17,
    "LIFESPAN_CRITICAL_EPOCHS": 7,
    "PRUNE_RATE_LOW": 0.23,
    "PRUNE_RATE_HIGH": 3,
    "PRUNE_RATE_CRITICAL": 9,
    "DORMANT_HEALTHY": 0.61,
    "DORMANT_WARNING": 0.83,
    "EXTENDED_PERIOD_MINUTES": 47,
    "SILENCE_SECONDS": 1260,
    "SILENCE_TIMES": 5,
    "SILENCE_ESCALATES_SECONDS": 1500,
    "SILENCE_ESCALATES_TIMES": 8,
    "PACE_KNOWN_SECONDS": 75,
    "FIRST_SILENCE_SECONDS": 3300,
    "FORGOTTEN_SECONDS": 9000,
    "NEAR_END_SECONDS": 420,
}
PROGRAM = """
import json, sys
from sanctum_exporter import thresholds
for name, value in json.loads(sys.argv[1]).items():
    setattr(thresholds, name, value)
from grafana import build as grafana
from rules import build as rules
documents = grafana.documents() | rules.documents()
texts = {path.name: text for path, text in documents.items()}
from sanctum_exporter import panel
from sanctum_exporter.readings import SeedLifecycleStats, SlotSnapshot
def style(ratio):
    seeds = SeedLifecycleStats(total_slots=1, blend_success_rate=ratio)
    return panel.lines(SlotSnapshot(1, 0, {}, 1, 0.0, 0, seeds))[-1][3].style
texts["panel"] = " ".join(style(ratio) for ratio in (0.36, 0.38, 0.72, 0.74))
print(json.dumps(texts))
"""

WORDS = [
    ("alerts.yml", "< 0.1 > 0\n", "< 0.17 > 0\n"),
    ("alerts.yml", "More than 90 %", "More than 83 %"),
    ("alerts.yml", "active_slots[30m]", "active_slots[47m]"),
    ("alerts.yml", "offset 25m", "offset 42m"),
    ("alerts.yml", "start_timestamp_seconds[4m]) < time() - 1800", "< time() - 2820"),
    ("alerts.yml", "30 minutes", "47 minutes"),
    ("alerts.yml", "< 0.5\n", "< 0.37\n"),
    ("alerts.yml", "Fewer than 50 %", "Fewer than 37 %"),
    ("alerts.yml", "critical under 50%", "critical under 37%"),
    ("alerts.yml", "[4m]) > 0) > 2\n", "[4m]) > 0) > 9\n"),
    ("alerts.yml", "<= 2\n", "<= 9\n"),
    ("alerts.yml", "More than 2 seeds", "More than 9 seeds"),
    ("alerts.yml", "critical above 2)", "critical above 9)"),
    ("alerts.yml", "< 5 > 0", "< 7 > 0"),
    ("alerts.yml", "less than 5 epochs", "less than 7 epochs"),
    ("alerts.yml", "critical under 5)", "critical under 7)"),
    ("alerts.yml", "> 600\n", "> 1260\n"),
    ("alerts.yml", "last_event_timestamp_seconds[4m]) > time() - 600\n", "> time() - 1260\n"),
    ("alerts.yml", "> 720\n", "> 1500\n"),
    ("alerts.yml", "> 2 * last_over", "> 5 * last_over"),
    ("alerts.yml", "> 3 * last_over", "> 8 * last_over"),
    ("alerts.yml", "[4m]) > 60\n", "[4m]) > 75\n"),
    ("alerts.yml", "> 2700\n", "> 3300\n"),
    ("alerts.yml", "> time() - 3600\n", "> time() - 9000\n"),
    ("recording.yml", "> time() - 3600\n", "> time() - 9000\n"),
    (
        "sanctum-slots.json",
        "green from 70 %, yellow from 50 %",
        "green from 73 %, yellow from 37 %",
    ),
    (
        "sanctum-slots.json",
        "Healthy from 70 %, critical below",
        "Healthy from 73 %, critical below",
    ),
    ("sanctum-slots.json", "critical below 50 %", "critical below 37 %"),
    ("sanctum-slots.json", "ealthy from 10 epochs", "ealthy from 17 epochs"),
    ("sanctum-slots.json", "critical below 5.", "critical below 7."),
    ("sanctum-slots.json", "ealthy below 80 %", "ealthy below 61 %"),
    ("sanctum-slots.json", "warning above 90 %", "warning above 83 %"),
    ("sanctum-slots.json", "Healthy: 0.1 to 1 per episode", "Healthy: 0.23 to 3 per episode"),
    ("sanctum-slots.json", "warning from 1 per episode", "warning from 3 per episode"),
    ("sanctum-slots.json", "critical above 2.", "critical above 9."),
    ("sanctum-slots.json", "less than 80 % dormant", "less than 61 % dormant"),
    ("sanctum-slots.json", "0.1 to 1 seeds pruned", "0.23 to 3 seeds pruned"),
    ("sanctum-slots.json", "success from 70 %", "success from 73 %"),
    ("sanctum-slots.json", "lifespan from 10 epochs", "lifespan from 17 epochs"),
    ("sanctum-fleet.json", "> 600 and", "> 1260 and"),
    ("sanctum-fleet.json", "> 2 * sanctum_run", "> 5 * sanctum_run"),
    ("sanctum-fleet.json", "for 10 minutes", "for 21 minutes"),
    ("sanctum-fleet.json", "> 60 or", "> 75 or"),
    ("sanctum-fleet.json", "> 2700)", "> 3300)"),
    ("sanctum-fleet.json", "> time() - 3600", "> time() - 9000"),
    ("sanctum-fleet.json", ") - 3600)", ") - 9000)"),
    ("sanctum-fleet.json", "within 60 minutes", "within 150 minutes"),
    ("sanctum-fleet.json", "for 60 minutes", "for 150 minutes"),
    ("sanctum-fleet.json", "<= 300 and", "<= 420 and"),
    (
        "sanctum-fleet.json",
        "Healthy from 70 %, critical below",
        "Healthy from 73 %, critical below",
    ),
    ("sanctum-fleet.json", "critical below 50 %", "critical below 37 %"),
    ("sanctum-fleet.json", "warning from 1 per episode", "warning from 3 per episode"),
    ("sanctum-fleet.json", "critical above 2.", "critical above 9."),
    ("panel", "red red green green", "red yellow yellow green"),
]
"""Where a limit is named: the document, how it is named now, and with another limit."""

Steps = list[tuple[float | None, str]]
GREEN, YELLOW, RED, DIM = "semi-dark-green", "#b08600", "red", "#7f838c"
BEHIND = {GREEN: "transparent", YELLOW: "yellow", RED: "dark-red"}
"""What stands behind the text of a cell: black or white is legible on it, and colour is not."""
BLEND: Steps = [(None, RED), (0.37, YELLOW), (0.73, GREEN)]
LIFESPAN: Steps = [(None, RED), (7, YELLOW), (17, GREEN)]
PRUNES: Steps = [(None, GREEN), (3, YELLOW), (9, RED)]
ACTIVE: Steps = [(None, YELLOW), (0.17, DIM), (0.39, GREEN)]
SILENCE: Steps = [(None, GREEN), (1260, YELLOW)]


def behind(steps: Steps) -> Steps:
    """Return the steps of a cell that has the colour behind its text."""
    return [(value, BEHIND[colour]) for value, colour in steps]


JUDGED = {
    "sanctum-slots.json": {
        "Blend success": BLEND,
        "Utilisation": ACTIVE,
        "Seeds per episode, whole run": PRUNES,
        "Seed lifespan and age": LIFESPAN,
        "Blend success over time": BLEND,
        "Telemetry age": SILENCE,
    },
    "sanctum-fleet.json": {
        "All runs: Value #PRUNE": behind(PRUNES),
        "All runs: Value #BLEND": behind(BLEND),
        "Silent for: Value": SILENCE,
        "Blend success: Value": BLEND,
        "Pruned: Value": PRUNES,
    },
    "sanctum-compare.json": {
        "Runs of the job: Value #PRUNE": behind(PRUNES),
        "Runs of the job: Value #BLEND": behind(BLEND),
    },
}
"""Every panel that judges a value of the records, with its steps when the limits are others."""
OF_THE_DASHBOARDS = {
    "Events rejected",
    "Events dropped by the host",
    *("Zero slots", "Stalled", "Died", "Exporters down", "Sources down"),
}
"""Panels that count what should not be: any is too many."""


@cache
def written(changed: bool) -> dict[str, str]:
    """Return rules, dashboards and the panel's colours, with the limits as they are or others."""
    limits = json.dumps(CHANGED if changed else {})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, limits],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    texts: dict[str, str] = json.loads(done.stdout)
    return texts


def judging(document: str) -> Iterator[tuple[str, Steps]]:
    """Yield the panels, and the fields of a table, that have steps of colour."""
    for panel in json.loads(document)["panels"]:
        field_config = panel.get("fieldConfig", {})
        found = [(panel["title"], field_config.get("defaults", {}).get("thresholds"))]
        for override in field_config.get("overrides", []):
            title = f"{panel['title']}: {override['matcher'].get('options')}"
            found += [
                (title, p["value"]) for p in override["properties"] if p["id"] == "thresholds"
            ]
        for title, config in found:
            steps: list[dict[str, Any]] = (config or {}).get("steps", [])
            if len(steps) > 1:
                yield title, [(step["value"], step["color"]) for step in steps]


def test_every_limit_is_changed_by_these_tests() -> None:
    """A limit that is added to the module is added here, too."""
    assert {name for name in vars(thresholds) if name.isupper()} == set(CHANGED)
    assert all(getattr(thresholds, name) != value for name, value in CHANGED.items())


@pytest.mark.parametrize(("name", "before", "after"), WORDS)
def test_what_names_a_limit_names_another_when_it_is_changed(
    name: str, before: str, after: str
) -> None:
    """The old one stands nowhere any more, neither in a query nor in words."""
    assert before in written(changed=False)[name]
    assert before not in written(changed=True)[name]
    assert after in written(changed=True)[name]


@pytest.mark.parametrize("name", JUDGED)
def test_panels_change_colour_where_the_limits_are(name: str) -> None:
    """A value has the same colours on every dashboard, and no panel has a limit of its own."""
    found = dict(judging(written(changed=True)[name]))
    assert {t: s for t, s in found.items() if t not in OF_THE_DASHBOARDS} == JUDGED[name]


def test_no_text_of_a_dashboard_names_a_share_that_is_not_a_limit() -> None:
    """Percentages in descriptions are those of the limits, so none is left when they change."""
    for name in JUDGED:
        assert set(re.findall(r"\b\d+ %", written(changed=True)[name])) <= {
            "73 %",
            "37 %",
            "61 %",
            "83 %",
        }
