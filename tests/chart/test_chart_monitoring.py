"""Alerts and dashboard speak of metrics that the bot has, and answer the on-call's five questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.rendering import CHART, NAMESPACE, RELEASE, only, render
from tests.chart.switches import SWITCHES

LABELS: dict[str, set[str]] = {
    "kubeai_turns_total": {"outcome"},
    "kubeai_turn_seconds_bucket": {"le"},
    "kubeai_first_sign_seconds_bucket": {"le"},
    "kubeai_first_token_seconds_bucket": {"le"},
    "kubeai_turns_running": set(),
    "kubeai_tool_calls_total": {"tool", "effect", "verdict", "outcome"},
    "kubeai_tool_seconds_bucket": {"le", "tool"},
    "kubeai_approvals_total": {"decision"},
    "kubeai_tokens_total": {"provider", "model", "kind"},
    "kubeai_model_requests_total": {"provider", "model", "outcome"},
    "kubeai_slack_calls_total": {"method", "outcome"},
    "kubeai_slack_rate_limited_total": set(),
    "kubeai_store_seconds_bucket": {"le", "operation"},
    "kubeai_store_errors_total": {"operation"},
    "kubeai_leases_held": set(),
    "kubeai_queue_depth": set(),
    "kubeai_mcp_server_up": {"server"},
    "kubeai_identities_denied_total": set(),
    "kubeai_cluster_requests_total": {"cluster", "outcome"},
    "kubeai_build_info": {"version"},
}
"""The bot's series and their own labels."""
OTHERS = {"up", "kube_deployment_status_replicas_available"}
QUESTIONS = ("Is it up", "Are answers slow", "Is the model failing", "Is the store failing", "Are people refused")


def _rules() -> list[dict[str, Any]]:
    return only(render(SWITCHES["monitoring"]), "PrometheusRule")["spec"]["groups"][0]["rules"]


def _panels() -> list[dict[str, Any]]:
    dashboard = only(render(SWITCHES["monitoring"]), "ConfigMap", "-dashboard")["data"]["kubeai-bot.json"]
    return json.loads(dashboard)["panels"]


def _expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in _rules())
    for panel in _panels():
        yield from (target["expr"].replace("$__rate_interval", "5m") for target in panel.get("targets", []))


@pytest.mark.parametrize("expression", list(_expressions()))
def test_every_expression_uses_series_and_labels_that_exist(expression: str) -> None:
    selectors = re.findall(r"([a-z_]+)\{([^}]*)\}", expression)
    assert selectors, expression
    for series, matchers in selectors:
        assert series in LABELS or series in OTHERS, series
        used = set(re.findall(r"([a-z_]+)(?:=|!=|=~|!~)\"", matchers))
        assert {"namespace"} <= used
        assert used <= {"namespace", "job", "deployment"} | LABELS.get(series, set())
    grouped = {each.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for each in by.split(",")}
    assert grouped <= set.union(*(LABELS.get(series, set()) for series, _ in selectors))
    assert expression.count("(") == expression.count(")")


def test_every_expression_is_promql() -> None:
    promql = pytest.importorskip("promql_parser", reason="promql-parser is not installed")
    for expression in _expressions():
        promql.parse(expression)


def test_every_series_of_the_bot_is_on_the_dashboard() -> None:
    shown = {
        series
        for panel in _panels()
        for target in panel.get("targets", [])
        for series in LABELS
        if series in target["expr"]
    }
    assert set(LABELS) == shown


def test_the_dashboard_answers_the_five_questions_in_order() -> None:
    rows = [panel["title"] for panel in _panels() if panel["type"] == "row"]
    assert [row.partition(". ")[2].startswith(question) for row, question in zip(rows, QUESTIONS, strict=True)] == [
        True
    ] * 5
    positions = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in _panels()]
    assert len(set(positions)) == len(positions)
    assert len({panel["id"] for panel in _panels()}) == len(positions)


def test_alerts_are_of_this_release_and_say_what_to_do() -> None:
    rules = _rules()
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 12
    for rule in rules:
        assert f'namespace="{NAMESPACE}"' in rule["expr"]
        assert f'="{RELEASE}"' in rule["expr"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["labels"]["team"] == "platform"
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook_url"].endswith("#alerts")


def test_every_alert_is_explained_in_the_docs() -> None:
    page = (CHART.parents[1] / "docs" / "helm.md").read_text("utf-8")
    assert [rule["alert"] for rule in _rules() if f"`{rule['alert']}`" not in page] == []


def test_one_may_choose_the_series_oneself() -> None:
    values = {**SWITCHES["monitoring"], "prometheusRule": {"enabled": True, "selector": 'app="chat"'}}
    rules = only(render(values), "PrometheusRule")["spec"]["groups"][0]["rules"]
    assert rules[0]["expr"] == 'absent(up{app="chat"} == 1)'
