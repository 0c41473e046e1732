"""Buttons of the Home tab: ask an example, forget a conversation, see what is stored."""

from __future__ import annotations

from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.errors import KubeAIError, UserError
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PacedCalls, SlackTrouble
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.home import Home
from kubeai_bot.slack.home_view import stored_view
from kubeai_bot.slack.person import stored_text
from kubeai_bot.slack.prompts import PROMPTS
from kubeai_bot.slack.questions import Question, Questions, key_of, speaker_in
from kubeai_bot.slack.surfaces import Surfaces

log = structlog.get_logger(__name__)

ASKED = "Asked: the answer comes in your messages with me."
FORGOTTEN = "Forgotten."
NOT_YOURS = "There is no such conversation of yours, or it was forgotten already."
AT_WORK = "I am at work in that conversation. Stop me there first, then I can forget it."
STORE_AWAY = "I could not do that: my session store does not answer. Try again in a minute."
STORED_UNKNOWN = "I cannot look that up at the moment. Try again in a minute."


class HomeClicks:
    """Listeners. What came of a click is told at the top of the tab."""

    def __init__(
        self, calls: PacedCalls, bot: Bot, surfaces: Surfaces, questions: Questions, background: Background
    ) -> None:
        self._calls = calls
        self._bot = bot
        self._surfaces = surfaces
        self._questions = questions
        self._background = background
        self.home = Home(calls, bot, surfaces, questions.now)

    async def ask_prompt(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        number = _value(body)
        speaker, notice = speaker_in(body), ASKED
        if number.isdecimal() and int(number) < len(PROMPTS):
            text = PROMPTS[int(number)][1]
            try:
                await self._questions.ask(Question(key_of(body), speaker, text, shown=text))
            except UserError as error:
                notice = error.reply
            self._background.start(self.home.show(speaker, body.get("view") or {}, notice))
        await ack()

    async def forget(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Whose conversation it is, is looked up now: a button proves nothing."""
        speaker = speaker_in(body)
        try:
            notice = await self._forget(speaker, _value(body))
        except KubeAIError as error:
            log.warning("session not forgotten", error=f"{type(error).__name__}: {error}")
            notice = STORE_AWAY
        await ack()
        self._background.start(self.home.show(speaker, body.get("view") or {}, notice))

    async def stored(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._background.start(self._show_stored(speaker_in(body), str(body.get("trigger_id") or "")))

    async def _forget(self, speaker: Speaker, place: str) -> str:
        session_id, channel, ts = (*place.split(" "), "", "", "")[:3]
        session = await self._surfaces.find(ThreadRef(self._bot.team_id, channel, ts))
        if session is None or session.id != session_id or session.slack_user_id != speaker.user_id:
            return NOT_YOURS
        if session.turn is not None or not await self._surfaces.forget(session.id):
            return AT_WORK
        log.info("session forgotten", session=session.id, user=speaker.user_id)
        return FORGOTTEN

    async def _show_stored(self, speaker: Speaker, trigger_id: str) -> None:
        try:
            stored = await self._surfaces.about_person(speaker.user_id)
            text = stored_text(stored, self._surfaces.about.keeping)
        except KubeAIError as error:
            log.warning("stored data not counted", error=f"{type(error).__name__}: {error}")
            text = STORED_UNKNOWN
        try:
            await self._calls(
                self._bot.team_id,
                self._calls.client.views_open,
                patience=LITTLE_PATIENCE,
                trigger_id=trigger_id,
                view=stored_view(text),
            )
        except SlackTrouble as trouble:
            log.warning("modal not opened", trouble=str(trouble))


def _value(body: dict[str, Any]) -> str:
    actions: list[dict[str, Any]] = body.get("actions") or [{}]
    return str(actions[0].get("value") or "")
