"""A tool asked as in the loop: planned, judged, and run through a Reach that allows what was judged and no more."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.policy import Effect, Policy, Refuse, Rule, judge
from kubeai_bot.interfaces import Cluster
from kubeai_bot.tools.kubernetes.arguments import Arguments, DescribeResource, GetLogs, GetResource
from kubeai_bot.tools.kubernetes.describe import plan_describe
from kubeai_bot.tools.kubernetes.diagnose.arguments import Diagnose
from kubeai_bot.tools.kubernetes.diagnose.plan import plan_diagnose
from kubeai_bot.tools.kubernetes.get import plan_get
from kubeai_bot.tools.kubernetes.logs import plan_logs
from kubeai_bot.tools.kubernetes.reach import Reach
from kubeai_bot.tools.kubernetes.resolve import Kinds
from kubeai_bot.tools.kubernetes.tool import Scene

TOOLS: dict[str, tuple[type[Arguments], Any]] = {
    "diagnose": (Diagnose, plan_diagnose),
    "describe_resource": (DescribeResource, plan_describe),
    "get_resource": (GetResource, plan_get),
    "get_logs": (GetLogs, plan_logs),
}


@dataclass(frozen=True)
class Told:
    """`requests`: how many a cluster that counts them was sent."""

    content: str
    summary: str
    requests: int


class Counting:
    """A Cluster that counts."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.name = cluster.name
        self.paths: list[str] = []

    async def request(self, identity: Any, request: Any) -> Any:
        self.paths.append(request.path)
        return await self._cluster.request(identity, request)


class PolicyRefused(Exception):
    """The planned acts were refused."""


async def ask(
    cluster: Cluster, identity: Identity, tool: str, /, rules: tuple[Rule, ...] = (), **arguments: Any
) -> Told:
    model, plan = TOOLS[tool]
    kinds = Kinds(await cluster.resources() if tool in ("describe_resource", "get_resource") else ())
    scene = Scene(cluster, kinds, identity, {cluster.name: cluster}, cluster.name, 8000, datetime.now(UTC))
    step = plan(model.model_validate(arguments), scene)
    verdict = judge(Effect.READ, step.acts, Policy(rules=rules), identity)
    if isinstance(verdict, Refuse):
        raise PolicyRefused(verdict.reason)
    counting = Counting(cluster)
    result = await step.run(Reach(counting, identity.on(cluster.name), step.acts))  # type: ignore[arg-type]
    return Told(result.content, result.summary, len(counting.paths))


def person(user: str, *groups: str) -> Identity:
    return Identity(Speaker("T0SHOP", "U0MIA"), "mapping", KubeUser(user, groups), datetime.now(UTC))


MIA = person("mia@shop.example", "shop-developers")
OMAR = person("omar@shop.example", "platform-engineers")
ROOT = person("root@shop.example", "shop-admins")
