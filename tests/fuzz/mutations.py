"""What somebody has damaged: texts that were good, changed in small ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

_TOKENS: Final = (
    b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"9007199254740993", b"1" * 400,
    b'""', b'"\\ud800"', b'"\xff"', b"{}", b"[]", b"[" * 300, b'{"a":' * 200, b"\x00" * 20,
    b'"__aggregate__"', b'"unknown"', b'"DORMANT"', b'"2200-01-01T00:00:00+00:00"', b'"A"',
    b"\r", b" ", b"\xe2\x80\xa8", b",", b"}", b"{", b'"', b"\\", b"\x1f\x8b\x08",
)  # fmt: skip
_VALUE: Final = re.compile(rb'"[^"]*"|-?\d+(?:\.\d+)?|null|true|false')


def _cut(random: Random, line: bytes, _other: bytes) -> bytes:
    return line[: random.randrange(len(line) + 1)]


def _glue(random: Random, line: bytes, other: bytes) -> bytes:
    return line[: random.randrange(len(line) + 1)] + other[random.randrange(len(other) + 1) :]


def _join(_random: Random, line: bytes, other: bytes) -> bytes:
    return line + other


def _drop(random: Random, line: bytes, _other: bytes) -> bytes:
    begin = random.randrange(len(line) + 1)
    return line[:begin] + line[begin + random.randrange(1, 40) :]


def _repeat(random: Random, line: bytes, _other: bytes) -> bytes:
    begin = random.randrange(len(line) + 1)
    end = begin + random.randrange(1, 200)
    return line[:end] + line[begin:]


def _flip(random: Random, line: bytes, _other: bytes) -> bytes:
    changed = bytearray(line)
    if changed:
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _insert(random: Random, line: bytes, _other: bytes) -> bytes:
    at = random.randrange(len(line) + 1)
    return line[:at] + random.choice(_TOKENS) + line[at:]


def _replace(random: Random, line: bytes, other: bytes) -> bytes:
    """Put another value, a strange one or one of another line, in the place of one."""
    places = [place.span() for place in _VALUE.finditer(line)]
    if not places:
        return line
    begin, end = random.choice(places)
    values: Sequence[bytes] = _VALUE.findall(other)
    value = random.choice(values if values and random.randrange(2) else _TOKENS)
    return line[:begin] + value + line[end:]


_WAYS: Final[tuple[Callable[[Random, bytes, bytes], bytes], ...]] = (
    _cut, _glue, _join, _drop, _repeat, _flip, _insert, _replace, _replace, _replace,
)  # fmt: skip


def damaged(random: Random, lines: Sequence[bytes]) -> bytes:
    """Return one of some texts, as it is or damaged in up to three ways."""
    line = random.choice(lines)
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        line = random.choice(_WAYS)(random, line, random.choice(lines))
    return line
