"""What a client says that it takes: formats, and whether an answer may be packed."""

from __future__ import annotations

from typing import Final

# What prometheus_client writes; "" is a range without a version. It echoes whatever version is
# asked for, and fails on one that is no number.
_VERSIONS: Final = frozenset({"", "0.0.1", "0.0.4", "1.0.0"})


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding header asks for gzip; a weight of 0 forbids it."""
    for choice in accept_encoding.lower().split(","):
        name, parameters = _split(choice)
        if name == "gzip":
            try:
                return float(parameters.get("q", "1")) > 0
            except ValueError:
                return False
    return False


def known_formats(accept: str) -> str:
    """Return the media ranges of an Accept header whose versions are those of formats we write."""
    ranges = accept.split(",")
    return ",".join(each for each in ranges if _split(each)[1].get("version", "") in _VERSIONS)


def _split(choice: str) -> tuple[str, dict[str, str]]:
    name, *parameters = (part.strip() for part in choice.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return name, {key: value for key, _, value in pairs}
