"""Where turns are shown: one Slack thread each."""

from __future__ import annotations

import asyncio

from kubeai_bot.domain.event import TurnEnded
from kubeai_bot.interfaces import Emit, Showing
from kubeai_bot.slack.calls import FencedCalls, PacedCalls
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.closing import closing_blocks
from kubeai_bot.slack.expiry import ExpiringCards, Find
from kubeai_bot.slack.messages import AnswerMessages
from kubeai_bot.slack.rewriting import settle
from kubeai_bot.slack.status import Offered, StatusLine
from kubeai_bot.slack.stream import AnswerStream
from kubeai_bot.slack.timing import Timing
from kubeai_bot.slack.turn_view import TurnView, ViewParts
from kubeai_bot.slack.whole_answer import WholeAnswer


class SlackStage:
    """The Stage of the seams, on one workspace installation."""

    def __init__(self, calls: PacedCalls, bot: Bot, timing: Timing | None = None, find: Find | None = None) -> None:
        """`find` as `SessionStore.find`: without it, cards of approvals that expire stand until somebody clicks."""
        self._calls = calls
        self._bot = bot
        self._timing = timing or Timing()
        self._expiring = ExpiringCards(calls, bot, find, self._timing.after_expiry) if find else None
        self._offered = Offered()
        self._background: set[asyncio.Task[None]] = set()

    def open(self, showing: Showing) -> Emit:
        """An Emit that lives no longer than the task that opens it: a runner that lost its lease ends that task, and
        with it everything that would still be drawn."""
        calls = FencedCalls(self._calls, showing.until)
        messages = AnswerMessages(calls, self._bot, showing)
        parts = ViewParts(
            messages,
            AnswerStream(calls, showing, messages, self._timing.page_life, self._timing.clock),
            StatusLine(calls, self._offered, showing, self._background),
            WholeAnswer(calls, showing, messages),
            self._offered,
            lambda ended: closing_blocks(ended, showing.turn_id),
            lambda ended: settle(calls, self._bot, showing.thread, ended.settled, showing.asked_ts),
            lambda ended: self._shown(showing, ended),
        )
        view = TurnView(parts, showing.thread.team_id, self._timing)
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(lambda _: view.abandon())
        return view

    def close(self) -> None:
        """Watch no cards any more: the client is about to go."""
        if self._expiring is not None:
            self._expiring.cancel()

    def _shown(self, showing: Showing, ended: TurnEnded) -> None:
        if self._expiring is not None:
            self._expiring.watch(showing.thread, ended.approvals, showing.asked_ts)
