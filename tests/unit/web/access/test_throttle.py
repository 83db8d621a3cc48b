"""How often something may happen."""

from __future__ import annotations

import pytest

from sanctum_exporter.web.access.throttle import Throttle, TokenBucket
from tests.clocks import Clock


def taken(bucket: TokenBucket) -> int:
    """Return how many tokens a bucket gives until it is empty."""
    count = 0
    while bucket.take():
        count += 1
    return count


def test_a_burst_goes_through_and_then_one_each_interval() -> None:
    """However long the silence, no more than a burst has gathered."""
    clock = Clock()
    bucket = TokenBucket(2.0, 3, clock)
    assert taken(bucket) == 3
    clock.now += 1.9
    assert taken(bucket) == 0
    clock.now += 0.2
    assert taken(bucket) == 1
    clock.now += 3600
    assert taken(bucket) == 3


def test_what_is_given_back_can_be_taken_again() -> None:
    """A bucket that is full stays as full as it is."""
    bucket = TokenBucket(1.0, 2, Clock())
    bucket.give_back()
    assert taken(bucket) == 2
    bucket.give_back()
    assert taken(bucket) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("not an address", "not an address", True),
    ],
)
def test_a_client_is_an_address_or_an_ipv6_network(one: str, other: str, same: bool) -> None:
    """Whoever has one address of a /64 has them all, so all of them share a bucket."""
    throttle = Throttle(lambda: TokenBucket(1.0, 1, Clock()))
    assert throttle.bucket(one).take()
    assert throttle.bucket(other).take() is not same


def test_who_was_not_heard_of_for_longest_is_forgotten() -> None:
    """A thousand clients have room; what they did is kept while they come again."""
    throttle = Throttle(lambda: TokenBucket(1.0, 1, Clock()))
    throttle.bucket("first").take()
    throttle.bucket("second").take()
    for number in range(998):
        throttle.bucket(str(number))
    throttle.bucket("first")
    throttle.bucket("one more")
    assert not throttle.bucket("first").take()
    assert throttle.bucket("second").take()
