"""The resource that pushed values are of."""

from __future__ import annotations

import os
import platform
import socket
import sys
from pathlib import Path

from opentelemetry.sdk.resources import Resource

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
    # Asked once, since it logs what it cannot read of the environment each time.
    detected = Resource.create()
    given = {name: value for name, value in detected.attributes.items() if name in _given_names()}
    return detected.merge(own).merge(Resource(given))


def _given_names() -> set[str]:
    """Return the names of the attributes that the environment gives."""
    pairs = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    names = {pair.partition("=")[0].strip() for pair in pairs}
    return names | {"service.name"} if os.environ.get("OTEL_SERVICE_NAME") else names
