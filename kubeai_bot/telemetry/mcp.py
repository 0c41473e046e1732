"""Which MCP servers are connected, read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kubeai_bot.domain.message import Json


def connected(status: Json) -> dict[str, bool]:
    """By server, from the state of the MCP servers as the session's record keeps it."""
    return {server: bool(state.get("connected")) for server, state in status.items()}


class McpServers(Collector):
    """`kubeai_mcp_server_up`, by server."""

    def __init__(self, status: Callable[[], Json]) -> None:
        self._status = status

    def describe(self) -> Iterator[Metric]:
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        family = self._family()
        for server, up in connected(self._status()).items():
            family.add_metric([server], float(up))
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily("kubeai_mcp_server_up", "Whether an MCP server is connected.", labels=["server"])
