"""One turn in Slack: what it says becomes one live answer, whatever Slack does meanwhile.

The ladder: a native stream; if that breaks or is not to be had, one posted message that is edited; if Slack limits
that too, only the final answer. The final answer is always written so that it may be written again: by this runner
after a failure, by a successor after a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import structlog

from kubeai_bot.domain.event import TurnEnded, TurnEvent
from kubeai_bot.slack.approval_cards import typed_words
from kubeai_bot.slack.blocks import Block, Content, content, note_blocks
from kubeai_bot.slack.calls import Limited, Refused, SlackTrouble, Unanswered
from kubeai_bot.slack.draft import Draft
from kubeai_bot.slack.messages import AnswerMessages
from kubeai_bot.slack.pages import pages_of, size
from kubeai_bot.slack.safe_markdown import naming_people, safe_markdown
from kubeai_bot.slack.status import NOT_OFFERED, Offered, StatusLine
from kubeai_bot.slack.stream import MAX_PAGES, TEXT_LIMIT, AnswerStream, StreamBroken
from kubeai_bot.slack.timing import Timing
from kubeai_bot.slack.whole_answer import IN_FILE, NO_FILE, WholeAnswer

log = structlog.get_logger(__name__)

LIMITED_TOO_OFTEN = 3
"""Rate-limited live calls in a row after which only the final answer is shown."""

MOST_PAGES = 12
"""Messages of one answer when it cannot be shared as a file."""


class _Live(Enum):
    STREAM = "stream"
    EDIT = "edit"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class ViewParts:
    """What one view works with. `closing`: the blocks that belong below an answer; `settle`: shows on the cards of
    earlier answers what this turn decided; `shown`: told once the whole answer stands."""

    messages: AnswerMessages
    stream: AnswerStream
    status: StatusLine
    whole: WholeAnswer
    offered: Offered
    closing: Callable[[TurnEnded], Sequence[Block]]
    settle: Callable[[TurnEnded], Awaitable[None]]
    shown: Callable[[TurnEnded], None]


class TurnView:
    """The Emit of one turn. Calls are quick until the last: drawing happens beside the turn, at Slack's pace."""

    def __init__(self, parts: ViewParts, team: str, timing: Timing) -> None:
        self._parts = parts
        self._team = team
        self._timing = timing
        self._draft = Draft()
        self._live = _Live.STREAM if parts.offered.has(team, "streams") else _Live.EDIT
        self._limited = 0
        self._wait = 0.0
        self._started = timing.clock()
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._drawing: asyncio.Task[None] | None = None
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, event: TurnEvent) -> None:
        """Never raises for Slack trouble. Raises StoreError (LeaseLost among it) where the record of the answer could
        not be kept: nothing is posted after that."""
        if self._parts.messages.final:
            return
        if self._drawing is None:
            self._working = asyncio.create_task(self._parts.status.working())
            self._drawing = asyncio.create_task(self._draw())
        if self._drawing.done():
            self._drawing.result()
        self._draft.apply(event)
        self._changed.set()
        if isinstance(event, TurnEnded):
            await self._end(event)

    def abandon(self) -> None:
        """The turn is no longer ours: draw nothing more."""
        for task in (self._drawing, self._working):
            if task is not None and not task.cancel() and not task.cancelled():
                task.exception()  # it is known, and nobody is left to be told

    async def _draw(self) -> None:
        """Keeps Slack up to date until the turn ends. Raises StoreError."""
        await self._take_over()
        await self._pause(self._timing.opening)
        while not self._ended.is_set():
            if self._live is not _Live.QUIET:
                await self._show()
            await self._pause(self._interval())
            await self._something_new()

    async def _something_new(self) -> None:
        """Returns at a change, at the end of the turn, and now and then, so that an old stream is turned over."""
        waits = [asyncio.create_task(event.wait()) for event in (self._changed, self._ended)]
        try:
            await asyncio.wait(waits, timeout=self._timing.look_again, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            return

    def _interval(self) -> float:
        """Seconds to the next live call: longer as a stream grows, and as long as Slack asks for."""
        wait, self._wait = self._wait, 0.0
        if self._live is _Live.STREAM:
            return max(wait, self._timing.append * (1 + self._parts.stream.size / 9_000))
        return max(wait, self._timing.edit)

    async def _take_over(self) -> None:
        """See what an earlier runner of this turn has posted; its messages are left alone until the end."""
        messages = self._parts.messages
        if not messages.inherited:
            return
        try:
            self._draft.adopt(await messages.take_over())
        except SlackTrouble as trouble:
            log.warning("cannot see yet what was posted before", trouble=str(trouble))
            self._live = _Live.QUIET
        if messages.posted:
            self._live = _Live.QUIET

    async def _show(self) -> None:
        """One live step, and one step down the ladder where it fails."""
        self._changed.clear()
        try:
            if self._live is _Live.STREAM:
                await self._parts.stream.show(self._draft)
            elif self._draft.text or self._draft.tasks or self._draft.noticed:
                await self._parts.messages.become(self._contents(self._draft.text)[:MAX_PAGES])
            self._limited = 0
        except StreamBroken:
            self._live = _Live.EDIT
        except Limited as limited:
            self._step_down_limited(limited)
        except (Refused, Unanswered) as trouble:
            self._step_down(trouble)

    def _step_down_limited(self, limited: Limited) -> None:
        self._changed.set()
        self._limited += 1
        self._wait = min(limited.retry_after or 1.0, 30.0)
        if self._limited >= LIMITED_TOO_OFTEN:
            log.warning("Slack limits this answer too often, only its end will be shown")
            self._live = _Live.QUIET
        elif self._live is _Live.STREAM and not self._parts.stream.opened:
            self._live = _Live.EDIT

    def _step_down(self, trouble: SlackTrouble) -> None:
        stopped, code = _stopped_by_user(trouble), trouble.code if isinstance(trouble, Refused) else ""
        tell = log.info if stopped else log.warning
        tell("live answer degraded", live=self._live.value, trouble=str(trouble))
        if code in NOT_OFFERED and self._live is _Live.STREAM:
            self._parts.offered.lacks(self._team, "streams")
        self._live = _Live.EDIT if self._live is _Live.STREAM and not stopped else _Live.QUIET
        self._changed.set()

    async def _end(self, ended: TurnEnded) -> None:
        self._ended.set()
        if self._drawing is not None:
            await self._drawing
        self._draft.close(ended.outcome, self._timing.clock() - self._started)
        deadline = self._timing.clock() + self._timing.give_up
        wait = self._timing.retry
        while True:
            try:
                await self._finish(ended)
            except SlackTrouble as trouble:
                wait = max(wait, min(trouble.retry_after or 0.0, 30.0))
                if isinstance(trouble, Refused) or self._timing.clock() + wait > deadline:
                    log.error("the answer could not be shown", trouble=str(trouble))  # noqa: TRY400 - no body in logs
                    return
                await asyncio.sleep(wait)
                wait *= 2
            else:
                self._parts.shown(ended)
                return

    async def _finish(self, ended: TurnEnded) -> None:
        """Show the whole answer and put that on record. Raises SlackTrouble, and may be called again; StoreError."""
        if self._working is not None:
            await asyncio.wait({self._working}, timeout=2.0)
        if not await self._finish_stream(ended):
            await self._write_whole(ended)
        if ended.settled:  # before the answer counts as shown: a successor that draws it anew does this again
            await self._parts.settle(ended)
        await self._parts.messages.finished()

    async def _finish_stream(self, ended: TurnEnded) -> bool:
        stream = self._parts.stream
        if self._live is not _Live.STREAM:
            return False
        notes = list(ended.notes)
        try:
            if self._is_long(ended.answer):
                notes.append(IN_FILE if await self._parts.whole.share(ended.answer) else NO_FILE)
            blocks = [*note_blocks(notes), *self._parts.closing(ended)]
            finished = await stream.finish(ended.answer.strip(), self._draft, blocks, _status_after(ended))
        except Limited:
            raise
        except (StreamBroken, Refused, Unanswered) as trouble:
            tell = log.info if _stopped_by_user(trouble) else log.warning
            tell("the stream could not be finished, the answer is written anew", trouble=str(trouble))
            finished = False
        self._live = self._live if finished else _Live.EDIT
        return finished

    async def _write_whole(self, ended: TurnEnded) -> None:
        """Messages that show the whole answer, written or written over; a very long one goes into a file."""
        own_words = ended.outcome == "said"
        contents = self._contents(ended.answer, ended.notes, own_words=own_words)
        if len(contents) > MAX_PAGES:
            if await self._parts.whole.share(ended.answer):
                contents = self._contents(ended.answer, (*ended.notes, IN_FILE), most=1)
            else:
                contents = self._contents(ended.answer, (*ended.notes, NO_FILE), most=MOST_PAGES)
        last = contents[-1]
        unclicked = "\n\n".join((last.markdown, *typed_words(ended.approvals)))
        contents[-1] = replace(last, blocks=(*last.blocks, *self._parts.closing(ended)), markdown=unclicked)
        await self._parts.messages.become(contents, last=True)
        await self._parts.status.idle(_status_after(ended))

    def _is_long(self, answer: str) -> bool:
        return self._parts.stream.opened and size(safe_markdown(answer)) > TEXT_LIMIT

    def _contents(
        self, answer: str, notes: Sequence[str] = (), most: int = 1000, *, own_words: bool = False
    ) -> list[Content]:
        """The messages of an answer: cards above the first, notes below the last. `own_words`: what the program itself
        says may name single people."""
        safe = safe_markdown(answer.strip())
        pages = pages_of(naming_people(safe) if own_words else safe)[:most]
        texts = [page.text for page in pages] or [""]
        last = len(texts) - 1
        return [
            content(text, self._draft if index == 0 else None, notes if index == last else ())
            for index, text in enumerate(texts)
        ]


def _stopped_by_user(trouble: Exception) -> bool:
    """Slack's word for a stream that somebody ended with the Stop button: as it should be."""
    return isinstance(trouble, Refused) and trouble.code == "stopped_by_user"


def _status_after(ended: TurnEnded) -> str:
    """Of the thread's agent session (https://docs.slack.dev/reference/methods/agents.sessions.setStatus)."""
    return "suspended" if ended.approvals else "active"
