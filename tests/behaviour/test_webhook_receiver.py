"""The example receiver, which docker-compose.yml starts in place of a pager."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import recordings
from tests.stack.servers import Server, free_port, post
from tests.waiting import wait_for

PROGRAM = recordings.ROOT / "examples" / "webhook_receiver.py"


def test_it_prints_each_alert_with_its_links(tmp_path: Path) -> None:
    """A line an alert, and below a firing one what it says and where to look."""
    port = free_port()
    server = Server([sys.executable, PROGRAM, f"127.0.0.1:{port}"], tmp_path / "log")
    try:
        server.wait_until_it_answers(f"http://127.0.0.1:{port}/")
        texts = {
            "summary": "Training runs without a single slot",
            "description": "It has 0 slots.",
            "runbook_url": "http://docs/SanctumNoSlots.md",
            "dashboard_url": "http://grafana/d/sanctum-slots",
        }
        alert = {"labels": {"alertname": "SanctumNoSlots"}, "annotations": texts}
        alerts = [alert | {"status": "firing"}, alert | {"status": "resolved"}]
        post(f"http://127.0.0.1:{port}/pager", {"alerts": alerts})
        wait_for("both alerts", lambda: "resolved" in server.said(), 10)
    finally:
        server.close()
    first, *links, last = server.said().splitlines()
    assert first.endswith("/pager firing SanctumNoSlots: Training runs without a single slot")
    assert [link.strip() for link in links] == [
        "It has 0 slots.",
        "http://docs/SanctumNoSlots.md",
        "http://grafana/d/sanctum-slots",
    ]
    assert last.endswith("/pager resolved SanctumNoSlots: Training runs without a single slot")


@pytest.mark.parametrize("arguments", [[], ["8080x"]])
def test_it_says_how_it_is_called(arguments: list[str]) -> None:
    """Without an address that makes sense, it ends with its usage and no traceback."""
    done = subprocess.run(
        [sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
