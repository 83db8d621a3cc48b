"""Measure what each dependency takes on disk and at import, for docs/dependencies.md.

Usage: ``python -m tools.costs``

On disk: the files of its distribution, and of all that only it brings along. At import: the fastest
of some new processes, less the fastest that import nothing.
"""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement

MODULES: Final = {
    "click": "click",
    "h11": "h11",
    "jinja2": "jinja2",
    "msgspec": "msgspec",
    "opentelemetry-exporter-otlp": "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry-sdk": "opentelemetry.sdk.metrics.export",
    "prometheus-client": "prometheus_client",
    "requests": "requests",
    "rich": "rich.live",
}
"""What is imported of each dependency."""
_EXTRA_IMPORTS: Final = (
    "opentelemetry.exporter.otlp.proto.grpc.metric_exporter",
    "sanctum_exporter",
    "sanctum_exporter.cli",
)
_TRIES: Final = 7
_MEGABYTE: Final = 1_000_000


def closure(name: str) -> set[str]:
    """Return a distribution and all that it needs here, by name."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        for text in metadata.requires(current) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name.lower())
    return found


def megabytes(name: str) -> float:
    """Return how much the files of a distribution take, without compiled copies."""
    files = metadata.files(name) or ()
    sizes = (file.size or 0 for file in files if file.suffix != ".pyc")
    return sum(sizes) / _MEGABYTE


def milliseconds(program: str) -> float:
    """Return how long a new Python takes for a program, the fastest of some."""
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def main() -> None:
    """Print a table."""
    nothing = milliseconds("pass")
    needed = {name: closure(name) for name in MODULES}
    print("| dependency | version | its own MB | MB that only it brings | import ms |")
    print("| --- | --- | --- | --- | --- |")
    for name, module in MODULES.items():
        others = set().union(*(needed[other] for other in MODULES if other != name))
        only = needed[name] - others
        brought = sum(megabytes(each) for each in only | {name})
        spent = milliseconds(f"import {module}") - nothing
        version = metadata.version(name)
        print(f"| {name} | {version} | {megabytes(name):.1f} | {brought:.1f} | {spent:.0f} |")
    everything = set().union(*needed.values())
    print(f"all {len(everything)}: {sum(map(megabytes, everything)):.1f} MB")
    for each in sorted(everything, key=megabytes, reverse=True)[:6]:
        print(f"  {each}: {megabytes(each):.1f} MB")
    for module in _EXTRA_IMPORTS:
        print(f"import {module}: {milliseconds(f'import {module}') - nothing:.0f} ms")


if __name__ == "__main__":
    main()
