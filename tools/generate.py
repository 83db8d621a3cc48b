"""Write every generated file, or tell with ``--check`` which ones are out of date.

Usage: ``python -m tools.generate [--check]``
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any, Final

from grafana import build as grafana
from grafana.layout import RUNBOOKS_UID
from rules import build as rules
from sanctum_exporter import __version__, monitoring
from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS
from sanctum_exporter.metric import Metric
from sanctum_exporter.monitoring import Addresses
from tools.apidocs import api_page
from tools.guides import guides
from tools.manual import cli_page, man_page

ROOT: Final = Path(__file__).resolve().parent.parent


def metrics_page(users: Mapping[Path, str]) -> str:
    """Return docs/metrics.md.

    Args:
        users: the text of each dashboard and file of rules.
    """
    return f"""# Metrics

Generated from `src/sanctum_exporter/catalogue.py` by `make generate`.

## Of a group

Every series has the label `group_id`, and `run` (the name of the run's directory) where
`watch --all-runs` follows several runs at once. In `run` a backslash is written `\\\\`, and a byte
that is not UTF-8 as its number, `\\xff`, so that any name is a label and no two are the same.
"Record" is esper-lite's telemetry record; "used by" are the dashboards and files of rules that ask
for the metric.

{_table(GROUP_METRICS, users)}

Rates per episode (TELE-506 to TELE-508) are left to PromQL, for example
`sanctum_seeds_germinated_total / clamp_min(sanctum_current_episode, 1)`.

## Of the exporter itself

{_table(EXPORTER_METRICS, users)}

`process_*` and `python_*` are those of every Prometheus client.
"""


def _table(metrics: Iterable[Metric[Any]], users: Mapping[Path, str]) -> str:
    rows = [
        "| Prometheus | type | labels | OpenTelemetry (unit) | record | meaning | used by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        unit = f" ({metric.unit})" if metric.unit else ""
        rows.append(
            f"| `{metric.name}` | {metric.kind} | {labels} | `{metric.instrument}`{unit} "
            f"| {metric.record} | {metric.help} | {_used_by(metric, users)} |"
        )
    return "\n".join(rows)


def _used_by(metric: Metric[Any], users: Mapping[Path, str]) -> str:
    name = re.compile(rf"\b{metric.name}\b")
    return ", ".join(
        f"`{path.name if path.suffix == '.yml' else path.stem}`"
        for path, text in users.items()
        if path.stem != RUNBOOKS_UID and name.search(text)
    )


def prometheus_rule(files: Mapping[Path, str]) -> str:
    """Return files of rules as a resource of the Prometheus operator."""
    # As text, so that comments and the form of expressions survive.
    groups = "".join(text.partition("\ngroups:\n")[2] for text in files.values())
    return f"""# For sanctum-exporter {__version__}; generated from rules/ by `make generate`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: sanctum
spec:
  groups:
{indent(groups, "  ")}"""


def config_maps(files: Mapping[Path, str]) -> str:
    """Return dashboards as ConfigMaps that Grafana's sidecar finds by their label."""
    documents = [
        f"""apiVersion: v1
kind: ConfigMap
metadata:
  name: {path.stem}-dashboard
  labels: {{grafana_dashboard: "1"}}
data:
  {path.name}: |
{indent(text, "    ")}"""
        for path, text in sorted(files.items())
    ]
    return "# Generated from grafana/dashboards/ by `make generate`.\n" + "---\n".join(documents)


def served_pages() -> dict[Path, str]:
    """Return the pages of docs/ as an exporter serves them, made of what stands there."""
    folder = ROOT / "src" / "sanctum_exporter" / "assets" / "guides"
    return {folder / f"{address}.html": html for address, html in guides().items()}


def mixin(files: Mapping[Path, str]) -> dict[Path, str]:
    """Return the copies in deploy/mixin, which is installed without what is beside it."""
    folder = ROOT / "deploy" / "mixin"
    return {
        folder / ("dashboards" if path.suffix == ".json" else "rules") / path.name: text
        for path, text in files.items()
    }


def monitoring_of_compose() -> dict[Path, str]:
    """Return the configuration of docker-compose.yml, whose services have the names of hosts."""
    addresses = Addresses(
        job="sanctum",
        targets=("exporter:10500",),
        prometheus_url="http://prometheus:9090",
        alertmanager="alertmanager:9093",
        grafana_url="http://localhost:3000",
        docs_url="http://localhost:3000/public",
    )
    written = monitoring.configuration(addresses).items()
    return {ROOT / path: text for path, text in written if path.suffix == ".yml"}


def shipped(generated: Mapping[Path, str]) -> dict[Path, str]:
    """Return what the package carries for ``sanctum-exporter assets``: the same files as here."""
    by_hand = [
        ROOT / "alertmanager.yml",
        ROOT / "grafana" / "provisioning" / "dashboards" / "sanctum.yml",
        *sorted((ROOT / "docs" / "runbooks").glob("*.md")),
    ]
    texts = {**generated, **{path: path.read_text("utf-8") for path in by_hand}}
    folder = ROOT / "src" / "sanctum_exporter" / "assets" / "monitoring" / "files"
    return {folder / path.relative_to(ROOT): text for path, text in texts.items()}


def documents() -> dict[Path, str]:
    """Return the text of every generated file that is made of code."""
    dashboards, alerts_and_records = grafana.documents(), rules.documents()
    kubernetes = ROOT / "deploy" / "kubernetes"
    return {
        **dashboards,
        **alerts_and_records,
        **monitoring_of_compose(),
        **shipped({**dashboards, **alerts_and_records}),
        ROOT / "docs" / "api.md": api_page(),
        ROOT / "docs" / "metrics.md": metrics_page(dashboards | alerts_and_records),
        ROOT / "docs" / "cli.md": cli_page(),
        ROOT / "src" / "man" / "sanctum-exporter.1": man_page(),
        kubernetes / "rules" / "prometheusrule.yaml": prometheus_rule(
            {path: text for path, text in alerts_and_records.items() if path.stem != "meta"}
        ),
        kubernetes / "monitoring" / "dashboards.yaml": config_maps(dashboards),
        **mixin(dashboards | alerts_and_records),
    }


def main() -> int:
    """Write or check, and return the exit status."""
    check = "--check" in sys.argv[1:]
    stale = []
    # What is served is made of what was written before it.
    for made in (documents, served_pages):
        for path, text in made().items():
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(ROOT)))
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make generate`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
