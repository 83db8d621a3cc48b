"""Samples of many moments as one OpenMetrics text, in a bounded memory.

The format wants all samples of a series in a row, and all series of a metric; moments come with all
of them at once. So each series is spooled to a file of its own, and they are joined at the end.

Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

_MOST_BUFFERED_BYTES: Final = 8 << 20

_Key: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""Of a series: family, name and labels."""


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
        self._families: dict[str, Family] = {}
        self._prefixes: dict[_Key, bytes] = {}
        self._buffers: dict[_Key, list[bytes]] = {}
        self._buffered = 0
        self.samples = 0
        """How many samples it has taken."""

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

    def add(self, at: float, families: Iterable[Family]) -> None:
        """Take all samples of a moment.

        Args:
            at: the moment, in seconds since the epoch.
            families: what was collected then.

        Raises:
            OSError: if the disk is full.
        """
        when = f" {at:.3f}".removesuffix(".000").encode() + b"\n"
        for family in families:
            if family.name not in self._families:
                self._families[family.name] = family
            for sample in family.samples:
                key = (family.name, sample.name, tuple(sample.labels.items()))
                prefix = self._prefixes.get(key) or self._begin(key)
                line = prefix + _number(sample.value) + when
                self._buffers[key].append(line)
                self._buffered += len(line)
                self.samples += 1
        if self._buffered > _MOST_BUFFERED_BYTES:
            self._flush()

    def write(self, file: BinaryIO) -> None:
        """Write the whole text.

        Raises:
            OSError: if the disk is full.
        """
        places = {key: index for index, key in enumerate(self._prefixes)}
        for name, family in self._families.items():
            file.write(_head(family))
            for key in self._prefixes:
                if key[0] == name:
                    spooled = self._path(places[key])
                    if spooled.exists():
                        with spooled.open("rb") as part:
                            shutil.copyfileobj(part, file)
                    file.writelines(self._buffers[key])
        file.write(b"# EOF\n")

    def _begin(self, key: _Key) -> bytes:
        labels = {**dict(key[2]), **self._labels}
        pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
        prefix = self._prefixes[key] = f"{key[1]}{{{pairs}}} ".encode()
        self._buffers[key] = []
        return prefix

    def _flush(self) -> None:
        for index, key in enumerate(self._prefixes):
            with self._path(index).open("ab") as file:
                file.writelines(self._buffers[key])
            self._buffers[key].clear()
        self._buffered = 0

    def _path(self, index: int) -> Path:
        return self._directory / str(index)


class _Given(Collector):
    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterable[Family]:
        return [self._family]


def _head(family: Family) -> bytes:
    """Return the lines that say what a metric is, as the client library writes them."""
    bare = Family(family.name, family.documentation, family.type, family.unit)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(bare))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.removesuffix(b"# EOF\n")


def _number(value: float) -> bytes:
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text.encode()


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
