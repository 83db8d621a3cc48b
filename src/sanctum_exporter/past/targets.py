"""Where the samples of a run go: files of text, a Prometheus's database, a VictoriaMetrics."""

from __future__ import annotations

import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sanctum_exporter.durations import describe_duration

LIVE_SECONDS: Final = 3 * 3600.0
"""What a Prometheus that runs still holds in memory: a block of it would be in its way.

https://prometheus.io/docs/prometheus/latest/storage/
"""
_BLOCK_SECONDS: Final = 7200
_BLOCK_GROWTH: Final = 3
_LARGEST_BLOCK_SECONDS: Final = _BLOCK_SECONDS * _BLOCK_GROWTH**4
_MOST_READS: Final = 10
MOST_SAID: Final = 200
"""How many characters of what another program says are told."""


class BackfillError(Exception):
    """A run that cannot be backfilled; the message says why and what to do."""


class Target(ABC):
    """Where the samples of a run go."""

    name: str
    """Says what it is, for people."""

    @abstractmethod
    def check(self, first: float, last: float) -> None:
        """Check that samples of such a time can go there, before anything is done.

        Args:
            first: when the first one is, in seconds since the epoch.
            last: when the last one is.

        Raises:
            BackfillError: if they cannot.
        """

    @abstractmethod
    def take(self, text: Path, first: float, last: float) -> list[Path]:
        """Take an OpenMetrics text; return what is to be moved to the results.

        Args:
            text: the file; what is made of it is put beside it.
            first: when the first sample is, in seconds since the epoch.
            last: when the last one is.

        Raises:
            BackfillError: if it could not be taken.
            OSError: if the disk is full.
        """


class TextFiles(Target):
    """A file of OpenMetrics a run."""

    name = "text"

    def check(self, first: float, last: float) -> None:
        """Accept any time."""

    def take(self, text: Path, first: float, last: float) -> list[Path]:
        """Return it as it is."""
        return [text]


class Blocks(Target):
    """Blocks of a Prometheus's database, made by ``promtool``.

    Args:
        max_block_seconds: how long a block may be; chosen for each run if None.
        retention_seconds: how old samples may be that the Prometheus keeps; any age if None.
        clock: seconds since the epoch.

    Raises:
        BackfillError: if there is no ``promtool``.
    """

    name = "blocks"

    def __init__(
        self,
        max_block_seconds: int | None = None,
        retention_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._max_block_seconds = max_block_seconds
        self._retention_seconds = retention_seconds
        self._clock = clock
        promtool = shutil.which("promtool")
        if promtool is None:
            raise BackfillError(
                "--blocks needs promtool, which comes with Prometheus: put it on PATH, "
                "or leave --blocks out"
            )
        self._promtool = promtool

    def check(self, first: float, last: float) -> None:
        """Refuse what a Prometheus would lose or stumble over."""
        now = self._clock()
        if last > now - LIVE_SECONDS:
            raise BackfillError(
                f"its last event was {describe_duration(max(0.0, now - last))} ago, and a "
                "Prometheus that runs still writes the last 3 hours itself: try again later"
            )
        if self._retention_seconds is not None and first < now - self._retention_seconds:
            raise BackfillError(
                f"its first event was {describe_duration(now - first)} ago, and the retention is "
                f"{describe_duration(self._retention_seconds)}: Prometheus would delete its block "
                "at once; give it a longer --storage.tsdb.retention.time, and tell --retention"
            )

    def take(self, text: Path, first: float, last: float) -> list[Path]:
        """Make blocks of it."""
        blocks = text.with_suffix(".blocks")
        longest = self._max_block_seconds or block_seconds(first, last)
        command = [
            self._promtool,
            "tsdb",
            "create-blocks-from",
            f"--max-block-duration={longest}s",
            "--quiet",
            "openmetrics",
            str(text),
            str(blocks),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            raise BackfillError(f"promtool made no blocks: {said[-MOST_SAID:]}")
        return sorted(path for path in blocks.iterdir() if (path / "meta.json").exists())


def block_seconds(first: float, last: float) -> int:
    """Return how long blocks of a run are to be, so that promtool reads it ten times at most.

    Args:
        first: when its first sample is, in seconds since the epoch.
        last: when its last one is.
    """
    longest = _BLOCK_SECONDS
    while (last - first) / longest > _MOST_READS and longest < _LARGEST_BLOCK_SECONDS:
        longest *= _BLOCK_GROWTH
    return longest
