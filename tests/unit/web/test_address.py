from __future__ import annotations

import re

import pytest

from sanctum_exporter.web.address import parse_address, parse_telemetry_path


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("127.0.0.1:10500", ("127.0.0.1", 10500), "127.0.0.1:10500"),
        (":10500", ("", 10500), "127.0.0.1:10500"),
        ("[::1]:1", ("::1", 1), "[::1]:1"),
        ("[::]:1", ("::", 1), "[::1]:1"),
        ("trainer-7:65535", ("trainer-7", 65535), "trainer-7:65535"),
    ],
)
def test_addresses_are_those_of_prometheus_exporters(
    text: str, address: tuple[str, int], local: str
) -> None:
    """An address comes back as it was written, and says how it is reached from here."""
    parsed = parse_address(text)
    assert parsed == address
    assert str(parsed) == text
    assert str(parsed.local) == local


@pytest.mark.parametrize("text", ["", "10500", "localhost", "host:", "host:x", ":65536", "::1:80"])
def test_what_is_no_address_is_told_with_an_example(text: str) -> None:
    """A text that is no address is refused with one that is."""
    with pytest.raises(ValueError, match=r"is not a listen address: (give host:port|write IPv6)"):
        parse_address(text)


@pytest.mark.parametrize(
    "path", ["/metrics", "/sanctum/metrics", "/a.b_c~d-9", "/-", "/...", "/.m/m.."]
)
def test_paths_that_the_metrics_can_be_served_at_are_taken(path: str) -> None:
    """A path that requests can reach comes back as it was written."""
    assert parse_telemetry_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "metrics",
        "//metrics",
        "/metrics/",
        "/metrics?x",
        "/a b",
        "/métriques",
        "/metrics\n",
        "/%2F",
        "/metrics/../x",
        "/..",
        "/./metrics",
        "/metrics/.",
        "/metrics//x",
    ],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    """A path that requests could not reach is refused with one that they can."""
    message = f"{path!r} is not a telemetry path: write /metrics, or other letters after"
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_telemetry_path(path)


@pytest.mark.parametrize("path", ["/", "/-/ready", "/-/metrics", "/api", "/api/v1/runs"])
def test_the_path_of_another_page_is_refused(path: str) -> None:
    """The metrics take the place of neither the page nor of health and readiness."""
    with pytest.raises(ValueError, match="is not a telemetry path, other pages are there"):
        parse_telemetry_path(path)


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        (":1", False),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("gpu7:1", False),
    ],
)
def test_an_address_is_this_machines_alone_or_not(text: str, is_loopback: bool) -> None:
    """Every interface, and a name other than localhost, may be reached by others."""
    assert parse_address(text).is_loopback is is_loopback
