"""What an event and a snapshot cost, side by side in one run.

Usage: ``python benchmarks/reading.py [RECORDING...]``; by default four of those in tests/data.

Ratios count, not times: every round runs each subject once, in turn, and the best round counts.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sanctum_exporter.files.lines import LineSplitter
from sanctum_exporter.state.aggregator import Aggregator
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.rejection import RejectedEventError

ROUNDS = 7
DATA = Path(__file__).resolve().parent.parent / "tests" / "data"


def best_seconds(subjects: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the best time of each subject over alternating rounds."""
    best = dict.fromkeys(subjects, float("inf"))
    for _ in range(ROUNDS):
        for name, run in subjects.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def read_recording(path: Path) -> None:
    content = gzip.decompress(path.read_bytes())
    lines = content.splitlines()
    events = [decode(line) for line in lines]

    def take_in() -> None:
        intake = Intake(Groups())
        for number, line in enumerate(LineSplitter().split(content), start=1):
            intake.line(line, number)

    def apply() -> None:
        groups = Groups()
        for event in events:
            try:  # noqa: SIM105 - suppress() would cost as much as what is measured
                event.tell(groups[event.group_id])
            except RejectedEventError:
                pass

    def each(read: Callable[[bytes], object]) -> Callable[[], None]:
        # Results are dropped, as the exporter drops them: who keeps all of them pays for the
        # garbage collector, which slows json.loads by half.
        def run() -> None:
            for line in lines:
                read(line)

        return run

    best = best_seconds(
        {
            "taken in": take_in,
            "decoded": each(decode),
            "applied": apply,
            "json.loads": each(json.loads),
        }
    )
    megabytes = len(content) / 1e6
    print(f"{path.name}: {len(lines)} events, {megabytes:.1f} MB")
    for name, seconds in best.items():
        ratio = best["json.loads"] / seconds
        micros = seconds / len(lines) * 1e6
        print(
            f"  {name:<11}{megabytes / seconds:7.0f} MB/s {micros:7.2f} us an event {ratio:6.1f}x"
        )


def snapshots() -> None:
    def filled(n_envs: int) -> Aggregator:
        aggregator = Aggregator("default")
        slot_ids = ["r0c0", "r0c1", "r0c2"]
        started = {"n_envs": n_envs, "slot_ids": slot_ids}
        lines = [json.dumps({"event_type": "TRAINING_STARTED", "data": started})]
        for env_id in range(n_envs):
            data = {"env_id": env_id, "slot_id": "r0c1"}
            lines.append(json.dumps({"event_type": "SEED_GERMINATED", "data": data}))
        for line in lines:
            decode(line.encode()).tell(aggregator)
        return aggregator

    def hundred(aggregator: Aggregator) -> Callable[[], object]:
        return lambda: [aggregator.read(0.0) for _ in range(100)]

    best = best_seconds({f"{n}": hundred(filled(n)) for n in (4, 1_000, 100_000)})
    print("a snapshot, by envs:")
    for name, seconds in best.items():
        print(f"  {name:>7} envs {seconds / 100 * 1e6:6.2f} us {seconds / best['4']:5.2f}x")


if __name__ == "__main__":
    defaults = [DATA / f"{name}.jsonl.gz" for name in ("ppo_single", "ab", "heuristic", "edge")]
    for recording in [Path(name) for name in sys.argv[1:]] or defaults:
        read_recording(recording)
    snapshots()
