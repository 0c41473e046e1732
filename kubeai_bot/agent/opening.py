"""From an inbox item to an open turn, on record in one step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kubeai_bot.agent.boundary import Crashed, contain
from kubeai_bot.agent.failures import internal_failure
from kubeai_bot.agent.journal import Journal
from kubeai_bot.agent.words import Words
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Failure, Json, Message, Payload, Source, Text
from kubeai_bot.domain.session import AgentState, InboxItem, TurnRef
from kubeai_bot.domain.storage import KEEP, SessionChange
from kubeai_bot.domain.turn import NOTES
from kubeai_bot.errors import UserError
from kubeai_bot.interfaces import IdentityResolver

EXPIRED = "The earlier conversation in this thread has expired, so I have started anew."
UNKNOWN = "I have no record of what was said in this thread before, so I have started anew."


class TurnOpener:
    """Opens the turn of one inbox item: who speaks is resolved anew, and refused people get a turn that says so."""

    def __init__(
        self, resolver: IdentityResolver, words: Words, model: tuple[str, str], now: Callable[[], datetime]
    ) -> None:
        self._resolver = resolver
        self._words = words
        self._provider_and_model = model
        self._now = now

    async def open(self, journal: Journal, item: InboxItem) -> None:
        """One commit: the messages, the item read, the session running. Raises LeaseLost, SequenceConflict."""
        incoming = item.incoming
        if incoming.kind == "stop" and not incoming.text:
            await journal.append(f"nothing-to-stop:{item.id}", consume=[item.id])
            return
        # Not the item's id: another store, to which a session was moved, counts from 1 again.
        turn_id = f"{journal.session.id[:8]}-{journal.session.last_seq + 1}"
        identity: Identity | None = None
        metadata: Json = {}
        payload: Payload | None = None
        try:
            identity = await contain(self._resolver.resolve(incoming.speaker), "identity")
        except UserError as error:
            payload = Failure(error.reply, "refused")
        except Crashed:
            payload = internal_failure(turn_id)
        else:
            reply = await self._words.reply(incoming, journal.session, identity)
            if reply is not None:
                payload, metadata = Text(reply.text), reply.metadata
        now = self._now()
        noted = {NOTES: notes} if (notes := _notes(journal, item)) else {}
        messages = [Message(turn_id, Source.USER, Text(incoming.text), identity, now, incoming.speaker, noted)]
        if payload is not None:
            messages.append(Message(turn_id, Source.AGENT, payload, identity, now, metadata=metadata))
        await journal.append(f"{turn_id}:open", messages, [item.id], self._change(journal, item, turn_id, identity))

    def _change(self, journal: Journal, item: InboxItem, turn_id: str, identity: Identity | None) -> SessionChange:
        provider, model = self._provider_and_model
        clears = item.incoming.kind == "clear" and identity is not None
        return SessionChange(
            agent_state=AgentState.RUNNING,
            turn=TurnRef(turn_id, identity, item.incoming.ts, self._now()),
            last_identity=identity or KEEP,
            start_seq=journal.session.last_seq + 1 if clears else KEEP,
            provider=provider,
            model=model,
        )


def _notes(journal: Journal, item: InboxItem) -> list[str]:
    """What a person should know who believes that this thread goes on."""
    session, incoming = journal.session, item.incoming
    if session.last_seq:
        return []
    if session.follows_expired:
        return [EXPIRED]
    return [UNKNOWN] if session.thread.is_dm and incoming.ts != session.thread.thread_ts else []
