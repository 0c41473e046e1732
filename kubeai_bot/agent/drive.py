"""One hold on one session: its turns, one after the other, for as long as there is work and the lease is held."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from kubeai_bot.agent.boundary import Crashed, contain
from kubeai_bot.agent.closing import early_end
from kubeai_bot.agent.failures import failure_from
from kubeai_bot.agent.journal import Journal
from kubeai_bot.agent.loop import Turn
from kubeai_bot.agent.opening import TurnOpener
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.words import FORGET
from kubeai_bot.domain.event import Notice, TurnEnded, TurnStarted
from kubeai_bot.domain.identity import Identity, Speaker
from kubeai_bot.domain.message import Failure, Source, Text
from kubeai_bot.domain.session import AgentState, TurnRef
from kubeai_bot.domain.storage import KEEP, SessionChange
from kubeai_bot.domain.turn import messages_of, next_step
from kubeai_bot.errors import KubeAIError, LeaseLost, SequenceConflict, SessionNotFound, StoreError, UserError
from kubeai_bot.interfaces import Emit, Hook, Showing, Stage, TurnContext

log = structlog.get_logger(__name__)

SHOW_FOR = timedelta(minutes=15)
"""How long an answer that Slack does not take is offered again before it is given up."""

LAST_NOTICE = 5.0
"""Seconds for telling the thread that the store is away."""

STORE_AWAY = "My session store does not answer, so I stop here. I go on as soon as it is back."

RIGHTS_CHANGED = (
    "Your Kubernetes permissions changed while I was at work, so I stopped. Ask again to go on with the new ones."
)


@dataclass(slots=True)
class _Said:
    """Where the turn that runs is shown, to say that it stops."""

    emit: Emit | None = None

    async def store_is_away(self, error: StoreError) -> None:
        """Say so once; not where another runner goes on anyway."""
        emit, self.emit = self.emit, None
        if emit is None or isinstance(error, LeaseLost | SequenceConflict | SessionNotFound):
            return
        with suppress(Crashed, TimeoutError):
            async with asyncio.timeout(LAST_NOTICE):
                await contain(emit(Notice(STORE_AWAY)), "notice")


@dataclass(frozen=True, slots=True)
class Drive:
    """What is the same for every session that this replica works on."""

    stage: Stage
    opener: TurnOpener
    parts: TurnParts
    rules: TurnRules
    hooks: tuple[Hook, ...]
    inbox_poll: float
    draining: asyncio.Event
    """Set when this replica shuts down: turns that run may end, none is opened."""

    async def run(self, journal: Journal) -> None:
        """Work until nothing is left to do. Raises StoreError (LeaseLost among it): another runner goes on."""
        said = _Said()
        keep = asyncio.create_task(journal.keep())
        watch = asyncio.create_task(self._watch(journal))
        work = asyncio.create_task(self._turns(journal, said))
        try:
            await asyncio.wait({keep, watch, work}, return_when=asyncio.FIRST_COMPLETED)
            for task in (keep, watch, work):
                if task.done():
                    task.result()  # a lost lease or store ends the work at once
        except StoreError as error:
            await said.store_is_away(error)
            raise
        finally:
            for task in (work, keep, watch):
                task.cancel()
            await asyncio.gather(keep, watch, work, return_exceptions=True)

    async def _watch(self, journal: Journal) -> None:
        """Notice what arrives while a turn runs: told by a wake-up, or found by looking."""
        while True:
            with suppress(TimeoutError):
                # Not wait_for: on Python 3.11 it loses a cancellation that comes together with the nudge.
                async with asyncio.timeout(self.inbox_poll):
                    await journal.nudged.wait()
            try:
                await journal.refresh()
            except (LeaseLost, SessionNotFound):
                raise
            except StoreError as error:
                log.warning("inbox not read", error=str(error))

    async def _turns(self, journal: Journal, said: _Said) -> None:
        while True:
            opened = False
            if journal.session.turn is None:
                if not journal.inbox:
                    await journal.refresh()
                if not journal.inbox or self.draining.is_set():
                    return
                await self.opener.open(journal, journal.inbox[0])
                opened = True
            turn = journal.session.turn
            if turn is None:
                continue
            user = turn.identity.speaker.user_id if turn.identity else None
            with bound_contextvars(session=journal.session.id, turn=turn.turn_id, user=user):
                if not await self._turn(journal, turn, said, opened=opened):
                    return

    async def _turn(self, journal: Journal, turn: TurnRef, said: _Said, *, opened: bool) -> bool:
        """Run one turn and show it; False when Slack did not take the answer and it is to be offered again later."""
        session = journal.session
        ours = session.answer if session.answer and session.answer.turn_id == turn.turn_id else None
        speaker = self._speaker(journal, turn)
        emit = self.stage.open(
            Showing(
                session.thread,
                speaker,
                turn.turn_id,
                turn.asked_ts,
                journal.record_answer,
                ours,
                journal.may_show_until,
            )
        )
        said.emit = emit
        await emit(TurnStarted(turn.turn_id))
        try:
            ended = await self._end_of(journal, turn, emit, opened=opened)
        except StoreError as error:
            await said.store_is_away(error)
            raise
        said.emit = None
        with suppress(Crashed):  # then it is offered again, below
            await contain(emit(ended), "answer")
        answer = journal.session.answer
        if answer is None or not answer.final:
            last = messages_of(journal.history, turn.turn_id)[-1]
            if self.rules.now() - last.at < SHOW_FOR:
                log.warning("answer not shown yet, it will be offered again")
                return False
            log.error("answer given up: Slack did not take it")
        log.info("turn ended", outcome=ended.outcome)
        return await self._close(journal, turn, ended)

    async def _close(self, journal: Journal, turn: TurnRef, ended: TurnEnded) -> bool:
        """The last record of a turn; False where nothing is left to do, or the session is gone because somebody had it
        forgotten."""
        session = journal.session
        turn_messages = messages_of(journal.history, turn.turn_id)
        forgets = FORGET in session.metadata or any(FORGET in message.metadata for message in turn_messages)
        if forgets and await self._forget(journal, turn):
            return False
        status = self.parts.mcp_status()
        mcp = KEEP if status == session.mcp_status else status
        change = SessionChange(agent_state=_state_after(ended), turn=None, mcp_status=mcp)
        if forgets:  # something unread waits: it is answered first, without what is to be forgotten
            change = replace(
                change, metadata={**session.metadata, FORGET: True}, start_seq=session.last_seq + 1, approval={}
            )
        return not await journal.close(f"{turn.turn_id}:closed", _stops(journal), change)

    @staticmethod
    async def _forget(journal: Journal, turn: TurnRef) -> bool:
        """Delete the session, unless something waits that is to be answered first; whether it did."""
        while not await journal.forget():
            await journal.refresh()
            stops = _stops(journal)
            if not stops or len(stops) < len(journal.inbox):
                return False
            await journal.append(f"{turn.turn_id}:stops:{stops[-1]}", consume=stops)
        log.info("session forgotten")
        return True

    async def _end_of(self, journal: Journal, turn: TurnRef, emit: Emit, *, opened: bool) -> TurnEnded:
        """The turn's end, reached now or by an earlier runner; whatever goes wrong becomes an answer."""
        while True:
            step = next_step(messages_of(journal.history, turn.turn_id))
            if isinstance(step, TurnEnded):
                return step
            try:
                return await contain(self._run(journal, turn, emit, opened=opened), "turn")
            except StoreError:
                raise
            except KubeAIError as error:
                failure = failure_from(error, turn.turn_id)
            await self._fail(journal, turn, failure)

    async def _run(self, journal: Journal, turn: TurnRef, emit: Emit, *, opened: bool) -> TurnEnded:
        identity = await self._identity(turn, opened=opened)
        context = TurnContext(journal.session, turn.turn_id, identity, _question(journal, turn))
        additions = tuple([await hook.before(context) for hook in self.hooks])
        ended = await Turn(journal, identity, emit, self.parts, self.rules).run(additions)
        for hook in self.hooks:
            with suppress(Crashed):  # the answer stands already
                await contain(hook.after(context, self.rules.now()), "hook")
        return ended

    async def _identity(self, turn: TurnRef, *, opened: bool) -> Identity:
        """The identity to act under. A turn that was taken over is resolved anew: rights may have been withdrawn."""
        if turn.identity is None:
            raise UserError("I could not tell who asked this. Ask again.")
        if opened:
            return turn.identity
        identity = await self.parts.resolver.resolve(turn.identity.speaker)
        if not identity.same_rights(turn.identity):
            raise UserError(RIGHTS_CHANGED)
        return identity

    async def _fail(self, journal: Journal, turn: TurnRef, failure: Failure) -> None:
        so_far = messages_of(journal.history, turn.turn_id)
        messages = early_end(so_far, turn.turn_id, turn.identity, failure, self.rules.now())
        await journal.append(f"{turn.turn_id}:failed:{journal.session.last_seq}", messages)

    @staticmethod
    def _speaker(journal: Journal, turn: TurnRef) -> Speaker:
        asked = (message.speaker for message in messages_of(journal.history, turn.turn_id) if message.speaker)
        return next(asked, Speaker(journal.session.thread.team_id, journal.session.slack_user_id))


def _question(journal: Journal, turn: TurnRef) -> str:
    """What the person wrote last."""
    said = [
        message.payload.text
        for message in messages_of(journal.history, turn.turn_id)
        if message.source is Source.USER and isinstance(message.payload, Text)
    ]
    return said[-1] if said else ""


def _state_after(ended: TurnEnded) -> AgentState:
    if ended.outcome != "waiting":
        return AgentState.DONE
    return AgentState.WAITING_FOR_INPUT if ended.choice else AgentState.WAITING_FOR_APPROVAL


def _stops(journal: Journal) -> list[int]:
    """The unread wishes to stop, which come too late for a turn that has ended."""
    return [item.id for item in journal.inbox if item.incoming.kind == "stop"]
