"""The commands that serve, run as a user runs them."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from tests import events, recordings
from tests.processes import ExporterProcess, exporter
from tests.waiting import eventually, wait_for


def test_watch_follows_a_file_from_before_it_exists(tmp_path: Path) -> None:
    """Ready only while it is being read; SIGTERM ends it with status 0."""
    path = tmp_path / "events.jsonl"
    with exporter("watch", str(path)) as running:
        status, text = running.get("/-/ready")
        assert (status, text) == (503, f"not ready: waiting for {path}, which does not exist yet\n")
        assert running.samples() == []
        path.write_bytes(events.started() + b"\n")
        eventually(lambda: running.get("/-/ready") == (200, "ready\n"))
        assert 'sanctum_total_slots{group_id="default"} 4.0' in running.samples()
        with path.open("ab") as file:
            file.write(events.germinated() + b"\n")
        eventually(lambda: 'sanctum_active_slots{group_id="default"} 1.0' in running.samples())
        assert running.stop() == 0


def test_watch_started_again_serves_what_it_served_before(tmp_path: Path) -> None:
    """A new process serves the same values, since the file is the only state."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(recordings.lines("heuristic")) + b"\n")
    scrapes = []
    for _ in range(2):
        with exporter("watch", str(path)) as running:
            eventually(lambda running=running: running.get("/-/ready")[0] == 200)  # type: ignore[misc]
            scrapes.append(running.samples())
    assert scrapes[0] == scrapes[1]
    assert 'sanctum_seeds_germinated_total{group_id="default"} 4.0' in scrapes[0]


def test_watch_all_runs_serves_each_with_its_name(tmp_path: Path) -> None:
    """A directory may come later than the exporter."""
    directory = tmp_path / "telemetry"
    with exporter("watch", "--all-runs", str(directory)) as running:
        for name, envs in (("telemetry_2026-01-01_000000", 1), ("telemetry_2026-01-02_000000", 2)):
            run = directory / name
            run.mkdir(parents=True)
            (run / "events.jsonl").write_bytes(events.started(envs) + b"\n")
        wanted = {
            'sanctum_envs{group_id="default",run="telemetry_2026-01-01_000000"} 1.0',
            'sanctum_envs{group_id="default",run="telemetry_2026-01-02_000000"} 2.0',
        }
        eventually(lambda: wanted <= set(running.samples()))


def shows(running: ExporterProcess, text: str) -> bool:
    """Return whether the page has a text."""
    status, page = running.get("/")
    return status == 200 and text in page


def test_watch_says_which_run_of_a_directory_it_follows(tmp_path: Path) -> None:
    """The log says it at the start and at each change, and the page at any time."""
    runs = [tmp_path / f"telemetry_2026-01-0{day}_000000" / "events.jsonl" for day in (1, 2)]

    def begin(run: Path) -> None:
        run.parent.mkdir()
        run.write_bytes(events.started() + b"\n")

    begin(runs[0])
    with exporter("watch", str(tmp_path)) as running:
        for run in runs:
            if not run.exists():
                begin(run)
            said = running.wait_for(f"following {run}")
            assert said.endswith(f"INFO following {run}, the newest run in {tmp_path}")
            wait_for("the page", partial(shows, running, f"watch {tmp_path} · following {run}<"))
        assert sum("following" in line for line in running.said) == 2
        assert running.stop() == 0


def test_watch_is_not_ready_while_all_that_it_reads_is_no_telemetry(tmp_path: Path) -> None:
    """The log of another program is no telemetry until the first event stands in it."""
    path = tmp_path / "wandb.jsonl"
    path.write_bytes(b'{"loss": 1}\n' * 300)
    with exporter("watch", str(path)) as running:
        reason = (
            f"not ready: none of the lines of {path} is an event of esper-lite (300 rejected, the "
            "log says why): is it its telemetry?\n"
        )
        eventually(lambda: running.get("/-/ready") == (503, reason))
        with path.open("ab") as file:
            file.write(events.started() + b"\n")
        eventually(lambda: running.get("/-/ready") == (200, "ready\n"))


def test_watch_does_not_count_half_a_line_at_the_end(tmp_path: Path) -> None:
    """What a writer has not finished is not rejected, as by inspect."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(events.started() + b"\n" + events.germinated()[:50])
    with exporter("watch", str(path)) as running:
        eventually(lambda: running.get("/-/ready") == (200, "ready\n"))
        text = running.get()[1]
        assert 'sanctum_exporter_events_total{event_type="TRAINING_STARTED"} 1.0' in text
        assert 'sanctum_exporter_events_rejected_total{reason="invalid_json"} 0.0' in text


def test_a_directory_that_is_not_utf_8_is_served_like_any_other(tmp_path: Path) -> None:
    """Its bytes are written as numbers in metrics, page and readiness."""
    directory = tmp_path / os.fsdecode(b"r\xfcns")
    with exporter("watch", "--all-runs", str(directory)) as running:
        waiting = f"not ready: waiting for a run in {tmp_path}/r\\xfcns\n"
        assert running.get("/-/ready") == (503, waiting)
        path = directory / os.fsdecode(b"caf\xe9") / "events.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(events.started() + b"\nno telemetry\n")
        eventually(lambda: running.get("/-/ready")[0] == 200)
        total = r'sanctum_total_slots{group_id="default",run="caf\\xe9"} 4.0'
        assert total in running.samples()
        eventually(lambda: r"caf\xe9</span>" in running.get("/")[1])
        running.wait_for(r"r\xfcns/caf\xe9/events.jsonl, line 2: event rejected")
        assert running.stop() == 0


def test_the_newest_run_of_a_directory_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """Log, page and readiness name it, where its bytes as they are would be an error."""
    directory = tmp_path / os.fsdecode(b"r\xfcns")
    path = directory / "telemetry_2026-01-01_000000" / "events.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no telemetry\n")
    with exporter("watch", str(directory)) as running:
        running.wait_for(r"following " + f"{tmp_path}/r\\xfcns/telemetry_2026")
        eventually(lambda: "none of the lines of" in running.get("/-/ready")[1])
        eventually(lambda: r"r\xfcns/telemetry_2026" in running.get("/")[1])
        assert running.stop() == 0


def test_replay_ends_with_the_recorded_values_and_goes_on_serving() -> None:
    """The values of the last golden row; times are those of the replay."""
    with exporter("replay", str(recordings.path("heuristic")), "--speed", "100000") as running:
        running.wait_for("replayed to its end")
        last = recordings.golden("heuristic")[-1]
        total, germinated = last["total_slots"], last["seed_lifecycle"]["germination_count"]
        samples = running.samples()
        assert f'sanctum_total_slots{{group_id="default"}} {total}.0' in samples
        assert f'sanctum_seeds_germinated_total{{group_id="default"}} {germinated}.0' in samples
        assert running.stop() == 0


def test_replay_can_be_stopped_in_its_midst() -> None:
    """A replay that would take minutes ends as soon as it is told to."""
    with exporter("replay", str(recordings.path("ppo_single"))) as running:
        eventually(lambda: len(running.samples()) > 0)
        assert running.stop() == 0


def test_demo_serves_groups_and_ends_by_itself() -> None:
    """After its duration, with status 0."""
    arguments = ("--groups", "A,B", "--envs", "2", "--slots", "2", "--speed", "100")
    with exporter("demo", *arguments, "--duration", "2s") as running:
        eventually(lambda: 'sanctum_total_slots{group_id="B"} 4.0' in running.samples())
        eventually(
            lambda: 'sanctum_seeds_germinated_total{group_id="A"} 0.0' not in running.samples()
        )
        assert running.process.wait(10) == 0
