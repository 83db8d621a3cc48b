"""Who may see what is served: the web configuration file, TLS, passwords."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sanctum_exporter.web.access.access import Access


def read_access(path: Path | None, *, protect_health: bool) -> Access | None:
    """Return who may see a server, None for everybody.

    Args:
        path: the web configuration file, if there is one.
        protect_health: put ``/-/healthy`` and ``/-/ready`` behind it, too.

    Raises:
        ValueError: if the file cannot be used; the message names file, and line or field.
    """
    if path is None:
        return None
    # Whoever turns it off need not load TLS into a training process.
    from sanctum_exporter.web.access.access import Access  # noqa: PLC0415

    return Access(path, protect_health=protect_health)
