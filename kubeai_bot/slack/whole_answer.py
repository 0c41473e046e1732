"""An answer too long for messages, shared in the thread as a Markdown file, once."""

from __future__ import annotations

import asyncio

import structlog

from kubeai_bot.interfaces import Showing
from kubeai_bot.slack.calls import FencedCalls, Refused, Unanswered
from kubeai_bot.slack.messages import AnswerMessages

log = structlog.get_logger(__name__)

IN_FILE = "The whole answer is in the file in this thread."
NO_FILE = "The answer is longer than what fits here, and Slack did not take it as a file."

UPLOAD_SECONDS = 60.0


class WholeAnswer:
    """The file of one answer. Its name holds the turn's id: that is how a second upload is avoided."""

    def __init__(self, calls: FencedCalls, showing: Showing, messages: AnswerMessages) -> None:
        self._calls = calls
        self._showing = showing
        self._messages = messages
        self._shared = False
        self._tried = messages.inherited

    async def share(self, markdown: str) -> bool:
        """Whether the file is in the thread now; False where Slack refuses files. Raises Limited, Unanswered."""
        name = f"answer-{self._showing.turn_id}.md"
        if not self._shared and self._tried:
            self._shared = await self._messages.has_file(name)
        if not self._shared:
            self._tried = True
            self._shared = await self._upload(name, markdown.encode(errors="replace"))
        return self._shared

    async def _upload(self, name: str, text: bytes) -> bool:
        thread = self._showing.thread
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await self._calls(
                    thread.team_id,
                    self._calls.client.files_upload_v2,
                    filename=name,
                    title="The whole answer",
                    content=text,
                    snippet_type="markdown",
                    channel=thread.channel_id,
                    thread_ts=thread.thread_ts,
                )
        except Refused as refused:
            log.warning("Slack refused a file", code=refused.code)
            return False
        except TimeoutError as error:
            raise Unanswered(f"files_upload_v2: no end within {UPLOAD_SECONDS:g} s") from error
        return True
