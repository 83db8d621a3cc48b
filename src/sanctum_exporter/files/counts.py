"""Counts of several sources as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sanctum_exporter.readings import Activity


def total(activities: Iterable[Activity]) -> Activity:
    """Return the sum of counts, with the newest of the times of rejection."""
    events, rejected = Counter[str](), Counter[str]()
    last_rejection = 0.0
    for activity in activities:
        events.update(activity.events)
        rejected.update(activity.rejected)
        last_rejection = max(last_rejection, activity.last_rejection_timestamp)
    return Activity(events, rejected, last_rejection)
