"""What can be done to a file that is followed: the values are those of reading it whole."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from sanctum_exporter.files.follower import FileFollower
from sanctum_exporter.files.lines import read_lines
from tests.fuzz.lines import damaged_line, new_intake, recorded

_OPERATIONS_A_FILE: Final = 40


class Play:
    """A file, what follows it, and a writer that does to it what comes to its mind."""

    def __init__(self, random: Random, lines: list[bytes], folder: Path) -> None:
        self._random = random
        self._lines = lines
        self.path = folder / "events.jsonl"
        self._other = folder / "other"
        chunk_bytes = random.choice((64, 1000, 1 << 20))
        self.follower = FileFollower(self.path, new_intake, chunk_bytes)
        self.done: list[str] = []

    def content(self) -> bytes:
        """Return some lines, not always whole ones."""
        count = self._random.randrange(6)
        lines = [damaged_line(self._random, self._lines) for _ in range(count)]
        return b"\n".join(lines) + self._random.choice((b"\n", b"\n", b"\n", b"", b"\r\n", b"\n\n"))

    def append(self) -> None:
        """Write on."""
        with self.path.open("ab") as file:
            file.write(self.content())

    def rewrite(self) -> None:
        """Write it anew, in its place."""
        self.path.write_bytes(self.content() + self.content())

    def replace(self) -> None:
        """Put another file in its place."""
        self._other.write_bytes(self.content())
        self._other.replace(self.path)

    def truncate(self) -> None:
        """Cut it off anywhere."""
        if self.path.exists():
            os.truncate(self.path, self._random.randrange(self.path.stat().st_size + 1))

    def remove(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)

    def hole(self) -> None:
        """Leave a hole at its end, and write on behind it."""
        if self.path.exists():
            os.truncate(self.path, self.path.stat().st_size + self._random.randrange(1, 200))
            self.append()

    def pack(self) -> None:
        """Put gzip in its place."""
        self._other.write_bytes(gzip.compress(self.content()))
        self._other.replace(self.path)

    def poll(self) -> None:
        """Let the follower look at it once."""
        self.follower.poll()

    def settle(self) -> None:
        """Let the follower catch up."""
        while self.follower.poll():
            pass
        self.follower.poll()

    def check(self) -> None:
        """Check that what is published is what the file holds, where it is there and plain."""
        self.settle()
        if self.follower.failure is not None or not self.path.exists():
            return
        whole = new_intake()
        for line in read_lines(self.path):
            whole.line(line.text, line.number)
        assert self.follower.readings() == whole.readings(), self.done
        assert self.follower.activity() == whole.activity(), self.done


_USUAL: Final[tuple[Callable[[Play], None], ...]] = (Play.append, Play.poll, Play.settle)
_RARE: Final[tuple[Callable[[Play], None], ...]] = (
    Play.rewrite, Play.replace, Play.truncate, Play.remove, Play.hole, Play.pack, Play.check,
)  # fmt: skip


def run(random: Random) -> Iterator[int]:
    """Do things to files for ever; yield how many were done since the last time.

    Raises:
        AssertionError: if what is published is not what the file holds.
    """
    lines = recorded()
    while True:
        with TemporaryDirectory() as folder:
            play = Play(random, lines, Path(folder))
            for _ in range(_OPERATIONS_A_FILE):
                operation = random.choice(_USUAL if random.randrange(4) else _RARE)
                play.done.append(operation.__name__)
                operation(play)
            play.check()
        yield _OPERATIONS_A_FILE
