"""`kubeai-bot playground`: the world, the bot in it and the page on it, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import webbrowser
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace

from rich.console import Console
from rich.markup import escape

from kubeai_bot.assembly.store import open_store
from kubeai_bot.errors import ConfigError
from kubeai_bot.main import Bot
from kubeai_bot.playground.announcing import say_edges
from kubeai_bot.playground.page.bot_program import BotProgram
from kubeai_bot.playground.page.detail import Details
from kubeai_bot.playground.page.hub import Hub
from kubeai_bot.playground.page.inspector import Inspector, Lane
from kubeai_bot.playground.page.server import PageServer, Shown
from kubeai_bot.playground.page.watched_store import WatchedStore
from kubeai_bot.playground.suggestions import COMMANDS, NOTES, REQUESTER, SHORTCUTS, suggestion, tour
from kubeai_bot.playground.workspace.wire import Json
from kubeai_bot.playground.world import World, WorldOptions, open_world

PACE = 0.02
"""Seconds per word of the demo model: the speed of a quick reader."""


@dataclass(frozen=True, slots=True)
class PageOptions:
    """`port` None: 8765, or the next free one. `browser`: try to open one."""

    port: int | None = None
    browser: bool = False


@dataclass(frozen=True, slots=True)
class Playground:
    """All of it, running."""

    world: World
    page: PageServer
    bot: BotProgram


@asynccontextmanager
async def open_playground(options: WorldOptions, port: int | None = None) -> AsyncGenerator[Playground]:
    """The world and the page; the bot is `started` by the caller or from the page. Raises ConfigError before anything
    is shown where the settings cannot work."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(options))
        settings = world.settings()
        hub = Hub()
        inspector = Inspector(hub.publish, Details(_secrets(world)))
        _watch_edges(world, inspector)
        bot = BotProgram(_bot_opener(world, inspector), hub.publish)
        stack.push_async_callback(bot.stop)
        about = _about(world, socket_mode=settings.uses_socket_mode)
        shown = Shown(world.workspace, about, _notes(world), COMMANDS, SHORTCUTS)
        try:
            page = await stack.enter_async_context(PageServer(shown, hub, inspector, bot, port))
        except OSError as error:
            raise ConfigError([f"The page cannot be served on port {port or 'any'}: {error.strerror}."]) from error
        yield Playground(world, page, bot)


async def run(world: WorldOptions, page: PageOptions) -> None:
    """Until SIGINT or SIGTERM."""
    console = Console(highlight=False)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with open_playground(replace(world, pace=PACE), page.port) as playground:
        starting = asyncio.create_task(_start(playground.bot, console))
        say_edges(console, playground.world.edges)
        console.print(f"\n[bold]Open[/bold] {escape(playground.page.address)}\n", soft_wrap=True)
        console.print("Ctrl-C ends it.", style="dim")
        if page.browser:
            await asyncio.to_thread(webbrowser.open, playground.page.address)
        await stop.wait()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


async def _start(bot: BotProgram, console: Console) -> None:
    try:
        await bot.start()
    except (RuntimeError, TimeoutError) as error:
        console.print(f"The bot does not start: {escape(str(error))}", style="red")


def _bot_opener(world: World, inspector: Inspector) -> Callable[[], AbstractAsyncContextManager[Bot]]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Bot]:
        async with open_store(world.settings()) as store:
            watched = WatchedStore(store, inspector)
            await watched.show_known()
            async with world.bot(watched) as bot:
                yield bot

    return opened


def _secrets(world: World) -> list[str]:
    known = list(world.settings().secret_texts())
    if world.workspace is not None:
        known += [world.workspace.bot_token, world.workspace.app_token, world.workspace.signing_secret]
    return known


def _watch_edges(world: World, inspector: Inspector) -> None:
    """Lanes of what is real cannot be watched: its requests pass between the bot and the real thing."""
    if world.model is not None:
        world.model.watchers.append(inspector.model)
    if world.cluster is not None:
        world.cluster.watchers.append(inspector.cluster)
    lanes: dict[str, tuple[Lane, ...]] = {"Slack": ("events", "calls"), "Model": ("model",), "Kubernetes": ("cluster",)}
    for edge in world.edges:
        if edge.real:
            for lane in lanes.get(edge.edge, ()):
                inspector.remark(lane, f"{edge.edge} is real here: what passes between it and the bot is not seen.")


def _about(world: World, *, socket_mode: bool) -> Json:
    questions = tour(world.scenario if world.cluster else None, world.settings().modify_resources)
    return {
        "edges": [asdict(edge) for edge in world.edges],
        "transport": "Socket Mode" if socket_mode else "signed HTTP",
        "suggested": [suggestion(question) for question in questions] if world.workspace is not None else [],
    }


def _notes(world: World) -> dict[str, str]:
    if world.cluster is not None:
        return dict(NOTES)
    mapped = "CONFIG_FILE" in world.environment
    requester = "Acts under the name that --as-user gives" if mapped else "Has the rights of the kubeconfig's own user"
    return {user: requester if user == REQUESTER else "Is refused: the cluster is real" for user in NOTES}
