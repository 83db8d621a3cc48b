"""Panels on the exporter itself."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import common

from grafana import graphs, panels, runbooks
from grafana.layout import line
from grafana.palette import COLOURS
from grafana.promql import SELECTED


def place(frame: builder.Dashboard) -> None:
    """Place the panels on the exporter itself."""
    line(
        frame,
        3,
        (4, _source()),
        (5, _rejected_share()),
        (5, _dropped()),
        (5, _version()),
        (5, _runs()),
    )
    line(frame, 8, (8, _events()), (8, _rejected()), (8, _scrape_cost()))


def _source() -> stat.Panel:
    texts = panels.value_texts({1: ("up", COLOURS["green"]), 0: ("down", COLOURS["red"])})
    panel = panels.stat(
        "Source",
        "Whether telemetry is read without failure. Where it is not, the numbers stand still; the "
        "exporter's log and its page say why.",
        "none",
        panels.now("A", f"min({SELECTED.of('sanctum_exporter_source_up')})", "source"),
        missing="no exporter",
    ).override_by_query("A", [panels.property_of("mappings", [texts])])
    return runbooks.linked(panel, "SanctumSourceDown")


def _rejected_share() -> stat.Panel:
    rejected = SELECTED.sum("sanctum_exporter_events_rejected_total")
    taken = SELECTED.sum("sanctum_exporter_events_total")
    panel = (
        panels.stat(
            "Events rejected",
            "Events that could not be read or did not fit the run, as a share of all; they "
            "changed nothing. Anything but 0 deserves a look at the exporter's log.",
            "percentunit",
            panels.now("A", f"{rejected} / clamp_min({rejected} + {taken}, 1)", "rejected"),
            missing="no events",
        )
        .decimals(2)
        .color_scheme(panels.by_threshold())
        .thresholds(
            panels.thresholds(
                [(None, COLOURS["green"]), (1e-9, COLOURS["yellow"]), (0.01, COLOURS["red"])]
            )
        )
    )
    return runbooks.linked(panel, "SanctumEventsRejected")


def _dropped() -> stat.Panel:
    panel = (
        panels.stat(
            "Events dropped by the host",
            "Events that the training process dropped before the exporter saw them, where it can "
            "tell: counts are then too low.",
            "sishort",
            panels.now("A", SELECTED.sum("sanctum_exporter_events_dropped_total"), "dropped"),
            missing="no events",
        )
        .color_scheme(panels.by_threshold())
        .thresholds(panels.thresholds([(None, COLOURS["green"]), (1, COLOURS["red"])]))
    )
    return runbooks.linked(panel, "SanctumEventsDropped")


def _version() -> stat.Panel:
    info = SELECTED.of("sanctum_exporter_build_info")
    return panels.stat(
        "Version",
        "Versions of the exporter and of its Python.",
        "none",
        panels.now(
            "A",
            f"max by (version, python_version) ({info})",
            "{{version}} · Python {{python_version}}",
        ),
        panels.now("NONE", f"absent({info})", "no exporter"),
    ).text_mode(common.BigValueTextMode.NAME)


def _runs() -> stat.Panel:
    followed = SELECTED.of("sanctum_exporter_runs_under_way")
    over = SELECTED.of("sanctum_exporter_runs_passed_over")
    return panels.stat(
        "Runs of this exporter",
        "Runs under way that the exporter follows, and older ones of its directory that it passes "
        "over: --most-runs allows no more.",
        "none",
        panels.now("UNDER_WAY", f"max({followed})", "under way"),
        panels.now("PASSED_OVER", f"max({over}) > 0", "passed over"),
        missing="no exporter",
    ).text_mode(common.BigValueTextMode.VALUE_AND_NAME)


def _events() -> timeseries.Panel:
    events = SELECTED.of("sanctum_exporter_events_total")
    return graphs.lines(
        "Events taken in",
        "Telemetry events per second by type; types that change no value are 'other'.",
        "eps",
        panels.over_time(
            "A", f"sum by (event_type) (rate({events}[$__rate_interval])) > 0", "{{event_type}}"
        ),
    )


def _rejected() -> timeseries.Panel:
    rejected = SELECTED.of("sanctum_exporter_events_rejected_total")
    dropped = SELECTED.of("sanctum_exporter_events_dropped_total")
    return graphs.lines(
        "Events lost",
        "Events per second that were rejected, by reason, or dropped by the host.",
        "eps",
        panels.over_time(
            "REJECTED", f"sum by (reason) (rate({rejected}[$__rate_interval]))", "{{reason}}"
        ),
        panels.over_time("DROPPED", f"sum(rate({dropped}[$__rate_interval]))", "dropped by host"),
    )


def _scrape_cost() -> timeseries.Panel:
    return graphs.lines(
        "Cost of a scrape",
        "Time that Prometheus waited for a scrape and that the exporter needed to collect, "
        "and the memory that it holds (right).",
        "s",
        panels.over_time("SCRAPE", SELECTED.of("scrape_duration_seconds"), "scrape"),
        panels.over_time(
            "COLLECT", SELECTED.of("sanctum_exporter_collect_duration_seconds"), "collect"
        ),
        panels.over_time("MEMORY", SELECTED.of("process_resident_memory_bytes"), "memory"),
    ).override_by_query(
        "MEMORY",
        [
            panels.property_of("unit", "bytes"),
            panels.property_of("custom.axisPlacement", "right"),
            panels.property_of("custom.fillOpacity", 0),
            panels.fixed_property(COLOURS["dim"]),
        ],
    )
