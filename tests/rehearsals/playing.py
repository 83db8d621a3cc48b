"""Plays a scenario in a setup, and says what is wrong with what came of it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sanctum_exporter.history import promtool
from sanctum_exporter.history.promtool import FiredAlert
from sanctum_exporter.history.sampling import pushed, scraped
from tests import recordings
from tests.rehearsals.scenarios import STAGES, Play, Result, Setup

RULES = [recordings.ROOT / "rules" / "alerts.yml", recordings.ROOT / "rules" / "recording.yml"]


def play(name: str, setup: Setup) -> Result:
    """Play a scenario, and compare the alerts with those that have to fire.

    A note that an end was not seen is allowed wherever a process ends by itself.
    """
    with TemporaryDirectory() as folder:
        staged = STAGES[name](Path(folder))
        fired = [alert for alert in _alerts(staged, setup) if alert.fired_at is not None]
    result = Result()
    for alert in fired:
        result.fired.setdefault((alert.alert, alert.severity), alert.fired_at or 0.0)
    _check(staged, setup, fired, result)
    return result


def _alerts(staged: Play, setup: Setup) -> list[FiredAlert]:
    names = promtool.metric_names(RULES)
    scenario = staged.scenario
    if setup.pushed:
        samples = pushed(scenario, setup.scrape_interval, names)
    else:
        failed = {
            setup.phase + setup.scrape_interval * (10 * ten + each)
            for ten in range(int(scenario.until) // (10 * setup.scrape_interval) + 1)
            for each in staged.failed_scrapes
        }
        samples = scraped(scenario, setup.scrape_interval, setup.phase, names, failed)
    return promtool.judge(samples, RULES, setup.evaluation_interval, scenario.until)


def _check(staged: Play, setup: Setup, fired: list[FiredAlert], result: Result) -> None:
    for expected in staged.expected:
        earliest, latest = expected.window(setup)
        at = result.fired.get((expected.alert, expected.severity))
        if at is None:
            result.wrong.append(f"{expected.alert} ({expected.severity}) did not fire")
        elif not earliest <= at <= latest:
            result.wrong.append(
                f"{expected.alert} ({expected.severity}) fired {at - expected.since:.0f} s after, "
                f"not {earliest - expected.since:.0f} to {latest - expected.since:.0f}"
            )
    allowed = {(each.alert, each.severity) for each in staged.expected}
    for alert in fired:
        if alert.severity != "info" and (alert.alert, alert.severity) not in allowed:
            result.wrong.append(f"{alert.alert} ({alert.severity}) fired at {alert.fired_at}")
        if (alert.resolved_at or float("inf")) > staged.ends_by:
            result.wrong.append(f"{alert.alert} ({alert.severity}) did not end by itself in time")
