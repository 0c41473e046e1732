"""The Slack messages of one answer: put on record before and after they are posted, and brought to what they should
show. Everything here may be repeated after a failure, by this runner or by its successor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from kubeai_bot.domain.session import AnswerRef
from kubeai_bot.interfaces import Showing
from kubeai_bot.slack.blocks import Content
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PATIENCE, FencedCalls, Refused, Unanswered
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.draft import INTERRUPTED, Task
from kubeai_bot.slack.thread import OwnMessage, metadata, own_messages

log = structlog.get_logger(__name__)

_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_many", "msg_blocks_too_long", "msg_too_long"}
)
STREAM_OVER = frozenset({"message_not_in_streaming_state", "stopped_by_user"})
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


@dataclass(slots=True)
class Posted:
    """One message. `shown` is what it is known to show; `streaming` that it may be an open stream; `adopted` that a
    post whose response was lost has turned up."""

    ts: str
    shown: Content | None = None
    streaming: bool = False
    adopted: bool = False
    tasks: Mapping[str, Task] = field(default_factory=dict[str, Task])


class AnswerMessages:
    """All messages of one answer, in order."""

    def __init__(self, calls: FencedCalls, bot: Bot, showing: Showing) -> None:
        answer = showing.answer if showing.answer and showing.answer.turn_id == showing.turn_id else None
        self.posted = [Posted(ts, streaming=True) for ts in answer.posted] if answer else []
        self.final = answer is not None and answer.final
        self.inherited = answer is not None and (answer.opening or bool(answer.posted))
        self._opening = answer is not None and answer.opening
        self._unsure = self._opening
        self._patience = PATIENCE
        self._calls = calls
        self._bot = bot
        self._showing = showing

    async def open(self, post: Callable[[], Awaitable[str]], *, streaming: bool = False) -> Posted:
        """Post a message by `post`, which returns its ts, on record before and after.

        Where an earlier post may have gone through unnoticed, the thread is looked at first, and what is found there is
        taken for it (`adopted`). Raises SlackTrouble, LeaseLost.
        """
        if self._unsure and await self._resolve():
            return self.posted[-1]
        if not self._opening:
            await self._record(opening=True)
        try:
            ts = await post()
        except Unanswered:
            self._unsure = True
            raise
        return await self._posted(Posted(ts, streaming=streaming))

    async def take_over(self) -> dict[str, Task]:
        """Find what an earlier runner has posted; the cards it shows. Raises SlackTrouble, LeaseLost."""
        own = await own_messages(self._calls, self._bot, self._showing)
        if self._unsure:
            await self._resolve(own)
        tasks: dict[str, Task] = {}
        by_ts = {message.ts: message for message in own or []}
        for posted in self.posted:
            posted.tasks = by_ts[posted.ts].tasks if posted.ts in by_ts else {}
            tasks |= posted.tasks
        return tasks

    async def become(self, pages: Sequence[Content], *, last: bool = False) -> None:
        """Make the messages show `pages`, changing only what differs; with `last`, delete what is left over.

        Raises SlackTrouble, LeaseLost.
        """
        self._patience = PATIENCE if last else LITTLE_PATIENCE
        if last and self._unsure:
            await self._resolve()
        index = 0
        while index < len(pages):
            if index == len(self.posted):
                await self._post(pages[index])
            elif self.posted[index].shown != pages[index]:
                await self._update(self.posted[index], pages[index])
            else:
                index += 1
        for posted in self.posted[len(pages) :] if last else ():
            await self._delete(posted)

    async def finished(self) -> None:
        """The whole answer is shown. Raises LeaseLost."""
        await self._record(opening=False, final=True)
        self.final = True

    async def has_file(self, name: str) -> bool:
        """Whether a file of that name was shared in the thread since the question."""
        own = await own_messages(self._calls, self._bot, self._showing)
        return any(name in message.files for message in own or [])

    async def _post(self, page: Content) -> None:
        posted = await self.open(lambda: self._send(page))
        posted.shown = None if posted.adopted else page

    async def _send(self, page: Content) -> str:
        client, thread = self._calls.client, self._showing.thread
        place = {
            "channel": thread.channel_id,
            "thread_ts": thread.thread_ts,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        answer = await self._with_blocks_or_plain(client.chat_postMessage, page, place)
        return str(answer["ts"])

    async def _update(self, posted: Posted, page: Content) -> None:
        if posted.streaming:
            await self.end_stream(posted)
        place = {"channel": self._showing.thread.channel_id, "ts": posted.ts}
        try:
            await self._with_blocks_or_plain(self._calls.client.chat_update, page, place)
        except Refused as refused:
            if refused.code == "streaming_state_conflict":
                await self.end_stream(posted)
                await self._with_blocks_or_plain(self._calls.client.chat_update, page, place)
            elif refused.code in _GONE:
                log.info("a message of the answer is gone, it is posted again", code=refused.code)
                self.posted.remove(posted)
            else:
                raise
        posted.shown = page

    async def _with_blocks_or_plain(
        self, method: Callable[..., Awaitable[Any]], page: Content, place: Mapping[str, Any]
    ) -> dict[str, Any]:
        team, carried = self._showing.thread.team_id, metadata(self._showing.turn_id)
        try:
            blocks = list(page.blocks)
            return await self._calls(
                team, method, patience=self._patience, text=page.text, blocks=blocks, metadata=carried, **place
            )
        except Refused as refused:
            if refused.code not in _BLOCKS_REFUSED:
                raise
            log.warning("Slack refused the blocks of an answer, it is sent without", code=refused.code)
            return await self._calls(
                team, method, patience=self._patience, markdown_text=page.markdown, metadata=carried, **place
            )

    async def end_stream(self, posted: Posted) -> None:
        """End a stream that is not to go on, whoever opened it, with none of its cards left running."""
        chunks = [
            {"type": "task_update", "id": task.id, "title": task.title, "status": "error", "output": INTERRUPTED}
            for task in posted.tasks.values()
            if task.status == "in_progress"
        ]
        thread = self._showing.thread
        for content in (chunks, None) if chunks else (None,):
            try:
                await self._calls(
                    thread.team_id,
                    self._calls.client.chat_stopStream,
                    channel=thread.channel_id,
                    ts=posted.ts,
                    chunks=content,
                    metadata=metadata(self._showing.turn_id),
                    session_status="processing",
                )
            except Refused as refused:
                if content is None or refused.code in STREAM_OVER:
                    break
            else:
                break
        posted.streaming = False

    async def _delete(self, posted: Posted) -> None:
        thread = self._showing.thread
        if posted.streaming:
            await self.end_stream(posted)
        try:
            await self._calls(thread.team_id, self._calls.client.chat_delete, channel=thread.channel_id, ts=posted.ts)
        except Refused as refused:
            log.info("a message that is no longer needed stays", code=refused.code)
        self.posted.remove(posted)

    def _orphan(self, own: Sequence[OwnMessage]) -> OwnMessage | None:
        """The message that was posted but is not on record: ours, of no other turn, and not a shared file."""
        known = {posted.ts for posted in self.posted}
        for message in own:
            if message.ts not in known and message.turn_id in (None, self._showing.turn_id) and not message.files:
                return message
        return None

    async def _resolve(self, own: Sequence[OwnMessage] | None = None) -> bool:
        """Settle whether the last post went through: whether a message was found and adopted."""
        if own is None:
            own = await own_messages(self._calls, self._bot, self._showing)
        orphan = self._orphan(own or [])
        self._unsure = False
        if orphan is not None:
            await self._posted(Posted(orphan.ts, streaming=True, adopted=True, tasks=orphan.tasks))
        return orphan is not None

    async def _posted(self, posted: Posted) -> Posted:
        self.posted.append(posted)
        await self._record(opening=False)
        return posted

    async def _record(self, *, opening: bool, final: bool = False) -> None:
        posted = tuple(message.ts for message in self.posted)
        await self._showing.record(AnswerRef(self._showing.turn_id, opening, posted, final))
        self._opening = opening
