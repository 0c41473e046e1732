"""Whether a diagnosis carries the evidence, and how long it is beside the usual three commands. Used by the test and
by benchmarks/evidence.py."""

from dataclasses import dataclass

import yaml

from kubeai_bot.domain.cluster import Request
from kubeai_bot.domain.history import estimate_tokens
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json
from kubeai_bot.interfaces import Cluster
from kubeai_bot.tools.kubernetes.diagnose.kinds import BUDGETS, QUOTAS, SERVICES, TARGETS
from kubeai_bot.tools.kubernetes.known import NODES
from tests.diagnose.asking import ask
from tests.diagnose.stage import Case

KINDS = {
    **TARGETS, "svc": SERVICES, "service": SERVICES, "pdb": BUDGETS, "resourcequota": QUOTAS, "node": NODES,
    "pvc": TARGETS["persistentvolumeclaim"], "hpa": TARGETS["horizontalpodautoscaler"],
}  # fmt: skip
TAIL = "100"


@dataclass(frozen=True)
class Measured:
    """`missing`: declared words that the evidence does not hold. `tokens` of the diagnosis; `plain` of describe, get
    -o yaml and logs --tail=100 together, `own` of what our own tools for the same (which prune and fold) give."""

    case: Case
    text: str
    summary: str
    missing: tuple[str, ...]
    tokens: int
    plain: int
    own: int
    requests: int

    @property
    def ratio(self) -> float:
        return self.tokens / self.plain

    @property
    def own_ratio(self) -> float:
        return self.tokens / self.own


async def measure(cluster: Cluster, identity: Identity, case: Case) -> Measured:
    kind, name = case.looked_at[0]
    told = await ask(cluster, identity, "diagnose", namespace=case.namespace, kind=kind, name=name)
    missing = tuple(words for words in case.present if words not in told.content)
    own, plain = await _others(cluster, identity, case)
    return Measured(case, told.content, told.summary, missing, estimate_tokens(told.content), plain, own, told.requests)


async def _others(cluster: Cluster, identity: Identity, case: Case) -> tuple[int, int]:
    """Tokens of (our own tools' texts, describe with what kubectl prints for the rest)."""
    own: list[str] = []
    plain: list[str] = []
    for kind, name in case.looked_at:
        place = {} if kind == "node" else {"namespace": case.namespace}
        described = (await ask(cluster, identity, "describe_resource", kind=kind, name=name, **place)).content
        own += [described, (await ask(cluster, identity, "get_resource", kind=kind, name=name, **place)).content]
        plain += [described, await _yaml(cluster, identity, KINDS[kind].path(case.namespace, name))]
    if case.pod:
        own.append((await ask(cluster, identity, "get_logs", namespace=case.namespace, pod=case.pod)).content)
        plain.append(await _logs(cluster, identity, case.namespace, case.pod))
    return sum(map(estimate_tokens, own)), sum(map(estimate_tokens, plain))


async def _yaml(cluster: Cluster, identity: Identity, path: str) -> str:
    """The object as `kubectl get -o yaml` prints it: everything but managedFields."""
    found: Json = (await cluster.request(identity.on("demo"), Request("GET", path))).json
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    return yaml.safe_dump({**found, "metadata": metadata}, sort_keys=True)


async def _logs(cluster: Cluster, identity: Identity, namespace: str, pod: str) -> str:
    """`kubectl logs --all-containers --tail=100`; a container without a log adds nothing."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
    found: Json = (await cluster.request(identity.on("demo"), Request("GET", path))).json
    texts: list[str] = []
    statuses = found["status"]
    for status in (*statuses.get("initContainerStatuses", ()), *statuses.get("containerStatuses", ())):
        if not (status["state"].get("running") or status["state"].get("terminated") or status.get("lastState")):
            continue
        query = (("container", status["name"]), ("tailLines", TAIL))
        texts.append(
            (await cluster.request(identity.on("demo"), Request("GET", f"{path}/log", query, accept="*/*"))).text
        )
    return "".join(texts)
