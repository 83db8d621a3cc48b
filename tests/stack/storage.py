"""Prometheus, VictoriaMetrics, vmagent and vmalert with the files of this project, on loopback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests import recordings
from tests.stack.servers import Prometheus, Server, free_port

DEPLOY = recordings.ROOT / "deploy"
StackTool = Callable[[str], Path]
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Stack:
    """Servers in a folder of their own.

    Args:
        stack_tool: from the name of a tool to its program.
        folder: where they keep their data and logs.
    """

    def __init__(self, stack_tool: StackTool, folder: Path) -> None:
        self._stack_tool = stack_tool
        self._folder = folder
        self._servers: list[Server] = []

    def close(self) -> None:
        """Stop all servers, the last one first."""
        for server in reversed(self._servers):
            server.close()

    def configured(self, path: Path, addresses: Mapping[str, str]) -> Path:
        """Return a copy of a configuration with other addresses, in the folder.

        Each address has to be there: a test of a file that nobody reads would prove nothing.
        """
        text = path.read_text("utf-8")
        for there, here in addresses.items():
            assert there in text, f"{there} is not in {path}"
            text = text.replace(there, here)
        copy = self._folder / path.name
        copy.write_text(text, "utf-8")
        return copy

    def prometheus(self, config: Path) -> Prometheus:
        """Start a Prometheus."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        self._start(
            "prometheus",
            f"{url}/-/ready",
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        return Prometheus(url)

    def victoria_metrics(self) -> Prometheus:
        """Start a VictoriaMetrics as the compose file does; it speaks Prometheus's API."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        self._start(
            "victoria-metrics",
            f"{url}/health",
            f"-storageDataPath={self._folder / f'victoria-metrics-{port}'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-opentelemetry.usePrometheusNaming",
            f"-relabelConfig={DEPLOY / 'victoria-metrics' / 'relabel.yml'}",
            # By default the newest half minute cannot be seen.
            "-search.latencyOffset=0s",
        )
        return Prometheus(url)

    def vmagent(self, config: Path, storage: Prometheus) -> None:
        """Start a vmagent that writes to a storage."""
        port = free_port()
        self._start(
            "vmagent",
            f"http://127.0.0.1:{port}/health",
            f"-promscrape.config={config}",
            f"-remoteWrite.url={storage.url}/api/v1/write",
            f"-remoteWrite.tmpDataPath={self._folder / 'vmagent'}",
            f"-httpListenAddr=127.0.0.1:{port}",
        )

    def vmalert(self, rules: Path, storage: Prometheus, labels: Mapping[str, str]) -> Prometheus:
        """Start a vmalert that evaluates rules over a storage; it speaks Prometheus's API.

        Nobody listens where it notifies.
        """
        nobody = {"alertmanager:9093": f"127.0.0.1:{free_port()}"}
        notifier = DEPLOY / "victoria-metrics" / "vmalert-notifier.yml"
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        self._start(
            "vmalert",
            f"{url}/health",
            f"-rule={rules / '*.yml'}",
            f"-datasource.url={storage.url}",
            f"-remoteWrite.url={storage.url}",
            f"-remoteRead.url={storage.url}",
            "-remoteWrite.flushInterval=1s",
            f"-notifier.config={self.configured(notifier, nobody)}",
            "-evaluationInterval=1s",
            f"-httpListenAddr=127.0.0.1:{port}",
            *(f"-external.label={name}={value}" for name, value in labels.items()),
        )
        return Prometheus(url)

    def _start(self, name: str, answers: str, *flags: str) -> None:
        log = self._folder / f"{name}-{len(self._servers)}.log"
        server = Server([self._stack_tool(name), *flags], log)
        self._servers.append(server)
        server.wait_until_it_answers(answers)


def values(server: Prometheus, selector: str) -> Values:
    """Return the newest values of our metrics, by name and labels, without job and instance."""
    return _values(server, f'{{__name__=~"sanctum_.+", {selector}}}')


def last_values(server: Prometheus, selector: str) -> Values:
    """Return the same, of processes that have ended within the hour too."""
    return _values(server, f'last_over_time({{__name__=~"sanctum_.+", {selector}}}[1h])')


def _values(server: Prometheus, query: str) -> Values:
    rows = server.ask("query", query=query)["result"]
    found: Values = {}
    for row in rows:
        labels = {k: v for k, v in row["metric"].items() if k not in ("job", "instance")}
        name = labels.pop("__name__")
        key = name, frozenset(labels.items())
        assert key not in found, f"{key} is there twice"
        found[key] = float(row["value"][1])
    return found
