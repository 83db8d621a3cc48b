"""Right and wrong passwords, told apart at a bounded cost and in the same time for all users.

Users and hashes are those of ``basic_auth_users``. A hash costs a processor 60 ms and more, which
the training would miss: one at a time is computed, and a right password only once.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum
from threading import Lock
from typing import Any, Final, NamedTuple

from sanctum_exporter.web.access.extra import need
from sanctum_exporter.web.access.throttle import Throttle, TokenBucket

_HASH: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_DIGEST_LENGTH: Final = 31
_LOWEST_COST: Final = 4
# 4 s on the machine that this was written on; a scraper waits for 10.
_HIGHEST_COST: Final = 16
# What bcrypt looks at; its implementations cut the rest off, or refuse it.
_LONGEST_PASSWORD_BYTES: Final = 72
_WRONG_AT_ONCE: Final = 10
_WRONG_INTERVAL_SECONDS: Final = 1.0
_MOST_REMEMBERED: Final = 100


class Verdict(Enum):
    """What is known of credentials; too many means that nobody has looked."""

    RIGHT = "right"
    WRONG = "wrong"
    TOO_MANY = "too many"


class Credentials(NamedTuple):
    """What a client says who it is."""

    user: bytes
    password: bytes


class Users:
    """The users of one version of the file.

    Args:
        hashes: the bcrypt hash of the password of each user.

    Raises:
        ValueError: if one cannot be used; the message names the user, and no hash.
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        highest = _LOWEST_COST
        for user, text in hashes.items():
            match = _HASH.fullmatch(text)
            if match is None:
                raise ValueError(
                    f"basic_auth_users.{user}: is no bcrypt hash; `htpasswd -nBC 10 ''` makes one"
                )
            cost = int(match[1])
            if not _LOWEST_COST <= cost <= _HIGHEST_COST:
                raise ValueError(
                    f"basic_auth_users.{user}: the cost of the hash is {cost}; take one from "
                    f"{_LOWEST_COST} to {_HIGHEST_COST}"
                )
            highest = max(highest, cost)
        if any(":" in user for user in hashes):
            raise ValueError("basic_auth_users: a name cannot have a colon (RFC 7617)")
        self.bcrypt = need("bcrypt", "basic_auth_users") if hashes else None
        self._hashes = {user.encode(): text.encode() for user, text in hashes.items()}
        # Takes as long as a hash of the file, and no password has it.
        self._nobody = self.bcrypt.gensalt(highest) + b"." * _DIGEST_LENGTH if self.bcrypt else b""

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def hash_of(self, user: bytes) -> bytes:
        """Return what to compare a password with; where there is no such user, none is right."""
        return self._hashes.get(user, self._nobody)


class Passwords:
    """Tells whether credentials are right, whatever version of the file is asked about.

    A client that has been wrong too often is looked at once a second, without a wait that would
    hold anything of the server's. What was right once is known by the very hash that it was right
    for, and never slowed down.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._throttle = Throttle(
            lambda: TokenBucket(_WRONG_INTERVAL_SECONDS, _WRONG_AT_ONCE, clock)
        )
        self._computing = Lock()
        self._secret = secrets.token_bytes(32)
        self._lock = Lock()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def check(self, users: Users, client: str, credentials: Credentials) -> Verdict:
        """Return what is known of credentials.

        Args:
            users: those of the present version of the file.
            client: the address that asks.
            credentials: what it says who it is.
        """
        user, password = credentials.user, credentials.password[:_LONGEST_PASSWORD_BYTES]
        stored = users.hash_of(user)
        # Poisoning needs two credentials with one key: the parts are told apart, and the hash is
        # one of them, so that neither another user nor another version of the file shares it.
        key = hmac.digest(self._secret, repr((user, stored, password)).encode(), "sha256")
        if self._is_known(key):
            return Verdict.RIGHT
        bucket = self._throttle.bucket(client)
        if not bucket.take():
            return Verdict.TOO_MANY
        # Nobody waits: the server answers few at once, and those who are known need their places.
        if not self._computing.acquire(blocking=False):
            bucket.give_back()
            return Verdict.TOO_MANY
        try:
            is_right = _matches(users.bcrypt, password, stored)
        finally:
            self._computing.release()
        if not is_right:
            return Verdict.WRONG
        bucket.give_back()
        self._remember(key)
        return Verdict.RIGHT

    def _is_known(self, key: bytes) -> bool:
        with self._lock:
            if key not in self._known:
                return False
            self._known.move_to_end(key)
            return True

    def _remember(self, key: bytes) -> None:
        with self._lock:
            self._known[key] = None
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)


def _matches(bcrypt: Any, password: bytes, stored: bytes) -> bool:
    try:
        return bool(bcrypt.checkpw(password, stored))
    except ValueError:
        # A salt that no bcrypt makes, though it looks like one.
        return False
