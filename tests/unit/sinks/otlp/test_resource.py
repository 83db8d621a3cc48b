"""What pushed values are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sanctum_exporter.sinks.otlp.resource import describe_resource


def test_resource_names_service_host_and_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are of this exporter, in this process, on this host."""
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("socket.gethostname", lambda: "trainer-7")
    monkeypatch.setattr("os.getpid", lambda: 4711)
    attributes: Mapping[str, Any] = describe_resource().attributes
    assert attributes["service.name"] == "sanctum-exporter"
    assert attributes["service.instance.id"] == "trainer-7:4711"
    assert attributes["host.name"] == "trainer-7"
    assert attributes["process.pid"] == 4711
    assert {"service.version", "process.runtime.name", "host.arch"} <= attributes.keys()


def test_environment_overrides_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES replace any attribute and add others."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "sanctum-a")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=7,cluster=west")
    attributes = describe_resource().attributes
    assert attributes["service.name"] == "sanctum-a"
    assert attributes["service.instance.id"] == "7"
    assert attributes["cluster"] == "west"
