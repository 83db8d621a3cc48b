"""Samples straight into a VictoriaMetrics, whatever their age.

https://docs.victoriametrics.com/victoriametrics/single-server-victoriametrics/#how-to-import-data-in-prometheus-exposition-format
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests

from sanctum_exporter.past.targets import MOST_SAID, BackfillError, Target

_IMPORT_BYTES: Final = 4 << 20
_IMPORT_TIMEOUT_SECONDS: Final = 60.0


class VictoriaMetrics(Target):
    """The import of a VictoriaMetrics.

    Args:
        url: of the server, or of its import.

    Raises:
        ValueError: if it is none.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is no http:// or https:// URL of a server")
        path = "/api/v1/import/prometheus"
        self._url = url if path in url else url.rstrip("/") + path
        self._session = requests.Session()
        # Without what may be secret in the URL.
        self.name = parts.netloc.rpartition("@")[2]

    def check(self, first: float, last: float) -> None:
        """Accept any time; the server drops what is older than its retention."""

    def take(self, text: Path, first: float, last: float) -> list[Path]:
        """Send it in parts; nothing is to be moved."""
        with text.open("rb") as lines:
            part: list[bytes] = []
            size = 0
            for line in lines:
                if line.startswith(b"#"):
                    continue
                sample, _, seconds = line.rpartition(b" ")
                part.append(b"%s %d\n" % (sample, round(float(seconds) * 1000)))
                size += len(line)
                if size > _IMPORT_BYTES:
                    self._send(part)
                    part, size = [], 0
        if part:
            self._send(part)
        return []

    def _send(self, lines: Sequence[bytes]) -> None:
        try:
            answer = self._session.post(
                self._url, data=b"".join(lines), timeout=_IMPORT_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            # The text of the exception holds the URL, and with it whatever is secret in that.
            kind = type(error).__name__
            raise BackfillError(f"{self.name} could not be reached: {kind}") from None
        if not answer.ok:
            said = answer.text.strip()[:MOST_SAID]
            raise BackfillError(f"{self.name} refused the samples: {answer.status_code} {said}")
