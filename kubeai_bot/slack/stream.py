"""Slack's native streaming, one answer over as many streamed messages as it needs.

What Slack only tells by field reports is a named constant here (slack.md §2.3). Nothing in here repairs: whatever
breaks raises, and the caller writes the messages anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kubeai_bot.interfaces import Showing
from kubeai_bot.slack.blocks import MAX_CARDS, Block
from kubeai_bot.slack.calls import LITTLE_PATIENCE, FencedCalls, Refused
from kubeai_bot.slack.draft import Draft, Task
from kubeai_bot.slack.messages import AnswerMessages, Posted
from kubeai_bot.slack.pages import PAGE_BYTES, cut, opening_before, seam, size
from kubeai_bot.slack.safe_markdown import SafeMarkdown
from kubeai_bot.slack.thread import metadata

MAX_PAGES = 3
"""Messages' worth of text; more than that is cut short and goes into a file."""

TEXT_LIMIT = MAX_PAGES * PAGE_BYTES - 400
"""Bytes of safe Markdown that are streamed at most."""

_LEAST_TEXT = 400
"""Bytes of room below which no more text is put into a message."""

PROGRESS_EVERY = 5.0
"""Seconds between two updates of a card that only say how far it is: each counts for the message's size."""

_OUTCOME = 250
"""Bytes set aside for the outcome of a running card."""

_GOES_ON = "goes on below"

Chunk = dict[str, Any]


class StreamBroken(Exception):
    """The stream cannot go on; what it shows is to be written anew."""


@dataclass(slots=True)
class _Page:
    posted: Posted
    started: float
    text: str = ""
    size: int = 0
    title: str = ""
    cards: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class _Batch:
    """What goes into one call: chunks, and what of them is text and cards."""

    chunks: list[Chunk]
    text: str
    tasks: list[Task]
    title: str


class AnswerStream:
    """Brings streamed messages up to date with a draft. Not for use by two tasks at once."""

    def __init__(
        self,
        calls: FencedCalls,
        showing: Showing,
        messages: AnswerMessages,
        page_life: float = 240.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._showing = showing
        self._messages = messages
        self._page_life = page_life
        self._clock = clock
        self._safe = SafeMarkdown()
        self._taken = ""
        self._pending = ""
        self._opening = ""
        self._mid_line = False
        self._sent: dict[str, Task] = {}
        self._sent_at: dict[str, float] = {}
        self._text_bytes = 0
        self._page: _Page | None = None

    @property
    def opened(self) -> bool:
        return self._page is not None

    @property
    def size(self) -> int:
        """Bytes in the message at hand."""
        return self._page.size if self._page else 0

    @property
    def full(self) -> bool:
        """No more text is shown: the rest is for a file."""
        return self._text_bytes >= TEXT_LIMIT

    async def show(self, draft: Draft) -> None:
        """Append what is new. Text that contradicts what was shown already waits for the end.

        Raises SlackTrouble, StreamBroken, LeaseLost; after Limited it may be called again.
        """
        self._take(draft.text)
        await self._send(draft)

    async def finish(self, answer: str, draft: Draft, blocks: Sequence[Block], status: str = "active") -> bool:
        """Append the rest of `answer` and stop, with the session's `status` from now on; False where the messages have
        to be written anew. Raises as `show`."""
        if not self.opened or not self._take(answer):
            return False
        self._pending += self._safe.flush()
        await self._send(draft)
        if self._page is None:
            return False
        closing, _ = seam(self._page.text) if self._pending else ("", "")
        chunks: list[Chunk] = [{"type": "markdown_text", "text": closing}] if closing else []
        await self._stop(self._page, chunks, session_status=status, blocks=list(blocks) or None)
        return True

    def _take(self, text: str) -> bool:
        if not text.startswith(self._taken):
            return False
        self._pending += self._safe.feed(text[len(self._taken) :])
        self._taken = text
        return True

    async def _send(self, draft: Draft) -> None:
        """All that is new, over as many calls and messages as it takes."""
        while True:
            page = self._page
            if page is not None and self._is_worn(page, draft):
                await self._turn_over(page, draft)
                page = None
            batch = self._next(page, draft)
            if not batch.chunks:
                return
            if page is None:
                await self._open(batch)
            elif not await self._append(page, batch, draft):
                continue

    def _is_worn(self, page: _Page, draft: Draft) -> bool:
        """Too old, or too full for what is still to come."""
        if self._clock() - page.started >= self._page_life:
            return True
        new_cards = {task.id for task in draft.tasks.values() if self._is_news(task)} - page.cards
        has_news = bool(new_cards) or bool(self._pending and not self.full)
        return has_news and (PAGE_BYTES - page.size < _LEAST_TEXT or (bool(new_cards) and len(page.cards) >= MAX_CARDS))

    def _next(self, page: _Page | None, draft: Draft) -> _Batch:
        tasks, chunks = self._news(page, draft)
        if (draft.tasks or draft.noticed) and draft.title != (page.title if page else ""):
            chunks.insert(0, {"type": "plan_update", "title": draft.title})
        running = sum(task.status == "in_progress" for task in tasks)
        room = PAGE_BYTES - self._load(page) - sum(map(_size, chunks)) - running * _OUTCOME
        text = ""
        if self._pending and not self.full and room >= _LEAST_TEXT // 2:
            if self._mid_line:  # the end of the message was the end of the line
                self._pending, self._mid_line = self._pending.removeprefix("\n"), False
            self._opening = opening_before(self._pending, self._opening)
            text, _ = cut(self._pending, min(room - size(self._opening), TEXT_LIMIT - self._text_bytes))
            chunks.append({"type": "markdown_text", "text": self._opening + text})
        return _Batch(chunks, text, tasks, draft.title)

    def _news(self, page: _Page | None, draft: Draft) -> tuple[list[Task], list[Chunk]]:
        """Cards that changed, and as many new ones as there is room for."""
        cards = page.cards if page else set[str]()
        tasks: list[Task] = []
        chunks: list[Chunk] = []
        load, count = self._load(page), len(cards)
        for task in draft.tasks.values():
            if not self._is_news(task):
                continue
            chunk = _task_chunk(task, self._sent.get(task.id))
            if task.id not in cards:
                load, count = load + _size(chunk) + _OUTCOME, count + 1
                if tasks and (count > MAX_CARDS or load > PAGE_BYTES):
                    continue
            tasks.append(task)
            chunks.append(chunk)
        return tasks, chunks

    def _is_news(self, task: Task) -> bool:
        known = self._sent.get(task.id)
        if known is None or replace(known, progress=task.progress) != task:
            return True
        return known != task and self._clock() - self._sent_at.get(task.id, 0.0) >= PROGRESS_EVERY

    def _load(self, page: _Page | None) -> int:
        """Bytes of a message, with what the outcomes of its running cards will add."""
        if page is None:
            return 0
        return page.size + _OUTCOME * sum(self._sent[id_].status == "in_progress" for id_ in page.cards)

    async def _open(self, batch: _Batch) -> None:
        thread, speaker = self._showing.thread, self._showing.speaker
        recipient = {} if thread.is_dm else {"recipient_user_id": speaker.user_id, "recipient_team_id": speaker.team_id}

        async def start() -> str:
            answer = await self._calls(
                thread.team_id,
                self._calls.client.chat_startStream,
                patience=LITTLE_PATIENCE,
                channel=thread.channel_id,
                thread_ts=thread.thread_ts,
                chunks=batch.chunks,
                task_display_mode="plan",
                **recipient,
            )
            return str(answer["ts"])

        started = self._clock()
        posted = await self._messages.open(start, streaming=True)
        if posted.adopted:
            raise StreamBroken
        self._page = _Page(posted, started)
        self._sent_batch(self._page, batch)

    async def _append(self, page: _Page, batch: _Batch, draft: Draft) -> bool:
        """False where Slack found the message too long: the batch is for the next one."""
        thread = self._showing.thread
        try:
            await self._calls(
                thread.team_id,
                self._calls.client.chat_appendStream,
                patience=LITTLE_PATIENCE,
                channel=thread.channel_id,
                ts=page.posted.ts,
                chunks=batch.chunks,
            )
        except Refused as refused:
            if refused.code != "msg_too_long" or not page.size:
                raise
            await self._turn_over(page, draft)
            return False
        self._sent_batch(page, batch)
        return True

    def _sent_batch(self, page: _Page, batch: _Batch) -> None:
        page.size += sum(map(_size, batch.chunks))
        if batch.text:
            page.text += self._opening + batch.text
            self._opening = ""
        if any(chunk["type"] == "plan_update" for chunk in batch.chunks):
            page.title = batch.title
        page.cards |= {task.id for task in batch.tasks}
        self._sent |= {task.id: task for task in batch.tasks}
        self._sent_at |= dict.fromkeys((task.id for task in batch.tasks), self._clock())
        page.posted.tasks = {id_: self._sent[id_] for id_ in page.cards}
        self._pending = self._pending[len(batch.text) :]
        self._text_bytes += size(batch.text)

    async def _turn_over(self, page: _Page, draft: Draft) -> None:
        """End this message and go on in another one, where running cards appear again: some at once, all when done."""
        closing, opening = seam(page.text)
        running = [task for id_, task in self._sent.items() if id_ in page.cards and task.status == "in_progress"]
        chunks: list[Chunk] = [
            {"type": "task_update", "id": task.id, "title": task.title, "status": "complete", "output": _GOES_ON}
            for task in running
        ]
        if closing:
            chunks.append({"type": "markdown_text", "text": closing})
        await self._stop(page, chunks, session_status="processing", blocks=None)
        self._page = None
        self._opening, self._mid_line = opening, not page.text.endswith("\n")
        room = PAGE_BYTES // 3  # a message that only repeats the one before would go on for ever
        for task in running:
            room -= size(task.title) + _OUTCOME
            if room > 0 and task.id in draft.tasks:
                del self._sent[task.id]

    async def _stop(self, page: _Page, chunks: list[Chunk], *, session_status: str, blocks: list[Block] | None) -> None:
        thread = self._showing.thread
        await self._calls(
            thread.team_id,
            self._calls.client.chat_stopStream,
            channel=thread.channel_id,
            ts=page.posted.ts,
            chunks=chunks or None,
            blocks=blocks,
            metadata=metadata(self._showing.turn_id),
            session_status=session_status,
        )
        page.posted.streaming = False


def _task_chunk(task: Task, known: Task | None) -> Chunk:
    """Title and status replace what the card shows; `output` is added to it, so it is sent once."""
    chunk: Chunk = {"type": "task_update", "id": task.id, "title": task.live_title, "status": task.status}
    if task.output and not (known is not None and known.output):
        chunk["output"] = task.output
    return chunk


def _size(chunk: Mapping[str, Any]) -> int:
    return sum(size(str(chunk[key])) for key in ("text", "title", "output") if key in chunk)
