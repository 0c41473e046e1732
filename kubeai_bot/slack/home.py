"""The Home tab: published for one person at a time, when they open it and when they click in it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from kubeai_bot.domain.approval import Approval, approvals_from_json
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import Session, ThreadRef
from kubeai_bot.errors import KubeAIError, UserError
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PacedCalls, Refused, SlackTrouble
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.home_view import HomeState, Recent, Waiting, home_view
from kubeai_bot.slack.person import describe_person
from kubeai_bot.slack.surfaces import Surfaces

log = structlog.get_logger(__name__)

RECENT = 8
LOOKED_AT = 40
"""Of a person's newest sessions: for what waits in them."""

MOST_WAITING = 8

AT_MOST_EVERY = timedelta(seconds=3)
"""Between two looks because the tab was opened: Slack says so on every switch to it."""

REMEMBERED = 5_000

WHO_UNKNOWN = "I cannot find out at the moment who you are in Kubernetes. Open this tab again in a minute."


class Home:
    """Publishes Home tabs, one at a time for each person, and only where something has changed.

    What a tab shows is known by the digest in its `private_metadata`, which Slack hands back with every event: so any
    replica can compare. `hash` keeps a slow publication from overwriting a newer one.
    """

    def __init__(self, calls: PacedCalls, bot: Bot, surfaces: Surfaces, now: Callable[[], datetime]) -> None:
        self._calls = calls
        self._bot = bot
        self._surfaces = surfaces
        self._now = now
        self._opened: OrderedDict[Speaker, datetime] = OrderedDict()
        self._links: OrderedDict[ThreadRef, str] = OrderedDict()
        self._busy: set[Speaker] = set()
        self._again: dict[Speaker, str] = {}

    async def opened(self, speaker: Speaker, shown: Mapping[str, Any]) -> None:
        """The person has opened the tab, which shows the view `shown` ({} if nothing yet). Raises nothing for Slack
        trouble."""
        now, before = self._now(), self._opened.get(speaker)
        if shown and before is not None and abs(now - before) < AT_MOST_EVERY:
            return
        _remember(self._opened, speaker, now)
        await self.show(speaker, shown)

    async def show(self, speaker: Speaker, shown: Mapping[str, Any], notice: str = "") -> None:
        """Bring the tab up to date. Never raises for Slack trouble."""
        if speaker in self._busy:
            self._again[speaker] = notice or self._again.get(speaker, "")  # the last word must not get lost
            return
        self._busy.add(speaker)
        try:
            await self._publish(speaker, shown, notice)
            while speaker in self._again:
                await self._publish(speaker, {}, self._again.pop(speaker))
        except SlackTrouble as trouble:
            log.info("home tab not published", trouble=str(trouble))
        finally:
            self._busy.discard(speaker)
            self._again.pop(speaker, None)

    async def _publish(self, speaker: Speaker, shown: Mapping[str, Any], notice: str) -> None:
        hash_ = str(shown.get("hash") or "") or None
        for known in (hash_, None):
            view = home_view(await self._state(speaker, notice))
            if known and view["private_metadata"] == shown.get("private_metadata"):
                return
            try:
                await self._calls(
                    self._bot.team_id, self._calls.client.views_publish, user_id=speaker.user_id, view=view, hash=known
                )
            except Refused as refused:
                if refused.code != "hash_conflict" or known is None:
                    raise
            else:
                return

    async def _state(self, speaker: Speaker, notice: str) -> HomeState:
        (who, admitted), sessions = await asyncio.gather(self._who(speaker), self._sessions(speaker))
        if sessions is None:
            return HomeState(self._surfaces.about, who, admitted, None, (), notice)
        waiting = self._waiting(sessions)
        wanted = dict.fromkeys(session.thread for session in (*sessions[:RECENT], *(found for found, _ in waiting)))
        links = dict(zip(wanted, await asyncio.gather(*map(self._link, wanted)), strict=True))
        return HomeState(
            self._surfaces.about,
            who,
            admitted,
            [Recent(session, links[session.thread]) for session in sessions[:RECENT]],
            [Waiting(approval, links[session.thread]) for session, approval in waiting],
            notice,
        )

    def _waiting(self, sessions: Sequence[Session]) -> list[tuple[Session, Approval]]:
        """Changes that can still be approved, the newest conversations first."""
        now = self._now()
        found = [
            (session, approval)
            for session in sessions
            for approval in approvals_from_json(session.approval).pending
            if now < approval.expires_at
        ]
        return found[:MOST_WAITING]

    async def _who(self, speaker: Speaker) -> tuple[str, bool]:
        try:
            return describe_person(await self._surfaces.resolve(speaker)), True
        except UserError as refusal:
            return refusal.reply, False
        except KubeAIError as error:
            log.warning("identity unknown for the home tab", error=f"{type(error).__name__}: {error}")
            return WHO_UNKNOWN, False

    async def _sessions(self, speaker: Speaker) -> Sequence[Session] | None:
        try:
            page = await self._surfaces.list(LOOKED_AT, None, speaker.user_id)
        except KubeAIError as error:
            log.warning("no sessions for the home tab", error=f"{type(error).__name__}: {error}")
            return None
        return page.sessions

    async def _link(self, thread: ThreadRef) -> str | None:
        if thread in self._links:
            return self._links[thread]
        try:
            answer = await self._calls(
                thread.team_id,
                self._calls.client.chat_getPermalink,
                patience=LITTLE_PATIENCE,
                channel=thread.channel_id,
                message_ts=thread.thread_ts,
            )
        except SlackTrouble as trouble:
            log.info("no link to a thread", trouble=str(trouble))
            return None
        link = str(answer.get("permalink") or "")
        if not link.startswith("https://") or set(link) & set("<>| "):
            return None
        _remember(self._links, thread, link)
        return link


def _remember(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > REMEMBERED:
        known.popitem(last=False)
