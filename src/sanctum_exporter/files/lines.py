"""Lines out of telemetry files: split as bytes come, or read once from plain or gzip files."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from sanctum_exporter import logs
from sanctum_exporter.files.names import cannot_read, shown

CHUNK_BYTES: Final = 1 << 20
# The longest line seen in real recordings has 60 kB; a file without line ends must not fill memory.
LINE_LIMIT_BYTES: Final = 4 << 20

# RFC 1952: two bytes of magic, and the only method there is. What begins with less than all of it
# is a plain file whose first line is garbage.
GZIP_HEADER: Final = b"\x1f\x8b\x08"


class SourceError(Exception):
    """A source that cannot be read; the message names it and says what to do."""


class LineSplitter:
    """Splits a file into lines, in whatever chunks its bytes come.

    Args:
        limit: bytes past which a line is not kept. None stands for it as soon as it is that long,
            for it may never end.
    """

    def __init__(self, limit: int = LINE_LIMIT_BYTES) -> None:
        self._limit = limit
        self._rest = b""
        self._dropping = False

    def split(self, chunk: bytes) -> list[bytes | None]:
        """Return the lines that end in a chunk; keep what follows the last line end."""
        if self._dropping:
            _, line_end, chunk = chunk.partition(b"\n")
            if not line_end:
                return []
            self._dropping = False
        pieces = chunk.split(b"\n")
        pieces[0] = self._rest + pieces[0]
        lines = [piece if len(piece) <= self._limit else None for piece in pieces]
        if lines[-1] is None:
            self._dropping, self._rest = True, b""
        else:
            self._rest = lines.pop() or b""
        return lines

    def finish(self) -> list[bytes | None]:
        """Return what is left as the last line, if anything is."""
        return self.split(b"\n") if self._rest else []

    def take_complete_rest(self) -> bytes | None:
        """Return what is left if it is a whole JSON object; it is then no longer left.

        A beginning of an object is never an object itself, so nothing is taken by half.
        """
        if not (self._rest.lstrip().startswith(b"{") and self._rest.rstrip().endswith(b"}")):
            return None
        try:
            json.loads(self._rest)
        except (ValueError, RecursionError):
            return None
        rest, self._rest = self._rest, b""
        return rest


class Line(NamedTuple):
    """A line of a file: its text (None if too long to be kept) and number, from 1."""

    text: bytes | None
    number: int
    share_read: float
    """How much of the file the lines up to this one are, roughly, 0 to 1."""


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a plain or gzip file; a last one without its end only if it is an object.

    Half a line is no line yet, to whoever follows the file either.

    Raises:
        SourceError: if the file cannot be read.
    """
    splitter = LineSplitter()
    number = 0
    share_before = 0.0
    for chunk, share_read in _read_chunks(path):
        lines = splitter.split(chunk)
        for index, text in enumerate(lines, start=1):
            share = share_before + (share_read - share_before) * index / len(lines)
            yield Line(text, number + index, share)
        number += len(lines)
        share_before = share_read
    rest = splitter.take_complete_rest()
    if rest is not None:
        yield Line(rest, number + 1, 1.0)
    elif splitter.finish():
        logs.warning("%s, line %d: half a line at the end, which is not counted", path, number + 1)


def is_gzip(path: Path) -> bool:
    """Tell whether an existing file holds gzip, by the whole header that each such file has."""
    with path.open("rb") as file:
        return file.read(len(GZIP_HEADER)) == GZIP_HEADER


def _read_chunks(path: Path) -> Iterator[tuple[bytes, float]]:
    try:
        packed = is_gzip(path)
        with path.open("rb") as file:
            size = max(1, path.stat().st_size)
            unpacked: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=file) if packed else file
            while chunk := unpacked.read(CHUNK_BYTES):
                yield chunk, file.tell() / size
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(
            f"{shown(path)} is damaged gzip ({error}): unpack or copy it again"
        ) from None
    except OSError as error:
        raise SourceError(cannot_read(path, error)) from None
