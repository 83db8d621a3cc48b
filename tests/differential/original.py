"""esper-lite itself, where it can be imported: events, aggregators, widget and writer."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib import import_module
from typing import Any, NamedTuple

from sanctum_exporter.readings import group_name
from sanctum_exporter.telemetry.events import slot_reports

FIELDS = (
    "total_slots",
    "active_slots",
    "slot_stage_counts",
    "avg_epochs_in_stage",
    "current_episode",
)


class Shown(NamedTuple):
    """The values of a group and its panel; ``styles`` has one for each character of ``text``."""

    values: dict[str, Any]
    title: str
    text: str
    styles: list[str]


class Original:
    """The aggregators of esper-lite, and SlotsPanel.

    Raises:
        ImportError: if esper-lite cannot be imported.
    """

    def __init__(self) -> None:
        self.telemetry: Any = import_module("esper.leyline.telemetry")
        registry = import_module("esper.karn.sanctum.registry")
        self._to_dict: Any = import_module("esper.nissa.output")._telemetry_event_to_dict  # noqa: SLF001 - what its writer writes
        widget = import_module("esper.karn.sanctum.widgets.tamiyo.slots_panel")
        # As in the recordings: the terminal interface makes 16 envs before it knows how many.
        self._registry: Any = registry.AggregatorRegistry(num_envs=16)
        self._panel: Any = widget.SlotsPanel()

    def line(self, event: Any) -> bytes:
        """Return the line that esper-lite's writer writes for an event."""
        return json.dumps(self._to_dict(event), default=str).encode()

    def take(self, event: Any) -> None:
        """Take in an event as the contract has it: R1 and R3 hold for the original too."""
        event = replace(event, group_id=group_name(event.group_id))
        seeds = getattr(event.data, "seeds", None)
        if seeds:
            event = replace(event, data=replace(event.data, seeds=slot_reports(seeds)))
        self._registry.process_event(event)

    def read(self, group_id: str) -> Shown:
        """Return what esper-lite shows of a group."""
        snapshot = self._registry.get_or_create(group_id).get_snapshot()
        self._panel.update_snapshot(snapshot)
        values = {name: getattr(snapshot, name) for name in FIELDS}
        values["n_envs"] = len(snapshot.envs)
        values["seed_lifecycle"] = asdict(snapshot.seed_lifecycle)
        drawn = self._panel.render()
        styles = [str(drawn.style)] * len(drawn.plain)
        for start, end, style in drawn.spans:
            styles[start:end] = [str(style)] * (end - start)
        # The end of a line has no colour.
        styles = [style for style, each in zip(styles, drawn.plain, strict=True) if each != "\n"]
        return Shown(values, str(self._panel.border_title), drawn.plain, styles)
