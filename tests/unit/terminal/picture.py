"""Pictures of the live panel: the one that a test compares, and the one of the documentation.

Usage: ``python -m tests.unit.terminal.picture``
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sanctum_exporter.readings import STAGES, GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.terminal.app import Reported, TopApp
from sanctum_exporter.terminal.poller import Report
from sanctum_exporter.view.document import RunView, overview, run_view
from sanctum_exporter.view.history import History, Series
from tests import recordings
from tests.clocks import Clock
from tests.readings import NOW, reading
from tests.unit.terminal.screen import EXPORTER, StillFeed, settled

SNAPSHOT = Path(__file__).parent / "top.svg"
DOCUMENTED = recordings.ROOT / "docs" / "images" / "top.svg"
SIZE = (98, 29)

_TITLE = "sanctum-exporter top"
_DOCUMENTED_LINE = 5000
# Whoever looks at a picture asks nobody for a font.
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def groups() -> RunView:
    """Return an A/B run with values that show every colour, and a history of ten minutes."""
    history = Series(
        [NOW - 600 + 10 * step for step in range(60)],
        {
            stage: [(step // (5 + index)) % (3 + index) for step in range(60)]
            for index, stage in enumerate(STAGES)
        },
        {"germinated": list(range(60)), "pruned": [0] * 60, "fossilized": [0] * 60},
    )
    readings = [
        reading("A", life={"remaining_seconds": 5400.0}),
        reading("B", stages=(2, 1, 3, 2, 1, 3), episode=6, seeds={"blend_success_rate": 0.4}),
    ]
    return run_view(EXPORTER, readings, {"A": history, "B": history}, NOW)


def recorded() -> RunView:
    """Return a recorded A/B run in its midst, as if it were happening now."""
    clock = Clock()
    intake, history = Intake(Groups(clock=clock)), History()
    readings: Sequence[GroupReading] = []
    for number, line in enumerate(recordings.lines("ab")[:_DOCUMENTED_LINE], start=1):
        clock.now = datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
        intake.line(line, number)
        readings = intake.readings()
        history.note(readings, clock.now)
    histories = {group.group_id: history.series(None, group.group_id) for group in readings}
    return run_view(EXPORTER, readings, histories, clock.now)


def drawn(view: RunView, size: tuple[int, int]) -> str:
    """Return a picture of a run as the live panel shows it, as SVG."""
    pictures: list[str] = []

    async def draw() -> None:
        app = TopApp([StillFeed(reading())], tick_seconds=None, monotonic=Clock(0.0))
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            shown = overview(EXPORTER, [], view.now)
            app.post_message(Reported(0, Report(shown, view)))
            await settled(pilot)
            pictures.append(app.export_screenshot(title=_TITLE))

    asyncio.run(draw())
    return _FONT.sub("", pictures[0])


def pictures() -> Iterator[tuple[Path, str]]:
    """Yield each picture, and where it is kept."""
    yield SNAPSHOT, drawn(groups(), SIZE)
    yield DOCUMENTED, drawn(recorded(), SIZE)


if __name__ == "__main__":
    for path, text in pictures():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
