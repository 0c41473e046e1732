"""Questions that are not typed as messages (a slash command, a button, a form, a shortcut) become visible threads.

The bot posts what was asked, and the question goes into that thread's inbox like any message. Slack delivers these acts
once and never again, so both happen before the ack: where the process dies in between, Slack itself tells the person
that it failed. The act's own id is the inbox key; what was posted for a repeat is taken away again.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.errors import StoreError, UserError
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.blocks import Block, escaped
from kubeai_bot.slack.calls import LITTLE_PATIENCE, Limited, PacedCalls, Refused, SlackTrouble, Unanswered
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.incoming import MAX_TEXT
from kubeai_bot.slack.recording import Receive, put_on_record
from kubeai_bot.slack.safe_markdown import neutral

log = structlog.get_logger(__name__)

EVENT_TYPE = "kubeai_question"
"""`event_type` of the metadata of what is posted here, which tells it from the messages of an answer."""

WITHIN = 2.2
"""Seconds for Slack to take the post: the ack has to be out after three."""

SHOWN_CHARACTERS = 2_900
"""Of a question, in its section block (3,000 at most) and its notification."""

NOT_A_MEMBER = (
    "I am not in this conversation, so I cannot answer here. Add me to the channel (`/invite`), or ask me in a direct"
    " message."
)
UNCERTAIN = "Slack did not tell me in time whether your question was posted. Ask again if no answer appears."
NOT_RECORDED = "I could not put your question on record, so nobody works on it. Ask again in a moment."
LIMITED = "Slack lets me post no more at the moment. Ask again in a minute."

_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")


@dataclass(frozen=True, slots=True)
class Question:
    """`key`: the act's own id, under which it counts once. `text` goes to the bot, `shown` into the thread below a line
    that says who `did` what. Without `channel` it is asked in the speaker's direct message."""

    key: str
    speaker: Speaker
    text: str
    did: str = "asks:"
    shown: str = ""
    channel: str | None = None
    thread_ts: str | None = None


class Questions:
    """Posts questions and puts them on record."""

    def __init__(
        self, calls: PacedCalls, bot: Bot, receive: Receive, now: Callable[[], datetime], background: Background
    ) -> None:
        self._calls = calls
        self._bot = bot
        self.receive = receive
        self.now = now
        self.background = background

    async def ask(self, question: Question) -> ThreadRef:
        """The thread in which it is answered. Raises UserError where it is not, or not certainly."""
        channel, ts = await self._posted(question)
        thread = ThreadRef(self._bot.team_id, channel, question.thread_ts or ts, channel.startswith("D"))
        incoming = Incoming(
            keys=(question.key,),
            thread=thread,
            speaker=question.speaker,
            kind="message",
            text=question.text[:MAX_TEXT],
            ts=ts,
            opens=True,
            received_at=self.now(),
        )
        try:
            is_first = await self._record(incoming)
        except StoreError as error:
            log.warning("question not recorded", error=str(error))
            self.background.start(self._withdraw(channel, ts))
            raise UserError(NOT_RECORDED) from error
        if not is_first:
            self.background.start(self._withdraw(channel, ts))
        return thread

    async def _record(self, incoming: Incoming) -> bool:
        """Whether the question is new. Raises StoreError: what was posted for it is then taken away again."""
        receipt = await put_on_record(self.receive, incoming)
        log.info("question received", session=receipt.session_id, repeated=receipt.repeated)
        return not receipt.repeated

    async def _posted(self, question: Question) -> tuple[str, str]:
        try:
            async with asyncio.timeout(WITHIN):
                channel = question.channel or await self._direct_message(question.speaker)
                return channel, await self._post(channel, question)
        except Limited as limited:
            raise UserError(LIMITED) from limited
        except Refused as refused:
            if refused.code in ("not_in_channel", "channel_not_found"):
                raise UserError(NOT_A_MEMBER) from refused
            raise UserError(f"Slack does not let me post here (`{refused.code}`).") from refused
        except (Unanswered, TimeoutError) as error:
            raise UserError(UNCERTAIN) from error

    async def _direct_message(self, speaker: Speaker) -> str:
        answer = await self._calls(
            self._bot.team_id,
            self._calls.client.conversations_open,
            patience=LITTLE_PATIENCE,
            users=speaker.user_id,
        )
        return str((answer.get("channel") or {}).get("id") or "")

    async def _post(self, channel: str, question: Question) -> str:
        who, shown = mention(question.speaker.user_id), _cut(neutral(question.shown))
        answer = await self._calls(
            self._bot.team_id,
            self._calls.client.chat_postMessage,
            patience=LITTLE_PATIENCE,
            channel=channel,
            thread_ts=question.thread_ts,
            text=f"{who} {question.did} {escaped(shown)}".strip(),
            blocks=_blocks(f"{who} {question.did}", shown),
            metadata={"event_type": EVENT_TYPE, "event_payload": {"asked_by": question.speaker.user_id}},
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    async def _withdraw(self, channel: str, ts: str) -> None:
        try:
            await self._calls(self._bot.team_id, self._calls.client.chat_delete, channel=channel, ts=ts)
        except SlackTrouble as trouble:
            log.warning("a question that nobody answers stays", trouble=str(trouble))


def mention(user_id: str) -> str:
    """Names the person, who then follows the thread; nothing else can come out of a strange id."""
    return f"<@{user_id}>" if _USER_ID.fullmatch(user_id) else "Somebody"


def _blocks(who_did: str, shown: str) -> list[Block]:
    blocks: list[Block] = [{"type": "context", "elements": [{"type": "mrkdwn", "text": who_did}]}]
    if shown:
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": shown, "emoji": False}})
    return blocks


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def key_of(body: dict[str, Any]) -> str:
    """The inbox key of a command or an interaction: its `trigger_id` names this one act."""
    return f"act:{body.get('trigger_id') or secrets.token_hex(12)}"


def speaker_in(body: dict[str, Any]) -> Speaker:
    """Who acts, from an interaction payload (`user`, `team`) or a slash command (`user_id`, `team_id`)."""
    user: dict[str, Any] = body.get("user") or {}
    team: dict[str, Any] = body.get("team") or {}
    team_id = user.get("team_id") or team.get("id") or body.get("team_id") or ""
    return Speaker(str(team_id), str(user.get("id") or body.get("user_id") or ""))
