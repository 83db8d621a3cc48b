"""``sanctum-exporter rehearse``, with the real promtool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import recordings

pytestmark = pytest.mark.stack

Run = Callable[..., "subprocess.CompletedProcess[str]"]
LAST_OF_AB = datetime.fromisoformat("2026-11-22T22:55:20+00:00")


@pytest.fixture
def rehearse(stack_tool: Callable[[str], Path]) -> Run:
    """Return a function that runs the command with promtool on PATH."""
    folder = stack_tool("promtool").parent

    def run(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        search = f"{folder}{os.pathsep}{os.environ['PATH']}" if path is None else path
        return subprocess.run(
            [sys.executable, "-m", "sanctum_exporter", "rehearse", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PATH": search},
        )

    return run


def alerts(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return what was printed as JSON."""
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", ["ppo_single", "ab", "heuristic", "lifecycle_only", "proof"])
@pytest.mark.parametrize("source", ["watch", "hook"])
@pytest.mark.parametrize("phase", ["5s", "25s"])
def test_a_recording_that_ends_by_itself_pages_nobody(
    rehearse: Run, name: str, source: str, phase: str
) -> None:
    """At the default intervals, of which the shortest recordings fill but a quarter of one."""
    path = str(recordings.path(name))
    fired = alerts(rehearse(path, f"--source={source}", f"--phase={phase}", "--json"))
    assert [a for a in fired if a["fired_at"] and a["severity"] != "info"] == []


def test_a_trainer_killed_under_watch_is_a_warning_and_then_a_page(rehearse: Run) -> None:
    """Twelve minutes after the last event that was flushed, in the recording's own time."""
    path = str(recordings.path("ab"))
    fired = alerts(rehearse(path, "--kill-at=1m30s", "--scrape-interval=15s", "--json"))
    stopped = {a["severity"]: a for a in fired if a["alert"] == "SanctumTelemetryStopped"}
    assert stopped.keys() == {"warning", "critical"}
    killed = datetime.fromisoformat("2026-11-22T22:54:40+00:00")
    for severity, minutes in (("warning", 10), ("critical", 12)):
        alert = stopped[severity]
        late = datetime.fromisoformat(alert["fired_at"]) - killed - timedelta(minutes=minutes)
        assert timedelta(seconds=-10) < late < timedelta(seconds=70)
        assert alert["active_at"] == alert["fired_at"]
        assert alert["labels"] == {"group_id": "B", "instance": "watch", "job": "sanctum"}
        ended = datetime.fromisoformat(alert["resolved_at"]) - killed
        assert ended < timedelta(minutes=62)


def test_rules_of_a_user_are_judged_instead_of_ours(rehearse: Run, tmp_path: Path) -> None:
    """Here one that is pending to the end, and one that fires and ends."""
    rules = tmp_path / "rules.yml"
    rules.write_text(
        """
groups:
  - name: mine
    rules:
      - alert: Seeds
        expr: sanctum_seeds_germinated_total > 20
        for: 10h
      - alert: Training
        expr: sum(sanctum_active_slots) > 0
        labels: {severity: page, team: seeds}
"""
    )
    path = str(recordings.path("ab"))
    fired = alerts(
        rehearse(
            path, f"--rules={rules}", "--scrape-interval=5s", "--evaluation-interval=5s", "--json"
        )
    )
    seeds = [a for a in fired if a["alert"] == "Seeds"]
    assert {a["labels"]["group_id"] for a in seeds} == {"A", "B"}
    assert {(a["severity"], a["fired_at"], a["resolved_at"]) for a in seeds} == {("", None, None)}
    training = [a for a in fired if a["alert"] == "Training"]
    assert {(a["severity"], tuple(a["labels"].items())) for a in training} == {
        ("page", (("team", "seeds"),))
    }
    assert datetime.fromisoformat(training[-1]["resolved_at"]) - LAST_OF_AB < timedelta(seconds=11)


def test_several_recordings_are_runs_beside_each_other(rehearse: Run) -> None:
    """Each series says which; the earlier of the two began five minutes before the other."""
    paths = [str(recordings.path(name)) for name in ("ppo_single", "ab")]
    fired = alerts(rehearse(*paths, "--kill-at=6m", "--scrape-interval=5s", "--json"))
    runs = {a["labels"]["run"] for a in fired if a["alert"] == "SanctumTelemetryStopped"}
    assert runs == {"2-ab.jsonl"}


def test_people_read_when_what_fired(rehearse: Run) -> None:
    """A line for the alert and its labels, and one for its times."""
    done = rehearse(str(recordings.path("ab")), "--kill-at=1m30s")
    first, second = done.stdout.splitlines()[:2]
    assert first == (
        'SanctumTelemetryStopped (warning) {group_id="B", instance="watch", job="sanctum"}'
    )
    assert second.startswith("  pending 2026-11-22T23:0")
    assert ", fired 2026-11-22T23:0" in second
    assert ", ended 2026-11-22T23:5" in second
    nothing = rehearse(str(recordings.path("ab")))
    assert nothing.stdout == "no alert would have been pending or firing\n"


def test_without_promtool_it_says_where_it_comes_from(rehearse: Run, tmp_path: Path) -> None:
    """One line, and status 2."""
    done = rehearse(str(recordings.path("ab")), path=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "sanctum-exporter: promtool is not on PATH: it comes with Prometheus, "
        "https://prometheus.io/download/#prometheus\n"
    )


def test_rules_that_promtool_refuses_are_one_clear_error(rehearse: Run, tmp_path: Path) -> None:
    """The message has what promtool says of them."""
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: x, rules: [{alert: Broken, expr: 'up =='}]}]")
    done = rehearse(str(recordings.path("ab")), f"--rules={rules}")
    assert done.returncode == 2
    assert done.stderr.startswith("sanctum-exporter: promtool cannot use the rules: ")
    assert "unexpected end of input" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--phase=60s"], "--phase is 60s, and has to be less than the scrape interval, 60s"),
        (["--scrape-interval=1500ms"], "is not a number of whole seconds: write 15s or 1m"),
        (["--evaluation-interval=0s"], "is not a number of whole seconds: write 15s or 1m"),
        (["--kill-at=soon"], "'soon' is not a duration: write 90s, 5m or 1h30m"),
    ],
)
def test_what_cannot_be_rehearsed_is_one_clear_error(
    rehearse: Run, arguments: list[str], message: str
) -> None:
    """It names the option and says what to write."""
    done = rehearse(str(recordings.path("ab")), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_without_times_is_one_clear_error(rehearse: Run, tmp_path: Path) -> None:
    """Nothing can be told of when."""
    path = tmp_path / "events.jsonl"
    path.write_text("garbage\n")
    done = rehearse(str(path))
    assert (done.returncode, done.stderr) == (
        2,
        f"sanctum-exporter: {path} has no event that tells its time: nothing can be rehearsed\n",
    )
