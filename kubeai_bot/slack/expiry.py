"""Cards whose time runs out: closed where they stand, so that nobody clicks on what can no longer be decided.

The process that showed an answer watches its cards for as long as it lives. A card that it leaves behind is closed by
the first click, like any other that is out of date.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from kubeai_bot.domain.approval import Approval, Settled, approvals_from_json
from kubeai_bot.domain.session import Session, ThreadRef
from kubeai_bot.errors import KubeAIError
from kubeai_bot.slack.approval_cards import EXPIRED, MOST_CARDS
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.rewriting import settle

log = structlog.get_logger(__name__)

Find = Callable[[ThreadRef], Awaitable[Session | None]]
"""`SessionStore.find`."""

LONGEST_SLEEP = 60.0
"""Seconds after which the clock is looked at again: it may have been set, or the machine have slept."""

LOOKS = (0.0, 2.0, 5.0, 10.0, *(30.0,) * 40)
"""Seconds before each look at the session, until its store answers and nobody is at work in the thread."""


class ExpiringCards:
    """Closes the cards of approvals that nobody has decided on in time."""

    def __init__(self, calls: PacedCalls, bot: Bot, find: Find, grace: float) -> None:
        """`grace`: seconds that a card outlives its approval."""
        self._calls = calls
        self._bot = bot
        self._find = find
        self._grace = timedelta(seconds=grace)
        self._background = Background()

    def watch(self, thread: ThreadRef, approvals: Sequence[Approval], near: str) -> None:
        """`approvals`: those of one answer, which stands in the thread after the message `near`."""
        if approvals:
            self._background.start(self._close(thread, approvals[:MOST_CARDS], near))

    def cancel(self) -> None:
        """Watch no more."""
        self._background.cancel()

    async def _close(self, thread: ThreadRef, approvals: Sequence[Approval], near: str) -> None:
        """All cards of the answer at once, when the last of them is over: they stand in the same message."""
        over = max(approval.expires_at for approval in approvals) + self._grace
        while (left := (over - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110 - time has no event
            await asyncio.sleep(min(left, LONGEST_SLEEP))
        session = await self._idle_session(thread)
        if session is None:
            return
        pending = approvals_from_json(session.approval)
        waited = [approval for approval in approvals if pending.find(approval.id) is not None]
        if waited:
            settled = [Settled(approval.id, EXPIRED) for approval in waited]
            await settle(self._calls, self._bot, thread, settled, near)
            log.info("approvals expired", session=session.id, approvals=[approval.id for approval in waited])

    async def _idle_session(self, thread: ThreadRef) -> Session | None:
        """The session once no turn is open in it: one that was approved in the last moment settles its card itself, and
        nothing is drawn over it."""
        for wait in LOOKS:
            await asyncio.sleep(wait)
            try:
                session = await self._find(thread)
            except KubeAIError as error:
                log.info("expired card not looked after yet", error=f"{type(error).__name__}: {error}")
                continue
            if session is None or session.turn is None:
                return session
        return None
