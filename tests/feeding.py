"""Lines of telemetry taken in, as a file gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake


def steps(intake: Intake, lines: Iterable[bytes]) -> Iterator[tuple[int, str | None]]:
    """Take in line by line; yield each line's number, from 1, and the group that it went to."""
    for number, line in enumerate(lines, start=1):
        yield number, intake.line(line, number)


def feed(intake: Intake, lines: Iterable[bytes]) -> Intake:
    """Take in all lines, and return what took them in."""
    for _ in steps(intake, lines):
        pass
    return intake


def fed(lines: Iterable[bytes], run: str | None = None) -> Intake:
    """Return a new intake that has taken in all lines."""
    return feed(Intake(Groups(run=run)), lines)
