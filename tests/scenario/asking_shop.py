"""A shop whose bot asks before it changes anything: the simulated Slack, the core with scripted tools and model."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from kubeai_bot.agent.journal import Term
from kubeai_bot.agent.runner import Pace, Runner
from kubeai_bot.domain.policy import Mode, Policy
from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.app import build_app
from kubeai_bot.slack.approval_cards import APPROVE, DENY
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import slack_client, who_am_i
from kubeai_bot.slack.stage import SlackStage
from kubeai_bot.slack.surfaces import About, Surfaces
from kubeai_bot.slack.timing import Timing
from kubeai_bot.slack.transports import HttpTransport, SocketTransport
from tests.agent.loop_world import World, calls, says
from tests.slack.approvals import buttons, words

MIA, OMAR, SAM = "U0MIA", "U0OMAR", "U0SAM"
PLACE = "C0ONCALL"
QUICK = Timing(opening=0.02, append=0.02, edit=0.02, look_again=0.05, give_up=2.0, retry=0.05, after_expiry=0.05)
CHANGE = ("change", {"what": "replicas"})


@dataclass
class Shop:
    """A workspace, the core with scripted tools and model, and as many bots on its one store as a test wants."""

    workspace: Workspace
    http: bool
    core: World = field(default_factory=World)
    thread: str = ""

    def __post_init__(self) -> None:
        self.core.rules = replace(self.core.rules, policy=Policy(Mode.ALLOW))
        self.core.provider.replies = [calls(("look", {"what": "before"}), CHANGE), says("Done.")]

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[Runner]:
        """One replica, from its signed door to the store."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(slack_client(self.workspace.bot_token, self.workspace.api_url))
            paced, me = PacedCalls(client), await who_am_i(client)
            pace = Pace(Term(ttl=60.0, monotonic=time.monotonic), 0.05, 0.05)
            stage = SlackStage(paced, me, QUICK, self.core.store.find)
            stack.callback(stage.close)
            runner = Runner(self.core.store, stage, self.core.parts(), self.core.rules, pace)
            working = asyncio.create_task(runner.run())
            stack.push_async_callback(_cancel, working)
            stack.push_async_callback(runner.stop, 5.0)
            secret = self.workspace.signing_secret if self.http else None
            app = build_app(paced, me, secret, runner.receive, self.surfaces(runner))
            transport = await self._connect(app)
            stack.push_async_callback(transport.stop)
            yield runner

    async def _connect(self, app: Any) -> HttpTransport | SocketTransport:
        if self.http:
            http = HttpTransport(app, "127.0.0.1", 0)
            await http.start()
            self.workspace.events_url = f"http://127.0.0.1:{http.port}/slack/events"
            return http
        before = self.workspace.connections
        socket = SocketTransport(app, self.workspace.app_token, ping_interval=0.5)
        await socket.start()
        await self.workspace.wait_for(lambda w: w.connections > before, what="the socket")
        return socket

    def surfaces(self, runner: Runner) -> Surfaces:
        store = self.core.store
        return Surfaces(
            About("kubeai", "I ask first.", ("demo",), "Say `help`.", "for now"),
            self.core.resolver.resolve,
            store.list,
            store.find,
            runner.forget,
            store.record_feedback,
            store.about,
            store.kept_result,
        )

    # what people do, and what they see

    async def ask(self, text: str = "scale it up") -> SimMessage:
        """Mia asks in the channel; the answer with the card."""
        self.thread = await self.workspace.say(MIA, text, channel=PLACE, mention=True)
        return (await self.answers(1))[0]

    async def click(self, user: str, action_id: str, message: SimMessage, **how: Any) -> None:
        assert (await self.workspace.click(user, action_id, message=message, **how)).acked

    async def answers(self, count: int) -> list[SimMessage]:
        """The answers in the thread once there are so many, finished, and nobody is at work any more."""

        def finished(workspace: Workspace) -> list[SimMessage]:
            shown = [m for m in workspace.messages(PLACE, self.thread) if m.bot_id and not m.ephemeral_to]
            done = [m for m in shown if (m.metadata or {}).get("event_type") == "kubeai_turn" and not m.streaming]
            return done if len(done) >= count else []

        found = await self.workspace.wait_for(finished, timeout=30, what=f"{count} answers")
        async with asyncio.timeout(30):
            while (await self.session()).turn is not None:  # noqa: ASYNC110 - the store has no event
                await asyncio.sleep(0.005)
        return found

    async def session(self) -> Any:
        session = await self.core.store.find(ThreadRef("T0SHOP", PLACE, self.thread))
        assert session is not None
        return session

    async def outcome(self, message: SimMessage) -> str:
        """What the card says instead of its buttons."""

        def settled(_: Workspace) -> str:
            ends = (":outcome", ":gone")
            return words([b for b in message.all_blocks() if str(b.get("block_id")).endswith(ends)])

        said = await self.workspace.wait_for(settled, what="an outcome on the card")
        assert APPROVE not in buttons(message)
        assert DENY not in buttons(message)
        return said

    @property
    def changes(self) -> list[str]:
        return [what for tool, what in self.core.tools.ran if tool == "change"]


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
