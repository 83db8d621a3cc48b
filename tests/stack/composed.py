"""The services of docker-compose.yml, as processes instead of containers.

Commands, files and mounts are those that ``docker-compose config`` gives. What is substituted:

- a path that a service has inside its container begins with a folder of its own;
- a listen address ``:PORT`` becomes a free port of the loopback;
- ``SERVICE:PORT`` in a configuration becomes that port, or the addresses that a test names, and
  ``localhost:PORT`` that of the service itself;
- the program of the image is the one of this machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from tests import recordings
from tests.stack.servers import Server, free_port

COMPOSE_FILE = recordings.ROOT / "docker-compose.yml"
PROGRAM = Path(sys.executable).with_name("sanctum-exporter")


def interpolated(docker_compose: Path, *more: str, **environment: str) -> dict[str, Any]:
    """Return the compose file, with more over it, as docker-compose understands it."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TELEMETRY_DIR", "PAGER_URL_FILE", "WARNINGS_URL_FILE")
    }
    files = [part for file in (str(COMPOSE_FILE), *more) for part in ("-f", file)]
    config: dict[str, Any] = json.loads(
        subprocess.run(
            [docker_compose, *files, "config", "--format", "json"],
            check=True,
            capture_output=True,
            cwd=recordings.ROOT,
            env=clean | environment,
        ).stdout
    )
    return config


class Composed:
    """One service: its files under a folder, its command with the substitutions above.

    Args:
        config: the interpolated compose file.
        name: the service.
        root: the folder that stands for the root of its container.
        addresses: what a ``SERVICE:PORT`` of a configuration becomes.
    """

    def __init__(
        self, config: Mapping[str, Any], name: str, root: Path, addresses: Mapping[str, Any]
    ) -> None:
        self._service = config["services"][name]
        self.root = root
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._addresses = dict(addresses)
        for flag in self._service["command"]:
            option, _, value = flag.partition("=")
            if option == "--web.listen-address":
                self._addresses[f"localhost{value}"] = self.address
        for mount in self._service.get("volumes", []):
            target = self.inside(mount["target"])
            if mount["type"] == "volume":
                target.mkdir(parents=True)
            elif mount["target"] != "/telemetry":
                self._copy(Path(mount["source"]), target)
        for secret in self._service.get("secrets", []):
            source = Path(config["secrets"][secret["source"]]["file"])
            self._copy(source, self.inside(secret["target"]))

    def inside(self, path: str) -> Path:
        """Return where a path of the container is on this machine."""
        return self.root / path.lstrip("/")

    def command(self, program: str | Path) -> list[str]:
        """Return the command of the service, of a program with Prometheus's kind of flags."""
        flags = []
        for flag in self._service["command"]:
            name, _, value = flag.partition("=")
            if name == "--web.listen-address":
                value = self.address
            elif value.startswith("/"):
                value = str(self.inside(value))
            flags.append(f"{name}={value}")
        return [str(program), *flags]

    def script(self) -> list[str]:
        """Return entry point and command of a service that a shell starts."""
        words = [*self._service["entrypoint"], *self._service["command"]]
        address = f"--web.listen-address={self.address}"
        # docker-compose writes a literal $ as $$, in its output too.
        return [
            re.sub(r"--web\.listen-address=:\d+", address, word.replace("$$", "$"))
            for word in words
        ]

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.suffix == ".yml":
            content = self._substitute(yaml.safe_load(source.read_text("utf-8")))
            target.write_text(yaml.safe_dump(content), "utf-8")
        else:
            address = source.read_text("utf-8")
            for name, substitute in self._addresses.items():
                address = address.replace(name, str(substitute))
            target.write_text(address, "utf-8")

    def _substitute(self, node: Any) -> Any:
        if isinstance(node, dict):
            return {key: self._substitute(value) for key, value in node.items()}
        if isinstance(node, list):
            return list(_flat(self._substitute(value) for value in node))
        if isinstance(node, str) and node.startswith("/run/secrets/"):
            return str(self.inside(node))
        return self._addresses.get(node, node) if isinstance(node, str) else node


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    """Yield values, those of a tuple one by one: several addresses in place of one."""
    for value in values:
        if isinstance(value, tuple):
            yield from value
        else:
            yield value


class Deployment:
    """Services that are running.

    Args:
        stack_tool: finds a program of this machine.
        home: where their files are.
        running: closes what was started.
    """

    def __init__(self, stack_tool: Callable[[str], Path], home: Path, running: ExitStack) -> None:
        self._tools = {n: stack_tool(n) for n in ("docker-compose", "prometheus", "alertmanager")}
        self._home = home
        self._running = running
        self._config = interpolated(self._tools["docker-compose"])
        self.addresses: dict[str, Any] = {}

    def place(self, name: str, folder: str | None = None) -> Composed:
        """Lay out the files of a service, which takes its address from then on."""
        return Composed(self._config, name, self._home / (folder or name), self.addresses)

    def start(self, composed: Composed, argv: list[str], path: str, **env: str) -> Server:
        """Start a program and wait until it answers at a path."""
        search = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
        log = composed.root.with_suffix(".log")
        server = Server(argv, log, os.environ | {"PATH": search} | env)
        self._running.callback(server.close)
        server.wait_until_it_answers(composed.url + path)
        return server

    def start_exporter(self, composed: Composed, follow: Path | str) -> Server:
        """Start the exporter service; it follows a file, or runs the demo without one."""
        return self.start(composed, composed.script(), "/metrics", FOLLOW=str(follow))

    def start_tool(self, composed: Composed, name: str) -> Server:
        """Start Prometheus or Alertmanager."""
        return self.start(composed, composed.command(self._tools[name]), "/-/ready")
