"""A question to an answer without the bot's own loop: provider, tools and nothing between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import (
    Message,
    Payload,
    Source,
    StoredMessage,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
)
from kubeai_bot.domain.policy import Mode, Policy, Refuse, judge
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.tool import CallContext
from kubeai_bot.errors import ClusterError, ToolError
from kubeai_bot.interfaces import ModelFinished, Provider, Toolset
from kubeai_bot.kube.config import connect
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.playground.model.demo import DemoModel
from kubeai_bot.providers.connect import connect_openai
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools


def person(user: str, group: str) -> Identity:
    return Identity(Speaker("T0SHOP", "U0X"), "mapping", KubeUser(user, (group,)), datetime.now(UTC))


MIA = person("mia@shop.example", "shop-developers")
OMAR = person("omar@shop.example", "platform-engineers")


@dataclass
class Thread:
    """One thread under one identity; `calls` are those of the last question."""

    provider: Provider
    tools: Toolset
    identity: Identity
    mode: Mode = Mode.NONE
    transcript: list[StoredMessage] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    steps: int = 0

    async def ask(self, question: str) -> str:
        self._say(Source.USER, Text(question))
        self.calls, self.steps = [], 0
        for _ in range(10):
            finished = await self._model()
            if not finished.calls:
                self._say(Source.MODEL, Text(finished.text))
                return finished.text
            self._say(Source.MODEL, ToolCallRequest(finished.calls, finished.text, finished.vendor))
            self.calls += finished.calls
            self.steps += 1
            for call, content in zip(finished.calls, await self._run(finished.calls), strict=True):
                self._say(Source.AGENT, ToolCallResponse(call.id, call.name, content))
        raise AssertionError("no answer after ten steps")

    async def _model(self) -> ModelFinished:
        specs = self.tools.specs(self.identity)
        async with aclosing(self.provider.stream("You are kubeai.", self.transcript, specs)) as events:
            said = [event async for event in events]
        assert isinstance(said[-1], ModelFinished)
        return said[-1]

    async def _run(self, calls: Sequence[ToolCall]) -> list[str]:
        return await asyncio.gather(*map(self._result, calls))

    async def _result(self, call: ToolCall) -> str:
        try:
            planned = await self.tools.plan(call, self.identity)
            verdict = judge(planned.effect, planned.acts, Policy(self.mode), self.identity)
            if isinstance(verdict, Refuse):
                return verdict.reason
            context = CallContext("session", "turn", "D0MIA", Redactor(b"k" * 32), _quiet)
            return (await self.tools.call(planned, self.identity, context)).content
        except (ToolError, ClusterError) as error:
            return str(error)

    def _say(self, source: Source, payload: Payload) -> None:
        message = Message("turn", source, payload, self.identity, datetime.now(UTC))
        self.transcript.append(StoredMessage(len(self.transcript) + 1, message))


async def _quiet(_progress: str) -> None:
    return


@dataclass
class Shop:
    """The demo cluster, the demo model, and threads with people who ask."""

    scenario: Scenario
    model: DemoModel
    provider: Provider
    tools: dict[Mode, Toolset]

    def thread(self, identity: Identity, mode: Mode = Mode.NONE) -> Thread:
        return Thread(self.provider, self.tools[mode], identity, mode)


@asynccontextmanager
async def shop(folder: Path, seed: int | None = None) -> AsyncGenerator[Shop]:
    scenario = Scenario.build(seed)
    async with DemoCluster(scenario) as cluster, DemoModel() as model:
        kubeconfig = folder / f"kubeconfig-{seed}"
        kubeconfig.write_text(cluster.kubeconfig())
        connected = await connect(kubeconfig=str(kubeconfig), context=None, impersonate=True)
        provider = await connect_openai(model.model, base_url=model.base_url)
        tools: dict[Mode, Toolset] = {
            mode: KubernetesTools({"demo": connected}, "demo", mode) for mode in (Mode.NONE, Mode.AUTO)
        }
        try:
            yield Shop(scenario, model, provider, tools)
        finally:
            await provider.aclose()
            await connected.aclose()
