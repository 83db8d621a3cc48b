"""The web configuration file, in the format of Prometheus's exporters, read strictly.

The format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
Whatever it has and we cannot do is refused by its name, and so is whatever it does not have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from sanctum_exporter.durations import parse_duration
from sanctum_exporter.web.access.extra import need

_LARGEST_BYTES: Final = 1 << 20
_SECTIONS: Final = ("tls_server_config", "http_server_config", "rate_limit")
# Those that exporter-toolkit allows, with their values where only some mean anything.
_HEADERS: Final[dict[str, frozenset[str]]] = {
    "Content-Security-Policy": frozenset(),
    "Strict-Transport-Security": frozenset(),
    "X-Content-Type-Options": frozenset({"nosniff"}),
    "X-Frame-Options": frozenset({"deny", "sameorigin"}),
    "X-XSS-Protection": frozenset(),
}


class TlsServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``tls_server_config``: certificate and key, whom to ask for one, and how to speak."""

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: str = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()


class HttpServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``http_server_config``: headers for every answer; a blank one removes ours."""

    http2: bool = False
    headers: dict[str, str] = {}


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``rate_limit``: a request each interval, and a burst of so many; no interval, no limit."""

    interval: str = "0"
    burst: int = 0

    @property
    def interval_seconds(self) -> float:
        """The interval, 0 for no limit."""
        return parse_duration(self.interval)


class WebConfiguration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that the file says; what it leaves out is off."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: dict[str, str] = {}
    rate_limit: RateLimit = RateLimit()


def read(path: Path) -> WebConfiguration:
    """Return what a file says.

    Raises:
        ValueError: if it cannot be read or used; the message names the line or the field.
    """
    try:
        # One byte more tells that it is too long.
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_BYTES:
        raise ValueError("is longer than 1 MiB: is it a web configuration file?")
    return parse(content)


def parse(content: bytes) -> WebConfiguration:
    """Return what the content of a file says.

    Raises:
        ValueError: if it cannot be used; the message names the line or the field.
    """
    tree = _load(content)
    if not isinstance(tree, dict):
        raise ValueError(  # noqa: TRY004 - what is wrong is what somebody wrote
            "holds no sections: write, for example, tls_server_config:"
        )
    # A section or an option with nothing behind it is as if it were left out.
    tree = _without_blanks(tree)
    for name in _SECTIONS:
        if isinstance(tree.get(name), dict):
            tree[name] = _without_blanks(tree[name])
    try:
        configuration = msgspec.convert(tree, WebConfiguration, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(error)) from None
    _check_http(configuration.http_server_config)
    _check_rate_limit(configuration.rate_limit)
    return configuration


def _load(content: bytes) -> Any:
    yaml = need("yaml", "a web configuration file")

    class Loader(yaml.BaseLoader):  # type: ignore[misc, name-defined] # found at run time
        """Takes every value as text, as the fields do, and no key twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            seen = set()
            for key, _ in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"line {line}: {key.value} stands there twice")
                seen.add(key.value)
            return mapping

    try:
        # An empty file says nothing, and leaves all out.
        return yaml.load(content, Loader) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise ValueError(f"{where}{error.problem or error.context}") from None
    except yaml.YAMLError:
        raise ValueError("is not text in UTF-8") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _without_blanks(mapping: dict[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in mapping.items() if value != ""}


def _in_words(error: msgspec.ValidationError) -> str:
    text, _, place = str(error).partition(" - at `")
    field = place.strip("`").removeprefix("$").lstrip(".")
    text = text[0].lower() + text[1:]
    return f"{field}: {text}" if field else text


def _check_http(http: HttpServer) -> None:
    if http.http2:
        raise ValueError(
            "http_server_config.http2: this server speaks HTTP/1.1 only; write false or leave "
            "it out"
        )
    for name, value in http.headers.items():
        field = f"http_server_config.headers.{name}"
        if name not in _HEADERS:
            raise ValueError(f"{field}: cannot be set; these can: {', '.join(_HEADERS)}")
        if _HEADERS[name] and value not in {"", *_HEADERS[name]}:
            raise ValueError(f"{field}: is {value!r}; write {' or '.join(sorted(_HEADERS[name]))}")
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"{field}: is {value!a}; write one line of ASCII")


def _check_rate_limit(limit: RateLimit) -> None:
    try:
        seconds = limit.interval_seconds
    except ValueError as error:
        raise ValueError(f"rate_limit.interval: {error}") from None
    if seconds and limit.burst < 1:
        raise ValueError("rate_limit.burst: no request would be answered; write 1 or more")
