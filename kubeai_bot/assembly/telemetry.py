"""What watches the parts: metrics always, traces where an exporter is configured."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from kubeai_bot.domain.message import Json
from kubeai_bot.interfaces import Audit, Cluster, Provider, SessionStore, Stage, Toolset
from kubeai_bot.settings.environment import Settings
from kubeai_bot.telemetry.arrivals import Arrivals
from kubeai_bot.telemetry.audit import MeasuredAudit
from kubeai_bot.telemetry.clusters import MeasuredCluster
from kubeai_bot.telemetry.mcp import McpServers
from kubeai_bot.telemetry.metrics import Metrics
from kubeai_bot.telemetry.provider import MeasuredProvider, Price
from kubeai_bot.telemetry.store import MeasuredStore
from kubeai_bot.telemetry.tools import MeasuredToolset
from kubeai_bot.telemetry.traces import AGENT_NAME, Traces, Untraced
from kubeai_bot.telemetry.turns import Turns

VERSION = importlib.metadata.version("kubeai-bot")


class Telemetry:
    """Wraps the parts, so that none of them knows of it."""

    def __init__(self, agent_name: str, traces: Traces) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self._traces = traces
        self._arrivals = Arrivals()
        self.turns = Turns(self.metrics, traces, self._arrivals, {AGENT_NAME: agent_name})
        self.metrics.build.labels(VERSION).set(1)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def clusters(self, clusters: Mapping[str, Cluster]) -> Mapping[str, MeasuredCluster]:
        return {name: MeasuredCluster(each, self.metrics, self._traces) for name, each in clusters.items()}

    def provider(self, provider: Provider, prices: Mapping[str, Price] = MappingProxyType({})) -> Provider:
        return MeasuredProvider(provider, self.metrics, self._traces, prices)

    def store(self, store: SessionStore) -> SessionStore:
        return MeasuredStore(store, self.metrics, self._traces, self._arrivals)

    def toolset(self, tools: Toolset) -> Toolset:
        return MeasuredToolset(tools, self.metrics, self._traces)

    def audit(self, audit: Audit) -> Audit:
        return MeasuredAudit(audit, self.metrics)

    def stage(self, stage: Stage) -> Stage:
        return self.turns.shown_on(stage)

    def mcp(self, status: Callable[[], Json]) -> None:
        """Show the state of the MCP servers."""
        self.registry.register(McpServers(status))

    def ready(self, part: str, works: bool) -> None:
        self.metrics.ready.labels(part).set(works)


def prices_of(settings: Settings) -> Mapping[str, Price]:
    """By model, as `models.prices` says."""
    return {
        model: Price(price.input, price.output, price.cached) for model, price in settings.config.models.prices.items()
    }


@asynccontextmanager
async def open_telemetry(agent_name: str, *, tracing: bool) -> AsyncGenerator[Telemetry]:
    """`tracing`: the environment names an exporter (`traces_wanted`). The SDK is imported only then."""
    traces: Traces = Untraced()
    if tracing:
        from kubeai_bot.telemetry.otel import open_traces  # noqa: PLC0415 - zero cost where it is not used

        traces = open_traces(VERSION)
    try:
        yield Telemetry(agent_name, traces)
    finally:
        await traces.aclose()
