"""What is too long for an answer, shown to one person in a modal: kept outputs, and the whole diff of an approval.

A kept output was seen under somebody's Kubernetes rights, so only who has the same may see it: that is found out at
every click. The diff of a change is for everybody who may speak to the bot: whoever decides has to read it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from kubeai_bot.domain.approval import approvals_from_json
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import Session, ThreadRef
from kubeai_bot.errors import KubeAIError, UserError
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PacedCalls, SlackTrouble
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.paging import QUERY_CHARACTERS, SEARCH_BLOCK, SEARCH_INPUT, Kind, Looking, page_view, refusal_view
from kubeai_bot.slack.questions import speaker_in
from kubeai_bot.slack.recording import click_in
from kubeai_bot.slack.replies import Replies
from kubeai_bot.slack.surfaces import Surfaces

log = structlog.get_logger(__name__)

LOOK_UP_WITHIN = 2.5
"""Seconds until the modal has to open, or to show something else: Slack waits for three."""

UPLOAD_WITHIN = 60.0

NOT_YOURS = (
    "This was looked up with somebody's own Kubernetes permissions, and only they may see all of it. Ask me yourself,"
    " and I look it up with yours."
)
GONE = "This is no longer on record. Ask anew if it is still wanted."
DECIDED = "This change no longer waits for an approval, so its diff is no longer at hand."
TRY_AGAIN = "I could not look that up in time. Try again in a minute."
SHARED = "Sent as a file, in your direct messages with me."
NOT_SHARED = "Slack did not take the file. Try again in a minute."


class OutputClicks:
    """Listeners of the buttons that open a modal, and of those inside."""

    def __init__(
        self, calls: PacedCalls, bot: Bot, surfaces: Surfaces, replies: Replies, background: Background
    ) -> None:
        self._calls = calls
        self._bot = bot
        self._surfaces = surfaces
        self._replies = replies
        self._background = background

    async def show_output(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._background.start(self._open(body, "output"))

    async def show_diff(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._background.start(self._open(body, "diff"))

    async def turn(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Another page."""
        await ack()
        view: dict[str, Any] = body.get("view") or {}
        looking = Looking.from_metadata(str(view.get("private_metadata") or ""))
        value = str((body.get("actions") or [{}])[0].get("value") or "")
        if looking is not None and value.isdecimal():
            self._background.start(self._show(speaker_in(body), replace(looking, page=int(value)), view))

    async def search(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The modal was submitted, and stays open with what was found."""
        view: dict[str, Any] = body.get("view") or {}
        looking = Looking.from_metadata(str(view.get("private_metadata") or ""))
        if looking is None:
            await ack()
            return
        values: dict[str, Any] = (view.get("state") or {}).get("values") or {}
        query = str(((values.get(SEARCH_BLOCK) or {}).get(SEARCH_INPUT) or {}).get("value") or "").strip()
        looking = replace(looking, page=0, query=query[:QUERY_CHARACTERS])
        await ack(response_action="update", view=await self._view(speaker_in(body), looking))

    async def download(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        view: dict[str, Any] = body.get("view") or {}
        looking = Looking.from_metadata(str(view.get("private_metadata") or ""))
        if looking is not None:
            self._background.start(self._download(speaker_in(body), looking, view))

    async def _open(self, body: dict[str, Any], kind: Kind) -> None:
        click = click_in(body, self._bot, speaker_in(body))
        looking = Looking(kind, click.thread.channel_id, click.thread.thread_ts, click.value)
        try:
            async with asyncio.timeout(LOOK_UP_WITHIN):
                title, text = await self._look_up(click.speaker, looking)
                view = await asyncio.to_thread(page_view, looking, title, text)
                await self._call("views_open", trigger_id=str(body.get("trigger_id") or ""), view=view)
        except UserError as refusal:
            said = refusal.reply
        except (KubeAIError, TimeoutError) as error:
            log.warning("modal not opened", kind=kind, error=f"{type(error).__name__}: {error}")
            said = TRY_AGAIN
        else:
            return
        await self._replies.in_thread(click.thread, click.speaker.user_id, said)

    async def _show(self, speaker: Speaker, looking: Looking, shown: dict[str, Any], notice: str = "") -> None:
        """Bring an open modal up to date. Never raises for Slack trouble."""
        view = await self._view(speaker, looking, notice)
        try:
            await self._call("views_update", view_id=str(shown.get("id") or ""), view=view)
        except SlackTrouble as trouble:
            log.info("page not shown", trouble=str(trouble))

    async def _view(self, speaker: Speaker, looking: Looking, notice: str = "") -> dict[str, Any]:
        """What the modal shows this person now: a page, or why there is none."""
        try:
            async with asyncio.timeout(LOOK_UP_WITHIN):
                title, text = await self._look_up(speaker, looking)
                return await asyncio.to_thread(page_view, looking, title, text, notice)
        except UserError as refusal:
            return refusal_view(looking, refusal.reply)
        except (KubeAIError, TimeoutError) as error:
            log.warning("page not turned", kind=looking.kind, error=f"{type(error).__name__}: {error}")
            return refusal_view(looking, TRY_AGAIN)

    async def _download(self, speaker: Speaker, looking: Looking, shown: dict[str, Any]) -> None:
        """The whole output as a file for the one who clicked, in their direct messages with the bot."""
        notice = SHARED
        try:
            title, text = await self._look_up(speaker, looking)
            async with asyncio.timeout(UPLOAD_WITHIN):
                opened = await self._call("conversations_open", users=speaker.user_id)
                await self._call(
                    "files_upload_v2",
                    filename=f"output-{re.sub(r'[^A-Za-z0-9_-]', '-', looking.name)[:80]}.txt",
                    title=title[:200] or "Output",
                    content=text.encode(errors="replace") or b"\n",
                    channel=str((opened.get("channel") or {}).get("id") or ""),
                )
        except UserError:
            notice = ""  # `_show` says why, in place of the page
        except (KubeAIError, TimeoutError) as error:
            log.warning("output not shared", error=f"{type(error).__name__}: {error}")
            notice = NOT_SHARED
        await self._show(speaker, looking, shown, notice)

    async def _look_up(self, speaker: Speaker, looking: Looking) -> tuple[str, str]:
        """Title and text. Raises UserError where this person may not see it, or it is gone; KubeAIError."""
        identity = await self._surfaces.resolve(speaker)
        thread = ThreadRef(self._bot.team_id, looking.channel, looking.thread_ts, looking.channel.startswith("D"))
        session = await self._surfaces.find(thread)
        if session is None:
            raise UserError(GONE)
        if looking.kind == "diff":
            return _diff_of(session, looking.name)
        kept = await self._surfaces.kept_result(session.id, looking.name)
        if kept is None:
            raise UserError(GONE)
        if not kept.identity.same_rights(identity):
            log.info("output refused", session=session.id, user=speaker.user_id)
            raise UserError(NOT_YOURS)
        return kept.title, kept.text

    async def _call(self, name: str, **arguments: Any) -> dict[str, Any]:
        method = getattr(self._calls.client, name)
        return await self._calls(self._bot.team_id, method, patience=LITTLE_PATIENCE, **arguments)


def _diff_of(session: Session, approval_id: str) -> tuple[str, str]:
    approval = approvals_from_json(session.approval).find(approval_id)
    if approval is None:
        raise UserError(DECIDED)
    return approval.intent, approval.preview.diff.strip("\n")
