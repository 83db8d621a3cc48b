"""How an answer may be packed."""

from __future__ import annotations


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding header asks for gzip; a weight of 0 forbids it."""
    for choice in accept_encoding.lower().split(","):
        name, *parameters = (part.strip() for part in choice.split(";"))
        if name == "gzip":
            weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
            try:
                return float(weight) > 0
            except ValueError:
                return False
    return False
