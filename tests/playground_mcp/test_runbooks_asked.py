"""The demo model with the real provider and the bot's MCP tools, asked about the shop's runbooks and incidents."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.policy import Effect, Mode
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.mcp.incidents import Board
from kubeai_bot.playground.mcp.server import READING_TOOLS, SERVER, SPEAKER_HEADER, open_runbooks
from kubeai_bot.playground.model.demo import DemoModel
from kubeai_bot.playground.suggestions import TOUR
from kubeai_bot.providers.connect import connect_openai
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.opening import open_mcp
from kubeai_bot.tools.mcp.toolset import McpTools
from tests.playground_model.small_loop import MIA, OMAR, Thread


@dataclass
class Desk:
    """Threads with the demo model, which has the runbooks' tools and no others."""

    thread: Thread
    tools: McpTools
    board: Board


@asynccontextmanager
async def desk(identity: Identity = MIA, mode: Mode = Mode.NONE) -> AsyncGenerator[Desk]:
    async with open_runbooks(Scenario.build().faults) as runbooks, DemoModel() as model:
        server = McpServer(SERVER, url=runbooks.url, reads=READING_TOOLS, forward={SPEAKER_HEADER: "{user}"})
        async with open_mcp([server]) as tools:
            assert await tools.wait_ready(10)
            provider = await connect_openai(model.model, base_url=model.base_url)
            try:
                yield Desk(Thread(provider, tools, identity, mode), tools, runbooks.board)
            finally:
                await provider.aclose()


async def test_the_suggested_question_is_answered_from_the_runbook() -> None:
    (question,) = [question for question in TOUR if "runbook" in question.text]
    async with desk() as at:
        answer = await at.thread.ask(question.text)
        assert "RB-101" in answer
        assert "Read the logs of the run before the last restart" in answer
        assert [call.name for call in at.thread.calls] == ["runbooks__search_runbooks", "runbooks__get_runbook"]


async def test_only_acknowledging_counts_as_a_change() -> None:
    async with desk() as at:
        effects = {spec.name: spec.effect for spec in at.tools.specs(MIA)}
        assert effects.pop("runbooks__acknowledge_incident") is Effect.WRITE
        assert set(effects.values()) == {Effect.READ}


async def test_an_incident_is_seen_and_not_taken_where_nothing_may_be_changed() -> None:
    async with desk() as at:
        worst = at.board.incidents[0]
        assert worst.id in await at.thread.ask("any open incidents?")
        refused = await at.thread.ask(f"acknowledge {worst.id}")
        assert "not acknowledged" in refused
        assert at.board.incidents[0].acknowledged_by == ""


async def test_an_incident_is_taken_in_the_name_of_whoever_asks() -> None:
    async with desk(OMAR, Mode.AUTO) as at:
        worst = at.board.incidents[0]
        assert "acknowledged by omar@shop.example" in await at.thread.ask(f"acknowledge {worst.id}")
        (taken,) = [each for each in at.board.incidents if each.id == worst.id]
        assert taken.acknowledged_by == "omar@shop.example"
