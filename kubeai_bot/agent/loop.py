"""The only loop. Streaming, stop, restart and takeover are ways into it, never second loops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from kubeai_bot.agent.asking import Asking, Question
from kubeai_bot.agent.calls import CallRunner, CallScope, Outcome, Plan, ToPutUp, ToReplyWith
from kubeai_bot.agent.closing import early_end, taken_back
from kubeai_bot.agent.failures import deadline_failure, empty_failure, failure_from
from kubeai_bot.agent.journal import Journal
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.prompt import LAST_STEP, system_prompt
from kubeai_bot.domain.approval import approvals_from_json, approvals_to_json
from kubeai_bot.domain.event import TextFinished, ToolFinished, TurnEnded
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import (
    Failure,
    Message,
    Source,
    Text,
    ToolCallRequest,
    ToolCallStarted,
    UserChoiceRequest,
)
from kubeai_bot.domain.policy import Effect
from kubeai_bot.domain.session import InboxItem, Usage
from kubeai_bot.domain.storage import SessionChange
from kubeai_bot.domain.tool import PlannedCall
from kubeai_bot.domain.turn import (
    NOTES,
    AskModel,
    LookAfter,
    PendingCall,
    RunCalls,
    approved_in,
    asks_person,
    changes_made,
    messages_of,
    next_step,
    unanswered,
)
from kubeai_bot.errors import ProviderError, StoreError, UserError
from kubeai_bot.interfaces import Emit, ModelFinished

log = structlog.get_logger(__name__)
T = TypeVar("T")

MOST_PENDING = 20
"""Changes of one session that may wait at a time; the oldest beyond that are no longer offered."""


ASKED_FIRST = "Not run: the person is asked something first."


class _StopAsked(Exception):
    pass


class Turn:
    """One turn of one session, from wherever its messages say it stands."""

    def __init__(self, journal: Journal, identity: Identity, emit: Emit, parts: TurnParts, rules: TurnRules) -> None:
        turn = journal.session.turn
        if turn is None:
            raise ValueError("a turn is opened on record before it is run")
        self.turn_id = turn.turn_id
        self.journal = journal
        self.identity = identity
        self.rules = rules
        self._emit = emit
        self._parts = parts
        thread = journal.session.thread
        self._redactor = parts.redaction.for_session(thread.team_id, thread.channel_id, thread.thread_ts)
        self._asking = Asking(parts.provider, emit, self._redactor)
        scope = CallScope(
            journal.session,
            self.turn_id,
            identity,
            self._redactor,
            emit,
            approvals=lambda: approvals_from_json(journal.session.approval),
            approved=lambda: approved_in(self.messages),
            keep=journal.keep_result,
        )
        self._calls = CallRunner(parts, rules, scope)
        self._ends_at = time.monotonic() + rules.deadline

    @property
    def messages(self) -> list[Message]:
        return messages_of(self.journal.history, self.turn_id)

    async def run(self, additions: tuple[str, ...]) -> TurnEnded:
        """Take steps until the transcript says that the turn has ended. Raises LeaseLost, SequenceConflict."""
        while True:
            try:
                step = next_step(self.messages)
                if isinstance(step, TurnEnded):
                    return step
                if self.journal.stop_asked.is_set():
                    await self._stop()
                elif isinstance(step, RunCalls):
                    await self._run_calls(step.calls)
                elif isinstance(step, LookAfter):
                    request = self._message(Source.AGENT, ToolCallRequest(step.calls))
                    await self._append("look", [request])
                else:
                    await self._steer()
                    await self._ask(step, additions)
            except _StopAsked:
                await self._stop()
            except TimeoutError:
                await self._end(deadline_failure(self.rules.deadline, self.turn_id))
            except ProviderError as error:
                log.warning("model failed", error=type(error).__name__, detail=str(error))
                await self._end(failure_from(error, self.turn_id))

    async def _ask(self, step: AskModel, additions: tuple[str, ...]) -> None:
        rules = self.rules
        last = step.asked >= rules.max_iterations
        additions = (*additions, LAST_STEP) if last else additions
        question = Question(
            system_prompt(rules, self.identity, additions),
            self.journal.history,
            self.identity,
            () if last else self._parts.tools.specs(self.identity),
        )
        finished = await self._interruptible(self._asking.ask(question))
        if not finished.text.strip() and not finished.calls:
            finished = await self._interruptible(self._asking.ask(question))
        if not finished.text.strip() and (last or not finished.calls):
            await self._end(empty_failure(self.turn_id), usage=finished.usage)
            return
        if last:
            finished = replace(finished, calls=())
        await self._record_answer(finished, last=last)
        await self._emit(TextFinished(finished.text))

    async def _record_answer(self, finished: ModelFinished, *, last: bool) -> None:
        notes: list[str] = []
        if not finished.calls:
            if last:
                notes.append(f"All {self.rules.max_iterations} steps of this turn were used.")
            if finished.truncated:
                notes.append("The answer was cut at the model's output limit.")
            if self._asking.turns_left_out or self.journal.is_cut:
                count = "" if self.journal.is_cut else f" ({self._asking.turns_left_out} turns)"
                notes.append(
                    f"The oldest part of this conversation no longer fits the model's window and was left out{count}."
                )
        payload = (
            ToolCallRequest(finished.calls, finished.text, finished.vendor)
            if finished.calls
            else Text(finished.text, finished.vendor)
        )
        message = self._message(Source.MODEL, payload, {NOTES: notes} if notes else {})
        await self._append("model", [message], SessionChange(add_usage=finished.usage))

    async def _run_calls(self, pending: tuple[PendingCall, ...]) -> None:
        """Reads run side by side; a write waits for what stands before it and is on record before it runs."""
        if pending[0].started:
            await self._respond([await self._calls.unknown(pending[0].call)])
            return
        if asks_person(self.messages):
            await self._respond([await self._calls.reply(ToReplyWith(item.call, ASKED_FIRST)) for item in pending])
            return
        plans = await self._interruptible(_all([self._calls.plan(item.call) for item in pending]))
        side_by_side = 0
        while side_by_side < len(plans) and not _is_write(plans[side_by_side]):
            side_by_side += 1
        if side_by_side:
            await self._respond(await self._interruptible(_all([self._result(plan) for plan in plans[:side_by_side]])))
        elif isinstance(plans[0], PlannedCall):
            await self._write(plans[0])

    async def _result(self, plan: Plan) -> Outcome:
        match plan:
            case ToReplyWith():
                return await self._calls.reply(plan)
            case ToPutUp():
                return await self._calls.put_up(plan)
            case PlannedCall():
                return await self._calls.run(plan)

    async def _write(self, plan: PlannedCall) -> None:
        if self.journal.stop_asked.is_set():
            raise _StopAsked
        plan = replace(plan, timeout=min(plan.timeout, self.journal.longest))
        await self.journal.hold(plan.timeout)
        await self._append("started", [self._message(Source.AGENT, ToolCallStarted(plan.call.id))])
        plan = replace(plan, start_before=await self.journal.hold(plan.timeout))
        await self._respond([await self._calls.run(plan)])

    async def _respond(self, outcomes: list[Outcome]) -> None:
        """Put results on record, and with them what now waits for somebody."""
        messages = [self._message(Source.AGENT, each.response, dict(each.metadata)) for each in outcomes]
        choices = [each.choice for each in outcomes if each.choice]
        messages += [self._message(Source.AGENT, UserChoiceRequest(each.prompt, each.choices)) for each in choices[:1]]
        waiting = tuple(each.approval for each in outcomes if each.approval)
        change = None
        if waiting:
            present = approvals_from_json(self.journal.session.approval).living(self.rules.now())
            present = replace(present, pending=(*present.pending, *waiting)[-MOST_PENDING:])
            change = SessionChange(approval=approvals_to_json(present))
        await self._append("result", messages, change)

    async def _steer(self) -> None:
        """Take in what the same person has said meanwhile; what others say waits for a turn of their own."""
        for item in self.journal.inbox:
            incoming = item.incoming
            if incoming.kind == "clear" and incoming.speaker == self.identity.speaker:
                break
            if not await self._is_same_person(item):
                continue
            message = replace(self._message(Source.USER, Text(incoming.text)), speaker=incoming.speaker)
            await self.journal.append(f"{self.turn_id}:steer:{item.id}", [message], [item.id])

    async def _is_same_person(self, item: InboxItem) -> bool:
        if item.incoming.kind != "message" or item.incoming.speaker != self.identity.speaker:
            return False
        try:
            return self.identity.same_rights(await self._parts.resolver.resolve(item.incoming.speaker))
        except UserError:
            return False

    async def _stop(self) -> None:
        """What a stop settles leaves the inbox with the turn's last messages, in one commit."""
        settled = taken_back(self.journal.inbox)
        dropped = sum(item.id in settled and item.incoming.kind == "message" for item in self.journal.inbox)
        if self.journal.process_ends:
            failure = Failure("I am being restarted and could not finish. Ask again in a moment.", "restarted")
        else:
            said = f" {dropped} waiting message(s) before the stop are dropped too." if dropped else ""
            unchanged = "" if changes_made(self.messages) else " Nothing was changed."
            failure = Failure(f"Stopped.{unchanged}{said}", "stopped")
        for pending in unanswered(self.messages):
            await self._emit(ToolFinished(pending.call.id, pending.call.name, "interrupted", "stopped", 0.0))
        await self._end(failure, settled)

    async def _end(self, failure: Failure, consume: Iterable[int] = (), usage: Usage = Usage()) -> None:  # noqa: B008
        partial = self._asking.take_partial()
        now = self.rules.now()
        messages = early_end(self.messages, self.turn_id, self.identity, failure, now, partial)
        step = f"{self.turn_id}:ended:{self.journal.session.last_seq}"
        await self.journal.append(step, messages, consume, SessionChange(add_usage=usage))

    async def _interruptible(self, work: Awaitable[T]) -> T:
        """Await `work` unless the person stops the turn or its deadline passes; then it is cancelled first."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self.journal.stop_asked.wait())
        try:
            left = max(self._ends_at - time.monotonic(), 0)
            await asyncio.wait({task, stop}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if stop.done():
                raise _StopAsked
            raise TimeoutError
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _append(self, what: str, messages: list[Message], change: SessionChange | None = None) -> None:
        step = f"{self.turn_id}:{what}:{self.journal.session.last_seq}"
        await self.journal.append(step, messages, change=change)

    def _message(self, source: Source, payload: Any, metadata: dict[str, Any] | None = None) -> Message:
        return Message(self.turn_id, source, payload, self.identity, self.rules.now(), metadata=metadata or {})


def _is_write(plan: Plan) -> bool:
    return isinstance(plan, PlannedCall) and plan.effect is not Effect.READ


async def _all(work: list[Any]) -> list[Any]:
    """Side by side; of several errors the first is raised as itself, not as a group."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except* StoreError as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]
