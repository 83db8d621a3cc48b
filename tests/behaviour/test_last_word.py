"""Whoever was reading has the values of the end: real processes, real signals, a real scraper."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from threading import Thread

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


def test_watch_serves_what_is_written_until_the_last_scrape(tmp_path: Path) -> None:
    """After SIGTERM, what the training wrote last is in the last scrape, and then it ends."""
    path = watched(tmp_path)
    with exporter("watch", str(path)) as running, scraping(running.url) as scraper:
        running.process.send_signal(signal.SIGTERM)
        line = running.wait_for("waiting")
        before = len(scraper.answers)
        assert line.startswith(f"watch {path}: waiting up to ")
        assert line.endswith(WAITING)
        assert running.process.wait(DEADLINE_SECONDS) == 0
        assert len(scraper.answers) == before + 1
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
    with exporter("watch", str(watched(tmp_path))) as running:
        with scraping(running.url, 6.0) as scraper:
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
        before = len(scraper.answers)
        assert running.process.wait(DEADLINE_SECONDS) == 0
        assert len(scraper.answers) == before + 1
    last = recordings.golden("heuristic")[-1]["seed_lifecycle"]["germination_count"]
    assert f'sanctum_seeds_germinated_total{{group_id="default"}} {last}.0' in scraper.answers[-1]


def test_the_end_of_a_demo_is_scraped() -> None:
    """A demo that has run for its duration is scraped once more, too."""
    with exporter("demo", "--duration", "3s") as running, scraping(running.url) as scraper:
        running.wait_for("waiting")
        before = len(scraper.answers)
        assert running.process.wait(DEADLINE_SECONDS) == 0
        assert len(scraper.answers) == before + 1


def run(address: str, *arguments: str) -> tuple[str, ...]:
    """Return the arguments of Python for a run of a training."""
    return ("-m", "sanctum_exporter", "run", "--web.listen-address", address, *arguments)


def end(running: Program) -> Thread:
    """Let a training end, in a thread, since what comes after it may take some time."""
    assert running.process.stdin is not None
    running.process.stdin.close()
    running.process.stdin = None
    ended = Thread(target=running.process.wait, args=(DEADLINE_SECONDS,))
    ended.start()
    return ended


@pytest.mark.parametrize(
    ("how", "status"), [((), 0), (("--exit-status", "7"), 7), (("--crash",), 1)]
)
def test_the_end_of_a_training_is_scraped(how: tuple[str, ...], status: int) -> None:
    """A training that ends, well or not, is scraped once more, and its status is the command's."""
    address = free_address()
    with program(*run(address, "-m", MODULE, "ppo", *how)) as running:
        scrape_until(address, "sanctum_total_slots")
        with scraping(f"http://{address}") as scraper:
            before = len(scraper.answers)
            ended = running.end()
            assert len(scraper.answers) > before
    assert ended.status == status
    assert f"run {MODULE}: waiting up to " in ended.err
    assert ended.err.count("waiting") == 1
