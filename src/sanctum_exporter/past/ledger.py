"""What has been done already, so that a second call does nothing twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from sanctum_exporter.files.lines import SourceError
from sanctum_exporter.files.names import cannot_read, shown
from sanctum_exporter.past.recordings import Recording

FILE: Final = ".sanctum-exporter.json"


class LedgerError(Exception):
    """The ledger cannot be used; the message names it and says what to do."""


class Entry(msgspec.Struct, frozen=True):
    """A recording that is done: how it was, what was made of it, and how.

    Attributes:
        size: of the recording, in bytes.
        modified: when it was changed last, in nanoseconds since the epoch.
        how: the settings that it was done with.
        made: the names of what was made.
    """

    path: str
    size: int
    modified: int
    how: str
    made: list[str]


class Ledger:
    """The entries of a directory, by the name of the run; each is on the disk once it is added.

    Args:
        directory: where results are, and the ledger is.

    Raises:
        LedgerError: if there is one that cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._entries: dict[str, Entry] = {}
        self._asked: dict[Recording, Entry] = {}
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise LedgerError(f"cannot read {self._path}: {error.strerror}") from None
        try:
            self._entries = msgspec.json.decode(content, type=dict[str, Entry])
        except msgspec.MsgspecError as error:
            raise LedgerError(
                f"{self._path} does not say what is done ({error}): give another directory"
            ) from None

    def has(self, recording: Recording, how: str) -> bool:
        """Tell whether a recording is done; ask before it is read, for it may grow meanwhile.

        Raises:
            LedgerError: if it was done when it was another, or otherwise.
            SourceError: if it is gone.
        """
        now = self._asked[recording] = _entry(recording, how)
        entry = self._entries.get(recording.run)
        if entry is None:
            return False
        if (entry.size, entry.modified) != (now.size, now.modified) and entry.path != now.path:
            raise LedgerError(
                f"{shown(recording.path)} is called {recording.run}, as {entry.path} was, which is "
                "done: give both at once, and a new directory"
            )
        if (entry.size, entry.modified) != (now.size, now.modified):
            raise LedgerError(
                f"{shown(recording.path)} has changed since it was done: give a new directory, "
                f"or remove what was made of it ({', '.join(entry.made)}) and its entry in {FILE}"
            )
        if entry.how != how:
            raise LedgerError(
                f"{recording.run} was done with other settings ({entry.how}): give a new directory"
            )
        return True

    def add(self, recording: Recording, made: list[str]) -> None:
        """Note that a recording is done, as it was when ``has`` was asked.

        Raises:
            OSError: if that cannot be written.
        """
        self._entries[recording.run] = msgspec.structs.replace(self._asked[recording], made=made)
        aside = self._path.with_suffix(".new")
        with aside.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self._entries)))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)

    def made(self) -> set[str]:
        """Return the names of all that was made."""
        return {name for entry in self._entries.values() for name in entry.made}


def _entry(recording: Recording, how: str) -> Entry:
    try:
        found = recording.path.stat()
    except OSError as error:
        raise SourceError(cannot_read(recording.path, error)) from None
    return Entry(str(recording.path.resolve()), found.st_size, found.st_mtime_ns, how, [])
