"""One version of the web configuration file, ready to be used."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sanctum_exporter.web.access import configuration, tls
from sanctum_exporter.web.access.configuration import RateLimit, TlsServer
from sanctum_exporter.web.access.passwords import Users


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may see what is served, and how it is answered.

    Attributes:
        context: what connections are made with, None for plain HTTP.
        files: what has to be read anew when it changes, beside the file itself.
        asks_for_certificate: whether a request without a client's certificate is refused.
        allowed_names: one of them has to be in a client's certificate; none allows every one.
        users: who has to say a password; none lets everybody in.
        headers: of every answer; a blank one is removed.
        rate_limit: how many requests there may be.
    """

    context: ssl.SSLContext | None
    files: tuple[Path, ...]
    asks_for_certificate: bool
    allowed_names: frozenset[str]
    users: Users
    headers: Mapping[str, str]
    rate_limit: RateLimit


def load(path: Path, *, protect_health: bool) -> Policy:
    """Return what a web configuration file, and the files that it names, say.

    Args:
        path: the file; relative names in it are relative to its folder.
        protect_health: whether the pages for probes are behind it, too.

    Raises:
        ValueError: if it cannot be read or used; the message names file, and line or field.
    """
    try:
        settings = configuration.read(path)
        server = settings.tls_server_config
        context = _context(server, path.parent, protect_health=protect_health)
        users = Users(settings.basic_auth_users)
    except ValueError as error:
        raise ValueError(_on_one_line(f"{path}: {error}")) from None
    return Policy(
        context=context,
        files=() if server is None else tls.files(server, path.parent),
        asks_for_certificate=server is not None and server.client_auth_type == tls.REQUIRED,
        allowed_names=frozenset(() if server is None else server.client_allowed_sans),
        users=users,
        headers=settings.http_server_config.headers,
        rate_limit=settings.rate_limit,
    )


def _context(
    server: TlsServer | None, folder: Path, *, protect_health: bool
) -> ssl.SSLContext | None:
    if server is None:
        return None
    return tls.server_context(server, folder, let_health_through=not protect_health)


def _on_one_line(message: str) -> str:
    """Return a message in which names of the file can neither end a line nor write over it."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in message)
