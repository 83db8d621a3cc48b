"""The exporter as a real child process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Thread

from tests.asking import ask
from tests.waiting import DEADLINE_SECONDS


@dataclass
class ExporterProcess:
    """A running ``sanctum-exporter`` and what it has said on standard error."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    @property
    def url(self) -> str:
        """Return the address that it serves, once it has said so."""
        match = re.search(r"serving (https?://\S+?)/\S*", self.wait_for("serving http"))
        assert match is not None
        return match[1]

    def wait_for(self, text: str) -> str:
        """Return the line on standard error that holds a text, once it is there."""

        def found() -> str | None:
            return next((line for line in self.said if text in line), None)

        with self.changed:
            assert self.changed.wait_for(found, DEADLINE_SECONDS), f"never said: {text}"
        line = found()
        assert line is not None
        return line

    def get(self, path: str = "/metrics") -> tuple[int, str]:
        """Return status and text of a page."""
        answer = ask(f"{self.url}{path}")
        return answer.status, answer.text

    def samples(self) -> list[str]:
        """Return the lines of a scrape that hold values of groups."""
        lines = self.get()[1].splitlines()
        return [line for line in lines if re.match(r"sanctum_(?!exporter_)", line)]

    def stop(self) -> int:
        """End it as a service manager does, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)


@contextmanager
def exporter(*arguments: str) -> Iterator[ExporterProcess]:
    """Run the command inside the block; it listens on a free port of the loopback."""
    command = [sys.executable, "-m", "sanctum_exporter", *arguments]
    process = subprocess.Popen(
        command,
        env=os.environ | {"SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0"},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = ExporterProcess(process)
    reader = Thread(target=_collect, args=(running,))
    reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        assert process.stderr is not None
        process.stderr.close()


def _collect(running: ExporterProcess) -> None:
    assert running.process.stderr is not None
    for line in running.process.stderr:
        with running.changed:
            running.said.append(line.rstrip("\n"))
            running.changed.notify_all()
