"""What watches the exporter: rules, dashboards, runbooks, and the configuration of their servers.

Most of it is written out as it is shipped; what names other machines is a template. The files of
the repository are the same ones, see ``tools/generate.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from sanctum_exporter._version import __version__

ASSETS: Final = files("sanctum_exporter") / "assets" / "monitoring"
FIXED: Final = ASSETS / "files"
"""What is the same for everybody."""
TEMPLATES: Final = ASSETS / "templates"
"""What names addresses."""

_README: Final = PurePosixPath("README.md")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is.

    Attributes:
        job: the name of the job in Prometheus.
        targets: the exporters, ``host:port``.
        prometheus_url: Prometheus, as Grafana reaches it.
        alertmanager: Alertmanager, ``host:port``, as Prometheus reaches it.
        grafana_url: Grafana, as people reach it.
        docs_url: what the links to ``docs/runbooks`` begin with, as people reach it.
    """

    job: str
    targets: tuple[str, ...]
    prometheus_url: str
    alertmanager: str
    grafana_url: str
    docs_url: str


def documents(addresses: Addresses) -> dict[PurePosixPath, str]:
    """Return the text of every file, by its path, with links that lead to these addresses."""
    return dict(_texts(FIXED)) | configuration(addresses)


def configuration(addresses: Addresses) -> dict[PurePosixPath, str]:
    """Return the text of the files that name addresses, by their path."""
    # A command that only serves does without it.
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - see above

    environment = Environment(
        autoescape=False,  # noqa: S701 - it is no HTML
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    values: dict[str, str | tuple[str, ...]] = {
        "job": addresses.job,
        "targets": addresses.targets,
        "prometheus_url": addresses.prometheus_url,
        "alertmanager": addresses.alertmanager,
        "grafana_url": addresses.grafana_url,
        "docs_url": addresses.docs_url,
    }
    return {
        path: environment.from_string(text).render(
            {name: _written(value, path) for name, value in values.items()},
            version=__version__,
        )
        for path, text in _texts(TEMPLATES)
    }


def _written(value: str | tuple[str, ...], path: PurePosixPath) -> str:
    """Return a value as it is written in a file: in YAML in quotes, which suits whatever it is."""
    values = (value,) if isinstance(value, str) else value
    return ", ".join(each if path == _README else json.dumps(each) for each in values)


def _texts(
    folder: Traversable, below: PurePosixPath | None = None
) -> Iterator[tuple[PurePosixPath, str]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        path = (below or PurePosixPath()) / item.name
        if item.is_dir():
            yield from _texts(item, path)
        else:
            yield path, item.read_text("utf-8")
