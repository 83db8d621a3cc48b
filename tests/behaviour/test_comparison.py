"""Several recordings side by side, by ``inspect`` and by the example for notebooks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from sanctum_exporter.cli import main
from sanctum_exporter.simulation import Simulation
from tests import events, recordings
from tests.clocks import Clock
from tests.rundirs import write_run

NAMES = ("ppo_single", "proof", "ab", "heuristic", "lifecycle_only")
Printed = Callable[..., str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """Return a function that runs a command in this process and returns what it prints."""

    def run(*arguments: str | Path, status: int = 0) -> str:
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert exited.value.code == status, captured.err
        return captured.err if status else captured.out

    return run


def test_each_group_has_its_last_and_its_best_values(printed: Printed) -> None:
    """In the order of the files: the last golden row of each group, and the largest of all rows."""
    paths = [recordings.path(name) for name in NAMES]
    found = json.loads(printed("inspect", *paths, "--format", "json"))
    expected = []
    for name in NAMES:
        starts = recordings.first_starts(name)
        for group in sorted(starts):
            rows = [
                row
                for row in recordings.golden(name)
                if row["group_id"] == group and row["line"] >= starts[group]
            ]
            expected.append(
                {"run": name, "group_id": group, **recordings.values(rows[-1]), "best": best(rows)}
            )
    ours = ("run_id", "task", "reward_mode", "state", "seconds", "planned_episodes")
    assert [{k: v for k, v in row.items() if k not in ours} for row in found] == expected


def best(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the largest values of rows; blend success counts from twenty ended seeds on."""
    seeds = [row["seed_lifecycle"] for row in rows]
    judged = [s for s in seeds if s["fossilize_count"] + s["prune_count"] >= 20]
    return {
        "active_slots": max(row["active_slots"] for row in rows),
        "blend_success_rate": max((s["blend_success_rate"] for s in judged), default=None),
        "avg_lifespan_epochs": max(s["avg_lifespan_epochs"] for s in seeds),
    }


def test_identity_and_time_are_those_of_the_events(printed: Printed) -> None:
    """A group's time is that between its first event and its last, not that of the file."""
    paths = [recordings.path(name) for name in ("ab", "heuristic")]
    rows = json.loads(printed("inspect", *paths, "--format", "json"))
    times: dict[str, list[float]] = {"A": [], "B": []}
    for line in recordings.lines("ab"):
        event = json.loads(line)
        if event["group_id"] in times:
            moment = datetime.fromisoformat(event["timestamp"])
            times[event["group_id"]].append(moment.timestamp())
    for row in rows[:2]:
        spent = max(times[row["group_id"]]) - times[row["group_id"]][0]
        assert row["seconds"] == pytest.approx(spent)
    assert [(row["run_id"], row["state"], row["planned_episodes"]) for row in rows] == [
        ("ppo_2247_12ep", "completed", 12),
        ("ppo_8223_12ep", "completed", 12),
        ("heur_3003", "running", 1),
    ]


def test_the_table_has_a_column_for_each_group(printed: Printed) -> None:
    """Run and group above, the values of a row beside each other, and nothing cut off."""
    lines = printed("inspect", *(recordings.path(name) for name in NAMES)).splitlines()
    rows = {cells[0]: cells[1:] for cells in (columns(line) for line in lines) if cells}
    assert "ppo_single proof" in " ".join(columns(lines[1]))
    assert columns(lines[1]).count("ab") == 2
    assert rows["fossilized"][-4:-2] == ["10 (0.83/ep, stable)", "13 (1.08/ep, stable)"]
    assert rows["best blend success"][0] == "0%"
    assert rows["time"][0] == "23 s"


def columns(line: str) -> list[str]:
    """Return the cells of a line of a table."""
    return [cell.strip() for cell in line.replace("┃", "│").strip("│").split("│")]


def test_a_group_alone_is_compared(printed: Printed) -> None:
    """Recordings that do not have it are left out; if none has it, the error says what there is."""
    paths = [recordings.path(name) for name in ("ppo_single", "ab")]
    rows = json.loads(printed("inspect", *paths, "--group", "B", "--format", "json"))
    assert [(row["run"], row["group_id"]) for row in rows] == [("ab", "B")]
    said = printed("inspect", *paths, "--group", "C", status=2)
    assert said == ("sanctum-exporter: no recording has a group 'C'; their groups: A, B, default\n")


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        (("--until-line", "3"), "--until-line is for one FILE"),
        (("--changes",), "--changes is for one FILE"),
        (("--format", "panel"), "--format panel is for one FILE: several are a table or json"),
        (("--format", "prometheus"), "--format prometheus is for one FILE"),
    ],
)
def test_what_is_about_one_recording_is_refused(
    printed: Printed, option: tuple[str, ...], problem: str
) -> None:
    """One line that says so, with status 2."""
    paths = [recordings.path(name) for name in ("ppo_single", "ab")]
    said = printed("inspect", *paths, *option, status=2)
    assert problem in said
    assert len(said.splitlines()) == 1


def test_one_that_is_no_telemetry_is_an_error(printed: Printed, tmp_path: Path) -> None:
    """It is named, and nothing is printed of the others."""
    path = tmp_path / "notes.jsonl"
    path.write_text("garbage\n")
    said = printed("inspect", recordings.path("ab"), path, status=2)
    assert f"{path} has no event of esper-lite that tells its time" in said


def test_num_envs_counts_for_every_recording(printed: Printed, tmp_path: Path) -> None:
    """Before TRAINING_STARTED says how many there are."""
    paths = [
        write_run(tmp_path, name, events.germinated(), events.germinated()) for name in ("a", "b")
    ]
    rows = json.loads(printed("inspect", *paths, "--num-envs", "16", "--format", "json"))
    assert [(row["run"], row["n_envs"]) for row in rows] == [("a", 16), ("b", 16)]


def test_ten_runs_are_compared_in_twenty_lines(printed: Printed, tmp_path: Path) -> None:
    """The example ranks the exported runs, with the values that inspect has of them."""
    paths = [write_simulated(tmp_path / "runs", f"run{seed}", seed) for seed in range(10)]
    printed("export", tmp_path / "runs", "-o", tmp_path / "tables")
    script = recordings.ROOT / "examples" / "compare_runs.py"
    assert len(script.read_text("utf-8").partition("import sys")[2].splitlines()) <= 20
    done = subprocess.run(
        [sys.executable, script, tmp_path / "tables"], capture_output=True, text=True, check=True
    )
    found = [columns(line) for line in done.stdout.splitlines() if "run" in line][1:]
    documents = json.loads(printed("inspect", *paths, "--format", "json"))
    documents.sort(key=lambda row: (-row["seed_lifecycle"]["blend_success_rate"], row["run"]))
    assert len(documents) == 10
    assert [(row[0], row[1], row[2], row[4], row[5], float(row[6]), row[7]) for row in found] == [
        (
            row["run"],
            "default",
            str(row["current_episode"]),
            str(row["seed_lifecycle"]["germination_count"]),
            str(row["seed_lifecycle"]["fossilize_count"]),
            row["seed_lifecycle"]["blend_success_rate"],
            str(row["best"]["active_slots"]),
        )
        for row in documents
    ]


def write_simulated(directory: Path, name: str, seed: int) -> Path:
    """Write a run of a hundred epochs, a minute each."""
    clock = Clock(events.EPOCH_SECONDS)
    lines = []
    for epoch in islice(Simulation(seed=seed, clock=clock).epochs(), 100):
        lines += epoch
        clock.now += 60
    return write_run(directory, name, *lines)
