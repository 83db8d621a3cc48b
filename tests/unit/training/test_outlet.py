from __future__ import annotations

import logging
from typing import Any

import pytest

from sanctum_exporter import SanctumExporter
from tests import collectors, events
from tests.collectors import HttpCollector
from tests.live import address, live_event
from tests.programs import scrape

BAD = [
    ({"telemetry_path": "metrics"}, "'metrics' is not a telemetry path"),
    ({"telemetry_path": "/-/ready"}, "'/-/ready' is not a telemetry path"),
    ({"telemetry_path": "/"}, "'/' is not a telemetry path"),
    ({"listen_address": "nowhere"}, "'nowhere' is not a listen address"),
    ({"num_envs": -1}, "num_envs is -1; give a whole number"),
    ({"num_envs": 1.5}, "num_envs is 1.5; give a whole number"),
    ({"num_envs": True}, "num_envs is True; give a whole number"),
]


def test_a_port_that_comes_free_is_taken_though_the_push_came_up(
    exporter: SanctumExporter,
) -> None:
    """A second start() tries the port again, and leaves alone the push that came up before."""
    where = address(exporter)
    with HttpCollector() as collector:
        second = SanctumExporter(where, otlp_endpoint=collector.url)
        assert (second.start(), second.url) == (True, None)
        second.emit(live_event(events.started()))
        exporter.close()
        assert (second.start(), second.url) == (True, f"http://{where}")
        assert 'sanctum_total_slots{group_id="default"} 4.0' in scrape(where)[1]
        second.close()
        group = frozenset({("group_id", "default")})
        assert collectors.values(collector.inbox.last)["sanctum.total_slots", group] == 4


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_a_strict_exporter_refuses_what_the_command_line_refuses(
    arguments: dict[str, Any], message: str
) -> None:
    """An argument that cannot be used is a ValueError as soon as it is given."""
    with pytest.raises(ValueError, match=message):
        SanctumExporter(**{"listen_address": "127.0.0.1:0", **arguments}, strict=True)


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_an_argument_that_cannot_be_used_is_one_line_of_the_log(
    arguments: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without strict nothing is raised, one line says what is wrong, and events are taken in."""
    exporter = SanctumExporter(**{"listen_address": "127.0.0.1:0", **arguments})
    exporter.start()
    exporter.emit(live_event(events.started()))
    exporter.close()
    errors = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(errors) == 1
    assert message in errors[0]
    assert "training goes on" in errors[0]
