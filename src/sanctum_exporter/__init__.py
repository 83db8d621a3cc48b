"""Prometheus and OpenTelemetry exporter for the Sanctum telemetry of esper-lite.

Importing this package does no work and starts nothing; what it offers is loaded at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sanctum_exporter._version import __version__

__all__ = ["Attachment", "PushOptions", "SanctumExporter", "__version__", "attach"]

if TYPE_CHECKING:
    from sanctum_exporter.sinks.otlp import PushOptions
    from sanctum_exporter.training.attach import Attachment, attach
    from sanctum_exporter.training.exporter import SanctumExporter
else:
    _HOMES = {
        "Attachment": "training.attach",
        "PushOptions": "sinks.otlp",
        "SanctumExporter": "training.exporter",
        "attach": "training.attach",
    }

    # Hidden from type checkers, which would believe it to have every name.
    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
