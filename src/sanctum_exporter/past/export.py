"""Tables written for notebooks, as parquet or CSV, each partitioned by run."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias, get_args

from sanctum_exporter.past.playing import Changes, Player
from sanctum_exporter.past.recordings import Recording, file_name, read
from sanctum_exporter.past.tables import EVENTS, STATE, Row, Table, event_row, state_row
from sanctum_exporter.past.workplace import Workplace

Format: TypeAlias = Literal["parquet", "csv"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

_ROWS_OF_GROUP: Final = 10_000
_BYTES_OF_GROUP: Final = 16 << 20


class MissingPyarrowError(Exception):
    """Parquet is asked for, and there is nothing to write it with; the message says what to do."""


class Writer(ABC):
    """Writes a table of one run row by row, in a bounded memory; a context manager."""

    def __enter__(self) -> Writer:
        """Return it."""
        return self

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what is left, and close the file."""

    @abstractmethod
    def add(self, row: Row) -> None:
        """Write a row.

        Raises:
            OSError: if the disk is full.
        """


class _CsvWriter(Writer):
    """CSV as RFC 4180 has it, in UTF-8; ``run`` is a column, and what is missing is empty."""

    def __init__(self, path: Path, table: Table, run: str) -> None:
        self._run = run
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["run", *(column.name for column in table.columns)])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        self._writer.writerow([self._run, *row])


class _ParquetWriter(Writer):
    """Parquet in row groups; ``run`` is in the path, as readers of partitioned tables want it."""

    def __init__(self, path: Path, table: Table) -> None:
        pyarrow, parquet = _pyarrow()
        types = {
            "text": pyarrow.string(),
            "integer": pyarrow.int64(),
            "number": pyarrow.float64(),
            "time": pyarrow.timestamp("us"),
            "json": pyarrow.json_(),
        }
        self._schema = pyarrow.schema(
            [(column.name, types[column.kind]) for column in table.columns]
        )
        self._new_batch = pyarrow.RecordBatch.from_arrays
        self._new_array = pyarrow.array
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self._bytes = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def add(self, row: Row) -> None:
        self._rows.append(row)
        self._bytes += sum(len(value) for value in row if isinstance(value, str))
        if len(self._rows) >= _ROWS_OF_GROUP or self._bytes >= _BYTES_OF_GROUP:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(self._schema)
        arrays = [
            self._new_array(list(values), field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_batch(self._new_batch(arrays, schema=self._schema))
        self._rows.clear()
        self._bytes = 0


def export(
    recording: Recording,
    workplace: Workplace,
    file_format: Format,
    told: Callable[[float], object] = lambda _share: None,
) -> bool:
    """Write the tables of a run; tell whether that was not done already.

    They are ``state.parquet/run=NAME/0.parquet`` and ``events.parquet/run=NAME/0.parquet``, or the
    same as CSV.

    Args:
        recording: the run.
        workplace: where they go, and what is done is noted.
        file_format: what they are written as.
        told: is told how much of the recording has been read, 0 to 1.

    Raises:
        LedgerError: if the recording has changed since it was done.
        MissingPyarrowError: if parquet cannot be written.
        OSError: if the disk is full.
        SourceError: if it cannot be read, or none of its events tells its time.
    """
    if workplace.is_done(recording, file_format):
        return False
    partition = f"run={file_name(recording.run)}"
    with workplace.aside() as aside:
        made = {f"{table.name}.{file_format}/{partition}": table for table in (STATE, EVENTS)}
        with ExitStack() as stack:
            state, events = (
                stack.enter_context(_writer(aside / name, table, file_format, recording.run))
                for name, table in made.items()
            )
            _write(recording, state, events, told)
        workplace.keep(recording, aside, {name: aside / name for name in made})
    return True


def check_format(file_format: Format) -> None:
    """Check that a format can be written.

    Raises:
        MissingPyarrowError: if it cannot.
    """
    if file_format == "parquet":
        _pyarrow()


def _write(
    recording: Recording, state: Writer, events: Writer, told: Callable[[float], object]
) -> None:
    player: Player | None = None
    for line in read(recording):
        told(line.share_read)
        if player is None:
            player = Player(recording, line.at)
            changes = Changes(player.intake)
        row = event_row(recording, line)
        if row is not None:
            events.add(row)
        for reading in changes.after(player.play(line)):
            state.add(state_row(line.number, reading))


def _writer(directory: Path, table: Table, file_format: Format, run: str) -> Writer:
    directory.mkdir(parents=True)
    path = directory / f"0.{file_format}"
    return _ParquetWriter(path, table) if file_format == "parquet" else _CsvWriter(path, table, run)


def _pyarrow() -> tuple[Any, Any]:
    try:
        # It is large, and only needed here.
        import pyarrow  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise MissingPyarrowError(
            "parquet is written with pyarrow, which is not installed: "
            "pip install 'sanctum-exporter[parquet]', or give --format csv"
        ) from None
    return pyarrow, parquet
