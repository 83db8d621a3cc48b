"""Prometheus and OpenTelemetry exporter for the Sanctum telemetry of esper-lite.

Importing this package does no work and starts nothing.
"""

from sanctum_exporter._version import __version__

__all__ = ["__version__"]
