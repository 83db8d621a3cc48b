"""The resource that pushed values are of."""

from __future__ import annotations

import os
import platform
import socket
import sys
from pathlib import Path

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from sanctum_exporter._version import __version__


def describe_resource() -> Resource:
    """Return what the values are of: this exporter, in this process, on this host.

    ``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_SERVICE_NAME`` override each attribute.
    """
    host = socket.gethostname()
    own = Resource(
        {
            "service.name": "sanctum-exporter",
            "service.version": __version__,
            "service.instance.id": f"{host}:{os.getpid()}",
            "host.name": host,
            "host.arch": platform.machine(),
            "os.type": platform.system().lower(),
            "process.pid": os.getpid(),
            "process.executable.name": Path(sys.executable).name,
            "process.runtime.name": sys.implementation.name,
            "process.runtime.version": platform.python_version(),
        }
    )
    return Resource.create().merge(own).merge(OTELResourceDetector().detect())
