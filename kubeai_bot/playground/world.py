"""The whole local world around the unmodified bot: a Slack workspace, a cluster, a model, and the bot between them."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from kubeai_bot.domain.policy import Mode
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.main import Bot, running_bot
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.playground.model.demo import DemoModel
from kubeai_bot.playground.model.server import ModelServer
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.settings.environment import Settings

PEOPLE = (
    {"email": "mia@shop.example", "user": "mia@shop.example", "groups": ["shop-developers"]},
    {"slack": "U0OMAR", "user": "omar@shop.example", "groups": ["platform-engineers"]},
)
CONTACT = "Ask #platform to add you."


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """`seed` renames the demo's objects and moves its faults; `pace` is the demo model's seconds per word; `model`
    stands in for the demo model; `environment` is added to the bot's."""

    seed: int | None = None
    http: bool = False
    mode: Mode = Mode.NONE
    pace: float = 0.0
    model: ModelServer | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class World:
    """The three simulated edges, and the scenario that stands in the cluster."""

    workspace: Workspace
    cluster: DemoCluster
    model: ModelServer
    scenario: Scenario
    environment: Mapping[str, str]

    @asynccontextmanager
    async def bot(self, store: SessionStore | None = None) -> AsyncGenerator[Bot]:
        """The bot, started as `kubeai-bot run` starts it, with nothing but its environment pointing here. `store`: one
        that several bots share."""
        async with running_bot(Settings.load(self.environment), store) as bot:
            yield bot


@asynccontextmanager
async def open_world(options: WorldOptions) -> AsyncGenerator[World]:
    """Start the edges on loopback. The bot is started separately, by `World.bot`, as often as wanted."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubeai-playground-")))
        scenario = Scenario.build(options.seed)
        cluster = await stack.enter_async_context(DemoCluster(scenario))
        model = await stack.enter_async_context(options.model or DemoModel(pace=options.pace))
        workspace = await stack.enter_async_context(Workspace())
        environment = _environment(folder, workspace, cluster, model)
        if options.http:
            port = _free_port()
            workspace.events_url = f"http://127.0.0.1:{port}/slack/events"
            environment |= {"SLACK_SIGNING_SECRET": workspace.signing_secret, "LISTEN_ADDRESS": f"127.0.0.1:{port}"}
            del environment["SLACK_APP_TOKEN"]
        environment |= {"MODIFY_RESOURCES": options.mode.value, **options.environment}
        yield World(workspace, cluster, model, scenario, environment)


def _environment(folder: Path, workspace: Workspace, cluster: DemoCluster, model: ModelServer) -> dict[str, str]:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig(), encoding="utf-8")
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"identity": {"contact": CONTACT, "users": list(PEOPLE)}}), encoding="utf-8")
    return {
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        "SLACK_API_URL": workspace.api_url,
        "LISTEN_ADDRESS": f"127.0.0.1:{_free_port()}",
        "OPENAI_BASE_URL": model.base_url,
        "MODEL_ID": model.model,
        "KUBECONFIG": str(kubeconfig),
        "AUTH_METHOD": "MAPPING",
        "CONFIG_FILE": str(config),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
