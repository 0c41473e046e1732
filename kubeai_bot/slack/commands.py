"""The slash command: a question, or one of the words that are answered to the person alone."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.errors import KubeAIError, UserError
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.person import describe_person, state_of, stored_text
from kubeai_bot.slack.questions import Question, Questions, key_of, speaker_in
from kubeai_bot.slack.replies import Replies, ephemeral
from kubeai_bot.slack.safe_markdown import plain_line
from kubeai_bot.slack.surfaces import Surfaces
from kubeai_bot.slack.wording import kind_of, plain_text, words_of

log = structlog.get_logger(__name__)

IN_A_THREAD = "That word is for a thread: say it there."
RECENT = 5


class SlashCommand:
    """Listener of the app's slash command, whatever name the manifest gives it."""

    def __init__(
        self, bot: Bot, surfaces: Surfaces, questions: Questions, replies: Replies, background: Background
    ) -> None:
        self._bot = bot
        self._surfaces = surfaces
        self._questions = questions
        self._replies = replies
        self._background = background

    async def asked(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """`body`: https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling."""
        text = plain_text(str(body.get("text") or ""), self._bot.user_id)
        speaker = speaker_in(body)
        kind = "whoami" if words_of(text) == "whoami" else kind_of(text)
        match kind:
            case "message":
                await self._ask(ack, body, speaker, text)
            case "help":
                await ack(**ephemeral(self._surfaces.about.help))
            case "stop" | "clear" | "forget" | "tools" | "grants" | "decision":
                await ack(**ephemeral(IN_A_THREAD))
            case _:
                answers = {
                    "whoami": self.whoami,
                    "status": self.status,
                    "stored": self.stored,
                    "clusters": self.clusters,
                }
                await ack()
                self._background.start(self._reply(str(body.get("response_url") or ""), answers[kind](speaker)))

    async def _ask(self, ack: AsyncAck, body: dict[str, Any], speaker: Speaker, text: str) -> None:
        channel = str(body.get("channel_id") or "")
        try:
            await self._questions.ask(Question(key_of(body), speaker, text, shown=text, channel=channel))
        except UserError as error:
            await ack(**ephemeral(f"{error.reply}\n\nYou asked: {plain_line(text, 500)}"))
        else:
            await ack()

    async def _reply(self, response_url: str, answer: Awaitable[str]) -> None:
        try:
            text = await answer
        except UserError as error:
            text = error.reply
        except KubeAIError as error:
            log.warning("slash command not answered", error=f"{type(error).__name__}: {error}")
            text = "I cannot look that up at the moment. Try again in a minute."
        await self._replies.by_url(response_url, text)

    async def whoami(self, speaker: Speaker) -> str:
        """Raises UserError where the person is refused."""
        return describe_person(await self._surfaces.resolve(speaker))

    async def status(self, speaker: Speaker) -> str:
        """What the bot is connected to, and what the person's own conversations do."""
        await self._surfaces.resolve(speaker)
        about = self._surfaces.about
        page = await self._surfaces.list(RECENT, None, speaker.user_id)
        own = [f"- {plain_line(session.name, 60)}: {state_of(session)}" for session in page.sessions]
        head = (
            f"{about.name} is at work. Clusters: {', '.join(f'`{name}`' for name in about.clusters)}. {about.changes}"
        )
        return "\n".join([head, "", *(["Your last conversations:", *own] if own else ["You have asked nothing yet."])])

    async def clusters(self, speaker: Speaker) -> str:
        """Raises UserError where the person is refused."""
        await self._surfaces.resolve(speaker)
        return f"Clusters: {', '.join(f'`{name}`' for name in self._surfaces.about.clusters) or 'none'}."

    async def stored(self, speaker: Speaker) -> str:
        """Also for people who are refused: it is about them."""
        return stored_text(await self._surfaces.about_person(speaker.user_id), self._surfaces.about.keeping)
