"""From a tool call to its result: planned, judged, put up for approval or run; redacted and on the audit trail."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from kubeai_bot.agent.boundary import Crashed, contain
from kubeai_bot.agent.entries import NOT_PUT_UP, Auditor, named_on
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.results import bounded, cleaned, first_line, fitted
from kubeai_bot.domain.approval import Approval, Approvals, approval_to_json
from kubeai_bot.domain.event import Choice, ToolFinished, ToolOutcome, ToolProgress, ToolStarted
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json, ToolCall, ToolCallResponse
from kubeai_bot.domain.policy import Ask, Effect, Refuse, judge
from kubeai_bot.domain.redaction.redactor import Redactor, has_marker
from kubeai_bot.domain.session import Session
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult
from kubeai_bot.domain.turn import APPROVAL, KEPT, UNDO, VERIFY
from kubeai_bot.errors import AuditFailed, ClusterError, Drifted, ToolError, Unreachable
from kubeai_bot.interfaces import Emit

log = structlog.get_logger(__name__)

PLANNING = 30.0
"""Seconds that checking a call's arguments may take, and seconds for a dry run."""

DIFF_FOR_MODEL = 4_000
"""Characters of a dry run's diff that the model reads."""

UNKNOWN_OUTCOME = (
    "It is not known whether this change happened: the program was interrupted while it ran. Do not repeat it before"
    " you have looked at the object's present state."
)
MARKED = (
    "Refused: the arguments hold a redaction marker (<redacted:…>), which stands for a secret that nobody here knows."
    " Writing it would destroy the real value. Leave that field out, or refer to a Secret by name."
)
NO_AUDIT = "Refused: the audit trail takes no entries at the moment, and without one nothing is changed."


@dataclass(frozen=True, slots=True)
class ToReplyWith:
    """A call that is answered without being run: bad arguments, or refused by policy."""

    call: ToolCall
    reason: str
    outcome: ToolOutcome = "failed"
    planned: PlannedCall | None = None
    """What it would have been, where it got that far."""


@dataclass(frozen=True, slots=True)
class ToPutUp:
    """A change that waits for an approval: it is only tried out, and shown."""

    planned: PlannedCall
    ask: Ask


Plan = PlannedCall | ToPutUp | ToReplyWith


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call's result as it goes on record. `approval`: it now waits; `choice`: the person is asked."""

    response: ToolCallResponse
    metadata: Json = field(default_factory=dict[str, Any])
    approval: Approval | None = None
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class CallScope:
    """For whom, where, and with what. `approvals` gives the session's present ones; `approved` the approvals that calls
    of this turn run on, by call id; `keep` puts a large result beside the session."""

    session: Session
    turn_id: str
    identity: Identity
    redactor: Redactor
    emit: Emit
    approvals: Callable[[], Approvals]
    approved: Callable[[], Mapping[str, Approval]]
    keep: Callable[[KeptResult], Awaitable[None]]


class CallRunner:
    """Runs the calls of one turn under one identity."""

    def __init__(self, parts: TurnParts, rules: TurnRules, scope: CallScope) -> None:
        self._tools = parts.tools
        self._rules = rules
        self._scope = scope
        self._audit = Auditor(parts.audit, scope.session, scope.turn_id, scope.identity, rules.now)

    async def plan(self, call: ToolCall) -> Plan:
        """Check and judge. Nothing is sent that acts; the result of a call that may not run is ready."""
        if call.arguments is None:
            raw = call.raw_arguments[:500]
            return ToReplyWith(call, f"The arguments of {call.name} were not a JSON object: {raw!r}. Send them again.")
        try:
            async with asyncio.timeout(PLANNING):
                planned = await contain(self._tools.plan(call, self._scope.identity), call.name)
        except Crashed:
            return ToReplyWith(call, f"The tool {call.name} failed inside the bot. Try another way.")
        except (ToolError, ClusterError) as error:
            return ToReplyWith(call, str(error))
        except TimeoutError:
            return ToReplyWith(call, "The cluster did not say in time which resources it has.")
        planned = replace(planned, intent=self._scope.redactor.text(planned.intent).text)
        return await self._judged(planned)

    async def _judged(self, planned: PlannedCall) -> Plan:
        scope, call = self._scope, planned.call
        channel = scope.session.thread.channel_id
        verdict = judge(planned.effect, planned.acts, self._rules.policy, scope.identity, channel)
        if planned.effect is not Effect.READ and has_marker(call.arguments):
            verdict = Refuse(MARKED)
        if isinstance(verdict, Refuse):
            log.info("tool call refused", tool=call.name, effect=planned.effect.value)
            return ToReplyWith(call, verdict.reason, "refused", planned)
        if isinstance(verdict, Ask) and call.id not in scope.approved():
            granted = any(
                grant.answers(verdict) and grant.covers(planned.acts, scope.identity.speaker, self._rules.now())
                for grant in scope.approvals().grants
            )
            if not granted:
                return ToPutUp(planned, verdict)
        return planned

    async def run(self, planned: PlannedCall) -> Outcome:
        """Run a planned call that policy let through. Raises StoreError, and else nothing but cancellation."""
        scope, call = self._scope, planned.call
        await scope.emit(ToolStarted(call.id, planned.intent))
        started = time.monotonic()
        approval = scope.approved().get(call.id)
        try:
            if planned.effect is not Effect.READ:
                await self._audit.call(planned, "started", approval=approval)
            result, reached = await self._result(planned, approval)
        except AuditFailed:
            result, reached = ToolResult(NO_AUDIT, "refused: no audit trail", ok=False), False
        except Drifted as error:
            await scope.emit(ToolFinished(call.id, planned.intent, "failed", "no longer what was approved", 0.0))
            await self._audit.call(planned, "drifted", approval=approval)
            ask = approval.ask if approval else self._asked_about(planned)
            return await self.put_up(ToPutUp(planned, ask), f"{error} ")
        seconds = time.monotonic() - started
        clean = await asyncio.to_thread(cleaned, result, scope.redactor)
        return await self._record(planned, clean, reached=reached, seconds=seconds)

    def _asked_about(self, planned: PlannedCall) -> Ask:
        """The approval for a change that was to run without one (in mode auto, on a grant)."""
        channel = self._scope.session.thread.channel_id
        verdict = judge(planned.effect, planned.acts, self._rules.policy, self._scope.identity, channel)
        return verdict if isinstance(verdict, Ask) else Ask()

    async def _result(self, planned: PlannedCall, approval: Approval | None) -> tuple[ToolResult, bool]:
        """What came of it, and whether a change may have happened. Raises Drifted."""
        try:
            async with asyncio.timeout(planned.timeout):
                context = self._context(planned.call, approval)
                return await contain(self._tools.call(planned, self._scope.identity, context), planned.call.name), True
        except Drifted:
            raise
        except (ToolError, ClusterError) as error:
            reached = isinstance(error, Unreachable)  # every other error says that nothing was changed
            text = f"{error} {UNKNOWN_OUTCOME}" if reached and planned.effect is not Effect.READ else str(error)
            return ToolResult(text, "", ok=False), reached
        except TimeoutError:
            return _out_of_time(planned), True
        except Crashed:
            return ToolResult(_crashed(planned), "the tool failed inside the bot", ok=False), True

    async def _record(self, planned: PlannedCall, result: ToolResult, *, reached: bool, seconds: float) -> Outcome:
        scope, call = self._scope, planned.call
        outcome: ToolOutcome = "ok" if result.ok else "failed"
        log.info("tool call", tool=call.name, effect=planned.effect.value, outcome=outcome, seconds=round(seconds, 3))
        approval = scope.approved().get(call.id)
        await self._audit.call(planned, outcome, result=result, seconds=seconds, approval=approval)
        seen_by = (scope.identity, self._rules.now())
        unique = f"{scope.turn_id}/{call.id}"  # some servers count calls anew in each answer
        fit = await fitted(result, unique, planned.intent, seen_by, scope.keep)
        await scope.emit(ToolFinished(call.id, planned.intent, outcome, result.summary, seconds))
        changed = reached and planned.effect is not Effect.READ
        response = ToolCallResponse(
            call.id, call.name, fit.result.content, result.ok, changed, result.summary, round(seconds, 4)
        )
        metadata: dict[str, Any] = {}
        if fit.handle:
            metadata[KEPT] = [fit.handle, planned.intent, fit.characters]
        if result.verify and result.ok and changed:
            metadata[VERIFY] = [result.verify.name, result.verify.arguments]
        if result.undo and changed:  # of a drain that came to half its end too
            metadata[UNDO] = [result.undo_intent or f"Undo {planned.intent}", result.undo.name, result.undo.arguments]
        return Outcome(response, metadata, choice=result.choice)

    async def put_up(self, waiting: ToPutUp, because: str = "") -> Outcome:
        """Try a change out and put it up for approval; where it cannot be tried, say why instead."""
        scope, planned = self._scope, waiting.planned
        call = planned.call
        try:
            async with asyncio.timeout(max(PLANNING, planned.timeout)):
                preview = await contain(
                    self._tools.preview(planned, scope.identity, self._context(call, None)), call.name
                )
        except (ToolError, ClusterError) as error:
            return await self.reply(ToReplyWith(call, str(error), "failed", planned))
        except (Crashed, TimeoutError):
            reason = f"{call.name} could not be tried out, so nothing was put up for approval. Nothing was changed."
            return await self.reply(ToReplyWith(call, reason, "failed", planned))
        redact = scope.redactor.text
        preview = replace(
            preview, diff=redact(preview.diff).text, warnings=tuple(redact(w).text for w in preview.warnings)
        )
        now = self._rules.now()
        cluster = next((act.cluster for act in planned.acts if act.cluster), "")
        approval = Approval(
            id=f"a-{secrets.token_hex(4)}",
            call=call,
            requester=scope.identity.speaker,
            who=named_on(scope.identity, cluster),
            cluster=cluster,
            intent=planned.intent,
            acts=planned.acts,
            preview=preview,
            ask=waiting.ask,
            asked_at=now,
            expires_at=now + self._rules.approval_ttl,
        )
        try:
            await self._audit.asked(approval)
        except AuditFailed:
            return await self.reply(ToReplyWith(call, NO_AUDIT, "refused", planned))
        await scope.emit(ToolStarted(call.id, planned.intent))
        await scope.emit(ToolFinished(call.id, planned.intent, "waiting", "waits for an approval", 0.0))
        content = (
            f"{because}Nothing has been changed: this waits for an approval ({approval.id}), for which the person is"
            f" shown a card with this dry run. The turn ends now; you will be told what was decided.\n"
            f"{bounded(preview.diff, DIFF_FOR_MODEL)}"
        )
        response = ToolCallResponse(call.id, call.name, content, ok=True, summary="waits for an approval")
        return Outcome(response, {APPROVAL: approval_to_json(approval)}, approval)

    async def reply(self, unplanned: ToReplyWith) -> Outcome:
        """The result of a call that is not run."""
        call, planned, outcome = unplanned.call, unplanned.planned, unplanned.outcome
        reason = self._scope.redactor.text(unplanned.reason).text
        if planned is None:
            await self._audit.not_planned(call)
        elif outcome == "refused":
            await self._audit.call(planned, outcome, reason)
        else:
            await self._audit.call(planned, NOT_PUT_UP)
        summary, intent = first_line(reason), planned.intent if planned else call.name
        await self._scope.emit(ToolStarted(call.id, intent))
        await self._scope.emit(ToolFinished(call.id, intent, outcome, summary, 0.0))
        return Outcome(ToolCallResponse(call.id, call.name, bounded(reason), ok=False, summary=summary))

    async def unknown(self, call: ToolCall) -> Outcome:
        """The result of a write that was on record as started by a runner which is gone."""
        await self._audit.unknown(call, self._scope.approved().get(call.id))
        await self._scope.emit(ToolFinished(call.id, call.name, "interrupted", "interrupted: outcome unknown", 0.0))
        summary = f"{call.name}: outcome unknown"
        return Outcome(ToolCallResponse(call.id, call.name, UNKNOWN_OUTCOME, ok=False, changed=True, summary=summary))

    def _context(self, call: ToolCall, approval: Approval | None) -> CallContext:
        scope = self._scope

        async def progress(text: str) -> None:
            await scope.emit(ToolProgress(call.id, first_line(scope.redactor.text(text).text)))

        approved = approval.preview.digest if approval else None
        return CallContext(
            scope.session.id, scope.turn_id, scope.session.thread.channel_id, scope.redactor, progress, approved
        )


def _out_of_time(planned: PlannedCall) -> ToolResult:
    text = f"No result within {planned.timeout:g} s."
    if planned.effect is not Effect.READ:
        text += " " + UNKNOWN_OUTCOME
    return ToolResult(text, f"no result within {planned.timeout:g} s", ok=False)


def _crashed(planned: PlannedCall) -> str:
    text = f"The tool {planned.call.name} failed inside the bot; this is not a finding about the cluster."
    return text if planned.effect is Effect.READ else f"{text} {UNKNOWN_OUTCOME}"
