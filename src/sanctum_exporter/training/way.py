"""One way out of a training process, and that it fails without a word but in the log."""

from __future__ import annotations

from collections.abc import Callable

from sanctum_exporter import logs


class Way:
    """One way out, open or not.

    Args:
        start: opens it and returns what closes it again, or None if nobody asks for it.
        failure: what the log says of it, before why, where it cannot be opened.
        strict: raise that instead.
    """

    def __init__(
        self, start: Callable[[], Callable[[], None] | None], failure: str, *, strict: bool
    ) -> None:
        self._start = start
        self._failure = failure
        self._strict = strict
        self._stop: Callable[[], None] | None = None
        self.problem: str | None = None
        """Why it could not be opened, None if it could."""

    @property
    def is_open(self) -> bool:
        """Whether values leave by it."""
        return self._stop is not None

    def open(self) -> None:
        """Open it if it is asked for and not open."""
        if self._stop is not None:
            return
        try:
            self._stop = self._start()
        except Exception as error:
            if self._strict:
                raise
            self._report(error)
        else:
            self.problem = None

    def take_stop(self) -> Callable[[], None]:
        """Return what closes it, for whoever does; it does not count as open any more."""
        stop, self._stop = self._stop, None
        return stop or _nothing

    def _report(self, error: Exception) -> None:
        """Log why it cannot be opened, once."""
        problem = _reason(error)
        if problem != self.problem:
            self.problem = problem
            logs.error("%s, training goes on: %s", self._failure, problem)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # What we raise says all that there is to say; of anything else the type helps.
    return str(error) if type(error) is ValueError else logs.describe(error)


def _nothing() -> None:
    pass
