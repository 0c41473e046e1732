"""Web API calls: paced per workspace and method, and every failure told apart by what it means for the caller."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from kubeai_bot.errors import KubeAIError
from kubeai_bot.slack.pace import CALLS_A_MINUTE, PER_CHANNEL, TIER_3, TokenBucket

log = structlog.get_logger(__name__)

PATIENCE = 20.0
"""Seconds a call waits for its turn before it counts as limited."""

LITTLE_PATIENCE = 2.0
"""The same for what is only worth something now: live text, a sign of life."""

MOST_BUCKETS = 5_000

_UNCLEAR = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
"""Slack's words for "something broke here": the call may or may not have taken effect."""

Method = Callable[..., Awaitable[AsyncSlackResponse]]
Until = Callable[[], float]
CallOutcome = Literal["ok", "refused", "limited", "unanswered"]
Observe = Callable[[str, CallOutcome], None]


class SlackTrouble(KubeAIError):
    """A Web API call failed. The text is for logs: it names the method and Slack's code, never a body."""

    retry_after: float | None = None


class Refused(SlackTrouble):
    """Slack said no, and nothing happened. `code` is Slack's error code (https://docs.slack.dev/reference/methods)."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"{method}: {code}")
        self.code = code


class Limited(SlackTrouble):
    """Over a rate limit, and nothing happened; `retry_after` in seconds."""

    def __init__(self, method: str, retry_after: float) -> None:
        super().__init__(f"{method}: over the rate limit for {retry_after:g} s")
        self.retry_after = retry_after


class Late(Limited):
    """Not sent: the session may be in other hands by now (see `Showing.until`)."""


class Unanswered(SlackTrouble):
    """No answer that can be read: the call may or may not have taken effect."""


_OUTCOMES: Mapping[type[SlackTrouble], CallOutcome] = {Refused: "refused", Limited: "limited"}


class PacedCalls:
    """Calls of one client. The token buckets are shared by all turns, because Slack counts per workspace."""

    def __init__(
        self,
        client: AsyncWebClient,
        clock: Callable[[], float] = time.monotonic,
        observe: Observe = lambda _method, _outcome: None,
    ) -> None:
        """`observe` is told the method and what became of each call that was sent."""
        self.client = client
        self._clock = clock
        self._observe = observe
        self._buckets: OrderedDict[tuple[str, str, str], TokenBucket] = OrderedDict()

    async def __call__(
        self, team: str, method: Method, /, patience: float = PATIENCE, until: Until | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Slack's answer. `until` gives the moment of `time.monotonic()` before which the call has to begin.

        Raises Refused, Limited (also where the wait for a turn exceeds `patience`), Late, Unanswered.
        """
        name = getattr(method, "__name__", "call")
        bucket = self._bucket(team, name, str(arguments.get("channel")) if name in PER_CHANNEL else "")
        wait = bucket.reserve(self._clock(), patience)
        if wait is None:
            raise Limited(name, 1.0)
        if wait:
            await asyncio.sleep(wait)
        if until is not None and self._clock() > until():
            raise Late(name, 1.0)
        try:
            response = await method(**arguments)
        except SlackApiError as error:
            trouble = _trouble(name, error)
            self._observe(name, _OUTCOMES.get(type(trouble), "unanswered"))
            if isinstance(trouble, Limited):
                bucket.block(self._clock() + (trouble.retry_after or 1.0))
            log.info("Slack call failed", call=name, trouble=str(trouble), hints=_hints(error))
            raise trouble from error
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            self._observe(name, "unanswered")
            log.info("Slack call unanswered", call=name, error=type(error).__name__)
            raise Unanswered(f"{name}: {type(error).__name__}") from error
        self._observe(name, "ok")
        return response.data if isinstance(response.data, dict) else {}

    def _bucket(self, *key: *tuple[str, str, str]) -> TokenBucket:
        bucket = self._buckets.setdefault(key, TokenBucket(CALLS_A_MINUTE.get(key[1], TIER_3)))
        self._buckets.move_to_end(key)
        while len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket


class FencedCalls:
    """The calls that show one turn: none begins after `until()`, so that nobody draws over a successor's answer."""

    def __init__(self, calls: PacedCalls, until: Until) -> None:
        self._calls = calls
        self._until = until
        self.client = calls.client

    async def __call__(
        self, team: str, method: Method, /, patience: float = PATIENCE, **arguments: Any
    ) -> dict[str, Any]:
        """As PacedCalls."""
        return await self._calls(team, method, patience, self._until, **arguments)


def _trouble(name: str, error: SlackApiError) -> SlackTrouble:
    response = error.response
    if not isinstance(response, AsyncSlackResponse):
        return Unanswered(f"{name}: an answer that cannot be read")
    code = code_of(error)
    if response.status_code == 429 or code in ("ratelimited", "rate_limited"):
        after = str(response.headers.get("Retry-After", "1"))
        return Limited(name, float(after) if after.isdigit() else 1.0)
    if response.status_code >= 500 or not code or code in _UNCLEAR:
        return Unanswered(f"{name}: {response.status_code} {code}")
    return Refused(name, code)


def code_of(error: SlackApiError) -> str:
    """Slack's error code, or "" for an answer without one."""
    data = error.response.data if isinstance(error.response, AsyncSlackResponse) else None
    return str(data.get("error", "")) if isinstance(data, dict) else ""


def _hints(error: SlackApiError) -> list[str]:
    """What Slack says about invalid blocks: JSON pointers and rules, no content."""
    data = error.response.data if isinstance(error.response, AsyncSlackResponse) else None
    metadata = data.get("response_metadata") if isinstance(data, dict) else None
    return [str(line)[:300] for line in (metadata or {}).get("messages", [])][:5]
