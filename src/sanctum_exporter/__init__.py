"""Prometheus and OpenTelemetry exporter for the Sanctum telemetry of esper-lite.

Importing this package does no work and starts nothing; what it offers is loaded at first use.
"""

from typing import TYPE_CHECKING, Any

from sanctum_exporter._version import __version__

__all__ = ["Attachment", "SanctumExporter", "__version__", "attach"]

if TYPE_CHECKING:
    from sanctum_exporter.embedded import Attachment, SanctumExporter, attach
else:
    # Hidden from type checkers, which would believe it to have every name.
    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sanctum_exporter import embedded  # noqa: PLC0415 - a training pays at first use

        return getattr(embedded, name)


def __dir__() -> list[str]:
    return sorted(__all__)
