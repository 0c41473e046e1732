"""The unmodified bot between its three simulated edges, and what a test wants to know of the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from kubeai_bot.main import Bot
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.world import World, WorldOptions, open_world

MIA, OMAR, SAM, GIL, EVE = "U0MIA", "U0OMAR", "U0SAM", "U0GIL", "U0EVE"
ONCALL = "C0ONCALL"


def finals(world: World, channel: str, thread_ts: str) -> list[SimMessage]:
    """The bot's finished answers in a thread: messages that carry a turn's metadata."""
    return [
        message
        for message in world.workspace.messages(channel, thread_ts)
        if (message.metadata or {}).get("event_type") == "kubeai_turn" and not message.streaming and not message.deleted
    ]


def turn_ids(world: World, channel: str, thread_ts: str) -> list[str]:
    return [(message.metadata or {})["event_payload"]["turn_id"] for message in finals(world, channel, thread_ts)]


@dataclass
class Story:
    """A world with the bot in it."""

    world: World
    bot: Bot

    async def ask(
        self, user: str, text: str, *, channel: str | None = None, thread_ts: str | None = None, mention: bool = False
    ) -> str:
        """Say something and wait for one more final answer; the thread's ts."""
        place = channel or f"D{user[1:]}"
        before = len(finals(self.world, place, thread_ts)) if thread_ts else 0
        ts = await self.world.workspace.say(user, text, channel=channel, thread_ts=thread_ts, mention=mention)
        thread = thread_ts or ts
        await self.answers(place, thread, before + 1)
        return thread

    async def answers(self, channel: str, thread_ts: str, count: int = 1) -> None:
        await self.world.workspace.wait_for(
            lambda _: len(finals(self.world, channel, thread_ts)) >= count, timeout=40, what=f"{count} final answers"
        )
        async with asyncio.timeout(40):
            while self.bot.runner.busy:  # noqa: ASYNC110 - until the bot has put down its pen
                await asyncio.sleep(0.005)

    def read(self, channel: str, thread_ts: str) -> str:
        return self.world.workspace.rendered(channel, thread_ts)


@asynccontextmanager
async def story(options: WorldOptions | None = None, **environment: str) -> AsyncIterator[Story]:
    """Everything started, and at the end nothing that Slack would have refused."""
    options = options or WorldOptions()
    options = replace(options, environment={**options.environment, **environment})
    async with open_world(options) as world:
        async with world.bot() as bot:
            yield Story(world, bot)
        world.workspace.assert_no_problems()
