"""From an inbox item to an open turn, on record in one step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.agent.boundary import Crashed, contain
from kubeai_bot.agent.deciding import Decider
from kubeai_bot.agent.failures import internal_failure
from kubeai_bot.agent.journal import Journal
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.words import Words
from kubeai_bot.domain.approval import Approvals, approvals_to_json
from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Failure, Json, Message, Payload, Source, Text, ToolCallRequest
from kubeai_bot.domain.redaction.redactor import has_marker
from kubeai_bot.domain.session import AgentState, InboxItem, Incoming, TurnRef
from kubeai_bot.domain.storage import KEEP, SessionChange
from kubeai_bot.domain.turn import NOTES
from kubeai_bot.errors import AuditFailed, UserError

EXPIRED = "The earlier conversation in this thread has expired, so I have started anew."
PASTED = (
    "Something in this message looked like a secret. I took it out before it was stored or sent anywhere, but it still"
    " stands in Slack: delete it there and rotate it."
)
UNKNOWN = "I have no record of what was said in this thread before, so I have started anew."


@dataclass(slots=True)
class _Draft:
    """The first messages of a turn, as they take shape."""

    said: str
    identity: Identity | None = None
    payload: Payload | None = None
    metadata: Json = field(default_factory=dict[str, Any])
    approvals: Approvals | None = None


class TurnOpener:
    """Opens the turn of one inbox item: who speaks is resolved anew, and refused people get a turn that says so."""

    def __init__(self, parts: TurnParts, words: Words, rules: TurnRules) -> None:
        self._resolver = parts.resolver
        self._audit = parts.audit
        self._decider = Decider(parts, rules)
        self._words = words
        self._provider_and_model = (parts.provider.name, parts.provider.model)
        self._now = rules.now

    async def open(self, journal: Journal, item: InboxItem) -> None:
        """One commit: the messages, the item read, the session running. Raises LeaseLost, SequenceConflict."""
        incoming = item.incoming
        if incoming.kind == "stop" and not incoming.text:
            await journal.append(f"nothing-to-stop:{item.id}", consume=[item.id])
            return
        # Not the item's id: another store, to which a session was moved, counts from 1 again.
        turn_id = f"{journal.session.id[:8]}-{journal.session.last_seq + 1}"
        draft = await self._draft(journal, incoming, turn_id)
        now = self._now()
        noted = {NOTES: notes} if (notes := _notes(journal, item)) else {}
        identity = draft.identity
        messages = [Message(turn_id, Source.USER, Text(draft.said), identity, now, incoming.speaker, noted)]
        if draft.payload is not None:
            messages.append(Message(turn_id, Source.AGENT, draft.payload, identity, now, metadata=draft.metadata))
        await journal.append(f"{turn_id}:open", messages, [item.id], self._change(journal, item, turn_id, draft))

    async def _draft(self, journal: Journal, incoming: Incoming, turn_id: str) -> _Draft:
        draft = _Draft(incoming.text)
        try:
            draft.identity = await contain(self._resolver.resolve(incoming.speaker), "identity")
        except UserError as error:
            if incoming.kind == "help":
                draft.payload = Text(self._words.help_for_refused(error.reply))
                return draft
            draft.payload = Failure(error.reply, "refused")
            await self._denied(journal, incoming, turn_id)
        except Crashed:
            draft.payload = internal_failure(turn_id)
        else:
            await self._fill(draft, draft.identity, journal, incoming, turn_id)
        return draft

    async def _fill(
        self, draft: _Draft, identity: Identity, journal: Journal, incoming: Incoming, turn_id: str
    ) -> None:
        try:
            opening = await contain(
                self._decider.open(incoming, identity, journal.session, journal.history, turn_id), "decision"
            )
        except (Crashed, AuditFailed):
            draft.payload = internal_failure(turn_id)
            return
        if opening is not None:
            draft.said, draft.identity = opening.said, opening.identity
            draft.approvals, draft.metadata = opening.approvals, opening.metadata
            draft.payload = ToolCallRequest((opening.call,)) if opening.call else Text(opening.reply)
        elif reply := await self._words.reply(incoming, journal.session, identity):
            draft.payload, draft.metadata = Text(reply.text), reply.metadata

    async def _denied(self, journal: Journal, incoming: Incoming, turn_id: str) -> None:
        entry = AuditEntry(
            "denied-identity", self._now(), journal.session.id, turn_id, incoming.speaker, "", outcome="refused"
        )
        with suppress(AuditFailed):
            await self._audit.record(entry)

    def _change(self, journal: Journal, item: InboxItem, turn_id: str, draft: _Draft) -> SessionChange:
        provider, model = self._provider_and_model
        clears = item.incoming.kind == "clear" and draft.identity is not None
        approvals = Approvals() if clears else draft.approvals
        return SessionChange(
            agent_state=AgentState.RUNNING,
            turn=TurnRef(turn_id, draft.identity, item.incoming.ts, self._now()),
            last_identity=draft.identity or KEEP,
            start_seq=journal.session.last_seq + 1 if clears else KEEP,
            approval=KEEP if approvals is None else approvals_to_json(approvals),
            provider=provider,
            model=model,
        )


def _notes(journal: Journal, item: InboxItem) -> list[str]:
    """What a person should know: that this thread does not go on, that a secret was taken out of what they wrote."""
    session, incoming = journal.session, item.incoming
    notes = [PASTED] if has_marker(incoming.text) else []
    if session.last_seq:
        return notes
    if session.follows_expired:
        return [EXPIRED, *notes]
    anew = session.thread.is_dm and incoming.ts != session.thread.thread_ts
    return [UNKNOWN, *notes] if anew else notes
