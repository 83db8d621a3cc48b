"""Who is answered with gzip."""

from __future__ import annotations

import pytest

from sanctum_exporter.web.negotiation import accepts_gzip


@pytest.mark.parametrize(
    "header", ["gzip", "GZIP", "deflate, gzip;q=0.5", "gzip;q=0.001", "br ; q=0 , gzip ; q=1.0"]
)
def test_gzip_is_for_whoever_asks_for_it(header: str) -> None:
    """A header that names gzip, with any weight above 0, is answered with it."""
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header", ["", "identity", "gzip;q=0", "br, gzip; q=0.000", "gzip;q=none", "gzipped", "*;q=1"]
)
def test_gzip_is_for_nobody_else(header: str) -> None:
    """A header that forbids gzip by a weight of 0, or does not name it, is answered without it."""
    assert not accepts_gzip(header)
