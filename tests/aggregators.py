"""Live aggregators, with as much of esper-lite's as ``attach`` asks for."""

from __future__ import annotations

from types import SimpleNamespace


class Aggregator:
    """Gives snapshots with the slots that it was told, and counts them."""

    def __init__(self, slots: int = 6) -> None:
        self.slots = slots
        self.taken = 0

    def get_snapshot(self, factor: int = 1) -> SimpleNamespace:
        """Return a snapshot."""
        self.taken += 1
        return SimpleNamespace(total_slots=self.slots * factor, active_slots=self.taken)


class Registry:
    """Gives the snapshots of its aggregators."""

    def __init__(self, **aggregators: Aggregator) -> None:
        self.aggregators = aggregators

    def get_all_snapshots(self) -> dict[str, SimpleNamespace]:
        """Return them."""
        return {name: each.get_snapshot() for name, each in self.aggregators.items()}


class Backend:
    """Gives its registry's snapshots in two ways, as SanctumBackend does."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get_all_snapshots(self) -> dict[str, SimpleNamespace]:
        """Return all."""
        return self._registry.get_all_snapshots()

    def get_snapshot(self) -> SimpleNamespace:
        """Return the first."""
        return min(self._registry.get_all_snapshots().items())[1]


class DeadAggregator:
    """Has failed, and raises the error that it keeps whenever it is asked, as SanctumBackend."""

    def __init__(self) -> None:
        self.error = RuntimeError("fatal telemetry error")
        self.asked = 0

    def get_snapshot(self) -> object:
        """Raise the error."""
        self.asked += 1
        raise self.error
