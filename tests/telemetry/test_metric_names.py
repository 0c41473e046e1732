"""Alerts and dashboard of the chart ask for series, labels and values that the bot really has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kubeai_bot.telemetry.mcp import McpServers
from kubeai_bot.telemetry.metrics import Bounded, Metrics

CHART = Path(__file__).parents[2] / "charts" / "kubeai-bot"
FROM_PROMETHEUS = {"namespace", "job", "le"}


def registered() -> dict[str, set[str]]:
    """Every series of ours, as it is scraped, with the names of its labels."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    registry.register(McpServers(dict))
    found: dict[str, set[str]] = {"kubeai_mcp_server_up": {"server"}}
    for instrument in vars(metrics).values():
        if not isinstance(instrument, Counter | Gauge | Histogram):
            continue
        (family,) = instrument.describe()
        for suffix in {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}[family.type]:
            found[family.name + suffix] = set(instrument._labelnames)
    return found


def expressions() -> Iterator[str]:
    """PromQL of the chart, with the chart's own template left out."""
    alerts = (CHART / "templates" / "_alerts.tpl").read_text("utf-8")
    for rule in re.findall(r"expr:(.*?)\n  for:", alerts, re.DOTALL):
        yield re.sub(r"\{\{-?.*?-?\}\}", "", rule)
    dashboard = json.loads((CHART / "dashboards" / "kubeai-bot.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    for variable in dashboard["templating"]["list"]:
        yield json.dumps(variable)


@pytest.mark.parametrize(
    "expression",
    list(expressions()),
    ids=lambda expression: next(iter(re.findall(r"kubeai_[a-z_]+", expression)), "other"),
)
def test_the_chart_asks_for_series_and_labels_that_there_are(expression: str) -> None:
    ours = registered()
    used = set(re.findall(r"\bkubeai_[a-z_]+", expression))
    assert used <= set(ours), used - set(ours)
    labels = FROM_PROMETHEUS.union(*(ours[series] for series in used))
    for series, selector in re.findall(r"\b(kubeai_[a-z_]+)\{([^}]*)\}", expression):
        assert set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector)) <= FROM_PROMETHEUS | ours[series], selector
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in grouping.split(",")} <= labels | {"server"}, grouping


def test_the_chart_has_expressions_for_most_series() -> None:
    used = set(re.findall(r"\bkubeai_[a-z_]+", " ".join(expressions())))
    assert len(used) > 15


def test_no_series_has_a_label_that_grows_with_use() -> None:
    labels = set.union(*registered().values())
    assert labels == {
        *("outcome", "tool", "effect", "verdict", "decision", "provider", "model", "kind", "method"),
        *("operation", "server", "cluster", "part", "version"),
    }


def test_a_server_that_invents_tools_for_ever_fills_no_memory() -> None:
    name = Bounded(most=3)
    assert [name(f"tool-{number}") for number in range(5)] == ["tool-0", "tool-1", "tool-2", "other", "other"]
    assert name("tool-1") == "tool-1"
