"""Tables for notebooks, read back by what notebooks read them with."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet

from sanctum_exporter.cli import main
from tests import events, recordings
from tests.rundirs import write_run

NAMES = ("ppo_single", "ab", "lifecycle_only", "proof", "heuristic", "edge", "edge_raises")
Command = Callable[..., tuple[int, str, str]]

STATE_TYPES = {
    "group_id": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "line": "BIGINT",
    "total_slots": "BIGINT",
    "active_slots": "BIGINT",
    "DORMANT": "BIGINT",
    "GERMINATED": "BIGINT",
    "TRAINING": "BIGINT",
    "BLENDING": "BIGINT",
    "HOLDING": "BIGINT",
    "FOSSILIZED": "BIGINT",
    "n_envs": "BIGINT",
    "avg_epochs_in_stage": "DOUBLE",
    "current_episode": "BIGINT",
    "germination_count": "BIGINT",
    "prune_count": "BIGINT",
    "fossilize_count": "BIGINT",
    "germination_rate": "DOUBLE",
    "prune_rate": "DOUBLE",
    "fossilize_rate": "DOUBLE",
    "blend_success_rate": "DOUBLE",
    "avg_lifespan_epochs": "DOUBLE",
    "germination_trend": "VARCHAR",
    "prune_trend": "VARCHAR",
    "fossilize_trend": "VARCHAR",
}
EVENT_TYPES = {
    "event_id": "VARCHAR",
    "event_type": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "seed_id": "VARCHAR",
    "slot_id": "VARCHAR",
    "epoch": "BIGINT",
    "group_id": "VARCHAR",
    "message": "VARCHAR",
    "data": "JSON",
    "severity": "VARCHAR",
    "filename": "VARCHAR",
    "run_dir": "VARCHAR",
}
"""Those of esper-lite's view raw_events."""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command in this process: its status and what it prints."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = exited.value.code
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the tables of every recording."""
    home = tmp_path_factory.mktemp("tables")
    for name in NAMES:
        write_run(home / "runs", name, *recordings.lines(name))
    with pytest.raises(SystemExit) as exited:
        main(["export", str(home / "runs"), "-o", str(home / "out")])
    assert exited.value.code == 0
    return home


def rows_of(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """Return rows by column."""
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def flat(change: dict[str, Any]) -> dict[str, Any]:
    """Return a change of ``inspect --changes`` with the fields of all its levels side by side."""
    change = dict(change)
    seeds = change.pop("seed_lifecycle")
    stages = change.pop("slot_stage_counts")
    assert (seeds.pop("total_slots"), seeds.pop("active_count")) == (
        change["total_slots"],
        change["active_slots"],
    )
    return {**change, **stages, **seeds}


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_that_of_inspect(tables: Path, command: Command, name: str) -> None:
    """The state has a row for each line that inspect --changes prints, with the same values."""
    path = tables / "runs" / name / "events.jsonl"
    _, printed, _ = command("inspect", path, "--changes")
    expected = [flat(json.loads(line)) for line in printed.splitlines()]
    with duckdb.connect() as connection:
        found = rows_of(
            connection.sql(
                f"FROM '{tables}/out/state.parquet/*/*.parquet' WHERE run = '{name}' ORDER BY line"
            )
        )
    lines = path.read_bytes().splitlines()
    newest: dict[str, datetime] = {}
    assert len(found) == len(expected) > 0
    for row, change in zip(found, expected, strict=True):
        own = {key: value for key, value in row.items() if key not in ("timestamp", "run")}
        assert own == change
        told = datetime.fromisoformat(json.loads(lines[row["line"] - 1])["timestamp"])
        moment = told.astimezone(UTC).replace(tzinfo=None)
        # Where its clock goes back, the newest event of a group stays its newest.
        newest[row["group_id"]] = max(moment, newest.get(row["group_id"], moment))
        assert abs(row["timestamp"] - newest[row["group_id"]]).total_seconds() < 1e-5


@pytest.mark.parametrize(("table", "types"), [("state", STATE_TYPES), ("events", EVENT_TYPES)])
def test_duckdb_and_pyarrow_find_the_declared_types(
    tables: Path, table: str, types: dict[str, str]
) -> None:
    """For every run alone, however sparse, and for all of them together."""
    folder = tables / "out" / f"{table}.parquet"
    with duckdb.connect() as connection:
        for name in ("*", *(f"run={name}" for name in NAMES)):
            relation = connection.sql(f"FROM '{folder}/{name}/*.parquet'")
            found = dict(zip(relation.columns, map(str, relation.types), strict=True))
            assert found == {**types, "run": "VARCHAR"}, name
    arrow = {
        "VARCHAR": "string",
        "BIGINT": "int64",
        "DOUBLE": "double",
        "TIMESTAMP": "timestamp[us]",
        "JSON": "extension<arrow.json>",
    }
    schema = parquet.read_table(folder).schema
    assert {field.name: str(field.type) for field in schema if field.name != "run"} == {
        name: arrow[kind] for name, kind in types.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_events_are_what_duckdb_reads_of_the_telemetry_itself(tables: Path, name: str) -> None:
    """Row by row, as esper-lite reads its own files: columns of these types, by read_json."""
    path = tables / "runs" / name / "events.jsonl"
    own = {
        column: kind
        for column, kind in EVENT_TYPES.items()
        if column not in ("filename", "run_dir")
    }
    with duckdb.connect() as connection:
        raw = connection.read_json(
            str(path),
            columns=own,
            format="newline_delimited",
            ignore_errors=True,
            maximum_object_size=1 << 24,
        )
        expected = rows_of(raw)
        found = rows_of(connection.sql(f"FROM '{tables}/out/events.parquet/run={name}/*.parquet'"))
    assert len(found) == len(expected) == len(recordings.lines(name))
    for row, other in zip(found, expected, strict=True):
        assert (row.pop("filename"), row.pop("run_dir"), row.pop("run")) == (str(path), name, name)
        assert (loaded(row.pop("data"))) == loaded(other.pop("data"))
        if other["epoch"] is None:
            other["epoch"] = row["epoch"]
        assert row == other


def loaded(data: str | None) -> str | None:
    """Return JSON in one form; NaN is equal to itself."""
    return None if data is None else json.dumps(json.loads(data), sort_keys=True)


def test_an_epoch_that_only_the_action_names_is_found(tmp_path: Path, command: Command) -> None:
    """As esper-lite's own view finds it; what names none, or no whole one, has none."""
    lines = [
        events.line("MORPHOLOGY_CAUSAL_LOG", {"action_id": "run-e17-x"}),
        events.line("MORPHOLOGY_CAUSAL_LOG", {"action_id": "run-e17-x"}, epoch=3),
        events.line("MORPHOLOGY_CAUSAL_LOG", {"action_id": "e17"}),
        events.line("MORPHOLOGY_CAUSAL_LOG", {"action_id": 17}),
        events.line("MORPHOLOGY_CAUSAL_LOG", {"action_id": f"a-e{10**30}-b"}),
    ]
    write_run(tmp_path / "runs", "one", *lines)
    command("export", tmp_path / "runs", "-o", tmp_path / "out")
    table = parquet.read_table(tmp_path / "out" / "events.parquet")
    assert table["epoch"].to_pylist() == [17, 3, None, None, None]


def test_odd_lines_keep_the_declared_types(tmp_path: Path, command: Command) -> None:
    """Whatever a field holds, the column stays what it is; a line that is no object has no row."""
    odd = {
        "event_id": 7,
        "event_type": ["X"],
        "timestamp": "yesterday",
        "epoch": "many",
        "group_id": "\ud800",
        "message": None,
    }
    lines = [
        events.started(),
        b"garbage",
        b"[1, 2]",
        json.dumps(odd).encode(),
        b'{"event_type": "X", "data": {"loss": NaN}, "timestamp": "2026-11-22T13:00:00+01:00"}',
        b'{"event_type": "X", "epoch": 1e400}',
    ]
    write_run(tmp_path / "runs", "one", *lines)
    status, _, _ = command("export", tmp_path / "runs", "-o", tmp_path / "out")
    assert status == 0
    rows = parquet.read_table(tmp_path / "out" / "events.parquet").to_pylist()
    assert len(rows) == 4
    found = [{name: row[name] for name in odd} for row in rows[1:]]
    assert found == [
        {
            "event_id": "7",
            "event_type": '["X"]',
            "timestamp": None,
            "epoch": None,
            "group_id": "\\ud800",
            "message": None,
        },
        {
            "event_id": None,
            "event_type": "X",
            # In UTC, as the view has it.
            "timestamp": datetime(2026, 11, 22, 12),
            "epoch": None,
            "group_id": None,
            "message": None,
        },
        dict.fromkeys(odd) | {"event_type": "X"},
    ]
    assert rows[2]["data"] == '{"loss": NaN}'


def test_a_long_run_is_written_in_groups_of_rows(tmp_path: Path, command: Command) -> None:
    """No group holds all of it, so that memory does not grow with the run."""
    lines = [events.started(), *[events.germinated()] * 25_000]
    write_run(tmp_path / "runs", "long", *lines)
    command("export", tmp_path / "runs", "-o", tmp_path / "out")
    for table in ("state", "events"):
        file = parquet.ParquetFile(tmp_path / "out" / f"{table}.parquet" / "run=long" / "0.parquet")
        groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        assert groups == [10_000, 10_000, 5_001]


@pytest.mark.parametrize("name", ["ab", "edge", "edge_raises"])
def test_csv_holds_what_parquet_holds(tables: Path, command: Command, name: str) -> None:
    """Written without pyarrow; the run is its first column."""
    run = tables / "runs" / name
    command("export", run, "-o", tables / "csv", "--format", "csv")
    for table in ("state", "events"):
        path = tables / "csv" / f"{table}.csv" / f"run={name}" / "0.csv"
        with path.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        expected = parquet.read_table(
            tables / "out" / f"{table}.parquet" / f"run={name}" / "0.parquet", partitioning=None
        ).to_pylist()
        assert found == [
            {"run": name, **{key: "" if v is None else str(v) for key, v in row.items()}}
            for row in expected
        ]


def test_without_pyarrow_it_says_what_to_install(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line and status 2, before anything is made; CSV needs none."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    arguments = ("export", recordings.path("ab"), "-o", tmp_path / "out")
    status, _, said = command(*arguments)
    assert (status, said) == (
        2,
        (
            "sanctum-exporter: parquet is written with pyarrow, which is not installed: "
            "pip install 'sanctum-exporter[parquet]', or give --format csv\n"
        ),
    )
    assert not (tmp_path / "out").exists()
    assert command(*arguments, "--format", "csv")[0] == 0


def test_a_run_with_an_odd_name_is_read_by_that_name(tmp_path: Path, command: Command) -> None:
    """Readers of partitioned tables undo what its directory is called."""
    for name in ("a b", "ü=1", "100%"):
        write_run(tmp_path / "runs", name, events.started())
    command("export", tmp_path / "runs", "-o", tmp_path / "out")
    folder = tmp_path / "out" / "state.parquet"
    assert set(parquet.read_table(folder)["run"].to_pylist()) == {"a b", "ü=1", "100%"}
    with duckdb.connect() as connection:
        found = rows_of(connection.sql(f"FROM '{folder}/*/*.parquet'"))
    assert {row["run"] for row in found} == {"a b", "ü=1", "100%"}
