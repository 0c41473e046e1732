"""Every metric of the bot, on one page. Labels are bounded: never a person, a session, a namespace or an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kubeai_bot.domain.event import TurnOutcome

ANSWER_SECONDS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
WAIT_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)
CALL_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
STORE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

APPROVAL_STEPS = ("asked", "approved", "denied", "expired", "void", "not counted")
"""What `kubeai_approvals_total` counts: a change put up, and what came of it or of somebody's word on it."""

MOST_NAMES = 300
OTHER = "other"


class Bounded:
    """The first `most` names as they are, all later ones as one: an MCP server may change its tools for ever."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._known and len(self._known) >= self._most:
            return OTHER
        self._known.add(name)
        return name


class Metrics:
    """All series, in a registry of their own. Times in seconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.tool_name = Bounded()
        self._of_turns()
        self._of_tools()
        self._of_models()
        self._of_slack()
        self._of_stores()
        self._of_clusters()

    def _of_turns(self) -> None:
        self.turns = self._count("kubeai_turns_total", "Turns whose end was shown in Slack.", "outcome")
        self.turn_seconds = self._time(
            "kubeai_turn_seconds", "From the question's arrival to its whole answer.", ANSWER_SECONDS
        )
        self.first_sign = self._time(
            "kubeai_first_sign_seconds", "From the question's arrival to the first thing shown.", WAIT_SECONDS
        )
        self.turns_running = self._gauge("kubeai_turns_running", "Turns that this replica works on.")
        self.identities_denied = self._count(
            "kubeai_identities_denied_total", "Questions from people without an identity or a right to ask."
        )
        for outcome in get_args(TurnOutcome):
            self.turns.labels(outcome)

    def _of_tools(self) -> None:
        self.tool_calls = self._count(
            "kubeai_tool_calls_total",
            "Tool calls of the model.",
            "tool",
            "effect",
            "verdict",
            "outcome",
        )
        self.tool_seconds = self._time("kubeai_tool_seconds", "Tool calls that were run.", CALL_SECONDS, "tool")
        self.approvals = self._count(
            "kubeai_approvals_total", "Changes put up for approval, and words on them.", "decision"
        )
        for step in APPROVAL_STEPS:
            self.approvals.labels(step)

    def _of_models(self) -> None:
        which = ("provider", "model")
        self.model_requests = self._count("kubeai_model_requests_total", "Requests to the model.", *which, "outcome")
        self.model_seconds = self._time(
            "kubeai_model_seconds", "Requests to the model, to the end of the answer.", CALL_SECONDS, *which
        )
        self.first_token = self._time(
            "kubeai_first_token_seconds", "From a request to the model to the first of its answer.", WAIT_SECONDS
        )
        self.tokens = self._count(
            "kubeai_tokens_total", "Tokens; input leaves out what the vendor had cached.", *which, "kind"
        )
        self.cost = self._count("kubeai_cost_usd_total", "Cost at the prices of models.prices, in US dollars.", *which)

    def _of_slack(self) -> None:
        self.slack_calls = self._count("kubeai_slack_calls_total", "Web API calls to Slack.", "method", "outcome")
        self.slack_limited = self._count("kubeai_slack_rate_limited_total", "Web API calls that Slack put off (429).")

    def _of_stores(self) -> None:
        self.store_seconds = self._time(
            "kubeai_store_seconds", "Operations of the session store.", STORE_SECONDS, "operation"
        )
        self.store_errors = self._count(
            "kubeai_store_errors_total", "Operations that the session store failed in.", "operation"
        )
        self.leases_held = self._gauge("kubeai_leases_held", "Sessions that this replica holds.")
        self.queue_depth = self._gauge(
            "kubeai_queue_depth", "Sessions in the store that wait for a runner; the same on every replica."
        )

    def _of_clusters(self) -> None:
        self.cluster_requests = self._count(
            "kubeai_cluster_requests_total",
            "Requests to API servers: ok, the HTTP status, or why there was none.",
            "cluster",
            "outcome",
        )
        self.cluster_seconds = self._time("kubeai_cluster_seconds", "Requests to API servers.", CALL_SECONDS, "cluster")
        self.ready = self._gauge("kubeai_ready", "Whether a part that readiness needs works (1) or not (0).", "part")
        self.build = self._gauge("kubeai_build_info", "1, with the version as its label.", "version")

    def _count(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry)

    def _time(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=self._registry, buckets=buckets)
