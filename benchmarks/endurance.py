"""What the exporter keeps of ten million events, while runs, groups and scrapes come and go.

Usage: ``python benchmarks/endurance.py [MILLIONS]``. Every run has a directory and a group of its
own name; twenty are there at once, each grows in pieces and is deleted at its end. All are served,
scraped and looked at; the memory is that of this process (VmRSS), which also writes the files.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from sanctum_exporter.files.runs import AllRuns
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve

MILLION = 1_000_000
AT_ONCE = 20
COPIES = 4
DATA = Path(__file__).resolve().parent.parent / "tests" / "data"


def resident_megabytes() -> float:
    """Return what the system keeps in memory for this process."""
    status = Path("/proc/self/status").read_text("utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def pieces(root: Path) -> Iterator[int]:
    """Write runs for ever, a recording at a time; yield how many events were written."""
    recording = gzip.decompress((DATA / "ppo_single.jsonl.gz").read_bytes())
    events = recording.count(b"\n") * COPIES
    runs: list[Path] = []
    for number in count(1):
        content = recording.replace(b'"group_id": "default"', b'"group_id": "G%d"' % (number % 7))
        directory = root / f"run-{number}"
        directory.mkdir()
        runs.append(directory)
        with (directory / "events.jsonl").open("wb") as file:
            for _ in range(COPIES):
                file.write(content)
        if len(runs) > AT_ONCE:
            shutil.rmtree(runs.pop(0))
        yield events


def main() -> None:
    """Print the memory at each million."""
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        follower = AllRuns(root, lambda path, run: Intake(Groups(run=run), str(path)))
        server = serve(follower, ListenAddress("127.0.0.1", 0), origin="endurance", run_label=True)
        written, told = 0, 0
        print(f"{'events':>10} {'MB':>7}\n{0:>10,} {resident_megabytes():7.1f}")
        for events in pieces(root):
            while follower.poll():
                pass
            written += events
            for path in ("/metrics", "/"):
                with urllib.request.urlopen(f"{server.url}{path}", timeout=60) as answer:  # noqa: S310 - ours
                    answer.read()
            if written // MILLION > told:
                told = written // MILLION
                print(f"{written:>10,} {resident_megabytes():7.1f}", flush=True)
            if written >= millions * MILLION:
                break
        server.close()
        taken = sum(follower.activity().events.values())
    print(f"{taken:,} events taken in, of {written:,} written")


if __name__ == "__main__":
    main()
