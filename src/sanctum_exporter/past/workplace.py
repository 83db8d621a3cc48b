"""A directory that results go to: whole or not at all, each once, and one call at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
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

        Raises:
            LedgerError: if they are, but of what it was before, or made otherwise.
        """
        return self._ledger.find(recording, how) is not None

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """Give an empty directory to work in, which is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix=_ASIDE, dir=self._directory) as aside:
            yield Path(aside)

    def keep(self, recording: Recording, how: str, aside: Path, made: Sequence[Path]) -> None:
        """Note that a recording is done, and move what was made of it to its place.

        Args:
            recording: what it was made of.
            how: the settings in words.
            aside: where it was made.
            made: files and directories, each with a name that no other recording's has.

        Raises:
            OSError: if that cannot be written.
        """
        done = aside / _DONE
        done.mkdir()
        for path in made:
            path.rename(done / path.name)
        self._ledger.add(recording, how, [path.name for path in made])
        self._move_in(done)

    def finish_what_was_left(self) -> None:
        """Move to their places what a call that was killed had done, and remove the rest.

        Raises:
            OSError: if that cannot be done.
        """
        known = self._ledger.made()
        for aside in self._directory.glob(f"{_ASIDE}*"):
            done = aside / _DONE
            if done.is_dir() and known.issuperset(path.name for path in done.iterdir()):
                self._move_in(done)
            shutil.rmtree(aside)

    def _move_in(self, done: Path) -> None:
        for path in sorted(done.iterdir()):
            path.rename(self._directory / path.name)


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
