"""Alerts on the alerting itself: optional, for who has none of these yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.form import Alert

COMMENT: Final = """\
Alerts on the alerting itself. Leave this file out where Prometheus has such alerts already, as
kube-prometheus does.
"""


def groups() -> list[tuple[str, Sequence[Alert]]]:
    """Return the groups of rules, in the order of the file."""
    return [
        (
            "sanctum.meta",
            [
                Alert(
                    "Watchdog",
                    "none",
                    "vector(1)",
                    summary="Alerting works",
                    description="This alert always fires (value {{ $value }}). Send it to a dead man's switch, which pages somebody when it stops: then Prometheus, Alertmanager or the way between them is broken.",
                    dashboard=None,
                ),
                Alert(
                    "AlertmanagerFailedToSendAlerts",
                    "critical",
                    """
increase(alertmanager_notifications_failed_total[15m]) > 0
or
max_over_time(alertmanager_notifications_failed_total[15m]) > 0
  unless alertmanager_notifications_failed_total offset 15m
""",
                    summary="Alertmanager cannot deliver notifications",
                    description='Alertmanager at {{ $labels.instance }} failed to deliver {{ $value | printf "%.0f" }} notifications by {{ $labels.integration }} within 15 minutes: nobody may have been told of anything. Its log says why, for example that it cannot read the file with the receiver\'s URL.',
                    dashboard=None,
                    comment="The second part is for failures from its very start on. Needs a scrape of Alertmanager.",
                ),
            ],
        )
    ]
