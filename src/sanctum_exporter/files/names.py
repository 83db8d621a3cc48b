"""Names of files and directories as text that any label, page and log can hold.

A name on a disk is bytes, and need not be UTF-8.
"""

from __future__ import annotations

import os
from pathlib import Path

from sanctum_exporter.readings import label_value


def shown(path: Path | str) -> str:
    r"""Return a path as text for people: a byte that is not UTF-8 is written ``\xff``."""
    return os.fsencode(path).decode(errors="backslashreplace")


def run_label(name: str) -> str:
    r"""Return the label of a run for the name of its directory.

    A backslash is written twice, so that no two names are the same label.
    """
    return label_value(shown(name.replace("\\", "\\\\")))


def cannot_read(path: Path, error: OSError) -> str:
    """Return what is said of a path that the system does not let us read."""
    return f"cannot read {shown(path)}: {error.strerror or error}"
