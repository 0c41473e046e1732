"""A world for the loop: real memory store, scripted model and tools, a stage that writes down what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubeai_bot.agent.journal import Term
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.runner import Pace, Runner
from kubeai_bot.audit.memory import MemoryAudit
from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.event import TurnEnded, TurnEvent
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import StoredMessage, ToolCall
from kubeai_bot.domain.policy import Act, Effect, Mode, Policy
from kubeai_bot.domain.redaction.redactor import Redaction
from kubeai_bot.domain.session import AgentState, AnswerRef, Incoming, ThreadRef, Usage
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import Drifted, NotNow, ToolError, UserError
from kubeai_bot.interfaces import Emit, ModelEvent, ModelFinished, ModelText, SessionStore, Showing
from kubeai_bot.stores.memory import MemoryStore

MIA = Speaker("T0SHOP", "U0MIA")
OMAR = Speaker("T0SHOP", "U0OMAR")
SAM = Speaker("T0SHOP", "U0SAM")
_BUSY = (AgentState.IDLE, AgentState.RUNNING)
THREAD = ThreadRef("T0SHOP", "C0ONCALL", "1700000000.000100")


def says(text: str) -> ModelFinished:
    return ModelFinished(text, usage=Usage(10, 5))


def calls(*wanted: tuple[str, dict[str, object] | None], text: str = "") -> ModelFinished:
    numbered = tuple(
        ToolCall(f"call-{number}", name, arguments, "{" if arguments is None else "")
        for number, (name, arguments) in enumerate(wanted)
    )
    return ModelFinished(text, numbered, Usage(10, 5))


Reply = ModelFinished | Exception | Callable[[Sequence[StoredMessage]], Awaitable[ModelFinished]]


@dataclass
class ScriptedProvider:
    """Gives its replies in order and keeps what it was asked."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, list[StoredMessage], list[str]]] = field(default_factory=list)
    name: str = "scripted"
    model: str = "script-1"
    window: int = 100_000

    async def stream(
        self, system: str, messages: Sequence[StoredMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        self.asked.append((system, list(messages), [tool.name for tool in tools]))
        if not self.replies:
            raise AssertionError("the script has no more replies")
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        finished = reply if isinstance(reply, ModelFinished) else await reply(messages)
        for word in finished.text.split(" "):
            yield ModelText(word + " ")
        yield finished

    async def aclose(self) -> None:
        return


@dataclass
class ScriptedTools:
    """`look` reads, `change` writes, `crash` has a bug, `slow` waits for a gate; counts what really ran."""

    ran: list[tuple[str, str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    together: int = 0
    most_together: int = 0
    world_now: str = "as it was"
    tried: list[str] = field(default_factory=list)
    as_whom: list[str] = field(default_factory=list)
    cannot_try: str = ""
    says: str | None = None
    extras: dict[str, dict[str, Any]] = field(default_factory=dict)

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        return [ToolSpec(name, name, {"type": "object"}) for name in ("look", "change", "crash", "slow", "secrets")]

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        if call.name == "crash-early":
            raise ZeroDivisionError("a bug")
        if call.name not in {spec.name for spec in self.specs(identity)}:
            raise ToolError(f"there is no tool {call.name}")
        effect = Effect.WRITE if call.name == "change" else Effect.READ
        resource = "secrets" if call.name == "secrets" else "pods"
        verb = "patch" if effect is Effect.WRITE else "get"
        act = Act("demo", verb, "", resource, namespace=str((call.arguments or {}).get("namespace", "shop")))
        timeout = 0.05 if (call.arguments or {}).get("hurry") else 20.0
        return PlannedCall(call, effect, f"{call.name} {call.arguments}", (act,), timeout)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        """What `world` says now is what the change would do to it."""
        self.tried.append(str((planned.call.arguments or {}).get("what", "")))
        if self.cannot_try:
            raise ToolError(self.cannot_try)
        return Preview(("Pod shop/web",), f"- {self.world_now}\n+ {planned.call.arguments}", self.world_now)

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        if context.approved is not None and context.approved != self.world_now:
            raise Drifted("What this would change has changed since it was approved.")
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        try:
            self.entered.set()
            await asyncio.sleep(0)
            if planned.call.name == "slow":
                await self.gate.wait()
            if planned.call.name == "crash":
                raise ZeroDivisionError("a bug")
            self.ran.append((planned.call.name, str((planned.call.arguments or {}).get("what", ""))))
            self.as_whom.append(identity.speaker.user_id)
            extras = self.extras.get(planned.call.name, {})
            if self.says is not None and planned.call.name == "look":
                return ToolResult(self.says, "looked", **extras)
            return ToolResult(
                f"result of {planned.intent} for {identity.describe()}", f"{planned.call.name} done", **extras
            )
        finally:
            self.together -= 1


@dataclass
class PaperStage:
    """Shows on paper: every event, and the final answer of each turn, recorded as Slack's stage records it."""

    events: list[TurnEvent] = field(default_factory=list)
    answers: dict[str, list[TurnEnded]] = field(default_factory=dict)
    failing: bool = False
    crashes: int = 0
    pen: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.pen.set()

    def open(self, showing: Showing) -> Emit:
        async def emit(event: TurnEvent) -> None:
            self.events.append(event)
            if isinstance(event, TurnEnded):
                self.writing.set()
                await self.pen.wait()
                if self.crashes:
                    self.crashes -= 1
                    raise TimeoutError
            if isinstance(event, TurnEnded) and not self.failing:
                if showing.answer is not None and showing.answer.final:
                    return
                if showing.answer is None:
                    await showing.record(AnswerRef(showing.turn_id, opening=True))
                self.answers.setdefault(showing.turn_id, []).append(event)
                await showing.record(AnswerRef(showing.turn_id, posted=("1.1",), final=True))

        return emit


class Resolver:
    """Mia and Omar have Kubernetes users; nobody else has. `revoked` are refused from now on."""

    def __init__(self) -> None:
        self.revoked: set[Speaker] = set()
        self.away = False
        self.broken = False
        self.groups: dict[Speaker, tuple[str, ...]] = {}

    async def resolve(self, speaker: Speaker) -> Identity:
        if self.broken:
            raise ValueError("a bug")
        if self.away and speaker == MIA:
            raise NotNow("Slack does not answer.")
        if speaker not in (MIA, OMAR) or speaker in self.revoked:
            raise UserError("You are not mapped. Ask the platform team.")
        user = KubeUser(f"{speaker.user_id.lower()}@shop.example", self.groups.get(speaker, ("staff",)))
        return Identity(speaker, "mapping", user, datetime.now(UTC))


class PaperRights:
    """Everybody may do everything, but those in `lacking`."""

    def __init__(self) -> None:
        self.lacking: dict[str, str] = {}

    async def missing(self, identity: Identity, acts: Sequence[Act]) -> str:
        return self.lacking.get(identity.speaker.user_id, "")


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    clock: Clock = field(default_factory=Clock)
    provider: ScriptedProvider = field(default_factory=ScriptedProvider)
    tools: ScriptedTools = field(default_factory=ScriptedTools)
    stage: PaperStage = field(default_factory=PaperStage)
    resolver: Resolver = field(default_factory=Resolver)
    rules: TurnRules = field(default_factory=lambda: TurnRules(policy=Policy(Mode.AUTO), clusters=("demo",)))
    rights: PaperRights = field(default_factory=PaperRights)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    store: SessionStore = field(init=False)
    sent: int = 0

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock, monotonic=self.clock)

    def parts(self) -> TurnParts:
        redaction = Redaction(b"a key for tests only")
        return TurnParts(self.provider, self.tools, self.resolver, self.rights, self.audit, redaction)

    def runner(self, **changes: Any) -> Runner:
        pace = Pace(Term(ttl=60.0, monotonic=self.clock), 0.05, 0.05, last_words=changes.pop("last_words", 0.0))
        values = {
            "store": self.store,
            "stage": self.stage,
            "parts": self.parts(),
            "rules": self.rules,
            "pace": pace,
            **changes,
        }
        return Runner(**values)

    def message(self, text: str, speaker: Speaker = MIA, kind: str = "message", ts: str = "") -> Incoming:
        self.sent += 1
        ts = ts or f"17000000{self.sent:02d}.000100"
        return Incoming(
            keys=(f"evt:{self.sent}", f"msg:{ts}"),
            thread=THREAD,
            speaker=speaker,
            kind=kind,
            text=text,
            ts=ts,
            opens=True,
            received_at=datetime.now(UTC),
        )

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - many conditions, none with an event of its own
                await asyncio.sleep(0.005)

    async def settled(self, turns: int = 1) -> None:
        """Until that many turns have ended and nothing is open."""
        async with asyncio.timeout(30):
            while True:
                session = await self.store.find(THREAD)
                done = session is not None and session.turn is None and session.agent_state not in _BUSY
                if done and len(self.stage.answers) >= turns and not await self.store.unfinished():
                    return
                await asyncio.sleep(0.005)

    @property
    def texts(self) -> list[str]:
        return [ended.answer for endings in self.stage.answers.values() for ended in endings]
