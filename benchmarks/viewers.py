#!/usr/bin/env python3
"""What the page costs the exporter, by how many look at it: ``python benchmarks/viewers.py``.

An exporter follows one run (50 events a second) or 2,000 (20 of them with an event each second).
Viewers ask as the page's script does: each on a connection of its own, with the ETag that it has,
every second for a run and every two for a table.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

SLOTS = ("r0c0", "r0c1", "r1c0")
TICKS = os.sysconf("SC_CLK_TCK")


def event(event_type: str, data: dict[str, Any]) -> bytes:
    stamp = datetime.now(UTC).isoformat()
    line = {"event_type": event_type, "timestamp": stamp, "group_id": "default", "data": data}
    return json.dumps(line).encode() + b"\n"


def germinated(number: int) -> bytes:
    return event(
        "SEED_GERMINATED",
        {"env_id": number % 4, "slot_id": SLOTS[number % 3], "epochs_in_stage": 0},
    )


def begin(directory: Path, runs: int) -> list[Path]:
    """Write runs that have started, and return their files."""
    data = {"n_envs": 4, "slot_ids": SLOTS, "start_episode": 0, "n_episodes": 100}
    names = {"episode_id": "ppo_42_100ep", "task": "cifar_baseline", "reward_mode": "shaped"}
    files = [directory / f"telemetry_2026-11-25_{n:06d}" / "events.jsonl" for n in range(runs)]
    for number, file in enumerate(files):
        file.parent.mkdir()
        file.write_bytes(event("TRAINING_STARTED", data | names) + germinated(number))
    return files


def write(files: list[Path], done: Event) -> None:
    """Append events until it is done."""
    a_second = 50 if len(files) == 1 else 20
    for number in count():
        with files[number % len(files)].open("ab") as file:
            file.write(germinated(number))
        if done.wait(1 / a_second):
            return


def view(host: str, path: str, pause: float, delay: float, done: Event) -> None:
    """Ask as a page does, until it is done."""
    connection, etag = http.client.HTTPConnection(host, timeout=30), ""
    while not done.wait(delay):
        delay = pause
        connection.request("GET", path, headers={"Accept-Encoding": "gzip", "If-None-Match": etag})
        answer = connection.getresponse()
        answer.read()
        etag = answer.headers["ETag"] or ""


@contextmanager
def exporter(directory: Path, runs: int) -> Iterator[tuple[int, str]]:
    """Run an exporter inside the block; its process and its host are yielded."""
    command = [sys.executable, "-m", "sanctum_exporter", "watch", "--all-runs", str(directory)]
    command += ["--web.listen-address", "127.0.0.1:0", "--web.final-scrape-wait", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "serving" in line)
        reader = Thread(target=process.stderr.read)
        reader.start()
        found = re.search(r"http://([^/]+)/", said)
        assert found is not None
        connection = http.client.HTTPConnection(found[1], timeout=60)
        listed = 0
        while listed < runs:
            time.sleep(1)
            connection.request("GET", "/api/v1/runs")
            listed = len(json.load(connection.getresponse())["runs"])
        try:
            yield process.pid, found[1]
        finally:
            process.terminate()
            reader.join()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(pid: int, host: str, viewers: int, path: str, pause: float, seconds: float) -> float:
    """Return the CPU seconds a minute of a process that so many look at."""
    done = Event()
    threads = [
        Thread(target=view, args=(host, path, pause, pause * number / viewers, done))
        for number in range(viewers)
    ]
    for thread in threads:
        thread.start()
    time.sleep(min(5.0, seconds))
    before = cpu_seconds(pid)
    time.sleep(seconds)
    used = cpu_seconds(pid) - before
    done.set()
    for thread in threads:
        thread.join()
    return used * 60 / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    seconds = parser.parse_args().seconds
    print("| runs | viewers | CPU seconds a minute | of a core |\n| --- | --- | --- | --- |")
    for runs, path, pause in ((1, "/api/v1/run", 1.0), (2000, "/api/v1/runs", 2.0)):
        with tempfile.TemporaryDirectory() as folder:
            files, done = begin(Path(folder), runs), Event()
            writer = Thread(target=write, args=(files, done))
            with exporter(Path(folder), runs) as (pid, host):
                writer.start()
                for viewers in (0, 1, 50):
                    used = measure(pid, host, viewers, path, pause, seconds)
                    print(f"| {runs:,} | {viewers} | {used:.2f} | {used / 60:.1%} |", flush=True)
                done.set()
                writer.join()


if __name__ == "__main__":
    main()
