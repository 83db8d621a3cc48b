"""Telemetry files followed as they grow.

Whatever happens to a file (half a line, truncation, another file in its place, none yet), the
state is what reading the whole file gives. Where bytes that were read have changed, the file is
read again into a new state, which is published once it has caught up, so nobody ever sees half.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from sanctum_exporter.files.counts import total
from sanctum_exporter.files.lines import CHUNK_BYTES, GZIP_HEADER, LineSplitter
from sanctum_exporter.files.names import cannot_read, shown
from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.state.intake import Intake

_MARK_BYTES: Final = 256

# Where a writer's bytes come in another order than it wrote them, as over NFS, what is still
# missing reads as NULs, which no telemetry has.
_HOLE: Final = re.compile(rb"\0+")
_MOST_HOLES: Final = 64

_KINDS: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class _Published(NamedTuple):
    """What is published, and what was counted by all that was published before."""

    intake: Intake
    before: Activity


class FileFollower:
    """A file that grows; a ``ReadingSource`` of what it says.

    No handle stays open between polls, so thousands of finished runs can be followed.

    Args:
        path: the file, which need not exist yet.
        new_intake: makes the empty state that a file is read into.
        chunk_bytes: how much a poll reads at most.
    """

    def __init__(
        self, path: Path, new_intake: Callable[[], Intake], chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self.path = path
        self._name = shown(path)
        self._seen: tuple[int, int, int, int] | None = None
        self.failure: str | None = None
        """Why the file is not being read, None while it is, or is not there yet."""
        self.waiting: str | None = f"waiting for {self._name}, which does not exist yet"
        """What is waited for before the values are those of the whole file, None once they are."""
        self._existed = False
        self._new_intake = new_intake
        self._chunk_bytes = chunk_bytes
        self._published = _Published(new_intake(), Activity())
        self._begin()

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups that the file publishes."""
        return self._published.intake.readings()

    def activity(self) -> Activity:
        """Return the counts of the file's events."""
        return self._published.intake.activity()

    def counted(self) -> Activity:
        """Return the counts of all events that were published, those read anew each time."""
        intake, before = self._published
        now = intake.activity()
        return replace(total([before, now]), last_rejection_timestamp=now.last_rejection_timestamp)

    def poll(self) -> bool:
        """Read at most one chunk of what is new; tell whether there may be more at once."""
        try:
            found = self.path.stat()
            self._existed = True
            kind = _KINDS.get(stat.S_IFMT(found.st_mode))
            if kind is not None:
                # Opening it could wait for ever, or do something to it.
                self.failure = f"{self._name} is {kind}: give the file that esper-lite writes"
                return False
            seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if seen == self._seen and self.failure is None and self.waiting is None:
                self._take_complete_rest()
                return False
            return self._read(seen)
        except FileNotFoundError:
            if self._existed:
                self.failure = f"{self._name} is gone; its last values stay published"
            self._seen = None
        except OSError as error:
            self.failure = cannot_read(self.path, error)
        return False

    def wake(self) -> None:
        """Do nothing: every poll looks at the file."""

    def _begin(self) -> None:
        self._reading = self._new_intake()
        self._splitter = LineSplitter()
        self._lines = 0
        self._offset = 0
        self._head = b""
        self._mark = b""
        self._file: tuple[int, int] | None = None
        self._holes: list[tuple[int, int]] = []
        self._rest_tried = False
        self._rest_taken = False
        self._seen = None

    def _read(self, seen: tuple[int, int, int, int]) -> bool:
        with self.path.open("rb") as file:
            if not self._is_continued_by(file.fileno()):
                self._begin()
            if self._offset < len(GZIP_HEADER) and _is_gzip(file.fileno()):
                # Its first bytes may have been read before the header was whole.
                self._begin()
                self.failure = f"{self._name} is gzip, which does not grow: use replay or inspect"
                return False
            chunk = os.pread(file.fileno(), self._chunk_bytes, self._offset)
            found = os.fstat(file.fileno())
        if self._rest_taken and chunk and not chunk.startswith((b"\n", b"\r\n")):
            self._begin()
            return True
        self._file = found.st_dev, found.st_ino
        if chunk:
            self._take(chunk)
        self.failure = None
        if self._offset < found.st_size:
            self.waiting = f"reading {self._name}: {self._offset / found.st_size:.0%}"
            return True
        self.waiting = None
        self._seen = seen
        if self._reading is not self._published.intake:
            self._published = _Published(self._reading, self.counted())
        return False

    def _take(self, chunk: bytes) -> None:
        self._rest_tried = self._rest_taken = False
        if b"\0" in chunk:
            self._note_holes(chunk)
        self._offset += len(chunk)
        self._head = (self._head + chunk[:_MARK_BYTES])[:_MARK_BYTES]
        self._mark = (self._mark + chunk[-_MARK_BYTES:])[-_MARK_BYTES:]
        for block in self._splitter.split(chunk):
            self._lines += self._reading.block(block, self._lines + 1)

    def _note_holes(self, chunk: bytes) -> None:
        for hole in _HOLE.finditer(chunk):
            if len(self._holes) == _MOST_HOLES:
                return
            self._holes.append((self._offset + hole.start(), self._offset + hole.end() - 1))

    def _is_continued_by(self, descriptor: int) -> bool:
        """Tell whether the file is the one that was read, as far as that shows at no cost.

        It begins and goes on with the bytes that were read, and where it had holes, they are there.
        """
        found = os.fstat(descriptor)
        mark_offset = self._offset - len(self._mark)
        return (
            self._file in (None, (found.st_dev, found.st_ino))
            and os.pread(descriptor, len(self._head), 0) == self._head
            and os.pread(descriptor, len(self._mark), mark_offset) == self._mark
            and all(
                os.pread(descriptor, 1, offset) == b"\0" for hole in self._holes for offset in hole
            )
        )

    def _take_complete_rest(self) -> None:
        """Take a last line that lacks only its end, as a crash or an editor leaves it.

        Whatever comes after it but a line end shows that it was no whole line: ``_read`` then
        reads the file again.
        """
        if self._rest_tried:
            return
        self._rest_tried = True
        rest = self._splitter.take_complete_rest()
        if rest is not None:
            self._rest_taken = True
            self._reading.block(rest, self._lines + 1)


def _is_gzip(descriptor: int) -> bool:
    return os.pread(descriptor, len(GZIP_HEADER), 0) == GZIP_HEADER
