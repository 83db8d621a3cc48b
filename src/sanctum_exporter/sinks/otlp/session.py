"""An HTTP session that the official exporter sends through, and that judges the answers.

The exporter takes every status below 400 for success and reads answers whole, so a login page
would count as a delivery and an endless answer would fill the memory.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

import requests
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

_LONGEST_ANSWER_BYTES: Final = 16 * 1024
_LONGEST_RETRY_AFTER_SECONDS: Final = 3600.0


class JudgingSession(requests.Session):
    """Sends requests, and remembers what was wrong with the last answer.

    Attributes:
        reason: why the last request failed, empty if it did not.
        retry_after_seconds: how long the endpoint asked to be left alone, 0 if it did not.

    Args:
        answer_timeout_seconds: what reading an answer may take.
        clock: monotonic seconds.
    """

    def __init__(
        self, answer_timeout_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._answer_timeout_seconds = answer_timeout_seconds
        self._clock = clock
        self.reason = ""
        self.retry_after_seconds = 0.0

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request; an answer that is no delivery and no HTTP error is an exception."""
        self.reason, self.retry_after_seconds = "", 0.0
        kwargs["stream"] = True
        # Headers may hold a token, which is for nobody but the endpoint.
        kwargs["allow_redirects"] = False
        if self.verify is not True:
            # OTEL_EXPORTER_OTLP_CERTIFICATE, which requests ranks below REQUESTS_CA_BUNDLE.
            kwargs["verify"] = self.verify
        try:
            response = super().send(request, **kwargs)
            # A connection whose answer was not read to its end is closed, not used again.
            with response:
                body = self._read(response)
            self._judge(response, body)
        except requests.RequestException as error:
            self.reason = root_cause(error)
            raise
        return _with_body(response, body)

    def _judge(self, response: requests.Response, body: bytes) -> None:
        status = f"{response.status_code} {response.reason}"
        content_type = response.headers.get("Content-Type", "")
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            # Not cut here: half a secret in it could not be told from any other text.
            text = body.decode(errors="replace").strip()
            self.reason = f"{status}: {text}" if text else status
            self.retry_after_seconds = _retry_after(response.headers.get("Retry-After", ""))
            return
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            target = response.headers.get("Location", "nowhere")
            raise requests.RequestException(f"{status} to {target}, which is not followed")
        if not body or content_type.startswith("application/json"):
            return
        try:
            answer = ExportMetricsServiceResponse.FromString(body)
        except DecodeError:
            answer = None
        if answer is None or content_type.startswith("text/html"):
            raise requests.RequestException(f"the answer ({content_type or status}) is not OTLP's")
        if answer.partial_success.rejected_data_points:
            raise requests.RequestException(
                f"{answer.partial_success.rejected_data_points} values rejected: "
                f"{answer.partial_success.error_message}"
            )

    def _read(self, response: requests.Response) -> bytes:
        body, deadline = bytearray(), self._clock() + self._answer_timeout_seconds
        # Each read waits for as long as the timeout, so only short ones keep the time.
        for piece in response.iter_content(chunk_size=1):
            body += piece
            if len(body) > _LONGEST_ANSWER_BYTES:
                raise requests.RequestException("the answer is too long to be OTLP's")
            if self._clock() > deadline:
                raise requests.RequestException("the answer did not end in time")
        return bytes(body)


def root_cause(error: BaseException) -> str:
    """Return what lies under the layers of an exception of ``requests``, for a log line."""
    seen = {id(error)}
    while True:
        inner = [error.__cause__, getattr(error, "reason", None), *error.args, error.__context__]
        deeper = [e for e in inner if isinstance(e, BaseException) and id(e) not in seen]
        if not deeper:
            return str(error) or type(error).__name__
        error = deeper[0]
        seen.add(id(error))


def _with_body(response: requests.Response, body: bytes) -> requests.Response:
    """Return a response like one that was read into memory."""
    whole = requests.Response()
    whole.status_code, whole.reason = response.status_code, response.reason
    whole.url, whole.headers, whole.request = response.url, response.headers, response.request
    whole.raw = BytesIO(body)
    return whole


def _retry_after(text: str) -> float:
    """Return the seconds that a ``Retry-After`` header asks for, in either of its forms."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time()
    if math.isnan(seconds):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)
