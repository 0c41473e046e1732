"""Somebody's word on a change that waits: whether it counts, and what turn it opens."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kubeai_bot.agent.calls import PLANNING
from kubeai_bot.agent.entries import Auditor, named_on
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.typed import typed_decision
from kubeai_bot.domain.approval import Approval, Approvals, Decision, Grant, approval_to_json, approvals_from_json
from kubeai_bot.domain.identity import Identity, Speaker
from kubeai_bot.domain.message import Json, StoredMessage, ToolCall, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.policy import READING, Ask, Effect, Refuse, judge, may_approve
from kubeai_bot.domain.session import Incoming, Session
from kubeai_bot.domain.turn import APPROVED, SETTLED, UNDO
from kubeai_bot.errors import ClusterError, NotNow, ToolError, UserError

NOT_WAITING = "This no longer waits: it was decided already, or the conversation was cleared."
EXPIRED = "This approval has expired; nothing was changed. Ask again if it is still wanted."
UNDO_WAITS = "Taking this back waits for a decision already: use the buttons on its card."
UNDONE = "This was taken back already. Say what you want changed now."
UNSURE_UNDO = "the cluster did not say whether you may do this yourself, so it is not tried. Try again."
NOBODY_SAYS = "Slack did not say who the person is who asked for this. It still waits: try again."
UNSURE = "The cluster did not say whether you may do this yourself, so your approval does not count. Try again."


@dataclass(frozen=True, slots=True)
class Opening:
    """The turn that a decision opens: as whom it runs, what the transcript says was decided, and either what the
    program replies or the call that is run."""

    identity: Identity
    said: str
    approvals: Approvals
    reply: str = ""
    call: ToolCall | None = None
    metadata: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class _Word:
    """One person's word in one session."""

    session: Session
    speaker: Speaker
    identity: Identity
    approvals: Approvals
    decision: Decision
    turn_id: str

    def reply(self, text: str, said: str = "", **changes: Any) -> Opening:
        return replace(Opening(self.identity, said or self.decision.text, self.approvals, text), **changes)


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides on decisions. Each is made under the session's lease, so the first of two clicks wins."""

    parts: TurnParts
    rules: TurnRules

    async def open(
        self, incoming: Incoming, identity: Identity, session: Session, history: Sequence[StoredMessage], turn_id: str
    ) -> Opening | None:
        """None: it is no decision."""
        approvals = approvals_of(session).living(self.rules.now())
        clicked = incoming.kind == "decision"
        decision = (
            Decision.parse(incoming.text) if clicked else typed_decision(incoming, approvals, history, self.rules.now())
        )
        if decision is None:
            return None
        if isinstance(decision, str):
            return Opening(identity, incoming.text, approvals, decision)
        word = _Word(session, incoming.speaker, identity, approvals, decision, turn_id)
        if decision.kind == "undo":
            return await self._undo(word, history)
        if decision.kind == "revoke":
            return await self._revoke(word)
        approval = approvals.find(decision.id)
        if approval is None:
            return word.reply(NOT_WAITING)
        if self.rules.now() >= approval.expires_at:
            await self._audit(word).decision(approval, "expired", word.speaker)
            return word.reply(EXPIRED, **_ended(word, approval, "expired", by=None))
        if decision.kind == "deny":
            return await self._deny(word, approval)
        return await self._approve(word, approval)

    async def _deny(self, word: _Word, approval: Approval) -> Opening:
        await self._audit(word).decision(approval, "denied", word.speaker, word.decision.reason)
        because = f": {word.decision.reason}" if word.decision.reason else ""
        said = f"<@{word.speaker.user_id}> denied the change {approval.id} ({approval.intent}){because}"
        return word.reply(
            f"Denied by <@{word.speaker.user_id}>{because}. Nothing was changed.",
            said,
            **_ended(word, approval, f"denied{because}", by=word.speaker),
        )

    async def _approve(self, word: _Word, approval: Approval) -> Opening:
        try:
            requester = await self.parts.resolver.resolve(approval.requester)
        except NotNow:
            await self._audit(word).decision(approval, "not counted", word.speaker, NOBODY_SAYS)
            return word.reply(f"<@{word.speaker.user_id}>, your approval does not count. {NOBODY_SAYS}")
        except UserError:
            requester = None
        if requester is None or named_on(requester, approval.cluster) != approval.who:
            await self._audit(word).decision(approval, "void: the requester's identity changed", word.speaker)
            text = "The permissions of whoever asked for this have changed since, so it is void. Ask for it anew."
            return word.reply(text, **_ended(word, approval, "void: the requester's permissions changed", by=None))
        if refusal := await self._refusal(word, approval, requester):
            await self._audit(word).decision(approval, "not counted", word.speaker, refusal)
            return word.reply(f"<@{word.speaker.user_id}>, your approval does not count. {refusal}")
        await self._audit(word).decision(approval, "approved", word.speaker)
        call = replace(approval.call, id=f"{approval.id}-{secrets.token_hex(2)}")
        approvals = word.approvals.without(approval.id)
        said = f"<@{word.speaker.user_id}> approved the change {approval.id}: {approval.intent}"
        if word.decision.kind == "grant" and (grant := self._grant(word, approval)):
            await self._audit(word).grant(grant.id, "given", word.speaker, approval.intent)
            approvals = replace(approvals, grants=(*approvals.grants, grant))
            minutes = self.rules.grant_for.total_seconds() / 60
            said += f" (and this kind of change in {grant.namespace} for {minutes:.0f} minutes: {grant.id})"
        given = {
            "approval": approval_to_json(replace(approval, call=call)),
            "by": [word.speaker.team_id, word.speaker.user_id],
        }
        return Opening(requester, said, approvals, call=call, metadata={APPROVED: given})

    async def _refusal(self, word: _Word, approval: Approval, requester: Identity) -> str:
        """Why this person's approval does not count; "" where it does."""
        channel = word.session.thread.channel_id
        # The policy may have changed since the card. SENSITIVE: what was put up is asked about in every mode.
        asked = judge(Effect.SENSITIVE, approval.acts, self.rules.policy, requester, channel)
        if isinstance(asked, Refuse):
            return asked.reason
        for ask in (approval.ask, asked):
            if isinstance(ask, Ask) and (why := may_approve(ask, requester, word.identity, approval.cluster)):
                return why
        verdict = judge(Effect.WRITE, approval.acts, self.rules.policy, word.identity, channel)
        if isinstance(verdict, Refuse):
            return verdict.reason
        try:
            missing = await self.parts.rights.missing(word.identity, approval.acts)
        except ClusterError:
            return UNSURE
        return f"You could not do this yourself: {missing}" if missing else ""

    def _grant(self, word: _Word, approval: Approval) -> Grant | None:
        changing = [act for act in approval.acts if act.verb not in READING]
        namespaces = {act.namespace for act in changing}
        if not approval.ask.bypass or len(namespaces) != 1 or "" in namespaces:
            return None
        kinds, verbs = {act.kind for act in changing}, {act.verb for act in changing}
        if len({(act.kind, act.verb) for act in changing}) != len(kinds) * len(verbs):
            return None  # it would cover verbs on kinds that nobody has seen together
        return Grant(
            f"g-{secrets.token_hex(3)}",
            approval.cluster,
            namespaces.pop(),
            tuple(sorted(kinds)),
            tuple(sorted(verbs)),
            approval.requester,
            word.speaker,
            self.rules.now() + self.rules.grant_for,
            approval.ask.approvers,
        )

    async def _revoke(self, word: _Word) -> Opening:
        grant = next((grant for grant in word.approvals.grants if grant.id == word.decision.id), None)
        if grant is None:
            return word.reply(f"There is no grant {word.decision.id} in this thread (any more).")
        await self._audit(word).grant(grant.id, "revoked", word.speaker, "")
        left = tuple(each for each in word.approvals.grants if each.id != grant.id)
        return word.reply(f"Revoked: {grant.id}.", approvals=replace(word.approvals, grants=left))

    async def _undo(self, word: _Word, history: Sequence[StoredMessage]) -> Opening:
        """A new change like any other: judged, and put up for approval, as a wish of the person who clicks."""
        since: list[StoredMessage] = []
        for stored in reversed(history):
            payload, kept = stored.message.payload, stored.message.metadata.get(UNDO)
            if kept and isinstance(payload, ToolCallResponse) and payload.call_id == word.decision.id:
                intent, name, arguments = kept
                call = ToolCall(f"undo-{secrets.token_hex(3)}", str(name), arguments)
                waiting = [a.call for a in word.approvals.pending if self.rules.now() < a.expires_at]
                if any(_same(call, other) for other in waiting):
                    return word.reply(UNDO_WAITS)
                if any(_same(call, other) for other in _changes(since)):
                    return word.reply(UNDONE)
                if not word.identity.same_rights(stored.message.identity) and (why := await self._foreign(word, call)):
                    return word.reply(f"<@{word.speaker.user_id}>, {why}")
                return Opening(word.identity, f"<@{word.speaker.user_id}> wants: {intent}", word.approvals, call=call)
            since.append(stored)
        return word.reply("What this would undo is no longer on record here. Say what you want changed.")

    async def _foreign(self, word: _Word, call: ToolCall) -> str:
        """Why this person may not have somebody else's change taken back; "" where they may. The call holds how the
        object was, seen with the other's rights: whoever could not do it is not shown it either."""
        try:
            async with asyncio.timeout(PLANNING):
                planned = await self.parts.tools.plan(call, word.identity)
                missing = await self.parts.rights.missing(word.identity, planned.acts)
        except (ToolError, ClusterError, TimeoutError):
            return UNSURE_UNDO
        return f"you could not do this yourself: {missing}" if missing else ""

    def _audit(self, word: _Word) -> Auditor:
        return Auditor(self.parts.audit, word.session, word.turn_id, word.identity, self.rules.now)


def approvals_of(session: Session) -> Approvals:
    return approvals_from_json(session.approval)


def _same(one: ToolCall, other: ToolCall) -> bool:
    return (one.name, one.arguments) == (other.name, other.arguments)


def _changes(history: Sequence[StoredMessage]) -> list[ToolCall]:
    """The calls that changed something."""
    payloads = [stored.message.payload for stored in history]
    changed = {each.call_id for each in payloads if isinstance(each, ToolCallResponse) and each.changed and each.ok}
    requests = [each for each in payloads if isinstance(each, ToolCallRequest)]
    return [call for request in requests for call in request.calls if call.id in changed]


def _ended(word: _Word, approval: Approval, outcome: str, by: Speaker | None) -> dict[str, Any]:
    """The approval is over without being run."""
    who = [by.team_id, by.user_id] if by else None
    return {
        "approvals": word.approvals.without(approval.id),
        "metadata": {SETTLED: [[approval.id, outcome, who]]},
    }
