"""One trace per turn, also where two replicas worked on it; what is in it, and what never is."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog

from kubeai_bot.domain.policy import Mode
from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.logs import configure_logging
from kubeai_bot.main import Bot, running_bot
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Call, Fail, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import World, WorldOptions, open_world
from kubeai_bot.stores.memory import MemoryStore
from kubeai_bot.telemetry import otel
from kubeai_bot.telemetry.trace_ids import TurnKey, add_trace_id
from kubeai_bot.telemetry.traces import traces_wanted
from tests.scenario.mortal_store import Death, MortalStore
from tests.scenario.stories import MIA, OMAR, finals
from tests.telemetry.otlp import Collector, attributes, collecting

TERM = 61.0


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    async with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        yield collector


@asynccontextmanager
async def bot_in(world: World, store: object) -> AsyncIterator[Bot]:
    async with running_bot(world.settings(), store, tracing=True) as bot:  # type: ignore[arg-type]
        yield bot


async def answered(world: World, store: MemoryStore, channel: str, thread: str) -> str:
    """The session's id, once its turn is closed."""
    await world.workspace.wait_for(lambda _: finals(world, channel, thread), timeout=30, what="an answer")
    async with asyncio.timeout(30):
        while (session := await store.find(ThreadRef("T0SHOP", channel, thread))) is None or session.turn:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return session.id


def looks_changes_answers(conversation: Conversation) -> Reply:
    made = [made.tool for made in conversation.now.made]
    if not made:
        return Call("list_resources", {"kind": "pods", "namespace": "shop", "label_selector": "app=needle-in-argument"})
    if "scale" not in made:
        return Call("scale", {"kind": "deployment", "namespace": "shop", "name": "frontend", "replicas": 5})
    return Say("needle-in-answer")


async def test_a_turn_is_one_trace_of_an_agent_that_chats_and_runs_tools(collector: Collector) -> None:
    store = MemoryStore()
    async with open_world(WorldOptions(mode=Mode.AUTO, model=ScriptedModel(looks_changes_answers))) as world:
        async with bot_in(world, store):
            thread = await world.workspace.say(OMAR, "needle-in-question: scale the frontend to 5")
            session = await answered(world, store, "D0OMAR", thread)
        assert not [r for r in world.cluster.requests if "traceparent" in {name.lower() for name in r.headers}]
        secrets = (world.workspace.bot_token, world.workspace.app_token)
    turn = TurnKey(session, f"{session[:8]}-1")
    assert {span.trace_id for span in collector.spans} == {turn.trace_id.to_bytes(16, "big")}
    (root,) = [span for span in collector.spans if not span.parent_span_id]
    assert root.name == "invoke_agent kubeai"
    assert root.span_id == turn.root_span_id.to_bytes(8, "big")
    assert attributes(root) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "kubeai",
        "gen_ai.conversation.id": session,
        "kubeai.turn.outcome": "answered",
    }
    assert len(collector.named("chat scripted")) == 3
    said = [attributes(span) for span in collector.named("chat ")]
    assert {(each["gen_ai.operation.name"], each["gen_ai.provider.name"]) for each in said} == {("chat", "openai")}
    assert all(each["gen_ai.usage.input_tokens"] and each["gen_ai.usage.output_tokens"] for each in said)
    tools = collector.named("execute_tool ")
    assert [span.name for span in tools][:2] == ["execute_tool list_resources", "execute_tool scale"]
    for tool in tools:
        inside = [span.name for span in collector.spans if span.parent_span_id == tool.span_id]
        assert any(name.startswith(("GET ", "PATCH ", "PUT ")) for name in inside), inside
        assert root.start_time_unix_nano <= tool.start_time_unix_nano <= tool.end_time_unix_nano
        assert tool.end_time_unix_nano <= root.end_time_unix_nano
    assert collector.named("store append")
    assert collector.named("store close")
    assert collector.resources[0]["service.name"] == "kubeai-bot"
    assert collector.resources[0]["deployment.environment.name"] == "test"
    sent = b"".join(collector.raw)
    for text in ("needle", "shop", "frontend", "omar@", "U0OMAR", "D0OMAR", *secrets):
        assert text.encode() not in sent, text


async def test_a_turn_that_another_replica_finishes_stays_one_trace(collector: Collector) -> None:
    ahead = 0.0
    store = MemoryStore(clock=lambda: time.time() + ahead)
    async with open_world(WorldOptions(mode=Mode.AUTO, model=ScriptedModel(looks_changes_answers))) as world:
        death = Death(at=7, after_effect=True)
        async with bot_in(world, MortalStore(store, death)):
            thread = await world.workspace.say(OMAR, "scale the frontend to 5")
            await asyncio.wait_for(death.dead.wait(), 15)
            death.buried.set()
        of_the_dead = list(collector.spans)
        assert [span.name for span in of_the_dead if span.name.startswith("chat ")]
        assert not collector.named("invoke_agent"), "the turn has not ended"
        ahead = TERM
        async with bot_in(world, store):
            session = await answered(world, store, "D0OMAR", thread)
    turn = TurnKey(session, f"{session[:8]}-1")
    of_the_heir = collector.spans[len(of_the_dead) :]
    assert [span.name for span in of_the_heir if span.name.startswith("chat ")]
    assert {span.trace_id for span in collector.spans} == {turn.trace_id.to_bytes(16, "big")}
    (root,) = collector.named("invoke_agent")
    assert root in of_the_heir
    assert root.start_time_unix_nano <= min(span.end_time_unix_nano for span in of_the_dead)
    known = {span.span_id for span in collector.spans}
    assert not [span.name for span in of_the_heir if span.parent_span_id and span.parent_span_id not in known]
    assert [span.name for span in of_the_dead if span.parent_span_id == root.span_id]


async def test_a_failed_request_to_the_model_names_the_error_and_not_its_text(collector: Collector) -> None:
    store = MemoryStore()
    model = ScriptedModel([Fail(401, "needle-in-error")])
    async with open_world(WorldOptions(model=model)) as world, bot_in(world, store):
        thread = await world.workspace.say(MIA, "what runs?")
        await answered(world, store, "D0MIA", thread)
    (chat,) = collector.named("chat ")
    assert attributes(chat)["error.type"] == "ProviderRefused"
    assert not chat.events
    assert not chat.status.message
    (root,) = collector.named("invoke_agent")
    assert attributes(root)["error.type"] == "failed"
    assert b"needle" not in b"".join(collector.raw)


async def test_a_sampler_of_the_environment_decides_for_whole_turns(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    store = MemoryStore()
    async with open_world(WorldOptions(model=ScriptedModel([Say("Yes.")]))) as world, bot_in(world, store):
        await answered(world, store, "D0MIA", await world.workspace.say(MIA, "is it?"))
    assert collector.spans == []


async def test_an_endpoint_that_never_answers_holds_up_the_end_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "8")
        traces = otel.open_traces("1", flush_seconds=0.3)
        with traces.span("chat", {}, turn=TurnKey("s", "t")):
            pass
        async with asyncio.timeout(6):
            await traces.aclose()
    for thread in threading.enumerate():
        if thread.name == "last spans":
            await asyncio.to_thread(thread.join, 30)


def test_log_lines_of_a_turn_lead_to_its_trace() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json", stream=stream, also=(add_trace_id,))
    with structlog.contextvars.bound_contextvars(session="abc", turn="abc-1"):
        structlog.get_logger("kubeai_bot.test").info("inside")
    structlog.get_logger("kubeai_bot.test").info("outside")
    inside, outside = (json.loads(line) for line in stream.getvalue().splitlines())
    assert inside["trace_id"] == f"{TurnKey('abc', 'abc-1').trace_id:032x}"
    assert "trace_id" not in outside


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
    ],
)
def test_traces_are_wanted_where_an_exporter_is_configured(environment: dict[str, str], wanted: bool) -> None:
    assert traces_wanted(environment) is wanted


UNTRACED = """
import asyncio, sys
import kubeai_bot.cli, kubeai_bot.main, kubeai_bot.tools.mcp.opening
from kubeai_bot.assembly.telemetry import open_telemetry
async def watch():
    async with open_telemetry("kubeai", tracing=False):
        pass
asyncio.run(watch())
found = [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]
print("imported:", found)
"""


def test_without_an_exporter_no_sdk_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", UNTRACED], capture_output=True, text=True, timeout=50, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "imported: []"
