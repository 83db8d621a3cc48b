"""``top`` in a real terminal, and of real servers."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sanctum_exporter import panel
from sanctum_exporter.readings import GroupReading
from sanctum_exporter.terminal.addresses import AddressFeed
from sanctum_exporter.view.document import RunView
from tests import recordings
from tests.asking import ask
from tests.feeding import fed
from tests.grafana import exporters, prometheus
from tests.programs import free_address
from tests.stack.servers import Server
from tests.stack.storage import Stack
from tests.tmux import PROMPT, Tmux, shell
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

TOP = f"{sys.executable} -m sanctum_exporter top"
FOLLOWED = ("CURRENT SLOTS ─ 12 across 4 envs", "Active:", "newest event")


@contextmanager
def replaying(address: str, log: Path, *, speed: float = 4) -> Iterator[Server]:
    """Replay a recording at an address inside the block."""
    command = [sys.executable, "-m", "sanctum_exporter", "replay"]
    options = ["--speed", str(speed), "--web.listen-address", address]
    server = Server([*command, recordings.path("ppo_single"), *options], log)
    try:
        server.wait_until_it_answers(f"http://{address}/-/healthy")
        yield server
    finally:
        server.kill()


@pytest.fixture
def terminal(stack_tool: Callable[[str], Path], tmp_path: Path) -> Iterator[Tmux]:
    """Give a terminal that says at the end of every command what it has become."""
    with shell(stack_tool("tmux"), tmp_path) as tmux:
        yield tmux


def test_it_follows_a_replay_loses_it_comes_back_and_leaves_the_terminal_as_it_was(
    terminal: Tmux, tmp_path: Path
) -> None:
    """Driven by keys from its start to its end, resized and suspended on the way."""
    terminal.type("stty -g > before; echo here before")
    terminal.wait_for("\nhere before")
    modes = terminal.modes()
    address = free_address()
    with replaying(address, tmp_path / "replay.log"):
        terminal.type(f"{TOP} http://{address}")
        first = terminal.wait_for(*FOLLOWED)
        later = wait_for("news", lambda: other(terminal, germinated(first)))
        assert germinated(later) > germinated(first)
        # Only what is drawn for this width has the frame's right side.
        terminal.resize(44, 50)
        terminal.press("?")
        terminal.wait_for("─ Keys ─", "───╮\n", "───╯\n")
        terminal.press("Escape")
        terminal.wait_without("─ Keys ─")
        terminal.wait_for(*FOLLOWED, "─ default ─╯")
        terminal.press("C-z")
        terminal.wait_for(PROMPT, "Stopped")
        assert terminal.modes() == modes
        terminal.type("fg")
        terminal.wait_for(*FOLLOWED)
    terminal.wait_for("does not answer", "since ", FOLLOWED[0])
    assert "\x1b[2m" in terminal.screen(styles=True)
    with replaying(address, tmp_path / "again.log"):
        terminal.wait_without("does not answer")
        terminal.wait_for(*FOLLOWED)
        terminal.press("q")
        terminal.wait_for(PROMPT, "here before")
    assert terminal.modes() == modes
    terminal.type("stty -g | diff before - && echo as it was")
    terminal.wait_for("\nas it was")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(
    number: signal.Signals, terminal: Tmux, tmp_path: Path
) -> None:
    """And the shell knows that it was the signal."""
    modes = terminal.modes()
    terminal.type("stty -g > before")
    # A file without telemetry; it is waited for.
    terminal.type(f"sh -c 'echo $$ > pid; exec {TOP} nothing.jsonl'")
    terminal.wait_for("does not exist yet")
    os.kill(int((tmp_path / "pid").read_text()), number)
    terminal.wait_for(PROMPT)
    assert terminal.modes() == modes
    terminal.type("echo status $?")
    terminal.wait_for(f"\nstatus {128 + number}")
    terminal.type("stty -g | diff before - && echo as it was")
    terminal.wait_for("\nas it was")


def test_many_runs_in_a_terminal(terminal: Tmux, tmp_path: Path) -> None:
    """Keys go through the table to a run and back."""
    for name in ("telemetry_a", "telemetry_b"):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        text = b"\n".join(recordings.lines("ab"))
        (folder / "events.jsonl").write_bytes(text + b"\n")
    terminal.type(f"{TOP} runs")
    terminal.wait_for("telemetry_a", "telemetry_b")
    terminal.press("/")
    terminal.ask("send-keys", "-l", "try_b/")
    terminal.wait_for("try_b/", "no run has these words")
    terminal.press("BSpace")
    terminal.wait_without("telemetry_a")
    terminal.press("Enter")
    # It is said once the field has gone, and the table has the keys.
    terminal.wait_for("only runs with: try_b")
    terminal.press("Enter")
    screen = terminal.wait_for("CURRENT SLOTS", "telemetry_b")
    assert screen.count("CURRENT SLOTS ─ 9 across 3 envs") == 2
    terminal.press("Escape")
    terminal.wait_for("only runs with: try_b")
    terminal.press("Escape")
    terminal.wait_for("telemetry_a", "telemetry_b")
    terminal.press("q")
    terminal.wait_for(PROMPT)


def test_demo_in_a_terminal_shows_the_panel_and_where_the_page_is(terminal: Tmux) -> None:
    """The page answers at the address above it; q ends both at once."""
    terminal.type(
        f"{sys.executable} -m sanctum_exporter demo --speed 20 --web.listen-address 127.0.0.1:0"
    )
    screen = terminal.wait_for("the page: http://127.0.0.1:", *FOLLOWED)
    url = re.search(r"the page: (\S+)", screen)
    assert url is not None
    with urllib.request.urlopen(url[1], timeout=20) as page:
        assert page.status == 200
    terminal.press("q")
    screen = terminal.wait_for("demo: serving http", PROMPT)
    assert "Traceback" not in screen


def test_prometheus_gives_back_what_slotspanel_shows(stack_tool: Callable[[str], Path]) -> None:
    """At every recorded moment, border title and text are those that the exporter would show."""
    stack_tool("prometheus")
    with ExitStack() as stack:
        targets, wanted = [], {}
        for name in recordings.NAMES:
            for line in sorted({row["line"] for row in recordings.panels(name)}):
                intake = fed(recordings.lines(name)[:line])
                instance = f"{name}:{line}"
                wanted[instance] = intake.readings()
                address = stack.enter_context(exporters.served(intake))
                targets.append(prometheus.Target("recorded", instance, address))
        server = stack.enter_context(prometheus.running(targets))
        moment = server.wait_for(f"count(sanctum_exporter_build_info) == {len(targets)}")
        compare(AddressFeed(server.url, at=moment), wanted)
        one = f"{recordings.NAMES[0]}:{recordings.panels(recordings.NAMES[0])[-1]['line']}"
        chosen = AddressFeed(server.url, match=f'instance="{one}"', at=moment)
        assert [run.run for run in chosen.overview().runs] == [f"(instance={one}, job=recorded)"]
        assert AddressFeed(server.url, at=moment - 3600).overview().runs == []


def compare(feed: AddressFeed, wanted: Mapping[str, Sequence[GroupReading]]) -> None:
    """Check that a feed shows some readings, by instance."""
    names = {run.run for run in feed.overview().runs}
    published = {instance for instance, readings in wanted.items() if readings}
    assert names == {f"(instance={instance}, job=recorded)" for instance in published}
    for instance in published:
        view = feed.run(f"(instance={instance}, job=recorded)")
        assert view is not None
        shown = {group.group_id: group for group in view.groups}
        assert shown.keys() == {reading.group_id for reading in wanted[instance]}
        for reading in wanted[instance]:
            assert shown[reading.group_id].slots == reading.slots, instance
            assert len(shown[reading.group_id].history.timestamps) > 0


@pytest.mark.parametrize("path", ["", "/prometheus"])
def test_victoria_metrics_is_one_too(
    path: str, stack_tool: Callable[[str], Path], tmp_path: Path
) -> None:
    """With its path and without; its past is asked for, and has a history."""
    stack = Stack(stack_tool, tmp_path)
    lines = recordings.lines("ab")
    now = time.time()
    try:
        storage = stack.victoria_metrics()
        for age, count in ((60, 3000), (30, 4000), (0, len(lines))):
            with exporters.served(fed(lines[:count])) as address:
                text = ask(f"http://{address}/metrics").body
            request = urllib.request.Request(
                f"{storage.url}/api/v1/import/prometheus"
                f"?timestamp={int((now - age) * 1000)}&extra_label=run=x",
                text,
            )
            with urllib.request.urlopen(request, timeout=20):
                pass
        feed = AddressFeed(f"{storage.url}{path}", at=now)

        def whole() -> RunView | None:
            runs = feed.overview().runs
            view = feed.run(runs[0].run) if runs else None
            return view if view and len(view.groups[0].history.timestamps) > 2 else None

        view = wait_for("what was imported", whole)
        assert view.run.run == "x"
        assert shown(view) == published(lines)
        then = AddressFeed(f"{storage.url}{path}", at=now - 30)
        earlier = then.run(then.overview().runs[0].run)
        assert earlier is not None
        assert shown(earlier) == published(lines[:4000])
    finally:
        stack.close()


def shown(view: RunView) -> dict[str, list[list[panel.Span]]]:
    """Return the panel of each group that a feed shows; some storages round the values."""
    return {group.group_id: group.lines for group in view.groups}


def published(lines: Sequence[bytes]) -> dict[str, list[list[panel.Span]]]:
    """Return the panel of each group that an exporter of some lines publishes."""
    return {reading.group_id: panel.lines(reading.slots) for reading in fed(lines).readings()}


def germinated(screen: str) -> int:
    """Return the count of germinated seeds on a screen."""
    match = re.search(r"Germ: +(\d+)", screen)
    assert match is not None
    return int(match[1])


def other(terminal: Tmux, count: int) -> str | None:
    """Return the screen if it has another count of germinated seeds."""
    screen = terminal.screen()
    return screen if "Germ: " in screen and germinated(screen) != count else None
