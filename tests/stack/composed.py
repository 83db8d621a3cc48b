"""Services of docker-compose.yml without containers.

Commands, files and mounts are those that ``docker-compose config`` gives. What is substituted:

- a path that a service has inside its container begins with a folder of its own;
- a listen address ``:PORT`` becomes a free port of the loopback;
- ``SERVICE:PORT`` in a configuration becomes that port, or the addresses that a test names;
- the program of the image is the one of this machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests import recordings
from tests.stack.servers import free_port

COMPOSE_FILE = recordings.ROOT / "docker-compose.yml"


def interpolated(docker_compose: Path, **environment: str) -> dict[str, Any]:
    """Return the compose file as docker-compose understands it."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TELEMETRY_DIR", "PAGER_URL_FILE", "WARNINGS_URL_FILE")
    }
    config: dict[str, Any] = json.loads(
        subprocess.run(  # noqa: S603 - the tool that was asked for
            [docker_compose, "-f", COMPOSE_FILE, "config", "--format", "json"],
            check=True,
            capture_output=True,
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
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._addresses = addresses
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
                value = f"127.0.0.1:{self.port}"
            elif value.startswith("/"):
                value = str(self.inside(value))
            flags.append(f"{name}={value}")
        return [str(program), *flags]

    def script(self) -> list[str]:
        """Return entry point and command of a service that a shell starts."""
        words = [*self._service["entrypoint"], *self._service["command"]]
        address = f"--web.listen-address=127.0.0.1:{self.port}"
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
