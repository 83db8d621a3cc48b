"""Where and how to push, from options and OpenTelemetry's standard environment.

The environment is that of https://opentelemetry.io/docs/specs/otel/protocol/exporter/; what is
not read here (headers, compression, certificates' contents) the official exporters read themselves.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import Final, Literal, get_args

from sanctum_exporter.sinks.otlp.endpoint import (
    METRICS_PATH,
    OtlpProtocol,
    check_endpoint,
    for_metrics,
    shown,
)

PROTOCOLS: Final[tuple[OtlpProtocol, ...]] = get_args(OtlpProtocol)

_DEFAULT_ENDPOINTS: Final[dict[OtlpProtocol, str]] = {
    "http/protobuf": "http://localhost:4318",
    "grpc": "http://localhost:4317",
}
# https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#exporter-selection
_EXPORTERS: Final = frozenset({"console", "logging", "none", "otlp", "prometheus"})
_DEFAULT_INTERVAL_SECONDS: Final = 60.0
_DEFAULT_TIMEOUT_SECONDS: Final = 10.0
_DEFAULT_EXPORT_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class PushOptions:
    """Where and how to push.

    Attributes:
        endpoint: what the exporter connects to. For HTTP the full URL, such as
            ``http://collector:4318/v1/metrics``; for gRPC ``http://collector:4317``, or
            ``collector:4317``, which is TLS unless ``OTEL_EXPORTER_OTLP_INSECURE`` is true. What
            stands before an ``@`` is sent as basic auth, by HTTP.
        protocol: OTLP over HTTP or over gRPC.
        interval_seconds: from one push to the next.
        timeout_seconds: what one push may take, retries included.

    Raises:
        ValueError: if an attribute cannot be used; the message names it and says what would do.
    """

    # It may hold credentials, and what is written out ends in logs.
    endpoint: str = field(repr=False)
    protocol: OtlpProtocol = "http/protobuf"
    interval_seconds: float = _DEFAULT_INTERVAL_SECONDS
    timeout_seconds: float = _DEFAULT_TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        """Refuse at once what would fail in a thread, where nobody sees it."""
        _check_protocol("protocol=", self.protocol)
        path = METRICS_PATH if self.protocol == "http/protobuf" else ""
        check_endpoint("endpoint=", self.endpoint, self.protocol, path)
        _check_seconds("interval_seconds=", self.interval_seconds)
        _check_seconds("timeout_seconds=", self.timeout_seconds)

    @property
    def shown_endpoint(self) -> str:
        """The endpoint for people: without credentials and query."""
        return str(shown(self.endpoint))


def resolve(
    endpoint: str | PushOptions | None = None,
    protocol: OtlpProtocol | None = None,
    interval_seconds: float | None = None,
    environ: Mapping[str, str] = os.environ,
) -> PushOptions | None:
    """Return how to push; what is not given comes from the environment.

    Args:
        endpoint: base URL, as in ``OTEL_EXPORTER_OTLP_ENDPOINT``; turns the push on. Options
            that are complete stay as they are.
        protocol: ``http/protobuf`` or ``grpc``.
        interval_seconds: from one push to the next.
        environ: the environment.

    Returns:
        The options, None if nothing asks for a push or ``OTEL_SDK_DISABLED`` forbids it.

    Raises:
        ValueError: if a value cannot be used; the message names it and says what would do.
    """
    if is_disabled(environ):
        return None
    if isinstance(endpoint, PushOptions):
        return endpoint
    if endpoint is None and not _asked_for(environ):
        return None
    if protocol is None:
        protocol = _protocol(environ)
    if interval_seconds is None:
        interval_seconds = _number(
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


def is_disabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the environment forbids every push."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _asked_for(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment asks for metrics by OTLP.

    Raises:
        ValueError: if it asks for an exporter that OpenTelemetry does not know.
    """
    text = environ.get("OTEL_METRICS_EXPORTER", "").strip()
    if text:
        exporters = {name.strip().lower() for name in text.split(",")}
        if not exporters <= _EXPORTERS:
            raise ValueError(
                f"OTEL_METRICS_EXPORTER={text!r} is not known: use otlp to push, or none"
            )
        return "otlp" in exporters
    return _first_set(environ, "ENDPOINT") is not None


def _first_set(environ: Mapping[str, str], kind: str) -> str | None:
    """Return the name of the variable that counts: the one for metrics before the general one."""
    names = (f"OTEL_EXPORTER_OTLP_METRICS_{kind}", f"OTEL_EXPORTER_OTLP_{kind}")
    return next((name for name in names if environ.get(name)), None)


def _protocol(environ: Mapping[str, str]) -> OtlpProtocol:
    name = _first_set(environ, "PROTOCOL")
    return _check_protocol(f"{name}=", environ[name].strip().lower()) if name else PROTOCOLS[0]


def _check_protocol(origin: str, value: str) -> OtlpProtocol:
    """Return a protocol.

    Raises:
        ValueError: if the value is none.
    """
    for protocol in PROTOCOLS:
        if value == protocol:
            return protocol
    raise ValueError(f"{origin}{value!r} is not supported: use {' or '.join(PROTOCOLS)}")


def _endpoint(given: str | None, protocol: OtlpProtocol, environ: Mapping[str, str]) -> str:
    name = None if given is not None else _first_set(environ, "ENDPOINT")
    value = given if given is not None else environ[name] if name else _DEFAULT_ENDPOINTS[protocol]
    value = value.strip()
    check_endpoint(f"{name}=" if name else "", value, protocol)
    # The variable for metrics is a full URL; the general one, and ours, are a base.
    if protocol == "grpc" or (name and "METRICS" in name):
        return value
    return for_metrics(value)


def _check_seconds(origin: str, value: float) -> None:
    """Raise ValueError unless a value is a time that a thread can wait."""
    if not isinstance(value, int | float) or not 0 < value <= TIMEOUT_MAX:
        raise ValueError(
            f"{origin}{value!r} is not a time to wait: "
            "give a number of seconds above 0, for example 60"
        )


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
