"""``top`` on the command line: printed once, refused, and without what draws it live."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sanctum_exporter.cli.top import parse_time
from tests import events, recordings
from tests.processes import exporter
from tests.programs import free_address
from tests.terminals import on_terminal
from tests.waiting import wait_for


def top(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command with its output piped."""
    command = [sys.executable, "-m", "sanctum_exporter", "top", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A file that ends where the panel is known, and what the panel shows of it."""
    point = recordings.panels("ppo_single")[2]
    path = tmp_path / "run.jsonl"
    lines = recordings.lines("ppo_single")[: point["line"]]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path, point


def test_a_pipe_gets_the_panel_once_as_plain_text(recorded: tuple[Path, dict[str, str]]) -> None:
    """Text and title are the recorded ones; no code of a style or a cursor is among them."""
    path, point = recorded
    for arguments in ((path,), (path, "--once")):
        done = top(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"\n{point['border_title']}\n{point['text']}\n" in done.stdout
        assert "\x1b" not in done.stdout
        assert all(line == line.rstrip() for line in done.stdout.splitlines())


def test_once_shows_an_exporter(recorded: tuple[Path, dict[str, str]]) -> None:
    """What it serves is what the panel showed."""
    path, point = recorded
    with exporter("watch", str(path)) as running:
        wait_for("its run", running.samples)
        done = top(running.url, "--once")
    assert done.returncode == 0
    assert point["text"] in done.stdout


def test_runs_of_several_sources_are_one_table(tmp_path: Path) -> None:
    """One that cannot be had is said on standard error, and in the status."""
    for name, task in (("one", "cifar"), ("two", "tiny")):
        text = events.started(4, ("r0c0",)).replace(b"cifar_baseline", task.encode())
        (tmp_path / f"{name}.jsonl").write_bytes(text + b"\n")
    done = top("one.jsonl", "two.jsonl", cwd=tmp_path)
    assert done.returncode == 0
    title, *rows = done.stdout.splitlines()
    assert title.split()[:2] == ["State", "Run"]
    assert len(rows) == 2
    done = top("one.jsonl", "three.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "sanctum-exporter: waiting for three.jsonl, which does not exist yet\n",
    )
    assert "CURRENT SLOTS ─ 4 across 4 envs" in done.stdout


def test_a_source_that_cannot_be_had_is_named_in_a_line() -> None:
    """Without a password, and with status 1."""
    address = free_address()
    done = top(f"http://me:s3cret@{address}/metrics")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sanctum-exporter: http://{address} does not answer: no connection\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "1", "run.jsonl"], "--at and --match are for a Prometheus, not run.jsonl"),
        (["--match", "a=1", "run.jsonl"], "--at and --match are for a Prometheus, not run.jsonl"),
        (["--at", "noon", "http://x"], "'noon' is not a moment"),
        (["--at", "2026-11-25T12:00:00", "http://x"], "is not a moment"),
        ([str(recordings.path("ab"))], "is gzip, which does not grow: use replay or inspect"),
    ],
)
def test_what_can_never_be_shown_is_refused(arguments: list[str], message: str) -> None:
    """In a line, with the status of a wrong use."""
    done = top(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-25T12:00:00Z", 1_795_608_000.0),
        ("2026-11-25T13:00:00+01:00", 1_795_608_000.0),
        ("1795608000.5", 1_795_608_000.5),
    ],
)
def test_moments_of_the_past(text: str, moment: float) -> None:
    """RFC 3339 with any zone, or seconds."""
    assert parse_time(text) == moment


WITHOUT = """
import sys
sys.modules["textual"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "textual" else find(name, *a)
from sanctum_exporter.cli import main
main({arguments!r})
"""


def test_without_the_extra_the_live_panel_says_what_to_install(
    recorded: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """In a line; --once works, and demo writes lines."""
    path, point = recorded
    with on_terminal(
        WITHOUT.format(arguments=["top", str(path)]), address="", folder=tmp_path
    ) as terminal:
        assert terminal.end() == 2
        terminal.wait_for(
            "the live panel needs an extra: pip install 'sanctum-exporter[top]'; "
            "--once works without it\n"
        )
    with on_terminal(
        WITHOUT.format(arguments=["top", "--once", str(path)]), address="", folder=tmp_path
    ) as terminal:
        assert terminal.end() == 0
        terminal.wait_for(point["border_title"])
    demo = ["demo", "--duration", "1ms", "--web.listen-address", "127.0.0.1:0"]
    with on_terminal(WITHOUT.format(arguments=demo), address="", folder=tmp_path) as terminal:
        assert terminal.end() == 0
        terminal.wait_for("demo: serving http://127.0.0.1:")
        assert "\x1b[?1049h" not in terminal.shown


def test_other_commands_do_not_load_what_only_top_needs() -> None:
    """What draws the live panel takes longer to load than all the rest."""
    code = (
        "import sys, sanctum_exporter.cli; sys.exit(bool({'textual', 'requests'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("variable", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_inspect_has_the_colours_of_slotspanel_on_a_terminal(
    variable: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    """NO_COLOR leaves none of them."""
    recording = str(recordings.path("ppo_single"))
    script = f"""
import os
os.environ.update({variable!r}, TERM="xterm-256color")
from sanctum_exporter.cli import main
main(["inspect", {recording!r}, "--until-line", "1797", "--format", "panel"])
"""
    with on_terminal(script, address="", folder=tmp_path) as terminal:
        assert terminal.end() == 0
        terminal.wait_for("success")
        assert ("\x1b[36m●●●●\x1b[0m" in terminal.shown) is coloured
        assert "●●●●" in terminal.shown
