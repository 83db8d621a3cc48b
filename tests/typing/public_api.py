"""The public API as a type checker sees it; what must be refused is ignored, and mypy checks that.

``warn_unused_ignores`` makes an ignore that ignores nothing an error, so a call below that the
types would let through fails the check. Nothing here is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

from prometheus_client import CollectorRegistry

from sanctum_exporter import Attachment, PushOptions, SanctumExporter, __version__, attach


class Aggregator:
    """As SanctumAggregator."""

    def get_snapshot(self) -> object:
        """Return one."""
        return None


class Anything:
    """As any object with snapshots."""

    def snapshot(self) -> dict[str, int]:
        """Return one."""
        return {"total_slots": 1}


class Registry:
    """As AggregatorRegistry."""

    def get_all_snapshots(self) -> dict[str, object]:
        """Return all."""
        return {}


class Hub:
    """As NissaHub."""

    def get_health_snapshot(self) -> dict[str, Any]:
        """Return its health."""
        return {}


class HalfHub:
    """Tells its health as something else."""

    def get_health_snapshot(self) -> int:
        """Return a number."""
        return 1


def backend() -> None:
    """What the backend takes and gives."""
    exporter = SanctumExporter(
        ":10500",
        registry=CollectorRegistry(),
        num_envs=16,
        hub=Hub(),
        telemetry_path="/metrics",
        sd_file="/targets/trainer.json",
        web_config_file="/etc/sanctum-exporter/web.yml",
        protect_health=True,
        final_scrape_wait_seconds=20,
        strict=True,
    )
    assert_type(exporter.start(), bool)
    assert_type(exporter.url, str | None)
    exporter.emit(object())
    exporter.close()
    assert_type(__version__, str)

    SanctumExporter(sd_file=Path("trainer.json"))
    SanctumExporter(web_config_file=Path("web.yml"))
    SanctumExporter(web_config_file=b"web.yml")  # type: ignore[arg-type]
    SanctumExporter(sd_file=b"trainer.json")  # type: ignore[arg-type]
    SanctumExporter(final_scrape_wait_seconds="20s")  # type: ignore[arg-type]
    SanctumExporter(10500)  # type: ignore[arg-type]
    SanctumExporter(":10500", CollectorRegistry())  # type: ignore[call-arg]
    SanctumExporter(hub=HalfHub())  # type: ignore[arg-type]
    SanctumExporter(port=10500)  # type: ignore[call-arg]
    exporter.emit()  # type: ignore[call-arg]
    exporter.url = "http://localhost"  # type: ignore[misc]


def push() -> None:
    """Where and how can be pushed."""
    options = PushOptions(
        "http://collector:4318/v1/metrics",
        protocol="http/protobuf",
        interval_seconds=15,
        timeout_seconds=5.5,
    )
    SanctumExporter(None, otlp_endpoint=options)
    SanctumExporter(otlp_endpoint="http://collector:4318")
    attach(Anything(), otlp_endpoint=PushOptions("collector:4317", "grpc"))
    assert_type(options.endpoint, str)
    assert_type(options.interval_seconds, float)

    PushOptions()  # type: ignore[call-arg]
    PushOptions("http://collector:4318", "http/json")  # type: ignore[arg-type]
    PushOptions("http://collector:4318", interval_seconds="15s")  # type: ignore[arg-type]
    SanctumExporter(otlp_endpoint=4318)  # type: ignore[arg-type]
    options.endpoint = "http://elsewhere:4318"  # type: ignore[misc]


def hook(mapping: Mapping[str, object]) -> None:
    """What can be attached, and what it gives."""
    assert_type(attach(Aggregator()), Attachment)
    attach(Anything(), group_id="A", refresh_seconds=5, max_age_seconds=30.0)
    with attach(Registry(), listen_address=":10500") as handle:
        assert_type(handle, Attachment)
        assert_type(handle.url, str | None)
        handle.detach()

    attach(mapping)  # type: ignore[arg-type]
    attach(Aggregator)  # type: ignore[arg-type]
    attach(Aggregator(), ":10500")  # type: ignore[call-arg]
    attach(Aggregator(), refresh_seconds="5s")  # type: ignore[arg-type]
