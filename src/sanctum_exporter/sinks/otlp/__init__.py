"""The OTLP push: every metric of the catalogue, sent to a collector from a thread of its own.

Importing this loads no OpenTelemetry; ``push`` does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from sanctum_exporter import logs
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp.endpoint import OtlpProtocol, shown
from sanctum_exporter.sinks.otlp.options import PROTOCOLS, PushOptions, is_disabled, resolve

__all__ = [
    "PROTOCOLS",
    "OtlpProtocol",
    "PushHandle",
    "PushOptions",
    "is_disabled",
    "push",
    "resolve",
    "shown",
]


class PushHandle(Protocol):
    """A push that goes on until it is closed or the process ends."""

    def close(self, timeout: float = ...) -> None:
        """Push the last values and stop, within ``timeout`` seconds; safe to call again."""
        ...


def push(source: ReadingSource, options: PushOptions, *, run_label: bool = False) -> PushHandle:
    """Push a source's values at once, every interval and at the end.

    Args:
        source: what to push; read once a push.
        options: where and how; see ``resolve``.
        run_label: give every series of a group the attribute ``run``.

    Raises:
        ValueError: if the official exporter does not take its settings from the environment.
    """
    # Not at the top: OpenTelemetry takes longer to import than everything else together.
    from sanctum_exporter.sinks.otlp.delivery import ExporterDelivery  # noqa: PLC0415
    from sanctum_exporter.sinks.otlp.producer import Producer  # noqa: PLC0415
    from sanctum_exporter.sinks.otlp.pusher import Pusher  # noqa: PLC0415
    from sanctum_exporter.sinks.otlp.resource import describe_resource  # noqa: PLC0415

    remarks = {""}

    def connect(timeout: float) -> ExporterDelivery:
        delivery = ExporterDelivery(replace(options, timeout_seconds=timeout))
        # For the last push there is another, which would only say the same again.
        if delivery.remark not in remarks:
            remarks.add(delivery.remark)
            logs.warning("OTLP exporter: %s", delivery.remark)
        return delivery

    return Pusher(
        Producer(source, describe_resource(), run_label=run_label).produce,
        connect,
        endpoint=options.shown_endpoint,
        interval_seconds=options.interval_seconds,
        timeout_seconds=options.timeout_seconds,
    )
