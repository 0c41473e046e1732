"""The sign of life above the thread's input: `processing` while a turn runs, which also brings Slack's Stop button."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from kubeai_bot.interfaces import Showing
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PATIENCE, FencedCalls, Refused, SlackTrouble

log = structlog.get_logger(__name__)

LOADING_MESSAGES = ("Looking at the cluster…", "Reading what it says…", "Putting it together…")
"""At most ten, each at most 50 characters (assistant.threads.setStatus)."""

NOT_OFFERED = frozenset(
    {"unknown_method", "feature_disabled", "feature_not_enabled", "not_agent_app", "not_allowed_token_type"}
)
"""Slack's words for a workspace, plan or app that lacks an agent feature."""

FORGET_AFTER = 3600.0


class Offered:
    """What a workspace was found not to offer, remembered for an hour and shared by all turns."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._missing: dict[tuple[str, str], float] = {}

    def has(self, team: str, feature: str) -> bool:
        return self._missing.get((team, feature), 0.0) <= self._clock()

    def lacks(self, team: str, feature: str) -> None:
        log.warning("this workspace does not offer a Slack feature, the fallback is used", team=team, feature=feature)
        self._missing[team, feature] = self._clock() + FORGET_AFTER


class StatusLine:
    """Status of one thread. Never raises for Slack trouble; `background` keeps what is tried later."""

    def __init__(
        self, calls: FencedCalls, offered: Offered, showing: Showing, background: set[asyncio.Task[None]]
    ) -> None:
        self._calls = calls
        self._offered = offered
        self._showing = showing
        self._background = background

    async def working(self) -> None:
        try:
            await self._set("processing", "is working on it…", LITTLE_PATIENCE)
        except SlackTrouble as trouble:
            log.info("status not shown", trouble=str(trouble))

    async def idle(self, status: str = "active") -> None:
        """Slack never takes the status back by itself, so this is tried again later where it fails."""
        try:
            await self._set(status, "", LITTLE_PATIENCE)
        except SlackTrouble:
            task = asyncio.create_task(self._idle_later(status))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _idle_later(self, status: str) -> None:
        for wait in (5.0, 30.0):
            await asyncio.sleep(wait)
            try:
                await self._set(status, "", PATIENCE)
            except SlackTrouble as trouble:
                log.info("status not taken back", trouble=str(trouble))
            else:
                return

    async def _set(self, status: str, legacy: str, patience: float) -> None:
        if not await self._session(status, patience):
            await self._assistant_thread(legacy)

    async def _session(self, status: str, patience: float) -> bool:
        thread = self._showing.thread
        if not self._offered.has(thread.team_id, "sessions"):
            return False
        try:
            await self._calls(
                thread.team_id,
                self._calls.client.agents_sessions_setStatus,
                patience=patience,
                channel_id=thread.channel_id,
                thread_ts=thread.thread_ts,
                status=status,
                initiator_user_id=self._showing.speaker.user_id,
            )
        except Refused as refused:
            if refused.code in NOT_OFFERED:
                self._offered.lacks(thread.team_id, "sessions")
            return False
        return True

    async def _assistant_thread(self, text: str) -> None:
        thread = self._showing.thread
        await self._calls(
            thread.team_id,
            self._calls.client.assistant_threads_setStatus,
            channel_id=thread.channel_id,
            thread_ts=thread.thread_ts,
            status=text,
            loading_messages=list(LOADING_MESSAGES) if text else None,
        )
