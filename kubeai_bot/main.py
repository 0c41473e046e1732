"""The composition root: Settings become parts, parts become a running bot, and all of it ends in the right order."""

from __future__ import annotations

import asyncio
import gc
import hmac
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from kubeai_bot.agent.housekeeping import keep_house
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.runner import Pace, Runner
from kubeai_bot.agent.words import CHANGES, help_text
from kubeai_bot.assembly.audit import audit_key, keep_audit, open_audit
from kubeai_bot.assembly.clusters import connect_clusters, default_cluster
from kubeai_bot.assembly.identity import choose_resolver
from kubeai_bot.assembly.model import connect_provider
from kubeai_bot.assembly.store import audit_rows, keeping, open_store
from kubeai_bot.assembly.telemetry import open_telemetry, prices_of
from kubeai_bot.assembly.tools import open_tools
from kubeai_bot.assembly.web import web_routes
from kubeai_bot.assembly.write_probe import write_probe
from kubeai_bot.domain.redaction.redactor import Redaction
from kubeai_bot.interfaces import Clusters, IdentityResolver, SessionStore
from kubeai_bot.settings.environment import Settings
from kubeai_bot.slack.app import build_app
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import slack_client, who_am_i
from kubeai_bot.slack.listener import Listener
from kubeai_bot.slack.people import SlackPeople
from kubeai_bot.slack.stage import SlackStage
from kubeai_bot.slack.surfaces import About, Surfaces
from kubeai_bot.slack.transports import HttpTransport, SocketTransport
from kubeai_bot.tools.kubernetes.rights import ClusterRights

log = structlog.get_logger(__name__)

GRACE = 20.0
"""Seconds that running turns get to end when the process is asked to stop."""

APPROVAL_TTL = 3600.0
"""Seconds that a change waits for an approval where APPROVAL_TTL does not say."""

LAST_WORDS = 5.0
"""Seconds after that in which turns that nobody can take over (sessions in memory) say that they were cut off."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot. `transport` tells whether Slack is connected; `working` ends only if the runner has failed."""

    runner: Runner
    store: SessionStore
    transport: SocketTransport | HttpTransport
    working: asyncio.Task[None]


@asynccontextmanager
async def running_bot(
    settings: Settings, store: SessionStore | None = None, pace: Pace | None = None, *, tracing: bool = False
) -> AsyncGenerator[Bot]:
    """Build every part, connect to Slack last, and undo all of it in reverse. Raises ConfigError, CredentialsFailed,
    StoreError.

    `store` is shared by several bots of one process (tests, the playground); otherwise the settings say which. `pace`
    is for tests that cannot wait for a lease to expire. `tracing`: the environment names an exporter of traces.
    """
    pace = pace or Pace(last_words=LAST_WORDS if settings.session_type == "memory" else 0.0)
    pace = replace(pace, cached_sessions=settings.session_cache_size)
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(settings.agent_name, tracing=tracing))
        clusters = telemetry.clusters(await connect_clusters(settings, stack))
        provider = telemetry.provider(await connect_provider(settings), prices_of(settings))
        stack.push_async_callback(provider.aclose)
        client = await stack.enter_async_context(
            slack_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        )
        me, calls = await who_am_i(client), PacedCalls(client, observe=telemetry.turns.slack_called)
        resolver = choose_resolver(settings, SlackPeople(calls, me).profile)
        rules = _rules(settings, clusters)
        kept = store or await stack.enter_async_context(open_store(settings))
        store = telemetry.store(kept)
        tools = await stack.enter_async_context(open_tools(settings, clusters, store, pace.write_timeout))
        parts = TurnParts(
            provider,
            telemetry.toolset(tools.toolset),
            resolver,
            ClusterRights(clusters),
            telemetry.audit(await stack.enter_async_context(open_audit(settings, audit_rows(kept)))),
            Redaction(_redaction_key(settings)),
            tools.mcp_status,
            lambda: [f"skill {bad}" for bad in tools.bad_skills()],
        )
        stage = SlackStage(calls, me, find=store.find)
        stack.callback(stage.close)
        runner = Runner(store, telemetry.stage(stage), parts, rules, pace, tools.hooks)
        working = asyncio.create_task(_work(runner, store, settings), name="runner")
        stack.push_async_callback(_end, working)
        stack.push_async_callback(runner.stop, GRACE)
        surfaces = _surfaces(rules, resolver, store, runner)
        app = build_app(calls, me, _signing_secret(settings), runner.receive, surfaces)
        probe = write_probe(settings)
        transport = _transport(
            settings, app, lambda slack: web_routes(slack, store, probe, clusters, tools.mcp_status, telemetry)
        )
        stack.push_async_callback(transport.stop)
        await transport.start()
        where = {"transport": type(transport).__name__, "clusters": list(clusters), "model": provider.model}
        log.info("ready", **where, sessions=keeping(settings))
        yield Bot(runner, kept, transport, working)
        log.info("stopping")


def _rules(settings: Settings, clusters: Clusters) -> TurnRules:
    return TurnRules(
        name=settings.agent_name,
        policy=settings.policy,
        max_iterations=settings.max_iterations,
        deadline=float(settings.turn_deadline),
        approval_ttl=timedelta(seconds=settings.approval_ttl or APPROVAL_TTL),
        clusters=tuple(clusters),
        default_cluster=default_cluster(settings, clusters),
        keeping=keeping(settings),
    )


def _redaction_key(settings: Settings) -> bytes:
    """The same on every replica, and in no store: pseudonyms of one session agree wherever it is worked on."""
    token = settings.slack_bot_token.get_secret_value().encode()
    return hmac.new(token, b"kubeai-bot redaction", "sha256").digest()


def _surfaces(rules: TurnRules, resolver: IdentityResolver, store: SessionStore, runner: Runner) -> Surfaces:
    """What the Home tab, the slash command, the shortcuts and the buttons below answers stand on."""
    about = About(
        rules.name,
        CHANGES[rules.mode],
        rules.clusters,
        help_text(rules.name, rules.mode, rules.clusters),
        rules.keeping,
    )
    return Surfaces(
        about,
        resolver.resolve,
        store.list,
        store.find,
        runner.forget,
        store.record_feedback,
        store.about,
        store.kept_result,
    )


async def run(settings: Settings, *, tracing: bool = False) -> None:
    """Run until SIGTERM or SIGINT. `tracing` as for `running_bot`."""
    for warning in settings.warnings:
        log.warning(warning)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with running_bot(settings, tracing=tracing) as bot:
        gc.freeze()  # what is here now stays: no collection need hold up the loop to look through it
        gc.enable()
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({asked, bot.working}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if bot.working.done():
            bot.working.result()


async def _work(runner: Runner, store: SessionStore, settings: Settings) -> None:
    rows = audit_rows(store)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        group.create_task(keep_house(store, settings.retention))
        if rows is not None and settings.audit_retention_days is not None:
            group.create_task(keep_audit(rows, settings.audit_retention_days, audit_key(settings)))


def _transport(
    settings: Settings, app: AsyncApp, routes_with: Callable[[Callable[[], Awaitable[bool]]], list[web.RouteDef]]
) -> SocketTransport | HttpTransport:
    """Events over Socket Mode or over HTTP; the other routes stand on LISTEN_ADDRESS with both. They are told how to
    ask whether Slack is connected."""

    async def connected() -> bool:
        return await transport.connected()

    host, port = settings.listen_host_port
    routes = routes_with(connected)
    transport: SocketTransport | HttpTransport
    if settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        transport = SocketTransport(app, token, Listener(routes, host, port))
    else:
        transport = HttpTransport(app, host, port, routes)
    return transport


def _signing_secret(settings: Settings) -> str | None:
    secret = settings.slack_signing_secret
    return secret.get_secret_value() if secret else None


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
