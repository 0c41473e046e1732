"""The Home tab: published for one person at a time, when they open it and when they click in it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import Session, ThreadRef
from kubeai_bot.errors import KubeAIError, UserError
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PacedCalls, Refused, SlackTrouble
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.home_view import HomeState, Recent, home_view
from kubeai_bot.slack.person import describe_person
from kubeai_bot.slack.surfaces import Surfaces

log = structlog.get_logger(__name__)

RECENT = 8
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
        (who, admitted), recent = await asyncio.gather(self._who(speaker), self._recent(speaker))
        return HomeState(self._surfaces.about, who, admitted, recent, notice)

    async def _who(self, speaker: Speaker) -> tuple[str, bool]:
        try:
            return describe_person(await self._surfaces.resolve(speaker)), True
        except UserError as refusal:
            return refusal.reply, False
        except KubeAIError as error:
            log.warning("identity unknown for the home tab", error=f"{type(error).__name__}: {error}")
            return WHO_UNKNOWN, False

    async def _recent(self, speaker: Speaker) -> list[Recent] | None:
        try:
            page = await self._surfaces.list(RECENT, None, speaker.user_id)
        except KubeAIError as error:
            log.warning("no sessions for the home tab", error=f"{type(error).__name__}: {error}")
            return None
        links = await asyncio.gather(*(self._link(session) for session in page.sessions))
        return [Recent(session, link) for session, link in zip(page.sessions, links, strict=True)]

    async def _link(self, session: Session) -> str | None:
        thread = session.thread
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
