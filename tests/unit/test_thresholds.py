from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache

import pytest

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
    "SILENCE_SECONDS": 1234,
}
PROGRAM = """
import json, sys
from sanctum_exporter import thresholds
for name, value in json.loads(sys.argv[1]).items():
    assert hasattr(thresholds, name), name
    setattr(thresholds, name, value)
from grafana import build
from rules.build import FILES
texts = {name: render() for name, render in FILES.items()}
texts |= {path.name: text for path, text in build.documents().items()}
from sanctum_exporter import panel
from sanctum_exporter.readings import SeedLifecycleStats, SlotSnapshot
def style(ratio):
    seeds = SeedLifecycleStats(total_slots=1, blend_success_rate=ratio)
    slots = SlotSnapshot(1, 0, {}, 1, 0.0, 0, seeds)
    return panel.lines(slots)[-1][3].style
texts["panel"] = [style(ratio) for ratio in (0.36, 0.38, 0.72, 0.74)]
print(json.dumps(texts))
"""


@cache
def written(changed: bool) -> dict[str, str]:
    """Return rules, dashboards and the panel's colours, with the limits as they are or changed."""
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


def numbers(text: str, pattern: str) -> set[str]:
    """Return what a pattern finds in a text."""
    return set(re.findall(pattern, text))


def test_the_panel_changes_colour_where_the_limits_are() -> None:
    """Red, yellow and green meet at the two limits of blend success."""
    assert list(written(changed=True)["panel"]) == ["red", "yellow", "yellow", "green"]
    assert list(written(changed=False)["panel"]) == ["red", "red", "green", "green"]


@pytest.mark.parametrize(
    ("alert", "limit"),
    [
        ("SanctumMostlyDormant", "< 0.17"),
        ("SanctumLowBlendSuccess", "< 0.37"),
        ("SanctumHighPruneRate", "> 9"),
        ("SanctumShortLifespan", "< 7 > 0"),
        ("SanctumTelemetryStopped", "> 1234"),
    ],
)
def test_alerts_take_their_limits_from_the_thresholds(alert: str, limit: str) -> None:
    """With another limit of the record, the alert has it too, and the old one is gone."""

    def rule(changed: bool) -> str:
        return re.split(r"- alert: ", written(changed)["rules/alerts.yml"].split(alert, 1)[1])[0]

    assert limit in rule(changed=True)
    assert limit not in rule(changed=False)


@pytest.mark.parametrize("uid", ["sanctum-slots", "sanctum-fleet"])
def test_dashboards_take_their_limits_from_the_thresholds(uid: str) -> None:
    """No step of colour of a changed limit stands on a dashboard any more with its old value."""

    def bounds(changed: bool) -> set[float]:
        found: set[float] = set()

        def walk(value: object) -> None:
            if isinstance(value, dict):
                for step in value.get("steps", ()):
                    found.add(step["value"] or 0.0)
                for each in value.values():
                    walk(each)
            elif isinstance(value, list):
                for each in value:
                    walk(each)

        walk(json.loads(written(changed)[f"{uid}.json"]))
        return found

    assert {0.37, 0.73, 9.0} <= bounds(changed=True)
    assert not {0.5, 0.7, 2.0, 5.0, 10.0, 0.8, 0.9, 600.0} & bounds(changed=True)
    assert {0.5, 0.7, 2.0} <= bounds(changed=False)


@pytest.mark.parametrize("uid", ["sanctum-slots", "sanctum-fleet"])
def test_descriptions_name_the_limits_of_the_thresholds(uid: str) -> None:
    """What a panel says of a limit in words is what its colours do."""
    text = written(changed=True)[f"{uid}.json"]
    assert "from 73 %" in text
    assert "below 37 %" in text
    assert not numbers(text, r"\b(?:70|50|80|90) %")
