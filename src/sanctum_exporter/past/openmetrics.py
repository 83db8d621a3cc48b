"""Samples of many moments as one OpenMetrics text, in a bounded memory.

The format wants all samples of a series in a row, and all series of a metric; moments come with all
of them at once. So each series is spooled to a file of its own, and they are joined at the end.

Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS, common_labels
from sanctum_exporter.metric import ExporterReading, Metric, T
from sanctum_exporter.past.moments import Moment
from sanctum_exporter.sinks.prometheus import openmetrics_head, openmetrics_number

_MOST_BUFFERED_BYTES: Final = 8 << 20


@dataclass(slots=True)
class _Series:
    """A series that is being spooled.

    Attributes:
        name: with its labels, and a space.
        spooled: the file with those of its lines that are no longer in memory.
        lines: those that are.
        value: of its newest sample, and ``text`` its name with that.
    """

    name: bytes
    spooled: Path
    lines: list[bytes] = field(default_factory=list)
    value: float | None = None
    text: bytes = b""


class Spool:
    """Takes the samples of moments in the order of time, and writes them in that of the format.

    A context manager: what it spooled is gone with it.

    Args:
        directory: where to spool; it is made, and must not exist yet.
        labels: what every series gets besides its own labels.
    """

    def __init__(self, directory: Path, labels: Mapping[str, str]) -> None:
        self._directory = directory
        self._labels = labels
        self._series: dict[tuple[str, str, tuple[str, ...]], _Series] = {}
        self._buffered = 0

    def __enter__(self) -> Spool:
        """Make its directory."""
        self._directory.mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove it."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def add(self, moment: Moment) -> None:
        """Take all samples of a moment.

        Raises:
            OSError: if the disk is full.
        """
        when = f" {moment.at:.3f}".removesuffix(".000").encode() + b"\n"
        groups = moment.source.readings()
        for group in groups:
            common = common_labels(group, run_label=True)
            for metric in GROUP_METRICS:
                self._take(metric, group, group.group_id, common, when)
        # What the collecting costs today is nothing that a scrape saw then: it stays 0.
        exporter = ExporterReading(moment.source.activity(), groups)
        for exporter_metric in EXPORTER_METRICS:
            self._take(exporter_metric, exporter, "", {}, when)
        if self._buffered > _MOST_BUFFERED_BYTES:
            self._flush()

    def write(self, file: BinaryIO) -> None:
        """Write the whole text, and see it on the disk.

        Raises:
            OSError: if the disk is full.
        """
        for metric in GROUP_METRICS:
            self._write(file, metric)
        for exporter_metric in EXPORTER_METRICS:
            self._write(file, exporter_metric)
        file.write(b"# EOF\n")
        file.flush()
        os.fsync(file.fileno())

    def _write(self, file: BinaryIO, metric: Metric[T]) -> None:
        file.write(openmetrics_head(metric))
        for (name, _, _), series in self._series.items():
            if name == metric.name:
                if series.spooled.exists():
                    with series.spooled.open("rb") as part:
                        shutil.copyfileobj(part, file)
                file.writelines(series.lines)

    def _take(
        self, metric: Metric[T], reading: T, group: str, common: Mapping[str, str], when: bytes
    ) -> None:
        for values, value in metric.read(reading):
            series = self._series.get((metric.name, group, values))
            if series is None:
                labels = {**common, **dict(zip(metric.labels, values, strict=True))}
                series = self._begin((metric.name, group, values), labels)
            # Most values are what they were a moment ago, and writing a number takes longest.
            if value != series.value:
                series.value = value
                series.text = series.name + openmetrics_number(value)
            series.lines.append(series.text + when)
            self._buffered += len(series.text) + len(when)

    def _begin(self, key: tuple[str, str, tuple[str, ...]], own: Mapping[str, str]) -> _Series:
        labels = {**own, **self._labels}
        pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
        name = f"{key[0]}{{{pairs}}} ".encode()
        series = self._series[key] = _Series(name, self._directory / str(len(self._series)))
        return series

    def _flush(self) -> None:
        for series in self._series.values():
            if series.lines:
                with series.spooled.open("ab") as file:
                    file.writelines(series.lines)
                series.lines.clear()
        self._buffered = 0


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
