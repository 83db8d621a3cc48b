"""Where a push goes: what makes a usable endpoint, and what may be shown of one.

An endpoint may hold credentials, before its host or in its query. Both go to the collector and
nowhere else.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

OtlpProtocol: TypeAlias = Literal["http/protobuf", "grpc"]

METRICS_PATH: Final = "/v1/metrics"
HIDDEN: Final = "***"
"""What stands for what is not shown."""


def for_metrics(base: str) -> str:
    """Return the full URL of a base URL: with the path of metrics, and its own query."""
    url = urlsplit(base)
    if url.path.endswith(METRICS_PATH):
        return base
    return url._replace(path=url.path.rstrip("/") + METRICS_PATH).geturl()


def check_endpoint(origin: str, value: str, protocol: OtlpProtocol, path: str = "") -> None:
    """Check that a value is what the protocol's exporter can connect to.

    Args:
        origin: where the value comes from, for the error.
        value: the endpoint.
        protocol: OTLP over HTTP or over gRPC.
        path: what a usable one ends with, for the error.

    Raises:
        ValueError: if it is not; the message shows nothing that may be secret.
    """
    try:
        url = split(value)
        host, port = url.hostname, url.port
        # An address alone is what gRPC itself calls a target.
        target = protocol == "grpc" and not url.scheme and port is not None
        usable = bool(host) and (target or url.scheme in ("http", "https"))
    except (AttributeError, TypeError, ValueError):
        usable = False
    if not usable:
        raise ValueError(
            f"{origin}{shown(value)!r} is not an OTLP endpoint: "
            f"write http://host:port{path} or https://host:port{path}"
        )
    if protocol == "grpc" and ("@" in url.netloc or url.query):
        # The exporter would leave out the one, and look for a host of the other's name.
        raise ValueError(
            f"{origin}{shown(value)!r} has credentials or a query, which gRPC does not send: "
            "give them in OTEL_EXPORTER_OTLP_HEADERS"
        )


def split(endpoint: str) -> SplitResult:
    """Return the parts of an endpoint, which may be an address without a scheme."""
    return urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")


def shown(endpoint: object) -> object:
    """Return what a log may say of an endpoint: without credentials and query.

    Works without parsing it, for what cannot be parsed is shown, too.
    """
    if not isinstance(endpoint, str):
        return endpoint
    scheme, separator, rest = endpoint.rpartition("://")
    before, at, after = rest.rpartition("@")
    if "://" in scheme or any(sign in before for sign in "?#"):
        # Whether the sign stands in a password or begins a query cannot be told.
        return f"{scheme.partition('://')[0]}{separator}{HIDDEN}"
    address, query, _ = after.partition("?")
    address, fragment, _ = address.partition("#")
    userinfo = f"{HIDDEN}@" if at else ""
    return f"{scheme}{separator}{userinfo}{address}" + (
        f"?{HIDDEN}" if query else f"#{HIDDEN}" if fragment else ""
    )
