"""Where and how to push, from options and OpenTelemetry's standard environment.

The environment is that of https://opentelemetry.io/docs/specs/otel/protocol/exporter/; what is
not read here (headers, compression, certificates' contents) the official exporters read themselves.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

OtlpProtocol: TypeAlias = Literal["http/protobuf", "grpc"]
PROTOCOLS: Final[tuple[OtlpProtocol, ...]] = get_args(OtlpProtocol)

_METRICS_PATH: Final = "/v1/metrics"
_DEFAULT_ENDPOINTS: Final[dict[OtlpProtocol, str]] = {
    "http/protobuf": "http://localhost:4318",
    "grpc": "http://localhost:4317",
}
_DEFAULT_INTERVAL_SECONDS: Final = 60.0
_DEFAULT_TIMEOUT_SECONDS: Final = 10.0
_DEFAULT_EXPORT_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class PushOptions:
    """Where and how to push.

    Attributes:
        endpoint: what the exporter connects to; for HTTP the full URL.
        protocol: OTLP over HTTP or over gRPC.
        interval_seconds: from one push to the next.
        timeout_seconds: what one push may take, retries included.
    """

    endpoint: str
    protocol: OtlpProtocol = "http/protobuf"
    interval_seconds: float = _DEFAULT_INTERVAL_SECONDS
    timeout_seconds: float = _DEFAULT_TIMEOUT_SECONDS


def resolve(
    endpoint: str | None = None,
    protocol: OtlpProtocol | None = None,
    interval_seconds: float | None = None,
    environ: Mapping[str, str] = os.environ,
) -> PushOptions | None:
    """Return how to push; what is not given comes from the environment.

    Args:
        endpoint: base URL, as in ``OTEL_EXPORTER_OTLP_ENDPOINT``; turns the push on.
        protocol: ``http/protobuf`` or ``grpc``.
        interval_seconds: from one push to the next.
        environ: the environment.

    Returns:
        The options, None if nothing asks for a push or ``OTEL_SDK_DISABLED`` forbids it.

    Raises:
        ValueError: if a value cannot be used; the message names it and says what would do.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if endpoint is None and not _asked_for(environ):
        return None
    protocol = protocol or _protocol(environ)
    interval_seconds = interval_seconds or _number(
        environ, "OTEL_METRIC_EXPORT_INTERVAL", _DEFAULT_INTERVAL_SECONDS, unit="milliseconds"
    )
    timeout_name = _first_set(environ, "TIMEOUT") or "OTEL_EXPORTER_OTLP_TIMEOUT"
    timeout_seconds = min(
        # Seconds, as the Python exporters have it, where the specification has milliseconds.
        _number(environ, timeout_name, _DEFAULT_TIMEOUT_SECONDS, unit="seconds"),
        _number(
            environ,
            "OTEL_METRIC_EXPORT_TIMEOUT",
            _DEFAULT_EXPORT_TIMEOUT_SECONDS,
            unit="milliseconds",
        ),
        # A push that outlasts the interval would make the next one late.
        interval_seconds,
    )
    for kind in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"):
        _check_readable(environ, kind)
    return PushOptions(
        _endpoint(endpoint, protocol, environ), protocol, interval_seconds, timeout_seconds
    )


def _asked_for(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment asks for metrics by OTLP."""
    exporters = environ.get("OTEL_METRICS_EXPORTER", "").strip().lower()
    if exporters:
        return "otlp" in [name.strip() for name in exporters.split(",")]
    return _first_set(environ, "ENDPOINT") is not None


def _first_set(environ: Mapping[str, str], kind: str) -> str | None:
    """Return the name of the variable that counts: the one for metrics before the general one."""
    names = (f"OTEL_EXPORTER_OTLP_METRICS_{kind}", f"OTEL_EXPORTER_OTLP_{kind}")
    return next((name for name in names if environ.get(name)), None)


def _protocol(environ: Mapping[str, str]) -> OtlpProtocol:
    name = _first_set(environ, "PROTOCOL")
    value = environ[name].strip().lower() if name else PROTOCOLS[0]
    for protocol in PROTOCOLS:
        if value == protocol:
            return protocol
    raise ValueError(f"{name}={value!r} is not supported: use {' or '.join(PROTOCOLS)}")


def _endpoint(given: str | None, protocol: OtlpProtocol, environ: Mapping[str, str]) -> str:
    name = None if given is not None else _first_set(environ, "ENDPOINT")
    value = given if given is not None else environ[name] if name else _DEFAULT_ENDPOINTS[protocol]
    value, origin = value.strip(), f"{name}=" if name else ""
    try:
        scheme, host = urlsplit(value)[:2]
    except ValueError:
        scheme = host = ""
    if protocol == "grpc" and "://" not in value and ":" in value:
        return value
    if scheme not in ("http", "https") or not host:
        raise ValueError(
            f"{origin}{value!r} is not an OTLP endpoint: write http://host:port or https://host:port"
        )
    # The variable for metrics is a full URL; the general one, and ours, are a base.
    if protocol == "grpc" or (name and "METRICS" in name) or value.endswith(_METRICS_PATH):
        return value
    return value.rstrip("/") + _METRICS_PATH


def _number(
    environ: Mapping[str, str],
    name: str,
    default: float,
    unit: Literal["milliseconds", "seconds"],
) -> float:
    """Return the seconds that a variable gives in its unit."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError(f"{name}={text!r} is not a positive number of {unit}")
    return value / 1000 if unit == "milliseconds" else value


def _check_readable(environ: Mapping[str, str], kind: str) -> None:
    """Raise ValueError if a TLS file is named that cannot be read."""
    name = _first_set(environ, kind)
    if not name:
        return
    try:
        Path(environ[name]).read_bytes()
    except OSError as error:
        raise ValueError(f"{name}={environ[name]!r} cannot be read: {error.strerror}") from None
