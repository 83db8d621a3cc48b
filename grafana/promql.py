"""Pieces of PromQL: selectors that know the catalogue, and the expressions that panels share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sanctum_exporter.catalogue import labels_by_name

SCRAPED_NAMES: Final[dict[str, frozenset[str]]] = {
    "up": frozenset(),
    "scrape_duration_seconds": frozenset(),
    "scrape_samples_scraped": frozenset(),
    "process_resident_memory_bytes": frozenset(),
    "process_cpu_seconds_total": frozenset(),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "group_id", "run"}),
}
"""Names that Prometheus itself or every exporter adds, and their labels."""
TARGET_LABELS: Final = frozenset({"job", "instance"})
"""Labels that Prometheus puts on every series that it scrapes."""


def known_labels() -> dict[str, frozenset[str]]:
    """Return every name that a dashboard may use, with the labels it may have."""
    known = labels_by_name() | SCRAPED_NAMES
    return {name: labels | TARGET_LABELS for name, labels in known.items()}


@dataclass(frozen=True)
class Scope:
    """Which series a panel reads: matchers that go into every selector.

    Attributes:
        target: matchers of the labels that Prometheus adds.
        group: matchers of the labels that every series of a group has.
        gone_too: whether series count that are gone, by the last value in the time range.
    """

    target: str
    group: str
    gone_too: bool = False

    def of(self, name: str, matchers: str = "") -> str:
        """Return a metric of the scope.

        Raises:
            KeyError: if no metric has the name.
        """
        selector = self.selector(name, matchers)
        return f"last_over_time({selector}[$__range])" if self.gone_too else selector

    def selector(self, name: str, matchers: str = "") -> str:
        """Return a selector of a metric.

        Raises:
            KeyError: if no metric has the name.
        """
        labels = known_labels()[name]
        scopes = [self.target, self.group] if "group_id" in labels else [self.target]
        return f"{name}{{{', '.join(part for part in (*scopes, matchers) if part)}}}"

    def sum(self, name: str, matchers: str = "", by: str = "") -> str:
        """Return the sum of a metric, which is its value where one run is selected."""
        grouping = f" by ({by}) " if by else ""
        return f"sum{grouping}({self.of(name, matchers)})"

    def mean(self, name: str, by: str = "") -> str:
        """Return the mean of a metric, which is its value where one run is selected."""
        grouping = f" by ({by}) " if by else ""
        return f"avg{grouping}({self.of(name)})"

    def gone(self, name: str) -> str:
        """Return what a metric of a process was when last seen, if it was not 0 and is not seen.

        A scrape or two may fail; what is pushed has no scrapes, and counts for five minutes.
        """
        series = self.selector(name)
        return (
            f"last_over_time({series}[$__range]) > 0"
            f" unless {series} unless present_over_time({series}[$__rate_interval])"
        )

    def per_episode(self, name: str, by: str = "") -> str:
        """Return seeds per episode of the whole run."""
        episodes = self.sum("sanctum_current_episode", by=by)
        return f"{self.sum(name, by=by)} / clamp_min({episodes}, 1)"


ONE_TARGET: Final = 'job="$job", instance="$instance"'
THE_RUN: Final = 'run=~"|$run"'
"""An exporter of one run gives it no label; of several, all have one."""
SELECTED: Final = Scope(ONE_TARGET, f'{THE_RUN}, group_id="$group_id"')
"""The group that the variables name."""
REPEATED: Final = Scope(ONE_TARGET, f'{THE_RUN}, group_id=~"$groups"')
"""The group that a repeated panel is for."""
EVERY_GROUP: Final = Scope(ONE_TARGET, THE_RUN)
"""Every group of the run."""
FLEET: Final = Scope('job=~"$job", instance=~"$instance"', "")
"""Every run of the selected exporters."""
ANY: Final = Scope("", "")
"""Every run that Prometheus knows."""
JOB: Final = Scope('job="$job"', "")
"""Every run of a job."""
COMPARED: Final = {
    side: Scope(
        f'job="$job", instance="${variable}_instance"',
        f'run=~"|${variable}_run", group_id="${variable}_group"',
    )
    for side, variable in (("A", "a"), ("B", "b"))
}
"""The two groups that are compared."""

RUN_KEYS: Final = "job, instance, run, group_id"
"""What tells one run's group from another's."""
