"""The official exporters behind one face that says in a line why a push failed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from sanctum_exporter import logs
from sanctum_exporter.sinks.otlp.endpoint import OtlpProtocol
from sanctum_exporter.sinks.otlp.options import PushOptions
from sanctum_exporter.sinks.otlp.secrets import secrets_of
from sanctum_exporter.sinks.otlp.session import JudgingSession

_NOISY_LOGGERS: Final = ("opentelemetry", "grpc", "urllib3")


class Delivery(Protocol):
    """A way to the endpoint."""

    @property
    def retry_after_seconds(self) -> float:
        """How long the endpoint asked to be left alone, 0 if it did not."""
        ...

    def send(self, data: MetricsData) -> str | None:
        """Return why the values could not be delivered, None if they were."""
        ...

    def abort(self) -> None:
        """End the waiting of a ``send`` in another thread, as far as that is possible."""
        ...


class ExporterDelivery:
    """An official exporter, and the log lines of its thread instead of in the log.

    Attributes:
        remark: what it said of its settings, empty if it said nothing.

    Args:
        options: where and how; ``timeout_seconds`` bounds a ``send``.

    Raises:
        ValueError: if the exporter does not take its settings from the environment.
    """

    def __init__(self, options: PushOptions) -> None:
        self._session: JudgingSession | None = None
        self._secrets = secrets_of(options.endpoint, os.environ)
        exporter = _exporter_type(options.protocol)
        settings: dict[str, Any] = {}
        if options.protocol != "grpc":
            settings["session"] = self._session = JudgingSession(options.timeout_seconds)
        with _Captured() as captured:
            try:
                self._exporter = exporter(
                    endpoint=options.endpoint, timeout=options.timeout_seconds, **settings
                )
            except Exception as error:  # noqa: BLE001 - each has its own for wrong settings
                problem = self._secrets.taken_out_of(str(error))
                # Without its cause, whose text nobody has looked through.
                raise ValueError(f"no OTLP exporter with these settings: {problem}") from None
        self.remark = self._secrets.taken_out_of(captured.last)

    @property
    def retry_after_seconds(self) -> float:
        """How long the endpoint asked to be left alone, 0 if it did not."""
        return self._session.retry_after_seconds if self._session else 0.0

    def send(self, data: MetricsData) -> str | None:
        """Return why the values could not be delivered, None if they were."""
        with _Captured() as captured:
            try:
                if self._exporter.export(data) is MetricExportResult.SUCCESS:
                    return None
                said = self._session.reason if self._session else ""
            except Exception as error:  # noqa: BLE001 - whatever it is must not end the thread
                said = logs.describe(error)
        return self._secrets.taken_out_of(said or captured.last or "the exporter gives no reason")

    def abort(self) -> None:
        """End the exporter's waiting between attempts."""
        with _Captured():
            self._exporter.shutdown()


def _exporter_type(protocol: OtlpProtocol) -> Callable[..., MetricExporter]:
    # Both are slow to import, and gRPC starts threads: only the one that is used is loaded.
    if protocol == "grpc":
        # gRPC's core writes past the log, a line to standard error for every failed handshake.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415
            OTLPMetricExporter as GrpcExporter,
        )

        return GrpcExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter as HttpExporter,
    )

    return HttpExporter


class _Captured(logging.Filter):
    """Keeps what the exporters log in this thread out of the log, and remembers the last of it.

    They log every attempt; other users of OpenTelemetry in the process still see their own lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._loggers: list[logging.Logger] = []
        self.last = ""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        self.last = record.getMessage()
        return False

    def __enter__(self) -> _Captured:
        # Other threads may add loggers meanwhile; copy() takes them all in one step.
        known = logging.Logger.manager.loggerDict.copy()
        # A filter of a logger does not see the records of the loggers below it. What is no logger
        # holds the place of one that nobody has asked for.
        self._loggers = [
            logger
            for name, logger in known.items()
            if name.split(".")[0] in _NOISY_LOGGERS and isinstance(logger, logging.Logger)
        ]
        for logger in self._loggers:
            # The first of all: one of OpenTelemetry's own drops what it has seen shortly before.
            logger.filters.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        for logger in self._loggers:
            logger.removeFilter(self)
