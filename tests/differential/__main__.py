"""Random events through esper-lite and through us, compared after every event.

Usage: ``python -m tests.differential [--events N] [--seed S]``, by default 100,000 events, with
esper-lite's ``src`` on PYTHONPATH: ``make differential ESPER=path/to/esper-lite/src``, and
``ESPER_PYTHON=`` a Python that has the packages of both.

Its own event objects go to its own aggregator and its own SlotsPanel, and, as live objects and as
the lines that its writer writes, to ours. After every event every value of the group and the text
of its panel must be the same. The differences that are on purpose (docs/adr/0002) are kept out:
envs are those of the run (R4), a group is compared from its first TRAINING_STARTED on (R2, R7), and
the original is given what R1 and R3 make of an event.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from itertools import islice
from typing import Any

from sanctum_exporter import panel
from sanctum_exporter.readings import GroupReading, group_name
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.events import READ_EVENTS
from tests.differential.generator import Generator
from tests.differential.original import Original


def differences(ours: GroupReading, values: dict[str, Any], title: str, text: str) -> list[str]:
    """Return what is not the same, a line a field."""
    found = _compare("", ours.slots.to_dict(), values)
    for name, mine, theirs in (
        ("border title", panel.border_title(ours.slots), title),
        ("text", panel.text(ours.slots), text),
    ):
        if mine != theirs:
            found.append(f"{name}:\n{mine}\nthere:\n{theirs}")
    return found


def _compare(where: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    found = []
    if ours.keys() != theirs.keys():
        found.append(f"{where}fields: {sorted(ours.keys() ^ theirs.keys())}")
    for name in ours.keys() & theirs.keys():
        mine, other = ours[name], theirs[name]
        if isinstance(mine, dict):
            found += _compare(f"{where}{name}.", mine, other)
        elif isinstance(mine, float):
            if not math.isclose(mine, other, rel_tol=0, abs_tol=1e-12):
                found.append(f"{where}{name}: {mine!r}, there {other!r}")
        elif mine != other:
            found.append(f"{where}{name}: {mine!r}, there {other!r}")
    return found


def compare(original: Original, events: int, seed: int) -> int:
    """Return the exit status of a comparison: 1 at the first difference, which is printed."""
    live, file = Intake(Groups()), Intake(Groups())
    started: set[str] = set()
    seen: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    compared = 0
    began = time.monotonic()
    for number, event in enumerate(islice(Generator(original, seed).events(), events), start=1):
        name, group = event.event_type.name, group_name(event.group_id)
        seen[name] += 1
        line = original.line(event)
        live.live(event)
        file.line(line, number)
        try:
            original.take(event)
        except Exception as error:
            if name in READ_EVENTS:
                raise
            # Of a payload that nobody's numbers here depend on, made up by its types alone.
            refused[f"{name}: {type(error).__name__}"] += 1
        if name == "TRAINING_STARTED":
            started.add(group)
        if group not in started:
            continue
        values, title, text = original.read(group)
        for way, intake in (("live", live), ("line", file)):
            reading = intake.read(group)
            found = (
                ["the group is not published"]
                if reading is None
                else differences(reading, values, title, text)
            )
            if found:
                print(f"seed {seed}, event {number}, {way}: {line.decode()}", *found, sep="\n")
                return 1
            compared += 1
    spent = time.monotonic() - began
    rejected = sum(sum(each.activity().rejected.values()) for each in (live, file))
    print(f"seed {seed}: {events} events of {len(seen)} types in {spent:.0f} s")
    print(f"{compared} comparisons of every value and of the panel's text: none differs")
    print(f"rejected by us: {rejected}; raised by the original: {dict(refused) or 'none'}")
    return 1 if rejected else 0


def main() -> int:
    """Run the program and return its exit status."""
    parser = argparse.ArgumentParser(prog="differential", description="See the module's text.")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        original = Original()
    except ImportError as error:
        print(
            f"esper-lite cannot be imported ({error}): clone it, install torch, textual, pydantic, "
            "pyyaml, duckdb and psutil, and give ESPER=path/to/esper-lite/src",
            file=sys.stderr,
        )
        return 2
    return compare(original, arguments.events, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
