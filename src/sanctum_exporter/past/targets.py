"""Where the samples of a run go: files of text, a Prometheus's database, a VictoriaMetrics."""

from __future__ import annotations

import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests

from sanctum_exporter.durations import describe_duration

LIVE_SECONDS: Final = 3 * 3600.0
"""What a Prometheus that runs still holds in memory: a block of it would be in its way.

https://prometheus.io/docs/prometheus/latest/storage/
"""
_BLOCK_SECONDS: Final = 7200
_BLOCK_GROWTH: Final = 3
_LARGEST_BLOCK_SECONDS: Final = _BLOCK_SECONDS * _BLOCK_GROWTH**4
_MOST_READS: Final = 10
_IMPORT_BYTES: Final = 4 << 20
_IMPORT_TIMEOUT_SECONDS: Final = 60.0
_MOST_SAID: Final = 200


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
            raise BackfillError(f"promtool made no blocks: {said[-_MOST_SAID:]}")
        return sorted(path for path in blocks.iterdir() if (path / "meta.json").exists())


class VictoriaMetrics(Target):
    """The import of a VictoriaMetrics.

    Args:
        url: of the server, or of its import.

    Raises:
        ValueError: if it is none.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is no http:// or https:// URL of a server")
        path = "/api/v1/import/prometheus"
        self._url = url if path in url else url.rstrip("/") + path
        self._session = requests.Session()
        # Without what may be secret in the URL.
        self.name = parts.netloc.rpartition("@")[2]

    def check(self, first: float, last: float) -> None:
        """Accept any time; the server drops what is older than its retention."""

    def take(self, text: Path, first: float, last: float) -> list[Path]:
        """Send it in parts; nothing is to be moved."""
        with text.open("rb") as lines:
            part: list[bytes] = []
            size = 0
            for line in lines:
                if line.startswith(b"#"):
                    continue
                sample, _, seconds = line.rpartition(b" ")
                part.append(b"%s %d\n" % (sample, round(float(seconds) * 1000)))
                size += len(line)
                if size > _IMPORT_BYTES:
                    self._send(part)
                    part, size = [], 0
        if part:
            self._send(part)
        return []

    def _send(self, lines: Sequence[bytes]) -> None:
        try:
            answer = self._session.post(
                self._url, data=b"".join(lines), timeout=_IMPORT_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            # The text of the exception holds the URL, and with it whatever is secret in that.
            kind = type(error).__name__
            raise BackfillError(f"{self.name} could not be reached: {kind}") from None
        if not answer.ok:
            said = answer.text.strip()[:_MOST_SAID]
            raise BackfillError(f"{self.name} refused the samples: {answer.status_code} {said}")


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
