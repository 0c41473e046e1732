"""Buttons below answers that decide something: approve, deny, allow for a while, undo, choose.

A click goes on record like a message, before Slack is acked, and whether it counts is judged where messages are
answered: a button proves nothing. What is here only says who clicked on what.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from kubeai_bot.domain.approval import Decision, DecisionKind, approvals_from_json
from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.domain.storage import Receipt
from kubeai_bot.errors import KubeAIError, StoreError, UserError
from kubeai_bot.slack.approval_cards import DENY, without_buttons
from kubeai_bot.slack.block_parts import plain
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PacedCalls, SlackTrouble
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.closing import with_pick
from kubeai_bot.slack.questions import Questions, key_of, speaker_in
from kubeai_bot.slack.recording import Click, click_in, put_on_record_in_time
from kubeai_bot.slack.replies import Replies
from kubeai_bot.slack.rewriting import rewrite
from kubeai_bot.slack.surfaces import Surfaces
from kubeai_bot.slack.wording import words_of

log = structlog.get_logger(__name__)

REASON_BLOCK, REASON_INPUT = "reason", "deny_reason"
REASON_CHARACTERS = 300

LOOKS = (0.3, 0.7, 2.0, 4.0, 8.0)
"""Seconds between looks whether a click met an approval that no longer waits."""

RESOLVE_WITHIN = 0.8
"""Seconds for a look before a click is recorded: both have to be done before Slack's three."""

RECEIVED = {
    "approve": "Your approval is on record. I check it now and answer in this thread.",
    "grant": "Your approval is on record. I check it now and answer in this thread.",
    "deny": "Your denial is on record.",
    "undo": "On record. I look at what undoing would change, and put that up for approval.",
}
NOT_RECORDED = "I could not put your click on record in time. Click again if nothing happens in this thread."
DENY_AGAIN = "I could not put that on record in time. Send it again if nothing happens in the thread."
NO_SESSION = "This conversation is no longer on record, so nothing came of your click. Ask anew if it is still wanted."
NO_FORM = "Slack did not let me ask for a reason in time. Click again, or say `deny {id}` in this thread."
GONE = "No longer waits: it was decided already, or the conversation was cleared."
PICKED_BEFORE = "Something was picked here already. Say it in the thread if you want something else."

SOUNDS_LIKE_A_DECISION = frozenset(
    (
        *("yes", "y", "approve", "approved", "do it", "go ahead", "ok", "okay", "confirm"),
        *("no", "n", "deny", "cancel", "don't", "do not", "stop it", "reject"),
    )
)
"""Words that decide on a change when a person types them: a model that offers them as a choice gets no approval."""


class DecisionClicks:
    """Listeners."""

    def __init__(self, calls: PacedCalls, bot: Bot, surfaces: Surfaces, questions: Questions, replies: Replies) -> None:
        self._calls = calls
        self._bot = bot
        self._surfaces = surfaces
        self._questions = questions
        self._replies = replies
        self._background = questions.background

    async def approve(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._decide(ack, body, "approve", expired=await self._has_expired(body))

    async def grant(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._decide(ack, body, "grant", expired=await self._has_expired(body))

    async def undo(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._decide(ack, body, "undo")

    async def deny(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Ask for the reason; nothing is decided yet. What has expired needs none."""
        if await self._has_expired(body):
            await self._decide(ack, body, "deny", expired=True)
            return
        self._background.start(self._ask_why(self._click(body), str(body.get("trigger_id") or "")))
        await ack()

    async def denied(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        view: dict[str, Any] = body.get("view") or {}
        values: dict[str, Any] = (view.get("state") or {}).get("values") or {}
        reason = str(((values.get(REASON_BLOCK) or {}).get(REASON_INPUT) or {}).get("value") or "")
        approval_id, channel, root, ts = json.loads(view.get("private_metadata") or '["", "", "", ""]')
        thread = ThreadRef(self._bot.team_id, str(channel), str(root), str(channel).startswith("D"))
        click = Click(speaker_in(body), thread, str(ts), str(approval_id))
        decision = Decision("deny", click.value, " ".join(reason.split())[:REASON_CHARACTERS])
        try:
            receipt = await self._record(body, click, "decision", decision.text)
        except StoreError as error:
            log.warning("denial not recorded", error=str(error))
            await ack(response_action="errors", errors={REASON_BLOCK: DENY_AGAIN})
            return
        await ack()
        self._background.start(self._recorded(click, receipt, "deny"))

    async def choose(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """What was picked goes into the thread's inbox as if the person had said it. The first pick counts; who may not
        speak to the bot does not pick for the others."""
        click = self._click(body)
        label = click.value
        text = f"My choice: {label}" if words_of(label) in SOUNDS_LIKE_A_DECISION else label
        place = f"choice:{click.thread.team_id}:{click.thread.channel_id}:{click.ts}"
        try:
            async with asyncio.timeout(RESOLVE_WITHIN):
                await self._surfaces.resolve(click.speaker)
            receipt = await self._record(body, click, "message", text, place)
        except UserError as refusal:
            said = refusal.reply
        except (KubeAIError, TimeoutError) as error:
            log.warning("choice not recorded", error=f"{type(error).__name__}: {error}")
            said = NOT_RECORDED
        else:
            said = NO_SESSION if receipt.session_id is None else PICKED_BEFORE if receipt.repeated else ""
            if not said:
                self._background.start(self._picked(click))
        await ack()
        if said:
            self._background.start(self._tell(click, said))

    async def _decide(self, ack: AsyncAck, body: dict[str, Any], kind: DecisionKind, *, expired: bool = False) -> None:
        click = self._click(body)
        try:
            receipt = await self._record(body, click, "decision", Decision(kind, click.value).text)
        except StoreError as error:
            log.warning("decision not recorded", error=str(error))
            await ack()
            self._background.start(self._tell(click, NOT_RECORDED))
            return
        await ack()
        self._background.start(self._recorded(click, receipt, kind, expired=expired))

    async def _has_expired(self, body: dict[str, Any]) -> bool:
        """Whether the approval is known to be over. Then the turn that the click opens says so, and nothing is said
        before it: not that the click is on record, and no reason is asked for."""
        click = self._click(body)
        try:
            async with asyncio.timeout(RESOLVE_WITHIN):
                session = await self._surfaces.find(click.thread)
        except (KubeAIError, TimeoutError) as error:
            log.info("click not looked up", error=f"{type(error).__name__}: {error}")
            return False
        approval = approvals_from_json(session.approval).find(click.value) if session else None
        return approval is not None and self._questions.now() >= approval.expires_at

    async def _record(
        self, body: dict[str, Any], click: Click, kind: Literal["decision", "message"], text: str, *keys: str
    ) -> Receipt:
        """Raises StoreError. `ts` is the message clicked on: what the bot says about it stands below that."""
        incoming = Incoming(
            keys=(key_of(body), *keys),
            thread=click.thread,
            speaker=click.speaker,
            kind=kind,
            text=text,
            ts=click.ts,
            opens=False,
            received_at=self._questions.now(),
        )
        return await put_on_record_in_time(self._questions.receive, incoming)

    async def _recorded(self, click: Click, receipt: Receipt, kind: DecisionKind, *, expired: bool = False) -> None:
        if receipt.session_id is None:
            await self._tell(click, NO_SESSION)
            await self._take_buttons(click)
        elif not receipt.repeated:
            if not expired:
                await self._tell(click, RECEIVED[kind])
            if kind != "undo":
                await self._look_whether_gone(click)

    async def _look_whether_gone(self, click: Click) -> None:
        """The turn that decides settles the card. Where none does, because it was decided long ago, take the buttons:
        once nothing is at work in the thread, so that this never draws over what a turn has to say."""
        for wait in LOOKS:
            await asyncio.sleep(wait)
            try:
                session = await self._surfaces.find(click.thread)
            except KubeAIError as error:
                log.info("card not looked after", error=f"{type(error).__name__}: {error}")
                return
            if session is None or session.turn is None:
                waits = session is not None and approvals_from_json(session.approval).find(click.value) is not None
                if not waits:
                    await self._take_buttons(click)
                return

    async def _take_buttons(self, click: Click) -> None:
        await rewrite(
            self._calls,
            self._bot,
            click.thread,
            click.ts,
            lambda blocks: without_buttons(blocks, click.value, GONE),
        )

    async def _picked(self, click: Click) -> None:
        await rewrite(
            self._calls,
            self._bot,
            click.thread,
            click.ts,
            lambda blocks: with_pick(blocks, click.value, click.speaker),
        )

    async def _ask_why(self, click: Click, trigger_id: str) -> None:
        try:
            await self._calls(
                self._bot.team_id,
                self._calls.client.views_open,
                patience=LITTLE_PATIENCE,
                trigger_id=trigger_id,
                view=deny_form(click),
            )
        except SlackTrouble as trouble:
            log.warning("form not opened", trouble=str(trouble))
            await self._tell(click, NO_FORM.format(id=click.value))

    async def _tell(self, click: Click, said: str) -> None:
        await self._replies.in_thread(click.thread, click.speaker.user_id, said)

    def _click(self, body: dict[str, Any]) -> Click:
        return click_in(body, self._bot, speaker_in(body))


def deny_form(click: Click) -> dict[str, Any]:
    """A modal with an optional reason. Sending it denies, closing it does nothing."""
    return {
        "type": "modal",
        "callback_id": DENY,
        "private_metadata": json.dumps([click.value, click.thread.channel_id, click.thread.thread_ts, click.ts]),
        "title": plain("Deny this change?"),
        "submit": plain("Deny"),
        "close": plain("Back"),
        "blocks": [
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "optional": True,
                "label": plain("Why?"),
                "hint": plain("Everybody in the thread can read it, and so can the model."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON_INPUT,
                    "focus_on_load": True,
                    "max_length": REASON_CHARACTERS,
                },
            }
        ],
    }
