"""Thumbs under an answer: what the person thought of it goes on record, with a reason where they give one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from kubeai_bot.domain.session import FeedbackKind, ThreadRef
from kubeai_bot.errors import KubeAIError, UserError
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.blocks import Block
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PacedCalls, SlackTrouble
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.questions import speaker_in
from kubeai_bot.slack.replies import Replies
from kubeai_bot.slack.surfaces import Surfaces

log = structlog.get_logger(__name__)

FEEDBACK = "feedback"
"""`action_id` of the thumbs, and `callback_id` of the form that asks for a reason."""

REASON_BLOCK, REASON_INPUT = "reason", "reason_text"
MOST_CHARACTERS = 1_000

WITHIN = 2.2
"""Seconds for putting it on record: the ack has to be out after three."""

THANKS = "Thank you: that is on record."
NO_TURN = "That answer is no longer on record, so I could not keep what you said about it."
STORE_AWAY = "I could not put that on record. Try again in a minute."


def feedback_blocks(turn_id: str) -> list[Block]:
    """The thumbs of one turn's answer (https://docs.slack.dev/reference/block-kit/blocks/context-actions-block)."""
    return [
        {
            "type": "context_actions",
            "block_id": FEEDBACK,
            "elements": [
                {
                    "type": "feedback_buttons",
                    "action_id": FEEDBACK,
                    "positive_button": _thumb("Helpful", "This answer was helpful", f"positive:{turn_id}"),
                    "negative_button": _thumb("Not helpful", "This answer was not helpful", f"negative:{turn_id}"),
                }
            ],
        }
    ]


class FeedbackClicks:
    """Listeners of the thumbs and of the form behind the lower one."""

    def __init__(
        self, calls: PacedCalls, bot: Bot, surfaces: Surfaces, replies: Replies, background: Background
    ) -> None:
        self._calls = calls
        self._bot = bot
        self._surfaces = surfaces
        self._replies = replies
        self._background = background

    async def clicked(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        actions: list[dict[str, Any]] = body.get("actions") or [{}]
        kind, _, turn_id = str(actions[0].get("value") or "").partition(":")
        message: dict[str, Any] = body.get("message") or {}
        channel = str((body.get("channel") or {}).get("id") or "")
        thread = ThreadRef(self._bot.team_id, channel, str(message.get("thread_ts") or message.get("ts") or ""))
        if kind in ("positive", "negative"):
            said = await self._record(body, thread, turn_id, "positive" if kind == "positive" else "negative")
            if kind == "negative" and said == THANKS:
                self._background.start(self._ask_why(str(body.get("trigger_id") or ""), thread, turn_id))
            else:
                self._background.start(self._replies.in_thread(thread, speaker_in(body).user_id, said))
        await ack()

    async def explained(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        view: dict[str, Any] = body.get("view") or {}
        values: dict[str, Any] = (view.get("state") or {}).get("values") or {}
        reason = str(((values.get(REASON_BLOCK) or {}).get(REASON_INPUT) or {}).get("value") or "").strip()
        channel, ts, turn_id = json.loads(view.get("private_metadata") or '["", "", ""]')
        thread = ThreadRef(self._bot.team_id, str(channel), str(ts))
        said = THANKS
        if reason:
            said = await self._record(body, thread, str(turn_id), "negative", reason[:MOST_CHARACTERS])
        await ack()
        self._background.start(self._replies.in_thread(thread, speaker_in(body).user_id, said))

    async def _record(
        self, body: dict[str, Any], thread: ThreadRef, turn_id: str, kind: FeedbackKind, reason: str = ""
    ) -> str:
        """What to tell the person. The session is found by the thread of the click, not by what a button says."""
        speaker = speaker_in(body)
        try:
            async with asyncio.timeout(WITHIN):
                await self._surfaces.resolve(speaker)
                session = await self._surfaces.find(thread)
                recorded = session is not None and await self._surfaces.record_feedback(
                    session.id, turn_id, speaker.user_id, kind, reason
                )
        except UserError as refusal:
            return refusal.reply
        except (KubeAIError, TimeoutError) as error:
            log.warning("feedback not recorded", error=f"{type(error).__name__}: {error}")
            return STORE_AWAY
        log.info("feedback received", turn=turn_id, kind=kind, recorded=recorded)
        return THANKS if recorded else NO_TURN

    async def _ask_why(self, trigger_id: str, thread: ThreadRef, turn_id: str) -> None:
        view = reason_form(thread, turn_id)
        try:
            await self._calls(
                self._bot.team_id,
                self._calls.client.views_open,
                patience=LITTLE_PATIENCE,
                trigger_id=trigger_id,
                view=view,
            )
        except SlackTrouble as trouble:
            log.warning("form not opened", trouble=str(trouble))


def reason_form(thread: ThreadRef, turn_id: str) -> dict[str, Any]:
    """A modal with an optional reason; the thumb itself is on record already."""
    return {
        "type": "modal",
        "callback_id": FEEDBACK,
        "private_metadata": json.dumps([thread.channel_id, thread.thread_ts, turn_id]),
        "title": {"type": "plain_text", "text": "What was wrong?"},
        "submit": {"type": "plain_text", "text": "Send"},
        "close": {"type": "plain_text", "text": "Skip"},
        "blocks": [
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "optional": True,
                "label": {"type": "plain_text", "text": "What should I have said or done?"},
                "hint": {"type": "plain_text", "text": "The people who run this bot can read it."},
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON_INPUT,
                    "multiline": True,
                    "focus_on_load": True,
                    "max_length": MOST_CHARACTERS,
                },
            }
        ],
    }


def _thumb(text: str, label: str, value: str) -> Block:
    return {"text": {"type": "plain_text", "text": text}, "accessibility_label": label, "value": value}
