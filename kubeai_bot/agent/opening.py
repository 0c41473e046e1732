"""From an inbox item to an open turn, on record in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from kubeai_bot.agent.boundary import Crashed, contain
from kubeai_bot.agent.failures import internal_failure
from kubeai_bot.agent.journal import Journal
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Failure, Message, Payload, Source, Text
from kubeai_bot.domain.session import AgentState, InboxItem, TurnRef
from kubeai_bot.domain.storage import KEEP, SessionChange
from kubeai_bot.errors import UserError
from kubeai_bot.interfaces import IdentityResolver

CLEARED = "A fresh start: I no longer look at what was said in this thread before."
NOTHING_RUNS = "Nothing is running in this thread."


def help_text(name: str, changes: str, clusters: Sequence[str]) -> str:
    where = f" (clusters: {', '.join(f'`{cluster}`' for cluster in clusters)})" if len(clusters) > 1 else ""
    return (
        f"I am {name}. Ask me about your Kubernetes clusters{where} in plain words, for example:\n"
        "- What is unhealthy right now?\n"
        "- Why does the checkout pod in shop keep crashing?\n"
        "- Show the last logs of the search deployment.\n"
        "- Who am I, and what may I do?\n\n"
        f"Everything I look at, I look at with *your* Kubernetes permissions. {changes}\n\n"
        "In a thread I have answered in you need not mention me again. Say `stop` to stop me, `new` or `clear` to start"
        " afresh in this thread, `help` for this text."
    )


class TurnOpener:
    """Opens the turn of one inbox item: who speaks is resolved anew, and refused people get a turn that says so."""

    def __init__(
        self, resolver: IdentityResolver, help_: str, model: tuple[str, str], now: Callable[[], datetime]
    ) -> None:
        self._resolver = resolver
        self._help = help_
        self._provider_and_model = model
        self._now = now

    async def open(self, journal: Journal, item: InboxItem) -> None:
        """One commit: the messages, the item read, the session running. Raises LeaseLost, SequenceConflict."""
        incoming = item.incoming
        turn_id = f"{journal.session.id[:8]}-{item.id}"
        if incoming.kind == "stop" and not incoming.text:
            await journal.append(f"{turn_id}:nothing-to-stop", consume=[item.id])
            return
        try:
            identity = await contain(self._resolver.resolve(incoming.speaker), "identity")
        except UserError as error:
            identity, payload = None, Failure(error.reply, "refused")
        except Crashed:
            identity, payload = None, internal_failure(turn_id)
        else:
            payload = self._reply(incoming.kind)
        now = self._now()
        messages = [Message(turn_id, Source.USER, Text(incoming.text), identity, now, incoming.speaker)]
        if payload is not None:
            messages.append(Message(turn_id, Source.AGENT, payload, identity, now))
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

    def _reply(self, kind: str) -> Payload | None:
        """What the program says itself, without asking the model; None for a question."""
        texts = {"help": self._help, "clear": CLEARED, "stop": NOTHING_RUNS}
        return Text(texts[kind]) if kind in texts else None
