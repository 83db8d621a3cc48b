"""What only those who turn access on need to have installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def need(module: str, what: str) -> Any:
    """Return a module of the extra ``tls``.

    Raises:
        ValueError: if it is not installed; the message says what to install.
    """
    try:
        return import_module(module)
    except ImportError:
        raise ValueError(
            f"{what} needs the Python module {module}: pip install 'sanctum-exporter[tls]'"
        ) from None
