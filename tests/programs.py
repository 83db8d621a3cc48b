"""Programs that train, as real child processes; esper-lite is the stand-in beside this file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.asking import ask
from tests.waiting import DEADLINE_SECONDS, eventually

_STANDIN = Path(__file__).parent / "standin"


def free_address() -> str:
    """Return an address of the loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def serves_nothing(address: str) -> str:
    """Return what the log says of an address that is taken."""
    return (
        f"sanctum-exporter serves nothing, training goes on: cannot listen on {address}: "
        "Address already in use; it is tried again every 5 s, "
        "or give another listen_address (run: --web.listen-address)"
    )


def scrape(address: str, path: str = "/metrics") -> tuple[int, str]:
    """Return status and text of a page; 0 if nobody serves it."""
    answer = ask(f"http://{address}{path}")
    return answer.status, answer.text


@dataclass
class Ended:
    """What a program left."""

    status: int
    out: str
    err: str


@dataclass
class Program:
    """A running program; the stand-in's training goes on until ``end``."""

    process: subprocess.Popen[str]

    def say(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> Ended:
        """Let the training end, and return what it left."""
        out, err = self.process.communicate("", timeout=DEADLINE_SECONDS)
        return Ended(self.process.returncode, out, err)


def environment(address: str) -> dict[str, str]:
    """Return the environment of a program that trains; METRICS_ADDRESS is the address."""
    return {
        **os.environ,
        "PYTHONPATH": str(_STANDIN),
        "METRICS_ADDRESS": address,
        # From 3.12 on, Python warns of every fork of a process with threads, ours or not.
        "PYTHONWARNINGS": "ignore::DeprecationWarning",
    }


@contextmanager
def program(*arguments: str, address: str = "", cwd: Path | None = None) -> Iterator[Program]:
    """Run Python with arguments inside the block; METRICS_ADDRESS is the address."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(address),
    )
    try:
        yield Program(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def run_code(code: str, *, address: str = "", folder: Path) -> Ended:
    """Run a script to its end."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    with program(str(script), address=address) as running:
        return running.end()


def scrape_until(address: str, text: str) -> str:
    """Return a scrape that holds a text, as soon as there is one."""
    answers: list[str] = []

    def found() -> bool:
        answers.append(scrape(address)[1])
        return text in answers[-1]

    eventually(found)
    return answers[-1]
