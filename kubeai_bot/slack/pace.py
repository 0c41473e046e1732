"""Slack's rate tiers, kept to before Slack has to say no. Pure but for its own count; the caller sleeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TIER_2, TIER_3, TIER_4 = 20, 50, 100
"""Calls a minute, per method and workspace (docs.slack.dev/apis/web-api/rate-limits; Slack grants a little more)."""

PER_CHANNEL = frozenset({"chat_postMessage"})
"""Counted per channel: about one message a second in each (the workspace's cap is far higher, and has no number)."""

CALLS_A_MINUTE: Mapping[str, int] = {
    "chat_startStream": TIER_2,
    "chat_stopStream": TIER_2,
    "chat_appendStream": TIER_4,
    "chat_update": TIER_3,
    "chat_delete": TIER_3,
    "chat_postMessage": 60,
    "agents_sessions_setStatus": TIER_3,
    "conversations_replies": TIER_3,
    "users_info": TIER_4,
    "assistant_threads_setSuggestedPrompts": TIER_4,
    "chat_postEphemeral": TIER_4,
    "chat_getPermalink": TIER_4,
    "conversations_open": TIER_3,
    "views_open": TIER_4,
    "views_update": TIER_4,
    "views_publish": TIER_4,
}


@dataclass(slots=True)
class TokenBucket:
    """Grants at most `per_minute` calls in any minute: a quarter of them at once, the rest evenly."""

    per_minute: int
    _tokens: float = field(init=False)
    _counted_at: float = field(init=False, default=0.0)
    _blocked_until: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._tokens = self._capacity

    def reserve(self, now: float, patience: float) -> float | None:
        """Take a place in the queue: the seconds to wait for it, or None where that is longer than `patience`."""
        self._tokens = min(self._capacity, self._tokens + max(now - self._counted_at, 0.0) * self._per_second)
        self._counted_at = max(now, self._counted_at)
        wait = max(self._wait_for_token(), self._blocked_until - now, 0.0)
        if wait > patience:
            return None
        self._tokens -= 1
        return wait

    def block(self, until: float) -> None:
        """Slack has said 429: nobody calls before `until`."""
        self._blocked_until = max(self._blocked_until, until)

    @property
    def _capacity(self) -> float:
        return max(self.per_minute / 4, 1.0)

    @property
    def _per_second(self) -> float:
        return self.per_minute * 0.75 / 60

    def _wait_for_token(self) -> float:
        return (1 - self._tokens) / self._per_second
