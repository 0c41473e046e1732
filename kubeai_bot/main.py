"""The composition root: Settings become parts, parts become a running bot, and all of it ends in the right order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp

from kubeai_bot.agent.housekeeping import keep_house
from kubeai_bot.agent.loop import TurnParts, TurnRules
from kubeai_bot.agent.runner import Pace, Runner
from kubeai_bot.agent.words import CHANGES, help_text
from kubeai_bot.auth.admission import Admission
from kubeai_bot.auth.kubeconfig import KubeconfigOwner
from kubeai_bot.auth.mapping import MappedIdentities, MappedPerson, ProfileOf
from kubeai_bot.auth.shared import SharedIdentity
from kubeai_bot.domain.storage import Retention
from kubeai_bot.errors import ConfigError, StoreError
from kubeai_bot.interfaces import Clusters, IdentityResolver, Provider, SessionStore
from kubeai_bot.kube.client import ImpersonatingCluster
from kubeai_bot.kube.config import connect, connect_in_cluster
from kubeai_bot.providers.connect import ModelOptions, connect_azure, connect_gemini, connect_openai, connect_vertex
from kubeai_bot.settings.environment import Settings
from kubeai_bot.slack.app import build_app
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import slack_client, who_am_i
from kubeai_bot.slack.listener import Listener
from kubeai_bot.slack.people import SlackPeople
from kubeai_bot.slack.stage import SlackStage
from kubeai_bot.slack.surfaces import About, Surfaces
from kubeai_bot.slack.transports import HttpTransport, SocketTransport
from kubeai_bot.store_choice import keeping, open_store
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools
from kubeai_bot.web.health import health_routes

log = structlog.get_logger(__name__)

GRACE = 20.0
"""Seconds that running turns get to end when the process is asked to stop."""

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
    settings: Settings, store: SessionStore | None = None, pace: Pace | None = None
) -> AsyncGenerator[Bot]:
    """Build every part, connect to Slack last, and undo all of it in reverse. Raises ConfigError, CredentialsFailed,
    StoreError.

    `store` is shared by several bots of one process (tests, the playground); otherwise the settings say which. `pace`
    is for tests that cannot wait for a lease to expire.
    """
    pace = pace or Pace(last_words=LAST_WORDS if settings.session_type == "memory" else 0.0)
    pace = replace(pace, cached_sessions=settings.session_cache_size)
    async with AsyncExitStack() as stack:
        clusters = await _clusters(settings, stack)
        provider = await _provider(settings)
        stack.push_async_callback(provider.aclose)
        client = await stack.enter_async_context(
            slack_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        )
        me, calls = await who_am_i(client), PacedCalls(client)
        resolver = _resolver(settings, SlackPeople(calls, me).profile)
        default = settings.config.clusters.default or next(iter(clusters))
        tools = KubernetesTools(clusters, default, settings.modify_resources, write_timeout=pace.write_timeout)
        rules = TurnRules(
            name=settings.agent_name,
            mode=settings.modify_resources,
            max_iterations=settings.max_iterations,
            deadline=float(settings.turn_deadline),
            clusters=tuple(clusters),
            keeping=keeping(settings),
        )
        store = store or await stack.enter_async_context(open_store(settings))
        runner = Runner(store, SlackStage(calls, me), TurnParts(provider, tools, resolver), rules, pace)
        working = asyncio.create_task(_work(runner, store, settings.retention), name="runner")
        stack.push_async_callback(_end, working)
        stack.push_async_callback(runner.stop, GRACE)
        surfaces = _surfaces(rules, resolver, store, runner)
        app = build_app(calls, me, _signing_secret(settings), runner.receive, surfaces)
        transport = _transport(settings, app, store)
        stack.push_async_callback(transport.stop)
        await transport.start()
        where = {"transport": type(transport).__name__, "clusters": list(clusters), "model": provider.model}
        log.info("ready", **where, sessions=keeping(settings))
        yield Bot(runner, store, transport, working)
        log.info("stopping")


def _surfaces(rules: TurnRules, resolver: IdentityResolver, store: SessionStore, runner: Runner) -> Surfaces:
    """What the Home tab, the slash command, the shortcuts and feedback stand on."""
    about = About(
        rules.name,
        CHANGES[rules.mode],
        rules.clusters,
        help_text(rules.name, rules.mode, rules.clusters),
        rules.keeping,
    )
    return Surfaces(about, resolver.resolve, store.list, store.find, runner.forget, store.record_feedback, store.about)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    for warning in settings.warnings:
        log.warning(warning)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with running_bot(settings) as bot:
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({asked, bot.working}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if bot.working.done():
            bot.working.result()


async def _work(runner: Runner, store: SessionStore, retention: Retention) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run())
        group.create_task(keep_house(store, retention))


async def _clusters(settings: Settings, stack: AsyncExitStack) -> Clusters:
    """The kubeconfig contexts that are asked for; where none is, the cluster whose pod this is, if it is one.

    A pod's own account is never used without impersonation: its rights are not the askers'.
    """
    found: dict[str, ImpersonatingCluster] = {}
    faults: list[str] = []
    if settings.impersonate and settings.kubeconfig is None and not settings.kube_contexts:
        try:
            cluster = await connect_in_cluster(impersonate=settings.impersonate)
        except ConfigError:
            log.debug("not in a pod, using the kubeconfig")
        else:
            stack.push_async_callback(cluster.aclose)
            _check_names(settings, {cluster.name: cluster})
            return {cluster.name: cluster}
    for context in settings.kube_contexts or (None,):
        try:
            cluster = await connect(kubeconfig=settings.kubeconfig, context=context, impersonate=settings.impersonate)
        except ConfigError as error:
            faults += error.faults
            continue
        stack.push_async_callback(cluster.aclose)
        found[cluster.name] = cluster
    if faults:
        raise ConfigError(faults)
    _check_names(settings, found)
    return found


def _check_names(settings: Settings, clusters: Clusters) -> None:
    """A misspelt cluster in CONFIG_FILE would silently give the wrong identity there."""
    config = settings.config
    named = {config.clusters.default, *(name for person in config.identity.users for name in person.clusters)} - {""}
    if unknown := sorted(named - set(clusters)):
        raise ConfigError(
            [f"CONFIG_FILE names cluster {name!r}, but the clusters are {', '.join(clusters)}." for name in unknown]
        )


async def _provider(settings: Settings) -> Provider:
    windows: Mapping[str, int] = settings.config.models.windows
    model, options = settings.model_id, ModelOptions(window=windows.get(settings.model_id))
    match settings.llm_provider:
        case "openai":
            return await connect_openai(model, _plain(settings.openai_api_key), settings.openai_base_url, options)
        case "azure":
            endpoint, version = settings.azure_openai_endpoint or "", settings.azure_openai_api_version
            return await connect_azure(model, endpoint, _plain(settings.azure_openai_api_key), version, options)
        case "gemini":
            key, address = _plain(settings.gemini_api_key), settings.google_gemini_base_url
            return await connect_gemini(model, key, address, options)
        case "vertex":
            project, location = settings.google_cloud_project or "", settings.google_cloud_location
            return await connect_vertex(model, project, location, settings.google_vertex_base_url, options)


def _plain(secret: SecretStr | None) -> str:
    """Settings.load has refused what is missing; "" is refused where the provider is built."""
    return secret.get_secret_value() if secret else ""


def _resolver(settings: Settings, profile: ProfileOf) -> IdentityResolver:
    identity = settings.config.identity
    if not settings.impersonate:
        resolver: IdentityResolver = KubeconfigOwner(settings.allowed_users)
    elif settings.auth_method == "MAPPING":
        people = [MappedPerson(who.kube, who.slack, who.email, who.per_cluster) for who in identity.users]
        resolver = MappedIdentities(people, profile, identity.contact)
    else:
        resolver = SharedIdentity(settings.shared_user, settings.shared_groups)
    return Admission(
        resolver,
        profile,
        allowed_users=frozenset(settings.allowed_users),
        allow_guests=settings.allow_guests,
        allow_external=settings.allow_external,
        contact=identity.contact,
    )


def _transport(settings: Settings, app: AsyncApp, store: SessionStore) -> SocketTransport | HttpTransport:
    """Events over Socket Mode or over HTTP; the health routes stand on LISTEN_ADDRESS with both."""

    async def ready() -> Mapping[str, bool]:
        return {"slack": await transport.connected(), "store": await _answers(store)}

    host, port = settings.listen_host_port
    routes = health_routes(ready)
    transport: SocketTransport | HttpTransport
    if settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        transport = SocketTransport(app, token, Listener(routes, host, port))
    else:
        transport = HttpTransport(app, host, port, routes)
    return transport


async def _answers(store: SessionStore) -> bool:
    try:
        await store.unfinished()
    except StoreError:
        return False
    return True


def _signing_secret(settings: Settings) -> str | None:
    secret = settings.slack_signing_secret
    return secret.get_secret_value() if secret else None


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
