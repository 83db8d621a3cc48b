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
    """Splits a file into blocks of whole lines, in whatever chunks its bytes come.

    Args:
        limit: bytes past which a line is not kept. None stands for it as soon as it is that long,
            for it may never end.
    """

    def __init__(self, limit: int = LINE_LIMIT_BYTES) -> None:
        self._limit = limit
        self._dropping = False
        self.rest = b""
        """What follows the last line end."""

    def split(self, chunk: bytes) -> Iterator[bytes | None]:
        """Yield the lines that end in a chunk, each with its end; keep what follows them.

        Args:
            chunk: no more bytes than the limit.
        """
        begin = 0
        if self._dropping or self.rest:
            begin = chunk.find(b"\n") + 1
            if begin and not self._dropping:
                line = self.rest + chunk[:begin]
                yield line if len(line) <= self._limit + 1 else None
            if begin:
                self._dropping, self.rest = False, b""
        end = chunk.rfind(b"\n") + 1
        if begin < end:
            yield chunk[begin:end]
        if not self._dropping:
            self.rest += chunk[end:]
        if len(self.rest) > self._limit:
            self._dropping, self.rest = True, b""
            yield None

    def take_complete_rest(self) -> bytes | None:
        """Return what is left if it is a whole JSON object; it is then no longer left.

        A beginning of an object is never an object itself, so nothing is taken by half.
        """
        if not (self.rest.lstrip().startswith(b"{") and self.rest.rstrip().endswith(b"}")):
            return None
        try:
            json.loads(self.rest)
        except (ValueError, RecursionError):
            return None
        rest, self.rest = self.rest, b""
        return rest


class Line(NamedTuple):
    """A line of a file: its text (None if too long to be kept) and number, from 1."""

    text: bytes | None
    number: int
    share_read: float
    """How much of the file the lines up to this one are, roughly, 0 to 1."""


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a plain or gzip file, without their ends; see ``read_blocks``."""
    number = 0
    share_before = 0.0
    for block, share_read in _read(path):
        lines = [None] if block is None else block.removesuffix(b"\n").split(b"\n")
        for index, text in enumerate(lines, start=1):
            share = share_before + (share_read - share_before) * index / len(lines)
            yield Line(text, number + index, share)
        number += len(lines)
        share_before = share_read


def read_blocks(path: Path) -> Iterator[bytes | None]:
    """Yield the lines of a plain or gzip file, many at once, None for one that is too long.

    A last one without its end is read only if it is an object: half a line is no line yet, to
    whoever follows the file either.

    Raises:
        SourceError: if the file cannot be read.
    """
    for block, _ in _read(path):
        yield block


def _read(path: Path) -> Iterator[tuple[bytes | None, float]]:
    """Yield blocks, each with how much of the file they are up to it, roughly, 0 to 1."""
    splitter = LineSplitter()
    share_before = 0.0
    for chunk, share_read in _read_chunks(path):
        blocks = list(splitter.split(chunk))
        for block in blocks:
            # All but the last are a line that began in an earlier chunk.
            yield block, share_read if block is blocks[-1] else share_before
        share_before = share_read
    rest = splitter.take_complete_rest()
    if rest is not None:
        yield rest, 1.0
    elif splitter.rest:
        logs.warning("%s: half a line at the end, which is not counted", path)


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
