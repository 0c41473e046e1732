"""The whole local world around the unmodified bot: a Slack workspace, a cluster, a model, and the bot between them.
Each of the three can be the real thing instead."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubeai_bot.domain.policy import Mode
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.main import Bot, running_bot
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.playground.edges import (
    Edge,
    Real,
    cluster_environment,
    edges,
    model_environment,
    session_environment,
    slack_environment,
)
from kubeai_bot.playground.model.demo import DemoModel
from kubeai_bot.playground.model.server import ModelServer
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.settings.environment import Settings


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """`seed` renames the demo's objects and moves its faults; `pace` is the demo model's seconds per word; `model`
    stands in for the demo model; `environment` is added to the bot's; `real` is what is not simulated."""

    seed: int | None = None
    http: bool = False
    mode: Mode = Mode.NONE
    pace: float = 0.0
    model: ModelServer | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    real: Real = Real()
    runbooks: bool = False
    """Whether the bot has an MCP server too, with runbooks and incidents."""
    redelivery_delays: tuple[float, ...] = (3.0, 60.0, 300.0)
    """Seconds before Slack delivers again what was not acked."""


@dataclass(frozen=True, slots=True)
class World:
    """The simulated edges (None where the real thing is used), and the scenario that stands in the cluster."""

    workspace: Workspace | None
    cluster: DemoCluster | None
    model: ModelServer | None
    scenario: Scenario
    environment: Mapping[str, str]
    edges: tuple[Edge, ...]

    def settings(self) -> Settings:
        """The bot's settings. Raises ConfigError."""
        return Settings.load(self.environment)

    @asynccontextmanager
    async def bot(self, store: SessionStore | None = None) -> AsyncGenerator[Bot]:
        """The bot, started as `kubeai-bot run` starts it, with nothing but its environment pointing here. `store`: one
        that several bots share."""
        async with running_bot(self.settings(), store) as bot:
            yield bot


@asynccontextmanager
async def open_world(options: WorldOptions) -> AsyncGenerator[World]:
    """Start the simulated edges on loopback. The bot is started separately, by `World.bot`, as often as wanted.

    Raises ConfigError where what is to be real cannot be put together.
    """
    real = options.real
    real.check(http=options.http)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubeai-playground-")))
        scenario = Scenario.build(options.seed)
        cluster = None if real.cluster else await stack.enter_async_context(DemoCluster(scenario))
        demo = options.model or DemoModel(pace=options.pace)
        model = None if real.has_model else await stack.enter_async_context(demo)
        slack = Workspace(redelivery_delays=options.redelivery_delays)
        workspace = None if real.slack else await stack.enter_async_context(slack)
        sections: dict[str, Any] = {}
        if options.runbooks and not real.slack:
            sections = await stack.enter_async_context(_runbooks(scenario))
        environment = {
            "LISTEN_ADDRESS": f"127.0.0.1:{_free_port()}",
            "MODIFY_RESOURCES": options.mode.value,
            "AUDIT_FILE": str(folder / "audit.jsonl"),
            **(_to_workspace(workspace, http=options.http) if workspace else slack_environment(real)),
            **(_to_model(model) if model else model_environment(real)),
            **cluster_environment(real, folder, cluster.kubeconfig() if cluster else None, sections),
            **session_environment(real),
            **options.environment,
        }
        yield World(workspace, cluster, model, scenario, environment, edges(real, environment, http=options.http))


@asynccontextmanager
async def _runbooks(scenario: Scenario) -> AsyncGenerator[dict[str, Any]]:
    """The section of CONFIG_FILE that connects the bot to them. The MCP SDK is imported only here."""
    from kubeai_bot.playground.mcp.server import (  # noqa: PLC0415
        READING_TOOLS,
        SERVER,
        SPEAKER_HEADER,
        open_runbooks,
    )

    async with open_runbooks(scenario.faults) as runbooks:
        server = {
            "name": SERVER,
            "url": runbooks.url,
            "reads": list(READING_TOOLS),
            "forward": {SPEAKER_HEADER: "{user}"},
        }
        yield {"mcp": {"servers": [server]}}


def _to_workspace(workspace: Workspace, *, http: bool) -> dict[str, str]:
    where = {"SLACK_BOT_TOKEN": workspace.bot_token, "SLACK_API_URL": workspace.api_url}
    if not http:
        return {**where, "SLACK_APP_TOKEN": workspace.app_token}
    port = _free_port()
    workspace.events_url = f"http://127.0.0.1:{port}/slack/events"
    return {**where, "SLACK_SIGNING_SECRET": workspace.signing_secret, "LISTEN_ADDRESS": f"127.0.0.1:{port}"}


def _to_model(model: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": model.base_url, "MODEL_ID": model.model}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
