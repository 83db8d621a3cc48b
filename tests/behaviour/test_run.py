"""``sanctum-exporter run``: a training with the exporter, without a line of code."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.programs import free_address, program, scrape, scrape_until, serves_nothing
from tests.waiting import eventually

LEADER = "import os, sys; os.setpgid(0, 0); os.execvp(sys.argv[1], sys.argv[1:])"
"""Runs a command as the leader of a group of its own, which a signal can be sent to."""
MODULE = "esper.scripts.train"


def command(address: str, *arguments: str) -> tuple[str, ...]:
    """Return the arguments of Python for a run that does not wait for a last scrape."""
    web = ("--web.listen-address", address, "--web.final-scrape-wait", "0")
    return ("-m", "sanctum_exporter", "run", *web, *arguments)


def test_a_module_is_run_and_served() -> None:
    """A training started by its module's name is served while it runs, and told where."""
    address = free_address()
    with program(*command(address, "-m", MODULE, "ppo", "--task", "mnist")) as running:
        text = scrape_until(address, 'sanctum_total_slots{group_id="default"} 6.0')
        assert 'task="mnist"' in text
        ended = running.end()
    assert ended.status == 0
    assert ended.out == "training\ntrained\n"
    assert ended.err == f"run {MODULE}: serving http://{address}/metrics\n"


def test_a_script_is_run_and_served(tmp_path: Path) -> None:
    """A training started by its script is served, and finds the modules beside it."""
    (tmp_path / "beside.py").write_text("from esper.scripts.train import main\n", "utf-8")
    script = tmp_path / "train.py"
    script.write_text("import beside\nbeside.main()\n", "utf-8")
    address = free_address()
    with program(*command(address, str(script), "ppo")) as running:
        scrape_until(address, 'sanctum_total_slots{group_id="default"} 6.0')
        assert running.end().status == 0


def test_what_it_serves_is_guarded_by_a_web_configuration_file(tmp_path: Path) -> None:
    """The options of the commands that serve are those of a training, too."""
    path = tmp_path / "web.yml"
    path.write_text("rate_limit: {interval: 1h, burst: 1}\n", "utf-8")
    address = free_address()
    guard = ("--web.config.file", str(path), "--web.protect-health")
    with program(*command(address, *guard, "-m", MODULE, "ppo")) as running:
        eventually(lambda: scrape(address)[0] == 429)
        assert scrape(address, "/-/healthy")[0] == 429
        assert running.end().status == 0


def test_what_cannot_be_guarded_is_not_served_and_training_goes_on(tmp_path: Path) -> None:
    """The log says why, and the exit status is the program's."""
    path = tmp_path / "web.yml"
    path.write_text("nonsense: 1\n", "utf-8")
    address = free_address()
    guarded = command(address, "--web.config.file", str(path), "-m", MODULE, "ppo")
    with program(*guarded) as running:
        assert running.say() == "training"
        assert scrape(address)[0] == 0
        ended = running.end()
    assert ended.status == 0
    assert f"serves nothing, training goes on: {path}: object contains unknown" in ended.err


def test_the_exit_status_is_the_programs() -> None:
    """What the program gives to sys.exit is the command's exit status."""
    with program(*command("127.0.0.1:0", "-m", MODULE, "ppo", "--exit-status", "7")) as running:
        assert running.end().status == 7


def test_a_crash_is_shown_as_python_shows_it() -> None:
    """An uncaught exception gives the program's own traceback, without our frames, and status 1."""
    with program(*command("127.0.0.1:0", "-m", MODULE, "ppo", "--crash")) as running:
        ended = running.end()
    assert ended.status == 1
    lines = ended.err.splitlines()
    assert lines[1] == "Traceback (most recent call last):"
    assert "esper/scripts/train.py" in lines[2]
    assert lines[-1] == "ValueError: the loss is not a number"
    assert "runpy" not in ended.err


@pytest.mark.parametrize("error", ["EOFError()", "OSError(32, 'pipe')", "KeyError('run')"])
def test_no_error_of_the_program_is_taken_for_ours(error: str, tmp_path: Path) -> None:
    """Errors that mean something to the command line are still the program's."""
    script = tmp_path / "script.py"
    script.write_text(f"raise {error}\n", "utf-8")
    with program(*command("127.0.0.1:0", str(script))) as running:
        ended = running.end()
    assert ended.status == 1
    assert f'File "{script}", line 1' in ended.err


def test_a_program_that_is_interrupted_dies_by_the_signal(tmp_path: Path) -> None:
    """It shows where, once, and runs what it registered for its end."""
    script = tmp_path / "script.py"
    script.write_text(
        "import atexit\natexit.register(print, 'at exit')\nraise KeyboardInterrupt\n", "utf-8"
    )
    with program(*command("127.0.0.1:0", str(script))) as running:
        ended = running.end()
    assert ended.status == -signal.SIGINT
    assert ended.out == "at exit\n"
    assert ended.err == (
        "Traceback (most recent call last):\n"
        f'  File "{script}", line 3, in <module>\n'
        "    raise KeyboardInterrupt\n"
        "KeyboardInterrupt\n"
    )


def test_ctrl_c_ends_the_loop_of_a_shell_around_it(tmp_path: Path) -> None:
    """The shell dies by the interrupt as well, because it sees that the command did."""
    script = tmp_path / "script.py"
    script.write_text("import os, signal\nos.kill(0, signal.SIGINT)\ninput()\n", "utf-8")
    loop = ("bash", "-c", 'for i in 1 2; do "$@"; echo "$? in round $i"; done', "bash")
    run = (sys.executable, *command("127.0.0.1:0", str(script)))
    with program("-c", LEADER, *loop, *run) as running:
        ended = running.end()
    assert (ended.status, ended.out) == (-signal.SIGINT, "")


def test_a_shell_calls_an_interrupt_status_130(tmp_path: Path) -> None:
    """What only the program itself gets is told by its status, as of every program."""
    script = tmp_path / "script.py"
    script.write_text("raise KeyboardInterrupt\n", "utf-8")
    shell = ("-c", LEADER, "bash", "-c", '"$@"; echo $?', "bash", sys.executable)
    with program(*shell, *command("127.0.0.1:0", str(script))) as running:
        assert running.end().out == "130\n"


def test_a_program_may_exit_with_130_itself(tmp_path: Path) -> None:
    """Who catches the interrupt and exits is not killed for it."""
    script = tmp_path / "script.py"
    script.write_text("import sys\nsys.exit(130)\n", "utf-8")
    with program(*command("127.0.0.1:0", str(script))) as running:
        assert running.end().status == 130


def test_without_a_hub_it_says_so_at_the_end(tmp_path: Path) -> None:
    """A program that never makes a hub runs as ever, and a line at the end says so."""
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint(__name__, sys.argv)\n", "utf-8")
    with program(*command("127.0.0.1:0", str(script), "--no-web", "-m", "x")) as running:
        ended = running.end()
    assert ended.status == 0
    assert ended.out == f"__main__ {[str(script), '--no-web', '-m', 'x']}\n"
    assert ended.err == (
        f"sanctum-exporter: {script} never made an esper-lite hub (NissaHub of "
        "esper.nissa.output), so nothing was exported\n"
    )


@pytest.mark.parametrize(
    ("argument", "status", "said"), [("--help", 0, ""), ("-h", 0, ""), ("--tsak", 2, "--tsak\n")]
)
def test_help_and_wrong_arguments_are_the_programs_matter(
    argument: str, status: int, said: str, tmp_path: Path
) -> None:
    """A program that was not to train, or could not, is not told that it made no hub."""
    script = tmp_path / "script.py"
    script.write_text("import argparse\nargparse.ArgumentParser().parse_args()\n", "utf-8")
    with program(*command("127.0.0.1:0", str(script), argument)) as running:
        ended = running.end()
    assert ended.status == status
    assert "hub" not in ended.err
    assert ended.err.endswith(said)


def test_the_log_is_the_programs_to_set_up(tmp_path: Path) -> None:
    """logging.basicConfig works in the program as it does without us."""
    script = tmp_path / "script.py"
    script.write_text(
        "import logging\n"
        "logging.basicConfig(format='mine %(message)s', level='INFO')\n"
        "logging.info('hello')\n",
        "utf-8",
    )
    with program(*command("127.0.0.1:0", str(script))) as running:
        assert running.end().err.startswith("mine hello\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "no.such.module"), "No module named 'no'"),
        (("-m", "esper"), "No module named esper.__main__"),
        (("no_such.py",), "there is no script no_such.py; a module needs -m before it"),
        ((), "Missing argument 'PROGRAM'"),
    ],
)
def test_a_program_that_cannot_be_found_is_one_line(
    arguments: tuple[str, ...], message: str
) -> None:
    """What cannot be run is said in one line, with status 2."""
    with program(*command("127.0.0.1:0", *arguments)) as running:
        ended = running.end()
    assert ended.status == 2
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_port_in_use_does_not_stop_the_training() -> None:
    """Where the address is taken, one line names it, and the training runs to its end."""
    address = free_address()
    with program(*command(address, "-m", MODULE, "ppo")) as first:
        scrape_until(address, "sanctum_total_slots")
        with program(*command(address, "-m", MODULE, "ppo")) as second:
            ended = second.end()
        assert first.end().status == 0
    assert (ended.status, ended.out) == (0, "training\ntrained\n")
    assert ended.err == serves_nothing(address) + "\n"


def test_an_old_or_new_hub_module_is_no_obstacle(tmp_path: Path) -> None:
    """A hub module without the class that we know is loaded as ever, and one warning says so."""
    package = tmp_path / "esper" / "nissa"
    package.mkdir(parents=True)
    (package / "output.py").write_text("NAME = 'other'\n", "utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "sys.modules.pop('esper', None)\n"
        "from esper.nissa import output\nprint(output.NAME, type(output.__loader__).__name__)\n",
        "utf-8",
    )
    (tmp_path / "esper" / "__init__.py").touch()
    (package / "__init__.py").touch()
    with program(*command("127.0.0.1:0", str(script))) as running:
        ended = running.end()
    assert (ended.status, ended.out) == (0, "other SourceFileLoader\n")
    assert "esper.nissa.output has no NissaHub" in ended.err
