"""Whoever was reading has the values of the end: real processes, real signals, a real scraper."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests import events, recordings
from tests.processes import ExporterProcess, exporter
from tests.programs import Program, free_address, program, scrape_until
from tests.scraping import scraping
from tests.waiting import DEADLINE_SECONDS, eventually

MODULE = "esper.scripts.train"
WAITING = "s for the last scrape (Ctrl-C ends it)"


def watched(tmp_path: Path) -> Path:
    """Return a file with a run of four slots."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(events.started() + b"\n")
    return path


def waited(running: ExporterProcess) -> list[str]:
    """Return what an exporter has said of waiting."""
    return [line for line in running.said if "waiting" in line]


def test_who_scrapes_comes_once_more(tmp_path: Path) -> None:
    """After SIGTERM a regular scraper is waited for, which one line says, and then it ends."""
    path = watched(tmp_path)
    with exporter("watch", str(path)) as running, scraping(running.url) as scraper:
        before = len(scraper.answers)
        running.process.send_signal(signal.SIGTERM)
        line = running.wait_for("waiting")
        assert f" INFO watch {path}: waiting up to " in line
        assert line.endswith(WAITING)
        assert running.process.wait(DEADLINE_SECONDS) == 0
        assert len(scraper.answers) > before
    assert len(waited(running)) == 1


@pytest.mark.parametrize("option", [(), ("--web.final-scrape-wait", "0")])
def test_nobody_is_waited_for_where_nobody_scrapes_or_it_is_off(
    option: tuple[str, ...], tmp_path: Path
) -> None:
    """Without a regular scraper, or with a wait of 0, SIGTERM ends the exporter at once."""
    with exporter("watch", str(watched(tmp_path)), *option) as running:
        if option:
            with scraping(running.url):
                assert running.stop() == 0
        else:
            running.get()
            assert running.stop() == 0
    assert waited(running) == []


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_wait(second: signal.Signals, tmp_path: Path) -> None:
    """Whoever asks again has it ended at once, with status 0."""
    with (
        exporter("watch", str(watched(tmp_path))) as running,
        scraping(running.url, 6.0) as scraper,
    ):
        running.process.send_signal(signal.SIGTERM)
        running.wait_for("waiting")
        answers = len(scraper.answers)
        running.process.send_signal(second)
        assert running.process.wait(DEADLINE_SECONDS) == 0
        assert len(scraper.answers) == answers


def test_ctrl_c_waits_for_nobody(tmp_path: Path) -> None:
    """Who sits before it does not have to wait for a scraper."""
    with exporter("watch", str(watched(tmp_path))) as running, scraping(running.url):
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(DEADLINE_SECONDS) == 0
    assert waited(running) == []


def test_the_end_of_a_replay_is_scraped() -> None:
    """A replay that ends by itself is scraped with the last values of its recording."""
    path = recordings.path("heuristic")
    arguments = ("--speed", "1000000", "--linger", "3s")
    with exporter("replay", str(path), *arguments) as running, scraping(running.url) as scraper:
        running.wait_for("waiting")
        assert running.process.wait(DEADLINE_SECONDS) == 0
    last = recordings.golden("heuristic")[-1]["seed_lifecycle"]["germination_count"]
    eventually(
        lambda: (
            f'sanctum_seeds_germinated_total{{group_id="default"}} {last}.0' in scraper.answers[-1]
        )
    )


def test_the_end_of_a_demo_is_scraped() -> None:
    """A demo that has run for its duration is scraped once more, too."""
    with exporter("demo", "--duration", "3s") as running, scraping(running.url):
        running.wait_for("waiting")
        assert running.process.wait(DEADLINE_SECONDS) == 0


def run(address: str, *arguments: str) -> tuple[str, ...]:
    """Return the arguments of Python for a run of a training."""
    return ("-m", "sanctum_exporter", "run", "--web.listen-address", address, *arguments)


def finish(running: Program) -> None:
    """Let a training end, and return while what comes after it goes on."""
    assert running.process.stdin is not None
    running.process.stdin.write("\n")
    running.process.stdin.flush()


@pytest.mark.parametrize(
    ("how", "status", "under_way"),
    [((), 0, 0), (("--exit-status", "7"), 7, 1), (("--crash",), 1, 1)],
    ids=["ends", "fails", "crashes"],
)
def test_the_end_of_a_training_is_scraped(
    how: tuple[str, ...], status: int, under_way: int
) -> None:
    """It is scraped once more, its status is the command's, and only a failure leaves a run."""
    address = free_address()
    with program(*run(address, "-m", MODULE, "ppo", *how)) as running:
        scrape_until(address, "sanctum_exporter_runs_under_way 1.0")
        with scraping(f"http://{address}") as scraper:
            before = len(scraper.answers)
            ended = running.end()
            assert len(scraper.answers) > before
            last = f"sanctum_exporter_runs_under_way {under_way}.0\n"
            eventually(lambda: last in scraper.answers[-1])
    assert "sanctum_exporter_runs_under_way 1.0\n" in scraper.answers[0]
    assert ended.status == status
    assert f"run {MODULE}: waiting up to " in ended.err
    assert ended.err.count("waiting") == 1


TRAINING = """
import signal, sys, threading
from esper.nissa import get_hub
from esper.scripts.train import TelemetryEventType, event

hub = get_hub()
hub.emit(event(TelemetryEventType.TRAINING_STARTED, n_envs=2, slot_ids=["r0c0"]))
hub.flush()
"""
LAST_EVENT = """
hub.emit(event(TelemetryEventType.SEED_GERMINATED, env_id=0, slot_id="r0c0", epochs_in_stage=0))
hub.close()
"""


def script(tmp_path: Path, code: str) -> str:
    """Write a program that trains, and return where."""
    path = tmp_path / "script.py"
    path.write_text(TRAINING + code, "utf-8")
    return str(path)


def test_what_happens_at_the_very_end_is_in_the_last_scrape(tmp_path: Path) -> None:
    """An event that the hub hands over while it is being closed is seen by who scrapes."""
    address = free_address()
    path = script(tmp_path, "sys.stdin.readline()" + LAST_EVENT)
    with program(*run(address, path)) as running:
        scrape_until(address, "sanctum_exporter_runs_under_way 1.0")
        with scraping(f"http://{address}") as scraper:
            assert running.end().status == 0
    eventually(
        lambda: 'sanctum_seeds_germinated_total{group_id="default"} 1.0' in scraper.answers[-1]
    )
    assert 'sanctum_seeds_germinated_total{group_id="default"} 0.0' in scraper.answers[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_a_training_ends_the_wait(number: signal.Signals, tmp_path: Path) -> None:
    """The wait for the last scrape ends at once, and the status is the training's all the same."""
    address = free_address()
    path = script(tmp_path, "sys.stdin.readline()" + LAST_EVENT + "sys.exit(7)\n")
    with program(*run(address, path)) as running:
        scrape_until(address, "sanctum_exporter_runs_under_way 1.0")
        with scraping(f"http://{address}", 6.0) as scraper:
            before = len(scraper.answers)
            finish(running)
            assert running.process.stderr is not None
            said = iter(running.process.stderr.readline, "")
            assert any(WAITING in line for line in said)
            running.process.send_signal(number)
            assert running.process.wait(DEADLINE_SECONDS) == 7
            assert len(scraper.answers) == before
            assert list(said) == []


def test_a_training_that_is_interrupted_waits_for_nobody(tmp_path: Path) -> None:
    """Ctrl-C ends the program and the exporter, which dies by the signal."""
    address = free_address()
    path = script(tmp_path, "print('trains', flush=True)\nsys.stdin.read()\n")
    with program(*run(address, path)) as running:
        assert running.say() == "trains"
        with scraping(f"http://{address}"):
            running.process.send_signal(signal.SIGINT)
            # Its input must not end before: the program would then end by itself, too.
            assert running.process.wait(DEADLINE_SECONDS) == -signal.SIGINT
            ended = running.end()
    assert "waiting" not in ended.err


def test_a_program_whose_threads_go_on_is_served_until_they_end(tmp_path: Path) -> None:
    """A training in a thread of its own, which Python waits for, is not over with the main one."""
    address = free_address()
    path = script(
        tmp_path,
        "def train():\n    sys.stdin.readline()\n    hub.close()\n"
        "threading.Thread(target=train).start()\n"
        "def watch(main):\n    main.join()\n    print('main has ended', flush=True)\n"
        "threading.Thread(target=watch, args=(threading.main_thread(),), daemon=True).start()\n",
    )
    with program(*run(address, path)) as running:
        assert running.say() == "main has ended"
        scrape_until(address, 'sanctum_total_slots{group_id="default"} 2.0')
        assert running.end().status == 0


def test_a_program_that_forks_is_waited_for_once(tmp_path: Path) -> None:
    """A forked child that ends as the program does leaves the last scrape to its parent."""
    address = free_address()
    path = script(
        tmp_path,
        "import os\nsys.stdin.readline()\nchild = os.fork()\n"
        "if child:\n    assert os.waitpid(child, 0)[1] == 0\n    hub.close()\n",
    )
    sd_file = tmp_path / "trainer.json"
    with program(*run(address, "--web.sd-file", str(sd_file), path)) as running:
        scrape_until(address, "sanctum_exporter_runs_under_way 1.0")
        assert sd_file.exists()
        with scraping(f"http://{address}"):
            ended = running.end()
    assert (ended.status, ended.err.count("waiting")) == (0, 1)
    assert not sd_file.exists()


def test_commands_announce_themselves_to_prometheus(tmp_path: Path) -> None:
    """The file for discovery is there while the command serves, and names what it serves."""
    path, sd_file = watched(tmp_path), tmp_path / "trainer-7.json"
    with exporter("watch", str(path), "--web.sd-file", str(sd_file)) as running:
        address = running.url.removeprefix("http://")
        (group,) = json.loads(sd_file.read_bytes())
        assert group["targets"] == [address]
        assert group["labels"]["program"] == f"watch {path}"
        assert group["labels"]["instance"].endswith("/trainer-7")
        assert running.stop() == 0
    assert not sd_file.exists()


def test_run_announces_the_program(tmp_path: Path) -> None:
    """What runs there is the program's name, not ours."""
    address, sd_file = free_address(), tmp_path / "trainer.json"
    with program(*run(address, "--web.sd-file", str(sd_file), "-m", MODULE, "ppo")) as running:
        scrape_until(address, "sanctum_exporter_runs_under_way 1.0")
        # It serves a moment before it says so.
        eventually(sd_file.exists)
        (group,) = json.loads(sd_file.read_bytes())
        assert group["labels"]["program"] == f"run {MODULE}"
        assert group["targets"] == [address]
        assert running.end().status == 0
    assert not sd_file.exists()
