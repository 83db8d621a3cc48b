"""Clients: those that scrape without a pause, and four kinds of slow ones.

They are a program of their own, so that measuring does not wait for them. Usage:
``python -m tests.load.clients HOST PORT SCRAPERS SLOW``: until its standard input ends, then it
prints what came of the scrapes as JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\nUser-Agent: load\r\n\r\n"
TIMEOUT_SECONDS = 10.0
_SECONDS_A_BYTE = 1.0
_DESCRIPTORS = 4096

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


async def send_nothing(reader: Reader, _writer: Writer) -> None:
    """Wait until the server has had enough."""
    await reader.read()


async def send_byte_by_byte(_reader: Reader, writer: Writer) -> None:
    """Send a request that will be whole in a minute."""
    for byte in REQUEST:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(_SECONDS_A_BYTE)


async def send_half(reader: Reader, writer: Writer) -> None:
    """Send half the headers, and no more."""
    writer.write(REQUEST[: len(REQUEST) // 2])
    await reader.read()


async def read_byte_by_byte(reader: Reader, writer: Writer) -> None:
    """Ask for the metrics, and take a byte a second."""
    writer.write(REQUEST)
    while await reader.read(1):
        await asyncio.sleep(_SECONDS_A_BYTE)


SLOW = (send_nothing, send_byte_by_byte, send_half, read_byte_by_byte)


class Crowd:
    """All clients of one server.

    Args:
        host: where it listens.
        port: as well.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._ended = asyncio.Event()
        self.outcomes: Counter[str] = Counter()
        """How often a scrape was ``answered``, or what happened instead."""

    async def last(self, scrapers: int, slow: int) -> None:
        """Let so many clients come until standard input ends."""
        tasks = [asyncio.create_task(self._scrape()) for _ in range(scrapers)]
        delays = [
            asyncio.create_task(self._delay(SLOW[number % len(SLOW)], number / slow))
            for number in range(slow)
        ]
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        self._ended.set()
        for task in delays:
            task.cancel()
        await asyncio.gather(*tasks, *delays, return_exceptions=True)

    async def _scrape(self) -> None:
        while not self._ended.is_set():
            try:
                outcome = await asyncio.wait_for(self._ask(), TIMEOUT_SECONDS)
            except TimeoutError:
                outcome = "timed out"
            except OSError as error:
                outcome = type(error).__name__
            self.outcomes[outcome] += 1

    async def _ask(self) -> str:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(REQUEST)
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
        status = head.partition(b"\r\n")[0].decode()
        if status != "HTTP/1.1 200 OK":
            return status or "closed without an answer"
        return "answered" if b"\nsanctum_total_slots{" in body else "not whole"

    async def _delay(
        self, kind: Callable[[Reader, Writer], Awaitable[None]], after_seconds: float
    ) -> None:
        """Be slow, and come again a second after the server has closed the connection."""
        # All in the same moment would delay the scrapers of this process, not of the server.
        await asyncio.sleep(after_seconds)
        while True:
            with suppress(OSError):
                small = socket.socket()
                small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
                small.setblocking(False)
                await asyncio.get_running_loop().sock_connect(small, self._address)
                reader, writer = await asyncio.open_connection(sock=small, limit=1)
                try:
                    await kind(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(1)


async def _main() -> None:
    host, port, scrapers, slow = sys.argv[1:]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _DESCRIPTORS), most))
    crowd = Crowd(host, int(port))
    await crowd.last(int(scrapers), int(slow))
    sys.stdout.write(json.dumps(crowd.outcomes) + "\n")


if __name__ == "__main__":
    asyncio.run(_main())
