"""What the app suggests to ask, in the manifest and in its messages tab."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from kubeai_bot.slack.calls import PacedCalls, SlackTrouble

log = structlog.get_logger(__name__)

TITLE = "Ask about your clusters"
PROMPTS = (
    ("What is unhealthy right now?", "What is unhealthy right now?"),
    ("Why is a pod crashing?", "Find crash-looping pods and explain why they crash."),
    ("What changed recently?", "Which rollouts and events of the last hour look suspicious?"),
    ("Who am I, and what may I do?", "Who am I in Kubernetes, and what may I do?"),
)
"""Title and message, at most four (assistant.threads.setSuggestedPrompts)."""

REMEMBERED = 5_000
AGAIN_AFTER = 3600.0


class SuggestedPrompts:
    """Sets the prompts when somebody opens the messages tab: at most once an hour each, since they stay."""

    def __init__(self, calls: PacedCalls, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._clock = clock
        self._done: OrderedDict[str, float] = OrderedDict()

    async def suggest(self, team: str, channel: str) -> None:
        """Best effort; never raises for Slack trouble."""
        if self._clock() < self._done.get(channel, 0.0):
            return
        self._done[channel] = self._clock() + AGAIN_AFTER
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        try:
            await self._calls(
                team,
                self._calls.client.assistant_threads_setSuggestedPrompts,
                channel_id=channel,
                title=TITLE,
                prompts=[{"title": title, "message": message} for title, message in PROMPTS],
            )
        except SlackTrouble as trouble:
            log.info("prompts not set", trouble=str(trouble))
