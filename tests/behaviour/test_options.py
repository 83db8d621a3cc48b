"""Options: by environment and on the command line, the log's, and those without effect."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sanctum_exporter.cli import program
from tests import events
from tests.processes import exporter
from tests.waiting import DEADLINE_SECONDS

PREFIX = "SANCTUM_EXPORTER_"
Done = subprocess.CompletedProcess[str]


def command(*arguments: str | Path, **variables: str) -> Done:
    """Run the program to its end, with these variables and no other of its own."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", PREFIX, "_SANCTUM"))
    }
    return subprocess.run(
        [sys.executable, "-m", "sanctum_exporter", *map(str, arguments)],
        env=clean | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A short recording."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(events.started() + b"\n")
    return path


OPTIONS = [
    pytest.param(command, option, id=f"{command.name}{max(option.opts, key=len)}")
    for command in (program, *program.commands.values())
    for option in command.params
    if isinstance(option, click.Option) and not option.is_eager
]


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_an_option_has_the_variable_of_its_name(
    command: click.Command, option: click.Option
) -> None:
    """It is the same for every command, stands in the help, and is none for a single letter."""
    name = max(option.opts, key=len)
    expected = PREFIX + name.lstrip("-").upper().replace(".", "_").replace("-", "_")
    _, text = option.get_help_record(click.Context(command)) or ("", "")
    if name == "-m":
        assert option.envvar is None
    else:
        assert option.envvar == expected
        assert f"env var: {expected}" in text


def test_the_command_line_counts_before_the_environment_and_that_before_the_default(
    file: Path,
) -> None:
    """A format is said three times, by nobody, by the environment, and by who typed it."""
    variable = {"SANCTUM_EXPORTER_FORMAT": "prometheus"}
    assert "No group" in command("inspect", file, "--until-line", "0").stdout
    by_environment = command("inspect", file, **variable).stdout
    assert by_environment.startswith("# HELP sanctum_total_slots ")
    typed = command("inspect", file, "--format", "json", **variable).stdout
    assert json.loads(typed)["groups"].keys() == {"default"}


def test_an_empty_variable_is_none(file: Path) -> None:
    """Compose files pass variables on that nobody has set."""
    done = command("inspect", file, SANCTUM_EXPORTER_FORMAT="", SANCTUM_EXPORTER_CHANGES="")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "variable", "value", "message"),
    [
        (
            ["watch", "{}"],
            "SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS",
            "10500",
            "'10500' is not a listen address: give host:port, for example :10500",
        ),
        (["watch", "{}"], "SANCTUM_EXPORTER_MOST_RUNS", "0", "0 is not in the range"),
        (["watch", "{}"], "SANCTUM_EXPORTER_ALL_RUNS", "maybe", "'maybe' is not a valid boolean"),
        (["inspect", "{}"], "SANCTUM_EXPORTER_LOG_LEVEL", "loud", "'loud' is not one of"),
        (["replay", "{}"], "SANCTUM_EXPORTER_SPEED", "fast", "'fast' is not a speed"),
        (["assets", "{}.d"], "SANCTUM_EXPORTER_TARGET", "a", "'a' is not a target"),
    ],
)
def test_a_wrong_value_from_the_environment_names_its_variable(
    tmp_path: Path, arguments: list[str], variable: str, value: str, message: str
) -> None:
    """Who has typed no option is not told of one."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(events.started() + b"\n")
    done = command(*(argument.format(path) for argument in arguments), **{variable: value})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"sanctum-exporter: Invalid value for the variable {variable}: {message}"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--otlp.interval", "15s"], "--otlp.interval has no effect without --otlp.endp"),
        (["demo", "--otlp.protocol", "grpc"], "--otlp.protocol has no effect without --otlp.endp"),
        (["inspect", "{}", "--changes", "--format", "json"], "--format has no effect with --cha"),
        (["watch", "{}", "--most-runs", "5"], "--most-runs has no effect without --all-runs"),
        (["demo", "--web.protect-health"], "--web.protect-health protects nothing without --web"),
        *(
            (["demo", "--no-web", "--otlp.endpoint", "http://127.0.0.1:1", *option], option[0])
            for option in (
                ("--web.listen-address", ":0"),
                ("--web.telemetry-path", "/m"),
                ("--web.config.file", "w.yml"),
                ("--web.sd-file", "sd.json"),
                ("--web.final-scrape-wait", "1s"),
            )
        ),
        (["--log.format", "json", "run", "{}"], "--log.format is for our own log, and that of run"),
        (
            ["demo", "--otlp.endpoint", "http://localhost:notaport"],
            "is not an OTLP endpoint: write",
        ),
    ],
)
def test_an_option_that_was_typed_and_has_no_effect_is_refused_by_name(
    file: Path, arguments: list[str], message: str
) -> None:
    """Nobody waits for what cannot come."""
    done = command(*(argument.format(file) for argument in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("sanctum-exporter: ")
    assert message in line


def test_a_variable_without_effect_is_left_aside(file: Path) -> None:
    """It may be meant for another command of the same container."""
    variables = {
        "SANCTUM_EXPORTER_OTLP_INTERVAL": "15s",
        "SANCTUM_EXPORTER_FORMAT": "json",
        "SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
    }
    assert command("inspect", file, "--changes", **variables).returncode == 0
    assert command("demo", "--duration", "0s", **variables).returncode == 0


def test_an_unknown_exporter_in_the_environment_is_refused() -> None:
    """A misspelt OTEL_METRICS_EXPORTER would turn the push off without a word."""
    done = command("demo", "--duration", "0s", OTEL_METRICS_EXPORTER="otpl")
    assert done.returncode == 2
    assert "OTEL_METRICS_EXPORTER='otpl' is not known: use otlp to push, or none" in done.stderr


def test_a_command_that_the_environment_has_off_takes_the_options_of_a_push() -> None:
    """OTEL_SDK_DISABLED is there to try a program without its push, whatever was typed."""
    variables = {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
    }
    done = command("demo", "--duration", "0s", "--otlp.interval", "15s", **variables)
    assert done.returncode == 0


@pytest.mark.parametrize("name", program.commands)
def test_h_shows_the_help_of_every_command(name: str) -> None:
    """It is the same as --help, and nothing in it is a sign that click left behind."""
    short, long = (command(name, option) for option in ("-h", "--help"))
    assert short.returncode == 0
    assert short.stdout == long.stdout
    assert "\\b" not in short.stdout
    assert "-h, --help" in short.stdout


ADDRESS = {"SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--log.format", "json", "demo", "--duration", "0s"),
        ("demo", "--duration", "0s", "--log.format", "json"),
        ("--log.format", "text", "demo", "--duration", "0s", "--log.format", "json"),
    ],
    ids=["before", "after", "both"],
)
def test_every_line_of_the_log_is_a_json_object(arguments: tuple[str, ...]) -> None:
    """Where it serves is said in the same form; what stands after the command counts."""
    done = command(*arguments, **ADDRESS)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert said.keys() == {"time", "level", "logger", "message"}
    assert (said["level"], said["logger"]) == ("info", "sanctum_exporter")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["time"])
    assert re.match(r"demo: serving http://127\.0\.0\.1:\d+/metrics ", said["message"])


def test_text_is_the_form_of_the_log_where_nobody_says_so() -> None:
    """A line begins with its time and its severity."""
    done = command("demo", "--duration", "0s", **ADDRESS)
    (line,) = done.stderr.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO demo: serving http://", line)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--log.level", "warning", "demo", "--duration", "0s"),
        ("demo", "--duration", "0s", "--log.level", "warning"),
        ("--log.level", "debug", "demo", "--duration", "0s", "--log.level", "warning"),
    ],
    ids=["before", "after", "both"],
)
def test_what_is_less_severe_is_not_logged(arguments: tuple[str, ...]) -> None:
    """The level may stand before the command or after it, and counts more than the variable."""
    done = command(*arguments, **ADDRESS, SANCTUM_EXPORTER_LOG_LEVEL="debug")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_log_of_run_is_the_programs_and_its_level_is_ours(tmp_path: Path) -> None:
    """The option after the command silences what the exporter says, not the program."""
    script = tmp_path / "train.py"
    script.write_text(
        "import logging; logging.basicConfig(format='%(name)s: %(message)s', level='INFO');"
        "logging.info('mine'); logging.getLogger('sanctum_exporter').info('ours')"
    )
    loud, quiet = (
        command("run", *level, script, **ADDRESS, SANCTUM_EXPORTER_LOG_FORMAT="json").stderr
        for level in ((), ("--log.level", "error"))
    )
    assert "root: mine\nsanctum_exporter: ours\n" in loud
    assert "root: mine\n" in quiet
    assert "ours" not in quiet


def test_a_traceback_is_a_part_of_the_object(tmp_path: Path) -> None:
    """A log that is read line by line has what was raised in the line that tells of it."""
    script = (
        "import logging, sys; from sanctum_exporter.cli.log import CommandLog;"
        "log = CommandLog(is_ours=True); log.set_format('json')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.exception('no %s', 'way')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert (said["level"], said["message"]) == ("error", "no way")
    assert said["exception"].startswith("Traceback (most recent call last):\n")
    assert said["exception"].endswith("ZeroDivisionError: division by zero")


def test_opentelemetrys_own_remarks_are_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot read of the environment is said once each, whatever is made of it."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "nonsense")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "nothing-of-a-header")
    with exporter("demo", "--no-web", "--otlp.endpoint", "http://127.0.0.1:1") as running:
        running.wait_for("OTLP push to http://127.0.0.1:1/v1/metrics fails")
        assert running.stop() == 0
    for remark in ("nonsense", "Header format invalid"):
        assert len([line for line in running.said if remark in line]) == 1


def test_ctrl_c_while_it_starts_ends_it_without_a_word(tmp_path: Path) -> None:
    """It comes while the first module is loaded, and the shell is told of the signal."""
    (tmp_path / "click.py").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)", encoding="utf-8"
    )
    done = command("demo", "--duration", "0s", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize(
    ("words", "found"),
    [("sanctum-exporter wat", "watch"), ("sanctum-exporter demo --web.li", "--web.listen-address")],
)
def test_a_shell_completes_commands_and_options(words: str, found: str) -> None:
    """The dots in our names are no hindrance."""
    count = str(len(words.split()) - 1)
    done = command(_SANCTUM_EXPORTER_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)
    assert done.stdout == f"plain,{found}\n"


def test_a_file_that_is_followed_is_told_of_in_the_form_of_the_log(tmp_path: Path) -> None:
    """What comes from another thread is JSON, too."""
    run = tmp_path / "telemetry_2026-11-22_120000"
    run.mkdir()
    (run / "events.jsonl").write_bytes(events.started() + b"\n")
    with exporter("watch", str(tmp_path), "--log.format", "json") as running:
        line = json.loads(running.wait_for("the newest run in"))
        assert line["message"].startswith("following ")
