"""Connections on their way: one thread accepts, reads and writes them all, and waits for none.

A connection is *reading* until its request is whole, *answering* while the application is asked,
*writing* until its answer is sent, and sometimes *ending* until the client has heard all of it.
Only what is answering has a thread, so a slow client costs a descriptor and nothing else.
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from selectors import EVENT_READ, PollSelector
from threading import Event, Thread, current_thread
from typing import Final, NamedTuple

import h11

from sanctum_exporter import forks, logs
from sanctum_exporter.web import gateway
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.connection import Connection
from sanctum_exporter.web.gateway import Environ, Response, WSGIApplication
from sanctum_exporter.web.lanes import Lane

# The kernel takes what it allows: net.core.somaxconn.
_BACKLOG: Final = 4096
_ACCEPTED_AT_ONCE: Final = 64
_RETRY_SECONDS: Final = 0.5
# Twice at most, and as long for the threads, so that closing stays within two seconds.
_GRACE_SECONDS: Final = 0.6
_LINES_A_MINUTE: Final = 60
_OUT_OF_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take.

    Attributes:
        connections: open at once; of more, those that have waited longest without a whole request
            are closed, so that a scraper always gets in.
        head_bytes: of a request line and its headers.
        head_seconds: from the connection to the whole request, TLS included.
        answers: made at once, for each kind of page; more wait, which costs no thread.
        turn_seconds: for how long they wait.
        answer_seconds: for sending an answer.
        answer_bytes: of all answers that are being sent.
        ending_seconds: from the answer until the client has heard it all.
    """

    connections: int = 500
    head_bytes: int = 16 * 1024
    head_seconds: float = 5.0
    answers: int = 2
    turn_seconds: float = 5.0
    answer_seconds: float = 10.0
    answer_bytes: int = 64 * 1024 * 1024
    ending_seconds: float = 2.0


DEFAULT_LIMITS: Final = Limits()


class Transport:
    """Listens, and hands whole requests to an application.

    Args:
        address: where to listen.
        app: answers requests.
        context: gives the TLS settings of a new connection, None for plain HTTP.
        apart: paths that are answered in threads of their own, however busy the others are.
        limits: what clients may take.
    """

    def __init__(
        self,
        address: ListenAddress,
        app: WSGIApplication,
        context: Callable[[], ssl.SSLContext | None],
        apart: Iterable[str],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._address = address
        self._app = app
        self._context = context
        self._limits = limits
        self._apart = {path: Lane(self._answer, limits.answers) for path in apart}
        self._others = Lane(self._answer, limits.answers)
        self._doings = logs.Ration(_LINES_A_MINUTE)
        self._troubles = logs.Ration(_LINES_A_MINUTE)
        self._stopping = Event()
        self._open: set[Connection] = set()
        # What is in a phase is there in the order of its deadlines.
        self._reading: dict[Connection, float] = {}
        self._writing: dict[Connection, float] = {}
        self._ending: dict[Connection, float] = {}
        self._answers: deque[tuple[Connection, bytes]] = deque()
        self._listens_again_at: float | None = None
        self._selector = PollSelector()
        self._thread = Thread(target=self._serve, name="sanctum-exporter-web", daemon=True)
        self._bell, self._ear = socket.socketpair()
        self._listener = socket.socket(address.family)
        for each in (self._bell, self._ear, self._listener):
            each.setblocking(False)

    def start(self) -> int:
        """Begin, and return the port.

        Raises:
            OSError: if the address cannot be had.
        """
        self._address.bind(self._listener)
        self._listener.listen(_BACKLOG)
        port: int = self._listener.getsockname()[1]
        self._address = self._address._replace(port=port)
        self._thread.start()
        return port

    def stop(self) -> None:
        """Stop listening and end every thread; what is being answered has a moment to finish."""
        self._stopping.set()
        self._ring()
        deadline = time.monotonic() + 3 * _GRACE_SECONDS
        if self._thread.ident is not None and self._thread is not current_thread():
            self._thread.join(2 * _GRACE_SECONDS)
        for lane in self._lanes():
            for thread in lane.threads():
                if thread is not current_thread() and thread.ident is not None:
                    thread.join(max(0.0, deadline - time.monotonic()))
        self.abandon()

    def abandon(self) -> None:
        """Give up every descriptor, as a forked child must, without a word to the clients."""
        for connection in tuple(self._open):
            connection.release()
        for each in (self._listener, self._bell, self._ear):
            with forks.prevented, suppress(OSError):
                each.close()

    def _lanes(self) -> Iterable[Lane[_Question]]:
        return (*self._apart.values(), self._others)

    def _ring(self) -> None:
        # One that is full of rings has been heard, and one that is closed need not be.
        with suppress(OSError):
            self._bell.send(b"\0")

    # The rest is the transport's own thread, but for _answer.

    def _serve(self) -> None:
        try:
            self._selector.register(self._listener, EVENT_READ)
            self._selector.register(self._ear, EVENT_READ)
            while not self._stopping.is_set():
                self._turn()
            self._finish()
        except Exception:  # noqa: BLE001 - the thread's end is told in the log, not on stderr
            if not self._stopping.is_set():
                logs.error("no longer serving on %s", self._address, exc_info=True)

    def _finish(self) -> None:
        self._stop_listening()
        with forks.prevented:
            self._listener.close()
        self._listens_again_at = None
        for connection in (*self._reading, *self._ending):
            self._close(connection)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._open and time.monotonic() < deadline:
            self._turn(deadline)
        for connection in tuple(self._open):
            self._close(connection)

    def _turn(self, deadline: float | None = None) -> None:
        """Wait until something can be done, and do it."""
        first = [next(iter(phase.values())) for phase in self._phases() if phase]
        moments = [each for each in (deadline, self._listens_again_at, *first) if each is not None]
        timeout = max(0.0, min(moments) - time.monotonic()) if moments else None
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._ear:
                self._take_answers()
            else:
                self._go_on(key.data)
        now = time.monotonic()
        for phase in self._phases():
            while phase and next(iter(phase.values())) <= now:
                connection = next(iter(phase))
                self._say(connection, "took too long")
                self._close(connection)
        if self._listens_again_at is not None and self._listens_again_at <= now:
            self._listens_again_at = None
            self._selector.register(self._listener, EVENT_READ)

    def _phases(self) -> tuple[dict[Connection, float], ...]:
        # In the order in which they have to make room for a new one.
        return self._ending, self._reading, self._writing

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                with forks.prevented:
                    accepted, peer = self._listener.accept()
                    connection = Connection(accepted, peer[0], self._limits.head_bytes)
                    self._open.add(connection)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_DESCRIPTORS and not self._make_room():
                    self._rest(error)
                    return
                # There is room now, or the client has gone in the meantime.
                continue
            if len(self._open) > self._limits.connections:
                self._make_room()
            self._enter(self._reading, connection, self._limits.head_seconds)
            self._go_on(connection)

    def _make_room(self) -> bool:
        """Close the connection that can best be spared; returns whether there was one."""
        for phase in filter(None, self._phases()):
            connection = next(iter(phase))
            self._say(connection, "makes room")
            self._close(connection)
            return True
        # Everybody waits for an answer: whoever came last is told so.
        question = self._others.give_up_last()
        if question is not None:
            self._send(question.connection, _TOO_MANY)
        return question is not None

    def _rest(self, error: OSError) -> None:
        """Accept nothing for a moment: whoever asks still waits, and select would spin."""
        logs.warning(
            "%s: no connection can be taken: %s",
            self._address,
            error.strerror,
            ration=self._troubles,
        )
        self._stop_listening()
        self._listens_again_at = time.monotonic() + _RETRY_SECONDS

    def _stop_listening(self) -> None:
        with suppress(KeyError):
            self._selector.unregister(self._listener)

    def _go_on(self, connection: Connection) -> None:
        try:
            if connection in self._reading:
                if not connection.is_welcome:
                    self._welcome(connection)
                self._read(connection)
            elif connection in self._writing:
                self._write(connection)
            elif connection in self._ending and connection.drain():
                self._close(connection)
        except (OSError, h11.ProtocolError) as error:
            self._say(connection, f"failed: {error!a}")
            self._close(connection)
        except Exception:  # noqa: BLE001 - one connection must not end the others
            logs.error("a connection failed", exc_info=True, ration=self._troubles)
            self._close(connection)

    def _welcome(self, connection: Connection) -> None:
        context = self._context()
        with forks.prevented:
            connection.welcome(context)

    def _read(self, connection: Connection) -> None:
        try:
            request = connection.read()
        except h11.RemoteProtocolError as error:
            self._say(connection, f"sent no request: {str(error)!a}")
            is_too_long = error.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self._send(connection, _TOO_LONG if is_too_long else _BAD_REQUEST)
            return
        if request is None:
            self._watch(connection)
            return
        self._say(connection, f"{request.method.decode()} {request.target.decode()}")
        try:
            environ = gateway.environ(request, connection.client, self._address.port)
        except ValueError:
            self._send(connection, _BAD_REQUEST)
            return
        environ["sanctum.when_sent"] = connection.when_sent.append
        self._leave(connection)
        lane = self._apart.get(environ["PATH_INFO"], self._others)
        try:
            lane.put(_Question(connection, environ, time.monotonic()))
        except RuntimeError:
            self._send(connection, _TOO_MANY)

    def _answer(self, question: _Question) -> None:
        """Ask the application, in a thread of a lane."""
        connection, environ, came_at = question
        try:
            if time.monotonic() - came_at > self._limits.turn_seconds:
                response = _TOO_MANY
            else:
                response = gateway.call(self._app, environ)
            answer = connection.encode(response, time.time())
        except Exception:  # noqa: BLE001 - a client without an answer is all that comes of it
            connection.when_sent.clear()
            logs.error("a request could not be answered", exc_info=True, ration=self._troubles)
            answer = b""
        self._answers.append((connection, answer))
        self._ring()

    def _take_answers(self) -> None:
        with suppress(BlockingIOError):
            self._ear.recv(4096)
        while self._answers:
            connection, answer = self._answers.popleft()
            self._begin_answer(connection, answer)

    def _send(self, connection: Connection, response: Response) -> None:
        """Answer without asking the application."""
        connection.when_sent.clear()
        self._begin_answer(connection, connection.encode(response, time.time()))

    def _begin_answer(self, connection: Connection, answer: bytes) -> None:
        self._leave(connection)
        connection.begin_answer(answer)
        self._enter(self._writing, connection, self._limits.answer_seconds)
        while len(self._writing) > 1 and self._unsent_bytes() > self._limits.answer_bytes:
            self._close(next(iter(self._writing)))
        self._go_on(connection)

    def _unsent_bytes(self) -> int:
        return sum(connection.unsent_bytes for connection in self._writing)

    def _write(self, connection: Connection) -> None:
        if not connection.write():
            self._watch(connection)
            return
        for tell in connection.when_sent:
            tell()
        connection.end_answer()
        if connection.is_read:
            self._close(connection)
        else:
            self._leave(connection)
            self._enter(self._ending, connection, self._limits.ending_seconds)
            self._watch(connection)

    def _enter(
        self, phase: dict[Connection, float], connection: Connection, seconds: float
    ) -> None:
        phase[connection] = time.monotonic() + seconds

    def _leave(self, connection: Connection) -> None:
        for phase in self._phases():
            phase.pop(connection, None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)

    def _watch(self, connection: Connection) -> None:
        """Go on with a connection as soon as it can."""
        with suppress(KeyError):
            self._selector.unregister(connection.socket)
        self._selector.register(connection.socket, connection.waits_for, connection)

    def _close(self, connection: Connection) -> None:
        self._leave(connection)
        connection.release()
        # Not before: a child that is forked in between would not know of it.
        self._open.discard(connection)

    def _say(self, connection: Connection, what: str) -> None:
        logs.debug("%s %s", connection.address, what, ration=self._doings)


class _Question(NamedTuple):
    """A request for the application; ``came_at`` is monotonic."""

    connection: Connection
    environ: Environ
    came_at: float


_BAD_REQUEST: Final = gateway.refusal(HTTPStatus.BAD_REQUEST, "this is not a valid request")
_TOO_LONG: Final = gateway.refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long"
)
_TOO_MANY: Final = gateway.refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "too many requests at once", ("Retry-After", "5")
)
