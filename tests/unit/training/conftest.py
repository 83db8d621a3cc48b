from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sanctum_exporter import SanctumExporter

STANDIN = Path(__file__).parents[2] / "standin"


@pytest.fixture
def exporter() -> Iterator[SanctumExporter]:
    """Give an exporter that serves on a free port of the loopback."""
    exporter = SanctumExporter("127.0.0.1:0", strict=True)
    exporter.start()
    yield exporter
    exporter.close()


@pytest.fixture
def hub_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give what imports the stand-in's hub module anew."""
    monkeypatch.syspath_prepend(str(STANDIN))

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "esper"]:
            del sys.modules[name]

    forget()
    yield lambda: importlib.import_module("esper.nissa.output")
    forget()
