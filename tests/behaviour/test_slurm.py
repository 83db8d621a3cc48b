"""The script of deploy/slurm, run as Slurm runs it: by bash, in the environment of a job."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import recordings
from tests.asking import ask
from tests.waiting import DEADLINE_SECONDS, eventually, wait_for

SCRIPT = recordings.ROOT / "deploy" / "slurm" / "train.sbatch"
TRAINING = """
import pathlib, signal, sys, time

told = pathlib.Path(sys.argv[1])
run = pathlib.Path(sys.argv[sys.argv.index("--telemetry-dir") + 1]) / "telemetry_2026-11-25_120000"
run.mkdir()
(run / "events.jsonl").write_bytes(pathlib.Path(sys.argv[2]).read_bytes())

def interrupted(*_):
    raise SystemExit(7)

signal.signal(signal.SIGTERM, interrupted)
print("training", flush=True)
while not told.exists():
    time.sleep(0.02)
raise SystemExit(3)
"""


class Job:
    """A job that runs the script with a training of some seconds beside the exporter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.targets = folder / "targets" / "esper-42.json"
        self.textfile = folder / "textfiles" / "slurm-42.prom"
        self.textfile.parent.mkdir()
        self._training_may_end = folder / "may-end"
        events, training = folder / "recorded.jsonl", folder / "training.py"
        events.write_bytes(b"\n".join(recordings.lines("ppo_single")) + b"\n")
        training.write_text(TRAINING, "utf-8")
        command = [sys.executable, training, self._training_may_end, events]
        self.process = subprocess.Popen(
            [str(each) for each in (SCRIPT, *command)],
            env={
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(folder),
                "SLURM_JOB_ID": "42",
                "SLURM_JOB_NAME": "esper",
                "SLURM_JOB_USER": "ada",
                "SLURM_JOB_PARTITION": "gpu",
                "SLURM_SUBMIT_DIR": str(folder),
                "SANCTUM_TARGETS": str(self.targets.parent),
                "SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
                "TEXTFILES": str(self.textfile.parent),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "training\n"

    def announced(self) -> dict[str, Any]:
        """Return what Prometheus is told, once it is."""
        wait_for("the announcement", self.targets.exists)
        (target,) = json.loads(self.targets.read_text("utf-8"))
        found: dict[str, Any] = target
        return found

    def let_training_end(self) -> None:
        """Let the training come to its end."""
        self._training_may_end.touch()

    def ended(self) -> int:
        """Return the status that the job ends with."""
        return self.process.wait(DEADLINE_SECONDS)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job under way."""
    with started(tmp_path) as job:
        yield job


@contextmanager
def started(folder: Path) -> Iterator[Job]:
    """Run a job inside the block; what is left of it afterwards is told to end."""
    job = Job(folder)
    try:
        yield job
    finally:
        job.let_training_end()
        job.ended()
        assert job.process.stdout is not None
        job.process.stdout.close()


def test_a_job_is_found_and_scraped(job: Job) -> None:
    """Prometheus is told where the exporter is, under the name of the training."""
    target = job.announced()
    assert target["labels"]["instance"] == f"{socket.gethostname()}/esper-42"
    (address,) = target["targets"]
    eventually(
        lambda: (
            'sanctum_total_slots{group_id="default"} 12.0' in ask(f"http://{address}/metrics").text
        )
    )


def test_what_slurm_knows_is_one_series_to_join(job: Job) -> None:
    """Job, user and partition stand in an info metric beside the training, not on its series."""
    target = job.announced()
    labels = f'training="{target["labels"]["instance"]}",job_id="42",user="ada",partition="gpu"'
    assert job.textfile.read_text("utf-8").splitlines()[2:] == [f"slurm_job_info{{{labels}}} 1"]
    assert "42" not in target["labels"].values()


def test_a_job_ends_as_its_training_and_leaves_nothing(job: Job) -> None:
    """The status is the training's; the exporter, its announcement and the info are gone."""
    (address,) = job.announced()["targets"]
    job.let_training_end()
    assert job.ended() == 3
    assert not job.targets.exists()
    assert list(job.textfile.parent.iterdir()) == []
    assert ask(f"http://{address}/-/healthy").status == 0


def test_a_job_that_is_told_to_end_lets_its_training_say_how(job: Job) -> None:
    """The signal before the time limit reaches the training, whose own status is kept."""
    job.announced()
    job.process.send_signal(signal.SIGTERM)
    assert job.ended() == 7
    assert not job.targets.exists()
