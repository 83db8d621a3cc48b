"""Recordings as if they had happened lately: what is under way is judged by the present moment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

_TIMESTAMP: Final = re.compile(rb'"timestamp": "([^"]*)"')


def as_of(lines: Sequence[bytes], seconds_ago: float, *, slower: float = 1) -> list[bytes]:
    """Return telemetry as if its last line had been written some time ago.

    Args:
        lines: the telemetry, oldest first.
        seconds_ago: how long ago.
        slower: how many times longer than recorded each event took.
    """
    times = [_time(line) for line in lines]
    end = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return [
        _TIMESTAMP.sub(_written(end - (times[-1] - time) * slower), line)
        for time, line in zip(times, lines, strict=True)
    ]


def _time(line: bytes) -> datetime:
    found = _TIMESTAMP.search(line)
    if found is None:
        raise ValueError(f"no timestamp: {line[:100]!r}")
    return datetime.fromisoformat(found[1].decode())


def _written(moment: datetime) -> bytes:
    return b'"timestamp": "%s"' % moment.isoformat().encode()
