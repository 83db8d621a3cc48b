"""What the commands read: whether it is telemetry at all, and which run of a directory it is."""

from __future__ import annotations

from pathlib import Path

from sanctum_exporter import logs
from sanctum_exporter.files.names import shown
from sanctum_exporter.files.runs import LatePath, NewIntake
from sanctum_exporter.readings import Activity


def foreign(activity: Activity, path: Path) -> str | None:
    """Say that a source is hardly esper-lite's telemetry; None where it may be.

    Args:
        activity: what came of it so far.
        path: the source.
    """
    rejected = sum(activity.rejected.values())
    if not rejected or any(activity.events.values()):
        return None
    return (
        f"none of the lines of {shown(path)} is an event of esper-lite ({rejected} rejected, the "
        "log says why): is it its telemetry?"
    )


class AnnouncedPath(LatePath):
    """A path that is followed; the log says which run of a directory that is, at each change.

    Args:
        path: the path.
        new_intake: makes the empty state of a run.
    """

    def __init__(self, path: Path, new_intake: NewIntake) -> None:
        super().__init__(path, new_intake)
        self._directory = path
        self._announced: Path | None = None

    def poll(self) -> bool:
        """Read a bit of what is at the path."""
        more = super().poll()
        if self.newest_run != self._announced:
            self._announced = self.newest_run
            logs.info("%s, the newest run in %s", self.describe(), shown(self._directory))
        return more

    def describe(self) -> str | None:
        """Return which run is followed, None where that is no question."""
        run = self.newest_run
        return None if run is None else f"following {shown(run)}"
