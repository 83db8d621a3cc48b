"""An entry for Prometheus's file-based service discovery, for an exporter on any free port.

The format: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from sanctum_exporter.web.address import DEFAULT_TELEMETRY_PATH, ListenAddress

# Prometheus need not be the user that trains.
_MODE: Final = 0o644


def parse_sd_file(text: str) -> Path:
    """Return the absolute path of a file that an entry can be written to.

    Raises:
        ValueError: if it is not JSON by its name, or its folder is not there.
    """
    # A training may change into another folder.
    path = Path(text).absolute()
    if path.suffix != ".json":
        raise ValueError(
            f"{text!r} is not a file for Prometheus to discover: its name ends in .json"
        )
    if not path.parent.is_dir():
        raise ValueError(f"{text!r} cannot be written: there is no folder {str(path.parent)!r}")
    return path


class DiscoveryEntry:
    """A file that names one address as a target, from now until ``remove()``.

    Prometheus reads it as soon as it is there, and never half of it.

    Args:
        path: the file; another one in its place is replaced.
        address: where the exporter listens.
        program: what runs there.
        telemetry_path: where the metrics are.
        scheme: ``http`` or ``https``.

    Raises:
        OSError: if it cannot be written; the message names it.
    """

    def __init__(
        self,
        path: Path,
        address: ListenAddress,
        *,
        program: str,
        telemetry_path: str,
        scheme: str = "http",
    ) -> None:
        self._path = path
        machine = socket.gethostname()
        # The address of port 0 is another one each time; the name of the file is not.
        labels = {"instance": f"{machine}/{path.stem}", "program": program}
        if telemetry_path != DEFAULT_TELEMETRY_PATH:
            labels["__metrics_path__"] = telemetry_path
        if scheme != "http":
            labels["__scheme__"] = scheme
        groups = [{"targets": [str(address.reached_as(machine))], "labels": labels}]
        self._content = json.dumps(groups, indent=2).encode() + b"\n"
        try:
            _write_whole(path, self._content)
        except OSError as error:
            raise OSError(error.errno, f"cannot write {path}: {error.strerror}") from error

    def remove(self) -> None:
        """Remove the file, unless somebody else has written it since; safe to call again."""
        with suppress(OSError):
            if self._path.read_bytes() == self._content:
                self._path.unlink()


def _write_whole(path: Path, content: bytes) -> None:
    # Hidden and with another ending, so that no pattern of a discovery finds it.
    descriptor, name = mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it is open, and has no path to open
            file.write(content)
            os.fchmod(descriptor, _MODE)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
