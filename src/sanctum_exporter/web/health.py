"""``python -m sanctum_exporter.web.health``: whether the exporter here is healthy, by exit status.

The health check of the image. It knows neither the scheme that is served nor a password, so both
are tried, no certificate is verified, and a refusal is an answer: only a living server gives one.
"""

from __future__ import annotations

import http.client
import ssl
import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Final

from sanctum_exporter.web.address import DEFAULT_ADDRESS

_TIMEOUT_SECONDS: Final = 1.0
_REFUSALS: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def is_healthy(address: str = DEFAULT_ADDRESS) -> bool:
    """Tell whether an exporter at an address answers, by HTTP or HTTPS."""
    # Of the same machine and of nothing secret.
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 - urllib has no other way
    for scheme in ("http", "https"):
        url = f"{scheme}://{address}/-/healthy"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS, context=context):  # noqa: S310
                return True
        except urllib.error.HTTPError as error:
            return error.code in _REFUSALS
        except (OSError, http.client.HTTPException):
            # The other scheme may be spoken, and if it is not, that fails too.
            continue
    return False


if __name__ == "__main__":
    sys.exit(not is_healthy(*sys.argv[1:]))
