"""What it costs to read a file: from bytes in the page cache to the counts of seeds."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from benchmarks import recordings
from benchmarks.harness import Comparison, Missing, Scale, Way, timed
from sanctum_exporter.cli import program
from sanctum_exporter.files.runs import AllRuns, Follower, LatePath
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.events import READ_EVENTS
from tools.stack import locate

DUCKDB: Any = import_module("duckdb") if find_spec("duckdb") else None

RECORDING = "ppo_single"
RUNS = 4
QUANTITY = "ms for {} MB"
# One of the three counts that our pruned, fossilized and germinated seeds are.
MTAIL_PROGRAM = """\
counter germinated
/"event_type": "SEED_GERMINATED"/ {
  germinated++
}
"""
# The same columns that we read, of the same events.
QUERY = """
SELECT group_id, event_type, data->>'env_id', coalesce(slot_id, data->>'slot_id'),
       data->>'to_stage', data->>'epochs_in_stage', data->>'epochs_total',
       data->>'episodes_completed', data->'seeds', timestamp
FROM read_json('{}', format = 'newline_delimited', columns = {{
  event_type: 'VARCHAR', timestamp: 'VARCHAR', slot_id: 'VARCHAR', group_id: 'VARCHAR', data: 'JSON'
}})
WHERE event_type IN ('TRAINING_STARTED', 'SEED_GERMINATED', 'SEED_STAGE_CHANGED', 'SEED_PRUNED',
  'SEED_FOSSILIZED', 'SEED_GATE_EVALUATED', 'EPOCH_COMPLETED', 'BATCH_EPOCH_COMPLETED')
"""


def comparisons(scale: Scale) -> Iterator[Comparison]:
    """Compare ours, in each of its ways to read, with others."""
    once = recordings.content(RECORDING)
    times = max(RUNS, scale.megabytes * 1_000_000 // len(once))
    times -= times % RUNS
    quantity = QUANTITY.format(f"{len(once) * times / 1e6:.0f}")
    with tempfile.TemporaryDirectory() as folder:
        file, runs = Path(folder, "events.jsonl"), Path(folder, "runs")
        file.write_bytes(once * times)
        for number in range(RUNS):
            run = runs / f"telemetry_2026-01-0{number + 1}_000000"
            run.mkdir(parents=True)
            (run / "events.jsonl").write_bytes(once * (times // RUNS))
        others = [
            Way("`json.loads` of each line, dropped", _timed(lambda: _parse(file)), {quantity: 6}),
            _duckdb(file),
            _mtail(file, Path(folder)),
            Way("`wc -l`", _timed(lambda: _run("wc", "-l", str(file))), {quantity: 1 / 6}),
        ]
        floor = Way("its bytes read", _timed(lambda: _read(file)))
        for name, read in (
            ("`inspect`", lambda: _inspect(file)),
            ("`watch`", lambda: _follow(LatePath(file, _new_intake))),
            (f"`watch --all-runs`, {RUNS} runs", lambda: _follow(AllRuns(runs, _new_intake))),
        ):
            what = f"A file of a real PPO run into counts, by {name}"
            yield Comparison(what, [quantity], Way("ours", _timed(read)), others, floor)


def _timed(run: Callable[[], object]) -> Callable[[], list[float]]:
    return timed(lambda: run, unit=1e3)


def _inspect(file: Path) -> None:
    with redirect_stdout(StringIO()):
        program(["inspect", str(file), "--format", "json"], standalone_mode=False)


def _new_intake(path: Path, run: str | None) -> Intake:
    return Intake(Groups(run=run), source=str(path))


def _follow(follower: Follower) -> None:
    while follower.poll():
        pass


def _read(file: Path) -> None:
    buffer = bytearray(1 << 20)
    with file.open("rb", buffering=0) as unread:
        while unread.readinto(buffer):
            pass


def _parse(file: Path) -> None:
    with file.open("rb") as lines:
        for line in lines:
            json.loads(line)


def _duckdb(file: Path) -> Way | Missing:
    name = "DuckDB, the same columns, 1 thread"
    if DUCKDB is None:
        return Missing(name, "duckdb is not installed")
    connection = DUCKDB.connect(config={"threads": 1})
    query = QUERY.format(file)
    events = _events(file)
    _check(name, len(connection.execute(query).fetchall()), sum(events[e] for e in READ_EVENTS))
    return Way(name, _timed(lambda: connection.execute(query).fetchall()))


def _mtail(file: Path, folder: Path) -> Way | Missing:
    name = "mtail, one count of the three, with its start"
    program_file = locate("mtail")
    if program_file is None:
        return Missing(name, "mtail is not there: `python tools/stack.py mtail`")
    programs = folder / "programs"
    programs.mkdir()
    (programs / "seeds.mtail").write_text(MTAIL_PROGRAM)
    command = [str(program_file), "--one_shot", "--progs", str(programs), "--logs", str(file)]
    (said,) = json.loads(_run(*command))["germinated"]
    _check(name, said["LabelValues"][0]["Value"]["Value"], _events(file)["SEED_GERMINATED"])
    return Way(name, _timed(lambda: _run(*command)))


def _events(file: Path) -> Mapping[str, int]:
    """Return how many events of each type a file has, as we count them."""
    follower = LatePath(file, _new_intake)
    _follow(follower)
    return follower.activity().events


def _check(name: str, counted: int, expected: int) -> None:
    if counted != expected:
        raise RuntimeError(f"{name}: counted {counted} and not {expected}, which is no comparison")


def _run(*command: str) -> str:
    found = shutil.which(command[0]) or command[0]
    done = subprocess.run([found, *command[1:]], capture_output=True, text=True, check=True)
    return done.stdout
