"""The OTLP push: every metric of the catalogue, sent to a collector from a thread of its own.

Importing this loads no OpenTelemetry; ``push`` and ``register`` do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp.options import PROTOCOLS, OtlpProtocol, PushOptions, resolve

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

__all__ = ["PROTOCOLS", "OtlpProtocol", "PushHandle", "PushOptions", "push", "register", "resolve"]

# The SDK's own limit, of 2000, is passed when a few hundred runs are followed at once.
_CARDINALITY_LIMIT: Final = 1_000_000


class PushHandle(Protocol):
    """A push that goes on until it is closed or the process ends."""

    def close(self, timeout: float = ...) -> None:
        """Push the last values and stop, within ``timeout`` seconds; safe to call again."""
        ...


def push(publisher: ReadingSource, options: PushOptions, *, run_label: bool = False) -> PushHandle:
    """Push a publisher's values at once, every interval and at the end.

    Args:
        publisher: what to push.
        options: where and how; see ``resolve``.
        run_label: give every series of a group the attribute ``run``.

    Raises:
        ValueError: if the official exporter does not take its settings from the environment.
    """
    # Not at the top: OpenTelemetry takes longer to import than everything else together.
    from opentelemetry.sdk import metrics  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415

    from sanctum_exporter.sinks.otlp.delivery import ExporterDelivery  # noqa: PLC0415
    from sanctum_exporter.sinks.otlp.instruments import describe_resource  # noqa: PLC0415
    from sanctum_exporter.sinks.otlp.pusher import Pusher  # noqa: PLC0415

    # Totals, whatever the environment prefers: a lost push must lose nothing.
    reader = InMemoryMetricReader(
        cardinality_limits={
            metrics.ObservableCounter: _CARDINALITY_LIMIT,
            metrics.ObservableGauge: _CARDINALITY_LIMIT,
        }
    )
    provider = metrics.MeterProvider([reader], describe_resource(), shutdown_on_exit=False)
    register(publisher, provider, run_label=run_label)

    return Pusher(
        reader.get_metrics_data,
        lambda timeout: ExporterDelivery(replace(options, timeout_seconds=timeout)),
        endpoint=options.endpoint,
        interval_seconds=options.interval_seconds,
        timeout_seconds=options.timeout_seconds,
    )


def register(publisher: ReadingSource, provider: MeterProvider, *, run_label: bool = False) -> None:
    """Add the instruments to a meter provider that somebody else reads and pushes from.

    Args:
        publisher: what to read.
        provider: the meter provider, for example the application's own.
        run_label: give every series of a group the attribute ``run``.
    """
    from sanctum_exporter.sinks.otlp.instruments import Instruments  # noqa: PLC0415

    Instruments(publisher, provider, run_label=run_label)
