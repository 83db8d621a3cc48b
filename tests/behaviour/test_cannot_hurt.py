"""The exporter inside a training process cannot hurt it; real processes, as they fork and end."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.programs import (
    free_address,
    program,
    run_code,
    scrape,
    scrape_until,
    serves_nothing,
)

ATTACHED = """
import os, sys, time, threading, multiprocessing
from esper.nissa import get_hub
from esper.scripts.train import TelemetryEventType, event
from sanctum_exporter import SanctumExporter, attach
from sanctum_exporter.web.server import WebServer
import urllib.request

ADDRESS = os.environ["METRICS_ADDRESS"]
hub = get_hub()
exporter = SanctumExporter(ADDRESS, hub=hub)
hub.add_backend(exporter)

def start(n_envs):
    hub.emit(event(TelemetryEventType.TRAINING_STARTED, n_envs=n_envs, slot_ids=["r0c0"]))
    hub.flush()

def served():
    try:
        return urllib.request.urlopen(f"http://{ADDRESS}/metrics", timeout=5).read().decode()
    except OSError:
        return ""

def ours():
    return [t.name for t in threading.enumerate() if t.name.startswith("sanctum-exporter")]
"""


def test_a_forked_child_serves_nothing_and_ends(tmp_path: Path) -> None:
    """A forked child holds no socket of ours, publishes nothing, and ends at once.

    It is forked while a request is being answered and while every lock is taken and left, and
    outlives the parent's exporter, whose port is free again although the child is alive.
    """
    ended = run_code(
        ATTACHED
        + """
import socket, signal, stat
def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
start(2)
stuck = socket.create_connection(ADDRESS.split(":"))
assert served()
ready, go = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    signal.alarm(20)
    assert ours() == [] and exporter.url is None
    assert exporter.start() is False
    exporter.emit(event(TelemetryEventType.TRAINING_STARTED, n_envs=9, slot_ids=["r0c0"]))
    exporter.close()
    sockets = [fd for fd in range(3, 200) if fd != stuck.fileno() and is_socket(fd)]
    os.write(ready[1], repr(sockets).encode())
    os.read(go[0], 1)
    sys.exit(0)
assert os.read(ready[0], 1000) == b"[]"
assert 'sanctum_total_slots{group_id="default"} 2.0' in served()
exporter.close()
again = SanctumExporter(ADDRESS, strict=True)
assert again.start()
again.close()
os.write(go[1], b"x")
assert os.waitpid(child, 0)[1] == 0
print("parent done")
""",
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.out, ended.err) == (0, "parent done\n", "")


def test_children_forked_under_scrapes_hold_no_connection(tmp_path: Path) -> None:
    """A child that is forked at the very moment of a new connection lets go of that, too."""
    address = free_address()
    script = tmp_path / "script.py"
    script.write_text(
        ATTACHED
        + """
import stat
start(2)
def compute():
    while not ended.is_set():
        sum(range(1000))
def sockets():
    found = 0
    for fd in range(3, 100):
        try:
            found += stat.S_ISSOCK(os.fstat(fd).st_mode)
        except OSError:
            pass
    return found
ended = threading.Event()
threading.Thread(target=compute, daemon=True).start()
print("ready", flush=True)
held = []
for _ in range(200):
    child = os.fork()
    if child == 0:
        os._exit(sockets())
    held.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
ended.set()
print(max(held))
""",
        "utf-8",
    )
    over = Event()

    def scrape_on() -> None:
        while not over.is_set():
            scrape(address, "/-/healthy")

    clients = [Thread(target=scrape_on) for _ in range(2)]
    with program(str(script), address=address) as running:
        assert running.say() == "ready"
        for client in clients:
            client.start()
        ended = running.end()
        over.set()
        for client in clients:
            client.join()
    assert (ended.status, ended.out, ended.err) == (0, "0\n", "")


def test_a_fork_in_the_middle_of_an_event_does_not_hang_the_child(tmp_path: Path) -> None:
    """A child that is forked while an event is taken in can call every method and end."""
    ended = run_code(
        ATTACHED
        + """
import signal
germinated = event(TelemetryEventType.SEED_GERMINATED, env_id=0, slot_id="r0c0", epochs_in_stage=0)
class Forks:
    event_type, timestamp = germinated.event_type, germinated.timestamp
    slot_id = group_id = None
    @property
    def data(self):
        global child
        child = os.fork()   # another thread of the parent holds what emit() holds
        if child == 0:
            signal.alarm(20)
            def use():
                exporter.emit(germinated); exporter.start(); exporter.close()
            thread = threading.Thread(target=use); thread.start(); thread.join()
            os._exit(5)
        return germinated.data
exporter.emit(Forks())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert 'sanctum_seeds_germinated_total{group_id="default"} 1.0' in served()
""",
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.out) == (0, "5\n")


def test_the_registry_of_a_forked_child_publishes_nothing(tmp_path: Path) -> None:
    """A joined registry, and an attached aggregator, are silent in a forked child."""
    ended = run_code(
        ATTACHED
        + """
from prometheus_client import CollectorRegistry, generate_latest
class Target:
    def get_snapshot(self):
        return {"total_slots": 3}
registry, target = CollectorRegistry(), Target()
handle = attach(target, registry=registry, refresh_seconds=60)
target.get_snapshot()
assert b'sanctum_total_slots{group_id="default"} 3.0' in generate_latest(registry)
child = os.fork()
if child == 0:
    target.get_snapshot()
    text = generate_latest(registry)
    handle.detach()
    assert vars(target) == {} and ours() == [], (vars(target), ours())
    sys.exit(len(text))
assert os.waitpid(child, 0)[1] == 0
handle.detach()
""",
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.err) == (0, "")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_data_loader_workers_are_not_disturbed(method: str, tmp_path: Path) -> None:
    """Workers that multiprocessing starts, which run the main module again, do not serve."""
    ended = run_code(
        ATTACHED
        + f"""
def work(queue, passed):
    passed.emit(event(TelemetryEventType.TRAINING_STARTED, n_envs=9, slot_ids=["r0c0"]))
    queue.put((exporter.url, passed.url, passed.start(), ours()))

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    start(2)
    queue = context.SimpleQueue()
    worker = context.Process(target=work, args=(queue, exporter))
    worker.start()
    print(queue.get())
    worker.join(20)
    assert worker.exitcode == 0, worker.exitcode
    assert 'sanctum_total_slots{{group_id="default"}} 2.0' in served()
    hub.close()
    assert served() == "" and ours() == []
""",
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "(None, None, False, [])\n"


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise SystemExit(3)", "import signal"])
def test_the_interpreter_ends_without_close(ending: str, tmp_path: Path) -> None:
    """A process that never closes the exporter ends at once, with its status and silence."""
    ended = run_code(
        ATTACHED
        + "import socket\n"
        + "start(2)\nassert served()\nattach(type('T', (), {'snapshot': lambda self: None})(),"
        + " listen_address='127.0.0.1:0', refresh_seconds=60)\n"
        + "stuck = socket.create_connection(ADDRESS.split(':'))\n"
        + ending,
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.out, ended.err) == (3 if "3" in ending else 0, "", "")


def test_our_threads_end_before_the_interpreter_does(tmp_path: Path) -> None:
    """What a program does at its exit, registered before it started us, finds no thread of ours."""
    ended = run_code(
        "import atexit\n"
        "atexit.register(lambda: print(ours()))\n"
        + ATTACHED
        + "attach(type('T', (), {'snapshot': lambda self: None})(), listen_address='127.0.0.1:0')\n"
        + "hub.remove_backend(exporter)\nexporter.start()\nexporter.close()\nexporter.start()\n"
        + "print(ours())\n",
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.out, ended.err) == (
        0,
        (
            "['sanctum-exporter-web', 'sanctum-exporter-history', "
            "'sanctum-exporter-web', 'sanctum-exporter-history']\n[]\n"
        ),
        "",
    )


def test_the_interpreter_ends_while_an_address_is_tried_again(tmp_path: Path) -> None:
    """A process whose address is in use ends at once, and with it what tries it again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_code(
            "import atexit\n"
            "atexit.register(lambda: print(ours()))\n" + ATTACHED + "start(2)\nprint(ours())\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    exporter.close()\n"
            "    os._exit(len(ours()))\n"
            "print(os.waitpid(child, 0)[1])\n",
            address=where,
            folder=tmp_path,
        )
    assert ended.err == serves_nothing(where) + "\n"
    assert (ended.status, ended.out) == (0, "['sanctum-exporter-retry']\n0\n[]\n")


def test_the_file_for_prometheus_is_the_parents(tmp_path: Path) -> None:
    """A forked child that closes and ends leaves the file; the parent takes it away at its end."""
    path = tmp_path / "trainer.json"
    ended = run_code(
        ATTACHED
        + f"""
announced = SanctumExporter("127.0.0.1:0", sd_file={str(path)!r}, final_scrape_wait_seconds=20)
announced.start()
child = os.fork()
if child == 0:
    announced.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print(os.path.exists({str(path)!r}))
""",
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.out, ended.err) == (0, "True\n", "")
    assert not path.exists()


def test_a_scrape_at_the_very_end_is_harmless(tmp_path: Path) -> None:
    """A client that scrapes without a pause while the process ends leaves no trace in it."""
    address = free_address()
    script = tmp_path / "script.py"
    script.write_text(ATTACHED + "start(2)\nsys.stdin.read()\n", "utf-8")
    over = Event()

    def scrape_on() -> None:
        while not over.is_set():
            scrape(address)

    client = Thread(target=scrape_on)
    with program(str(script), address=address) as running:
        scrape_until(address, "sanctum_total_slots")
        client.start()
        ended = running.end()
        over.set()
        client.join()
    assert (ended.status, ended.err) == (0, "")


def test_log_handlers_that_raise_fail_no_scrape_and_end_no_thread(tmp_path: Path) -> None:
    """With a log that raises at DEBUG, scrapes are answered, and so is what comes after a fault."""
    ended = run_code(
        ATTACHED
        + """
import logging
class Broken(logging.Handler):
    def handle(self, record):
        raise OSError("disk full")
logging.basicConfig(level="DEBUG", handlers=[Broken()])
start(2)
for _ in range(3):
    assert 'sanctum_total_slots{group_id="default"} 2.0' in served()
while len(ours()) > 2:   # an answer arrives a moment before its thread has ended
    time.sleep(0.01)
start_thread = threading.Thread.start
def refuse(thread):
    threading.Thread.start = start_thread
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
assert served() == ""
exporter.emit(None)
assert 'sanctum_exporter_events_rejected_total{reason="invalid_envelope"} 1.0' in served()
answer = urllib.request.urlopen(f"http://{ADDRESS}/-/ready", timeout=5)
assert (answer.status, answer.read()) == (200, b"ready\\n")
assert "sanctum-exporter-web" in ours()
assert SanctumExporter("nowhere").start() is False
hub.close()
print("done")
""",
        address=free_address(),
        folder=tmp_path,
    )
    assert (ended.status, ended.out, ended.err) == (0, "done\n", "")


def test_a_process_out_of_descriptors_serves_all_the_same(tmp_path: Path) -> None:
    """Silent clients take what is left, and make room for a scraper; there is no line a client."""
    address = free_address()
    script = tmp_path / "script.py"
    script.write_text(
        ATTACHED
        + """
import resource
start(2)
open_now = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 5, open_now + 5))
print("ready", flush=True)
sys.stdin.read()
""",
        "utf-8",
    )
    host, port = address.split(":")
    with program(str(script), address=address) as running, ExitStack() as clients:
        assert running.say() == "ready"
        for _ in range(30):
            clients.enter_context(socket.create_connection((host, int(port))))
        for path in ("/metrics", "/-/healthy", "/-/ready"):
            assert scrape(address, path)[0] == 200
        ended = running.end()
    assert (ended.status, ended.err) == (0, "")


def test_an_exception_of_the_program_is_its_own(tmp_path: Path) -> None:
    """A training that raises ends as it would without the exporter."""
    ended = run_code(
        ATTACHED + "start(2)\nraise ValueError('the loss is not a number')\n",
        address=free_address(),
        folder=tmp_path,
    )
    assert ended.status == 1
    assert ended.err.splitlines()[-1] == "ValueError: the loss is not a number"


def test_importing_the_package_loads_no_metrics_library(tmp_path: Path) -> None:
    """``import sanctum_exporter`` loads nothing but itself, and starts nothing."""
    ended = run_code(
        "import sys, threading\n"
        "import sanctum_exporter\n"
        "loaded = sorted(name for name in sys.modules if name.startswith('sanctum'))\n"
        "heavy = {'prometheus_client', 'opentelemetry', 'msgspec', 'http'} & set(sys.modules)\n"
        "print(loaded, heavy, threading.active_count())\n",
        folder=tmp_path,
    )
    assert ended.out == "['sanctum_exporter', 'sanctum_exporter._version'] set() 1\n"
