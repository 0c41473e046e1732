"""The demo cluster behind the real client, people who ask, and a cluster that answers from a script."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.cluster import Request, Resource, Response
from kubeai_bot.domain.identity import ClusterIdentity, Identity, KubeUser, Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Mode, Policy, Refuse, judge
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult
from kubeai_bot.errors import ApiStatus
from kubeai_bot.kube.config import connect
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def person(user: str, *groups: str, method: str = "mapping") -> Identity:
    kube = KubeUser(user, groups) if user else None
    return Identity(Speaker("T0SHOP", "U0MIA"), method, kube, NOW)  # type: ignore[arg-type]


MIA = person("mia@shop.example", "shop-developers")
OMAR = person("omar@shop.example", "platform-engineers")
ROOT = person("root@shop.example", "shop-admins")
SHARED = person("kubeai-shared", "kubeai-readers", method="shared")


@pytest.fixture
def mia() -> Identity:
    return MIA


@pytest.fixture
def omar() -> Identity:
    return OMAR


@pytest.fixture
def root() -> Identity:
    return ROOT


@pytest.fixture
def shared() -> Identity:
    return SHARED


def context(approved: str | None = None, lines: list[str] | None = None) -> CallContext:
    """Of a call outside of any loop. What it says of its progress goes to `lines`."""

    async def progress(line: str) -> None:
        if lines is not None:
            lines.append(line)

    return CallContext("session-1", "turn-1", "C0ONCALL", Redactor(b"k" * 32), progress, approved)


@pytest.fixture
def make_context() -> Callable[..., CallContext]:
    return context


class Refused(Exception):
    """Policy said no."""


@dataclass
class Desk:
    """Where tools are asked as in the loop: planned, judged in mode auto, and run."""

    tools: KubernetesTools
    planned: list[PlannedCall] = field(default_factory=list)

    lines: list[str] = field(default_factory=list[str])

    async def ask(self, identity: Identity, tool: str, /, **arguments: Any) -> ToolResult:
        """Without an approval, as in mode auto."""
        return await self.run(await self.plan(identity, tool, **arguments), identity)

    async def try_out(self, identity: Identity, tool: str, /, **arguments: Any) -> Preview:
        """The preview of a change, as for an approval."""
        planned = await self.plan(identity, tool, **arguments)
        return await self.tools.preview(planned, identity, context(lines=self.lines))

    async def run(self, planned: PlannedCall, identity: Identity, approved: str | None = None) -> ToolResult:
        return await self.tools.call(planned, identity, context(approved, self.lines))

    async def follow(self, identity: Identity, call: ToolCall | None) -> ToolResult:
        """Run a call that a result offers (verify, undo)."""
        assert call is not None
        return await self.ask(identity, call.name, **(call.arguments or {}))

    async def plan(self, identity: Identity, tool: str, /, **arguments: Any) -> PlannedCall:
        """Planned, and judged by policy in mode auto."""
        if "continue_" in arguments:
            arguments["continue"] = arguments.pop("continue_")
        planned = await self.tools.plan(ToolCall("call-1", tool, arguments), identity)
        self.planned.append(planned)
        verdict = judge(planned.effect, planned.acts, Policy(Mode.AUTO), identity)
        if isinstance(verdict, Refuse):
            raise Refused(verdict.reason)
        return planned


@pytest.fixture
async def demo() -> AsyncIterator[DemoCluster]:
    async with DemoCluster(Scenario.build()) as cluster:
        yield cluster


@pytest.fixture
async def desk(demo: DemoCluster, tmp_path) -> AsyncIterator[Desk]:
    path = tmp_path / "kubeconfig"
    path.write_text(demo.kubeconfig())
    cluster = await connect(kubeconfig=str(path), context=None, impersonate=True)
    yield Desk(KubernetesTools({"demo": cluster}, "demo", Mode.AUTO))
    await cluster.aclose()


# --- a cluster from a script ---


def resource(
    name: str, kind: str, group: str = "", *, version: str = "v1", namespaced: bool = True, **more: Any
) -> Resource:
    verbs = frozenset(more.pop("verbs", {"get", "list"}))
    return Resource(group, version, name, kind, namespaced, verbs, kind.lower(), **more)


KINDS = (
    resource("pods", "Pod", short_names=("po",), categories=("all",), subresources=frozenset({"log", "exec"})),
    resource("services", "Service", short_names=("svc",), categories=("all",)),
    resource("secrets", "Secret"),
    resource("configmaps", "ConfigMap", short_names=("cm",)),
    resource("events", "Event", short_names=("ev",)),
    resource("nodes", "Node", namespaced=False, short_names=("no",)),
    resource("namespaces", "Namespace", namespaced=False, short_names=("ns",)),
    resource("bindings", "Binding", verbs={"create"}),
    resource("deployments", "Deployment", "apps", short_names=("deploy",), categories=("all",)),
    resource("deployments", "Deployment", "apps", version="v1beta2", short_names=("deploy",), categories=("all",)),
    resource("events", "Event", "events.k8s.io", short_names=("ev",)),
    resource("ingresses", "Ingress", "networking.k8s.io", short_names=("ing",)),
    resource("ingresses", "Ingress", "config.vendor.example", namespaced=False),
    resource("services", "Service", "serving.vendor.example", short_names=("ksvc",)),
    resource("gateways", "Gateway", "gateway.networking.k8s.io", short_names=("gtw",)),
    resource("gateways", "Gateway", "networking.istio.io", version="v1beta1", short_names=("gw",)),
    resource("issuers", "Issuer", "cert-manager.io", short_names=("iss",)),
    resource("pods", "PodMetrics", "metrics.k8s.io", version="v1beta1"),
    resource("nodes", "NodeMetrics", "metrics.k8s.io", version="v1beta1", namespaced=False),
)

Answer = Mapping[str, Any] | str | Exception | Callable[[Request], Any]


@dataclass
class ScriptedCluster:
    """The Cluster seam from a table of (method and path) → answer; what it has no answer for is 404."""

    answers: dict[str, Answer] = field(default_factory=dict)
    name: str = "demo"
    kinds: Sequence[Resource] = KINDS
    sent: list[tuple[ClusterIdentity, Request]] = field(default_factory=list)

    async def request(self, identity: ClusterIdentity, request: Request) -> Response:
        self.sent.append((identity, request))
        answer = self.answers.get(f"{request.method} {request.path}")
        if callable(answer) and not isinstance(answer, Exception):
            answer = answer(request)
        if answer is None:
            raise ApiStatus(404, "NotFound", f"{request.path} not found")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            data = answer.encode()[: request.max_bytes]
            return Response(200, None, data.decode(errors="ignore"), truncated=len(answer.encode()) > len(data))
        return Response(200, json.loads(json.dumps(answer)), "")

    async def resources(self, max_age: float | None = None) -> Sequence[Resource]:
        return self.kinds


@pytest.fixture
def script() -> ScriptedCluster:
    return ScriptedCluster()


@pytest.fixture
def scripted(script: ScriptedCluster) -> Desk:
    return Desk(KubernetesTools({"demo": script}, "demo", Mode.AUTO, clock=lambda: NOW))


def table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, wide: Sequence[str] = (), **metadata: Any
) -> dict[str, Any]:
    """A meta.k8s.io Table whose objects carry the first cell as name."""
    return {
        "kind": "Table",
        "metadata": metadata,
        "columnDefinitions": [{"name": c, "type": "string", "priority": int(c in wide)} for c in columns],
        "rows": [{"cells": list(row), "object": {"metadata": {"name": row[0], "namespace": "shop"}}} for row in rows],
    }


@pytest.fixture
def make_table() -> Callable[..., dict[str, Any]]:
    return table
