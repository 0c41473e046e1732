"""What the loop costs: a whole turn through runner, lease, journal and transcript, beside its bare calls in a row.

Ratios within one run; the machine's speed cancels out. `make bench`.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

import structlog

from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.runner import Pace, Runner
from kubeai_bot.audit.memory import MemoryAudit
from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.event import TurnEnded, TurnEvent
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import Message, Source, StoredMessage, Text, ToolCall, ToolCallResponse
from kubeai_bot.domain.policy import Act, Effect
from kubeai_bot.domain.redaction.redactor import Redaction
from kubeai_bot.domain.session import AnswerRef, Incoming, ThreadRef
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import ToolError
from kubeai_bot.interfaces import Emit, ModelEvent, ModelFinished, Showing
from kubeai_bot.stores.memory import MemoryStore
from kubeai_bot.tools.kubernetes.rights import ClusterRights

MIA = Speaker("T0SHOP", "U0MIA")
IDENTITY = Identity(MIA, "shared", KubeUser("kubeai-shared"), datetime.now(UTC))
RESULT = "NAME READY STATUS\n" * 250
ROUNDS = 30


class Model:
    """Two tool calls, then an answer; no time of its own."""

    name, model, window = "none", "none", 1_000_000

    async def stream(
        self, _system: str, messages: Sequence[StoredMessage], _tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        if isinstance(messages[-1].message.payload, ToolCallResponse):
            yield ModelFinished("All is well.")
        else:
            yield ModelFinished("", (ToolCall("a", "look", {}), ToolCall("b", "look", {})))

    async def aclose(self) -> None:
        return


class Tools:
    """Reads that return 4 KB at once."""

    def specs(self, _identity: Identity) -> Sequence[ToolSpec]:
        return [ToolSpec("look", "Look", {"type": "object", "properties": {}})]

    async def plan(self, call: ToolCall, _identity: Identity) -> PlannedCall:
        return PlannedCall(call, Effect.READ, "Look", (Act("demo", "list", "", "pods"),), 5)

    async def preview(self, _planned: PlannedCall, _identity: Identity, _context: CallContext | None) -> Preview:
        raise ToolError("it changes nothing")

    async def call(self, _planned: PlannedCall, _identity: Identity, _context: CallContext | None) -> ToolResult:
        return ToolResult(RESULT, "looked")


class Resolver:
    async def resolve(self, _speaker: Speaker) -> Identity:
        return IDENTITY


class Stage:
    """Tells when a turn has ended."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def open(self, showing: Showing) -> Emit:
        async def emit(event: TurnEvent) -> None:
            if isinstance(event, TurnEnded):
                await showing.record(AnswerRef(showing.turn_id, posted=("1.1",), final=True))
                self.ended.set()

        return emit


async def bare_turn() -> None:
    """The same calls without any of ours around them."""
    model, tools = Model(), Tools()
    question = StoredMessage(1, Message("t", Source.USER, Text("?"), IDENTITY, datetime.now(UTC)))
    async for _ in model.stream("", [question], ()):
        pass
    for call_id in ("a", "b"):
        call = ToolCall(call_id, "look", {})
        await tools.call(await tools.plan(call, IDENTITY), IDENTITY, None)
    result = Message("t", Source.AGENT, ToolCallResponse("a", "look", RESULT), IDENTITY, datetime.now(UTC))
    async for _ in model.stream("", [StoredMessage(2, result)], ()):
        pass


async def turns(runner: Runner, stage: Stage, first: int, count: int) -> float:
    """Median milliseconds of `count` turns in one session, event keys numbered from `first`."""
    took: list[float] = []
    for number in range(first, first + count):
        now = datetime.now(UTC)
        ts = f"{number}.000100"
        incoming = Incoming((f"e{number}",), ThreadRef("T", "C", "1.1"), MIA, "message", "How is it?", ts, True, now)
        stage.ended.clear()
        began = time.perf_counter()
        await runner.receive(incoming)
        await stage.ended.wait()
        took.append((time.perf_counter() - began) * 1000)
        while runner.busy:  # noqa: ASYNC110 - outside the measured time
            await asyncio.sleep(0)
    return statistics.median(took)


async def measure() -> None:
    stage = Stage()
    runner = Runner(
        MemoryStore(),
        stage,
        TurnParts(Model(), Tools(), Resolver(), ClusterRights({}), MemoryAudit(), Redaction(b"a key for measuring")),
        TurnRules(),
        Pace(),
    )
    bare: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await bare_turn()
        bare.append((time.perf_counter() - began) * 1000)
    base = statistics.median(bare)
    short = await turns(runner, stage, 1, ROUNDS)
    await turns(runner, stage, 1000, 1000)
    long = await turns(runner, stage, 5000, ROUNDS)
    rows = [
        ("the bare calls in a row", base, 1.0),
        ("a turn in a new session", short, short / base),
        ("a turn after 5,000 messages", long, long / base),
    ]
    for name, milliseconds, ratio in rows:
        sys.stdout.write(f"{name:<30} {milliseconds:8.3f} ms  x {ratio:8.1f}\n")
    sys.stdout.write(f"{'old session / new session':<30} {'':11}  x {long / short:8.1f}\n")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asyncio.run(measure())
