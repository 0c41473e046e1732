"""The program as Slack's surfaces see it: an inbox, sessions, people; every part can be made to fail."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.session import AgentState, FeedbackKind, Incoming, Session, ThreadRef, TurnRef
from kubeai_bot.domain.storage import AboutPerson, KeptResult, Receipt, SessionPage
from kubeai_bot.errors import StoreError, UserError
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.surfaces import About, Surfaces

REFUSAL = "I don't answer guests of this workspace. Ask #platform."
ABOUT = About("kubeai", "I change nothing.", ("demo", "staging"), "Say `help`.", "for 30 days")
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@dataclass
class Program:
    received: list[Incoming] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    feedback: list[tuple[str, str, str, FeedbackKind, str]] = field(default_factory=list)
    results: dict[tuple[str, str], KeptResult] = field(default_factory=dict)
    turns: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=lambda: {"U0GIL"})
    lookups: int = 0
    finds: int = 0
    knows_threads: bool = True
    away: bool = False
    lost_answers: int = 0
    gate: asyncio.Event | None = None

    def surfaces(self) -> Surfaces:
        return Surfaces(
            ABOUT,
            self.resolve,
            self.list,
            self.find,
            self.forget,
            self.record_feedback,
            self.about,
            self.kept_result,
        )

    async def receive(self, incoming: Incoming) -> Receipt:
        self._answer()
        repeated = any(set(known.keys) & set(incoming.keys) for known in self.received)
        if not repeated:
            self.received.append(incoming)
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreError("the connection broke before the answer came")
        return Receipt("s1" if self.knows_threads else None, repeated=repeated)

    async def resolve(self, speaker: Speaker) -> Identity:
        if self.gate is not None:
            await self.gate.wait()
        if speaker.user_id in self.refused:
            raise UserError(REFUSAL)
        return Identity(speaker, "mapping", KubeUser("mia@shop.example", ("shop-developers",)), AT)

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        self._answer()
        self.lookups += 1
        own = [session for session in self.sessions if of_user in (None, session.slack_user_id)]
        return SessionPage(tuple(own[:limit]), None)

    async def find(self, thread: ThreadRef) -> Session | None:
        self._answer()
        self.finds += 1
        return next((session for session in self.sessions if session.thread == thread), None)

    async def forget(self, session_id: str) -> bool:
        self._answer()
        before = len(self.sessions)
        self.sessions = [session for session in self.sessions if session.id != session_id]
        return len(self.sessions) < before

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        self._answer()
        if turn_id not in self.turns:
            return False
        self.feedback.append((session_id, turn_id, user_id, kind, reason))
        return True

    async def about(self, user_id: str) -> AboutPerson:
        self._answer()
        count = sum(session.slack_user_id == user_id for session in self.sessions)
        return AboutPerson(count, 2 * count, 1, AT) if count else AboutPerson()

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None:
        self._answer()
        return self.results.get((session_id, handle))

    def _answer(self) -> None:
        if self.away:
            raise StoreError("the database is away")

    def add(
        self, thread_ts: str, *, user: str = "U0MIA", channel: str = "", name: str = "why?", running: bool = False
    ) -> Session:
        place = channel or user.replace("U", "D", 1)
        session = Session(
            id=f"{len(self.sessions):024x}",
            name=name,
            thread=ThreadRef("T0SHOP", place, thread_ts, place.startswith("D")),
            slack_user_id=user,
            provider="openai",
            model="demo",
            created_at=AT,
            modified_at=AT,
            agent_state=AgentState.RUNNING if running else AgentState.DONE,
        )
        if running:
            session = replace(session, turn=TurnRef("t1", None, thread_ts, AT))
        self.sessions.append(session)
        return session


async def whispers(workspace: Workspace, user: str, count: int = 1) -> list[SimMessage]:
    """What only this person sees, once there is so much of it."""

    def seen(workspace: Workspace) -> list[SimMessage]:
        every = [message for channel in workspace.channels for message in workspace.messages(channel)]
        found = [message for message in every if message.ephemeral_to == user]
        return found if len(found) >= count else []

    return await workspace.wait_for(seen, what=f"{count} messages for {user} alone")


def text_of(message: SimMessage) -> str:
    return "\n".join(str(block.get("text")) for block in message.blocks)
