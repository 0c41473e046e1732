"""Slack's tiers are kept to, shared by all who call."""

from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.slack.pace import TokenBucket


@given(st.integers(1, 100), st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_no_minute_sees_more_calls_than_the_tier_allows(per_minute: int, pauses: list[float]) -> None:
    bucket = TokenBucket(per_minute)
    now, called = 100.0, []
    for pause in pauses:
        now += pause
        wait = bucket.reserve(now, patience=1e9)
        assert wait is not None
        called.append(now + wait)
    assert called == sorted(called)
    for first in called:
        assert sum(first <= at < first + 60 for at in called) <= per_minute + 1e-9


def test_a_call_that_would_wait_too_long_takes_no_place() -> None:
    bucket = TokenBucket(4)
    assert bucket.reserve(0.0, patience=0.0) == 0.0
    assert bucket.reserve(0.0, patience=5.0) is None
    assert bucket.reserve(20.0, patience=0.0) == 0.0


def test_after_a_429_nobody_calls_before_slack_allows_it() -> None:
    bucket = TokenBucket(100)
    bucket.block(until=7.0)
    assert bucket.reserve(2.0, patience=10.0) == 5.0
    assert bucket.reserve(2.0, patience=1.0) is None
    assert bucket.reserve(8.0, patience=0.0) == 0.0
