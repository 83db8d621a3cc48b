"""Recordings of any age as what Prometheus and VictoriaMetrics take, run by run."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests

from sanctum_exporter.durations import describe_duration
from sanctum_exporter.past.ledger import Ledger
from sanctum_exporter.past.moments import moments
from sanctum_exporter.past.openmetrics import Spool
from sanctum_exporter.past.recordings import Recording, span
from sanctum_exporter.sinks.prometheus import SanctumCollector

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


class BackfillError(Exception):
    """A run that cannot be backfilled; the message says why and what to do."""


class Target(ABC):
    """Where the samples of a run go."""

    @abstractmethod
    def check(self, first: float, last: float) -> None:
        """Check that the run of such a time can go there, before anything is done.

        Args:
            first: when its first event was, in seconds since the epoch.
            last: when its last event was.

        Raises:
            BackfillError: if it cannot.
        """

    @abstractmethod
    def put(self, text: Path, name: str, first: float, last: float) -> list[str]:
        """Put an OpenMetrics text there, whole or not at all; return the names of what was made.

        Args:
            text: the file, which may be moved.
            name: a name for it that no other run has.
            first: when its first event was.
            last: when its last event was.

        Raises:
            BackfillError: if it could not be taken.
            OSError: if the disk is full.
        """


class TextFiles(Target):
    """A file of OpenMetrics a run, in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self, first: float, last: float) -> None:
        """Accept any time."""

    def put(self, text: Path, name: str, first: float, last: float) -> list[str]:
        """Move it into the directory."""
        made = f"{name}.om"
        text.replace(self._directory / made)
        return [made]


class Blocks(Target):
    """Blocks of a Prometheus's database, made by ``promtool`` aside and moved in whole.

    Args:
        directory: the database, or a directory to copy from later.
        max_block_seconds: how long a block may be; chosen for each run if None.
        retention_seconds: how old samples may be that the Prometheus of the directory keeps.
        clock: seconds since the epoch.

    Raises:
        BackfillError: if there is no ``promtool``.
    """

    def __init__(
        self,
        directory: Path,
        max_block_seconds: int | None = None,
        retention_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
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

    def put(self, text: Path, name: str, first: float, last: float) -> list[str]:
        """Make blocks of it and move them into the directory."""
        aside = text.parent / "blocks"
        longest = self._max_block_seconds or block_seconds(first, last)
        command = [
            self._promtool,
            "tsdb",
            "create-blocks-from",
            f"--max-block-duration={longest}s",
            "--quiet",
            "openmetrics",
            str(text),
            str(aside),
        ]
        made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if made.returncode:
            raise BackfillError(f"promtool made no blocks: {(made.stderr or made.stdout).strip()}")
        blocks = sorted(path.name for path in aside.iterdir() if (path / "meta.json").exists())
        for block in blocks:
            (aside / block).replace(self._directory / block)
        return blocks


class VictoriaMetrics(Target):
    """The import of a VictoriaMetrics.

    Args:
        url: of the server, or of its import.
    """

    def __init__(self, url: str) -> None:
        path = "/api/v1/import/prometheus"
        self._url = url if path in url else url.rstrip("/") + path
        self._session = requests.Session()

    def check(self, first: float, last: float) -> None:
        """Accept any time; the server drops what is older than its retention."""

    def put(self, text: Path, name: str, first: float, last: float) -> list[str]:
        """Send it in parts."""
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
        return [name]

    def _send(self, lines: Sequence[bytes]) -> None:
        try:
            answer = self._session.post(
                self._url, data=b"".join(lines), timeout=_IMPORT_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise BackfillError(f"{self._host} could not be reached: {_reason(error)}") from None
        if not answer.ok:
            said = answer.text.strip()[:200]
            raise BackfillError(f"{self._host} refused the samples: {answer.status_code} {said}")

    @property
    def _host(self) -> str:
        return urlsplit(self._url).hostname or "the server"


def _reason(error: requests.RequestException) -> str:
    # The text of the exception holds the URL, and with it whatever is secret in that.
    return type(error).__name__


def block_seconds(first: float, last: float) -> int:
    """Return how long blocks of a run are to be, so that promtool reads it ten times at most.

    Args:
        first: when its first event was.
        last: when its last event was.
    """
    longest = _BLOCK_SECONDS
    while (last - first) / longest > _MOST_READS and longest < _LARGEST_BLOCK_SECONDS:
        longest *= _BLOCK_GROWTH
    return longest


def backfill(
    recording: Recording,
    target: Target,
    directory: Path,
    ledger: Ledger,
    *,
    step: float,
    labels: Mapping[str, str],
    how: str,
    told: Callable[[float], object] = lambda _share: None,
) -> bool:
    """Put the samples of a run where they belong; tell whether that was not done already.

    Args:
        recording: the run.
        target: where to.
        directory: where to work, and where the ledger is.
        ledger: says what is done already.
        step: from one moment to the next, in seconds.
        labels: what every series gets besides its own labels.
        how: the settings in words, for the ledger.
        told: is told how much of the recording has been read, 0 to 1.

    Raises:
        BackfillError: if the target does not take it.
        LedgerError: if the recording has changed since it was done.
        OSError: if the disk is full.
        SourceError: if it cannot be read.
    """
    if ledger.find(recording, how) is not None:
        return False
    first, last = span(recording)
    target.check(first, last)
    identity = {"instance": recording.run, **labels}
    with _aside(directory) as aside:
        text = aside / "samples.om"
        with Spool(aside / "series", identity) as spool:
            collector: SanctumCollector | None = None
            for moment in moments(recording, step, told):
                # What the making costs today is nothing that a scrape saw then.
                collector = collector or SanctumCollector(
                    moment.source, run_label=True, clock=lambda: 0.0
                )
                spool.add(moment.at, collector.collect())
            with text.open("wb") as file:
                spool.write(file)
        made = target.put(text, file_name(recording.run), first, last)
    ledger.add(recording, how, made)
    return True


def file_name(run: str) -> str:
    """Return a name for a file that every system takes, another one for every run."""
    name = "".join(c if c.isalnum() or c in "-_." else f"%{ord(c):02x}" for c in run)
    return f"%2e{name[1:]}" if name.startswith(".") else name


@contextmanager
def _aside(directory: Path) -> Iterator[Path]:
    """Give a directory on the same disk, whose contents can be moved; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".backfill-", dir=directory) as aside:
        yield Path(aside)
