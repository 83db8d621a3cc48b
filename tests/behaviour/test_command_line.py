"""The command line: output, help, and errors in one line."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from sanctum_exporter.cli import main, program
from tests import events, recordings


class Result:
    """What a command did."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs the command in this process."""

    def run(*arguments: str | Path) -> Result:
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = exited.value.code
        assert isinstance(code, int)
        return Result(code, captured.out, captured.err)

    return run


def test_inspect_json_holds_groups_events_and_rejections(run: Any, tmp_path: Path) -> None:
    """The fields of the last golden rows; counts of what was there."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join([*recordings.lines("ab"), b"garbage\n"]))
    document = json.loads(run("inspect", path, "--format", "json").out)
    last = {row["group_id"]: recordings.values(row) for row in recordings.golden("ab")}
    runs = {"A": "ppo_2247_12ep", "B": "ppo_8223_12ep"}
    assert document["groups"] == {
        group: {"run_id": run_id, "task": "cifar_baseline", **last[group]}
        for group, run_id in runs.items()
    }
    assert document["events"]["SEED_FOSSILIZED"] == 23
    assert sum(document["events"].values()) == 5403
    assert document["rejected"] == {"invalid_json": 1}


def test_inspect_changes_are_the_golden_rows(run: Any) -> None:
    """A row after each event that changed a published group, and no other."""
    result = run("inspect", recordings.path("ppo_single"), "--changes")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert rows == list(recordings.golden("ppo_single"))


def test_inspect_until_a_line_of_one_group(run: Any) -> None:
    """The panel at a recorded point: title, then text."""
    point = next(row for row in recordings.panels("ab") if row["group_id"] == "B")
    options = ("--until-line", str(point["line"]), "--group", "B", "--format", "panel")
    result = run("inspect", recordings.path("ab"), *options)
    assert result.out == f"{point['border_title']}\n{point['text']}\n"


def test_inspect_panel_of_several_groups_names_them(run: Any) -> None:
    """The panels of several groups are told apart by name, with a blank line between them."""
    out = run("inspect", recordings.path("ab"), "--format", "panel").out
    assert out.startswith("group A\nCURRENT SLOTS ─ 9 across 3 envs\n")
    assert "\n\ngroup B\nCURRENT SLOTS ─ 9 across 3 envs\n" in out


def test_inspect_before_anything_is_configured_has_no_data(run: Any) -> None:
    """Where no group is published, the panel is the terminal's [no data]."""
    path = recordings.path("ppo_single")
    assert run("inspect", path, "--until-line", "0", "--format", "panel").out == "[no data]\n"
    document = json.loads(run("inspect", path, "--until-line", "0", "--format", "json").out)
    assert document == {"groups": {}, "events": {}, "rejected": {}}
    assert "No group is configured." in run("inspect", path, "--until-line", "0").out


def test_inspect_of_a_group_that_is_not_there_names_those_that_are(run: Any) -> None:
    """A group that a recording does not have is an error, which says which ones it has."""
    path = recordings.path("ab")
    result = run("inspect", path, "--group", "C", "--format", "panel")
    assert (result.status, result.out) == (2, "")
    assert result.err == f"sanctum-exporter: {path} has no group 'C'; its groups: A, B\n"


def test_inspect_does_not_count_half_a_line_at_the_end(
    run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a writer has not finished is neither an event nor rejected, and the log says so."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(events.started() + b"\n" + events.germinated()[:50])
    document = json.loads(run("inspect", path, "--format", "json").out)
    assert (document["events"], document["rejected"]) == ({"TRAINING_STARTED": 1}, {})
    assert caplog.messages == [f"{path}: half a line at the end, which is not counted"]


def test_inspect_table_shows_every_group(run: Any) -> None:
    """The table for people has a column for every group."""
    out = run("inspect", recordings.path("ab")).out
    for text in ("ppo_2247_12ep", "ppo_8223_12ep", "total slots", "5403 events read"):
        assert text in out


def test_inspect_prometheus_is_what_a_scrape_gives(run: Any) -> None:
    """Group, and the exporter on itself."""
    out = run("inspect", recordings.path("ab"), "--format", "prometheus").out
    assert 'sanctum_slots{group_id="A",stage="DORMANT"} 9.0\n' in out
    assert 'sanctum_exporter_events_total{event_type="SEED_FOSSILIZED"} 23.0\n' in out


def test_num_envs_gives_the_envs_of_the_original(run: Any, tmp_path: Path) -> None:
    """Before TRAINING_STARTED says how many there are."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(events.germinated())
    options = ("--num-envs", "16", "--format", "json")
    document = json.loads(run("inspect", path, *options).out)
    assert document["groups"]["default"]["n_envs"] == 16
    assert document["groups"]["default"]["total_slots"] == 16


NAMES = ("nothing", "folder", "file", "damaged", "garbage")


def taken_port() -> socket.socket:
    """Return a socket that listens."""
    return socket.create_server(("127.0.0.1", 0))


def test_port_in_use_names_the_address_and_the_option(run: Any, tmp_path: Path) -> None:
    """A command whose port is taken ends at once and says which option gives another."""
    with taken_port() as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("watch", tmp_path, "--web.listen-address", address)
    assert result.status == 2
    assert result.err.splitlines()[-1] == (
        f"sanctum-exporter: cannot listen on {address}: Address already in use; "
        "choose another with --web.listen-address"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "{nothing}"], "'{nothing}' does not exist"),
        (["replay", "{folder}"], "'{folder}' is a directory"),
        (["inspect", "{damaged}"], "{damaged} is damaged gzip"),
        (["watch"], "Missing argument 'PATH'"),
        (["watch", "{damaged}"], "{damaged} is gzip, which does not grow: use replay or inspect"),
        (["watch", "--all-runs", "{file}"], "--all-runs needs a directory of runs, and {file} is"),
        (["watch", "{folder}", "--web.listen-address", "10500"], "give host:port, for example"),
        (["watch", "{folder}", "--web.telemetry-path", "metrics"], "write /metrics"),
        (["watch", "{folder}", "--web.telemetry-path", "/-/ready"], "write /metrics"),
        (["watch", "{folder}", "--web.sd-file", "a.yml"], "its name ends in .json"),
        (["watch", "{folder}", "--web.sd-file", "{nothing}/a.json"], "is no folder '{nothing}'"),
        (
            ["demo", "--web.listen-address", "127.0.0.1:0", "--web.sd-file", "{folder}/d.json"],
            "cannot write {folder}/d.json: Is a directory",
        ),
        (
            [
                *("demo", "--no-web", "--otlp.endpoint", "http://127.0.0.1:1"),
                *("--web.sd-file", "{folder}/a.json"),
            ],
            "--web.sd-file names a port, and --no-web opens none",
        ),
        (["demo", "--web.final-scrape-wait", "21s"], "'21s' is too long a wait: give 20s or less"),
        (["demo", "--web.final-scrape-wait", "20"], "'20' is not a duration: write 90s, 5m or"),
        (["replay", "{file}", "--speed", "0"], "'0' is not a speed: give a number from 0.001"),
        (["replay", "{file}", "--speed", "nan"], "'nan' is not a speed: give a number from 0.001"),
        (
            ["demo", "--speed", "1e300"],
            "is not a speed: give a number from 0.001 to 1,000,000,000,",
        ),
        (["replay", "{file}", "--speed", "1e-300"], "'1e-300' is not a speed: give a number from"),
        (["demo", "--duration", "1000000000000y"], "is too long a duration: give 100y or less"),
        (["replay", "{file}", "--linger", f"1{'0' * 400}s"], "is too long a duration: give 100y"),
        (["demo", "--otlp.interval", "101y"], "'101y' is too long a duration: give 100y or less"),
        (["watch", "{folder}", "--web.telemetry-path", "/metrics/../x"], "write /metrics"),
        (["inspect", "{garbage}"], "none of the lines of {garbage} is an event of esper-lite (3 "),
        (["inspect", "{garbage}", "--changes"], "is an event of esper-lite (3 rejected, the log"),
        (["inspect", "{file}", "--group", "C"], "{file} has no group 'C'; its groups: default"),
        (["inspect", "{file}", "--group", "C", "--changes"], "{file} has no group 'C'; its groups"),
        (["demo", "--duration", "60"], "'60' is not a duration: write 90s, 5m or 1h30m"),
        (["demo", "--groups", "A,,B"], "'A,,B' is not a list of groups: write A,B"),
        (["demo", "--envs", "-1"], "Invalid value for '--envs'"),
        (["inspect", "{file}", "--format", "yaml"], "'yaml' is not one of"),
        (["inspekt", "{file}"], "No such command 'inspekt'"),
        (["--nothing"], "No such option"),
    ],
)
def test_errors_are_one_line_with_status_two(
    run: Any, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """What is wrong, and what to do; no traceback."""
    names = {name: str(tmp_path / name) for name in NAMES}
    (Path(names["folder"]) / "d.json").mkdir(parents=True)
    Path(names["file"]).write_bytes(events.started() + b"\n")
    Path(names["garbage"]).write_bytes(b'# Read me\n\n{"loss": 1}\n[1]\n')
    Path(names["damaged"]).write_bytes(gzip.compress(b"line\n" * 100)[:-9])
    result = run(*(argument.format(**names) for argument in arguments))
    assert result.status == 2
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("sanctum-exporter: ")
    assert message.format(**names) in line


def test_replay_of_what_is_no_telemetry_ends_with_status_two(run: Any, tmp_path: Path) -> None:
    """It does not go on serving nothing."""
    path = tmp_path / "garbage"
    path.write_bytes(b"# Read me\n")
    result = run("replay", path, "--web.listen-address", "127.0.0.1:0")
    assert result.status == 2
    assert result.err.splitlines()[-1] == (
        f"sanctum-exporter: none of the lines of {path} is an event of esper-lite (1 rejected, the "
        "log says why): is it its telemetry?"
    )


@pytest.mark.parametrize("name", [None, *program.commands])
def test_every_command_and_option_has_help(run: Any, name: str | None) -> None:
    """Nobody has to read the source to learn what an option does."""
    result = run(*([name] if name else []), "--help")
    assert result.status == 0
    command = program.commands[name] if name else program
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_version_is_told(run: Any) -> None:
    """The version is told with the name of the program."""
    result = run("--version")
    assert (result.status, result.out) == (0, "sanctum-exporter, version 0.1.0\n")


def test_without_a_command_the_commands_are_shown(run: Any) -> None:
    """Without a command, all are listed, and the status says that nothing was done."""
    result = run()
    assert result.status == 2
    # How the command stands in this line is click's, and changes with its versions.
    assert result.err.startswith("Usage: sanctum-exporter [OPTIONS] ")
    for command in ("demo", "inspect", "replay", "run", "watch"):
        assert f"\n  {command} " in result.err


def test_importing_the_package_does_no_work() -> None:
    """It loads neither OpenTelemetry nor a Prometheus client, and starts no thread."""
    script = (
        "import sys, threading, sanctum_exporter;"
        "heavy = ('opentelemetry', 'prometheus', 'msgspec');"
        "loaded = [name for name in sys.modules if name.startswith(heavy)];"
        "sys.exit(str(loaded) if loaded or threading.active_count() > 1 else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_commands_that_do_not_push_load_no_opentelemetry() -> None:
    """It costs half a second and 60 MB."""
    script = (
        "import sys, sanctum_exporter.cli;"
        "sys.exit(any(m.startswith('opentelemetry') for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
