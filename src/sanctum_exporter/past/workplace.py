"""A directory that results go to: whole or not at all, each once, and one call at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sanctum_exporter.files.names import shown
from sanctum_exporter.past.ledger import Ledger
from sanctum_exporter.past.recordings import Recording

_LOCK_FILE: Final = ".sanctum-exporter.lock"
_ASIDE: Final = ".sanctum-exporter-aside-"
_DONE: Final = "done"


class WorkplaceError(Exception):
    """A directory that cannot be worked in; the message names it and says what to do."""


class Workplace:
    """A directory of results that nobody else works in; see ``working_in``.

    A result is made aside, on the same disk. That its recording is done is noted before it is moved
    to its place: a call that is killed in between leaves what its successor moves.
    """

    def __init__(self, directory: Path, ledger: Ledger) -> None:
        self._directory = directory
        self._ledger = ledger

    def is_done(self, recording: Recording, how: str) -> bool:
        """Tell whether the results of a recording are there.

        Args:
            recording: the run.
            how: the settings in words.

        Raises:
            LedgerError: if they are, but of what it was before, or made otherwise.
            SourceError: if the recording is gone.
        """
        return self._ledger.has(recording, how)

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """Give an empty directory to work in, which is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix=_ASIDE, dir=self._directory) as aside:
            yield Path(aside)

    def keep(self, recording: Recording, aside: Path, made: Mapping[str, Path]) -> None:
        """Note that a recording is done, and move what was made of it to its place.

        What is noted is the recording as it was when ``is_done`` was asked.

        Args:
            recording: what it was made of.
            aside: where it was made.
            made: files and directories, by the name that each is to have; no two recordings have
                one in common.

        Raises:
            OSError: if that cannot be written.
        """
        done = aside / _DONE
        for name, path in made.items():
            _move(path, done / name)
        self._ledger.add(recording, list(made))
        self._move_in(done)

    def finish_what_was_left(self) -> None:
        """Move to their places what a call that was killed had done, and remove the rest.

        Raises:
            OSError: if that cannot be done.
        """
        for aside in self._directory.glob(f"{_ASIDE}*"):
            self._move_in(aside / _DONE)
            shutil.rmtree(aside)

    def _move_in(self, done: Path) -> None:
        for name in self._ledger.made():
            if (done / name).exists():
                _move(done / name, self._directory / name)


def _move(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)


@contextmanager
def working_in(directory: Path) -> Iterator[Workplace]:
    """Give a directory to work in, made if it is not there, and locked meanwhile.

    Raises:
        LedgerError: if what is done in it cannot be read.
        OSError: if it cannot be used.
        WorkplaceError: if somebody else works in it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkplaceError(
                f"another call works in {shown(directory)}: wait for its end"
            ) from None
        workplace = Workplace(directory, Ledger(directory))
        workplace.finish_what_was_left()
        yield workplace
    finally:
        # The lock goes with it, as it does with a process that is killed.
        os.close(lock)
