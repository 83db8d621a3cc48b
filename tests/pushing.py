"""A process that pushes, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import NamedTuple

from tests import collectors, recordings
from tests.pushing_child import memory_kib


class Ending(NamedTuple):
    """How a child ended."""

    status: int
    exit_seconds: float
    memory_kib: int
    log: list[str]


class Child:
    """A process that pushes; see ``tests.pushing_child``."""

    def __init__(
        self, url: str, protocol: str = "http/protobuf", interval: float = 0.1, **environ: str
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pushing_child", url, protocol, str(interval)],
            cwd=recordings.ROOT,
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._stderr = self._process.stderr
        self.log: list[str] = []
        self._logged = threading.Condition()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        assert self._stdout.readline() == "ready\n", self.log

    def memory_kib(self) -> int:
        """Return the resident memory of now."""
        return memory_kib("VmRSS", self._process.pid)

    def wait_for_log(self, text: str) -> None:
        """Wait for a line of the log."""
        with self._logged:
            found = self._logged.wait_for(
                lambda: any(text in line for line in self.log), collectors.DEADLINE_SECONDS
            )
        assert found, f"{text!r} is not in {self.log}"

    def kill(self) -> None:
        """End the process whatever it is doing, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()

    def end(self) -> Ending:
        """Let the process come to its end, and measure how long that takes."""
        self._stdin.write("\n")
        self._stdin.flush()
        ended_at = float(self._stdout.readline())
        status = self._process.wait(collectors.DEADLINE_SECONDS)
        exit_seconds = time.monotonic() - ended_at
        peak = int(self._stdout.readline())
        self._reader.join()
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()
        return Ending(status, exit_seconds, peak, self.log)

    def _read_log(self) -> None:
        for line in self._stderr:
            with self._logged:
                self.log.append(line.rstrip("\n"))
                self._logged.notify_all()
