from __future__ import annotations

import pytest

from sanctum_exporter.state.aggregator import Aggregator
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.live import convert
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError, Rejections
from tests.clocks import Clock


def test_the_log_says_what_was_rejected_why_and_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first of a reason is logged at once, even by a clock that has only just begun."""
    rejections = Rejections("runs/events.jsonl", advice="; upgrade", clock=Clock(0.0))
    rejections.add(Reason.MISSING_FIELD, "env_id is missing", 7)
    assert caplog.messages == [
        "runs/events.jsonl, line 7: event rejected: missing_field: env_id is missing; upgrade"
    ]


def test_what_has_no_line_is_told_without_one(caplog: pytest.LogCaptureFixture) -> None:
    """A live object is not on any line."""
    Rejections("live telemetry", what="snapshot").add(Reason.INVALID_FIELD, "n_envs: a text")
    assert caplog.messages == ["live telemetry: snapshot rejected: invalid_field: n_envs: a text"]


def test_what_was_not_logged_is_counted_in_the_next_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A reason has one line a minute, and each reason has its own minute."""
    clock = Clock(0.0)
    rejections = Rejections("x", clock=clock)
    for _ in range(3):
        rejections.add(Reason.INVALID_JSON, "broken")
    rejections.add(Reason.UNKNOWN_ENV, "env_id 9")
    clock.now = 59.9
    rejections.add(Reason.INVALID_JSON, "broken")
    clock.now = 60.0
    rejections.add(Reason.INVALID_JSON, "broken")
    clock.now = 120.0
    rejections.add(Reason.INVALID_JSON, "broken")
    assert caplog.messages == [
        "x: event rejected: invalid_json: broken",
        "x: event rejected: unknown_env: env_id 9",
        "x: event rejected: invalid_json: broken (3 more since the last such line)",
        "x: event rejected: invalid_json: broken",
    ]
    assert rejections.counts()["invalid_json"] == 6


def test_a_line_that_is_no_json_says_what_the_parser_found() -> None:
    """The detail names the place in the line, and stands in the exception's text too."""
    with pytest.raises(RejectedEventError) as caught:
        decode(b'{"event_type": ')
    assert "not a line of JSON in UTF-8 (Expecting value: line 1 column" in caught.value.detail
    assert str(caught.value) == f"invalid_json: {caught.value.detail}"


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b"[]", "the line is not a JSON object"),
        (b"{}", "event_type is missing or not a string"),
        (b'{"event_type": "SEED_PRUNED"}', "SEED_PRUNED has no data"),
        (
            b'{"event_type": "SEED_PRUNED", "data": {"env_id": 0}}',
            "neither event nor data has a slot_id",
        ),
    ],
)
def test_the_detail_says_in_words_what_is_missing(line: bytes, detail: str) -> None:
    """Whoever reads the log knows what to look for in the line."""
    with pytest.raises(RejectedEventError) as caught:
        decode(line).tell(Aggregator("default"))
    assert caught.value.detail == detail


def test_a_live_object_without_an_attribute_says_which() -> None:
    """The detail is what Python says of the attribute."""
    with pytest.raises(RejectedEventError) as caught:
        convert(object())
    assert caught.value.reason is Reason.INVALID_ENVELOPE
    assert caught.value.detail == "'object' object has no attribute 'event_type'"
