"""Each example publishes what its training does, against the stand-in of esper-lite."""

from __future__ import annotations

import pytest

from tests.programs import free_address, program, scrape, scrape_until
from tests.recordings import ROOT

EXAMPLES = ROOT / "examples"


def test_every_training_example_is_run() -> None:
    """No example of a training is there that these tests do not run."""
    assert {path.name for path in EXAMPLES.glob("*.py") if "esper." in path.read_text("utf-8")} == {
        "attach_headless.py",
        "hub_backend.py",
        "join_registry.py",
    }


@pytest.mark.parametrize("name", ["attach_headless.py", "hub_backend.py", "join_registry.py"])
def test_an_example_publishes_its_training(name: str) -> None:
    """While an example trains, a scrape has its slots; afterwards it ends as the training does."""
    address = free_address()
    with program(str(EXAMPLES / name), "ppo", "--task", "mnist", address=address) as running:
        text = scrape_until(address, 'sanctum_total_slots{group_id="default"} 6.0')
        assert 'sanctum_active_slots{group_id="default"} 1.0' in text
        assert 'sanctum_seeds_germinated_total{group_id="default"} 1.0' in text
        assert 'task="mnist"' in text
        ended = running.end()
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "trained"
    assert scrape(address) == (0, "")


def test_a_joined_registry_serves_both() -> None:
    """An exporter that joins a registry is served beside the program's own metrics."""
    address = free_address()
    with program(str(EXAMPLES / "join_registry.py"), "ppo", address=address) as running:
        text = scrape_until(address, "sanctum_total_slots{")
        assert "learning_rate 0.0003" in text
        assert running.end().status == 0
