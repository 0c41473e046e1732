"""top: usage now, beside what was asked for and what there is (metrics.k8s.io/v1beta1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.arguments import Top
from kubeai_bot.tools.kubernetes.known import NODE_METRICS, NODES, POD_METRICS, PODS
from kubeai_bot.tools.kubernetes.measures import cpu, memory, quantity, share
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import Query, Reach, Ref
from kubeai_bot.tools.kubernetes.text import aligned, counted, fitting
from kubeai_bot.tools.kubernetes.tool import Scene, Step

_ABSENT = (
    "Cluster {cluster} gives no usage figures: metrics.k8s.io is not served (metrics-server is not installed, or it "
    "is down). Requests and limits are in describe_resource; usage itself cannot be told from the API."
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Cores and bytes; None for what is unknown or not set."""

    cpu: float | None
    memory: float | None


_UNKNOWN = Usage(None, None)


def plan_top(arguments: Top, scene: Scene) -> Step:
    nodes = arguments.kind == "nodes"
    if nodes and (arguments.namespace or arguments.containers):
        raise ToolError("Nodes have no namespace and no containers: leave these out.")
    used = Ref(NODE_METRICS) if nodes else Ref(POD_METRICS, arguments.namespace)
    bounds = Ref(NODES) if nodes else Ref(PODS, arguments.namespace)
    place = "" if nodes else f" in {arguments.namespace}" if arguments.namespace else " in all namespaces"
    query: Query = (("labelSelector", arguments.label_selector),) if arguments.label_selector else ()

    async def run(reach: Reach) -> ToolResult:
        if scene.kinds.get(used.resource.group, used.resource.name) is None:
            raise ToolError(_ABSENT.format(cluster=reach.cluster.name))
        measured, known = await asyncio.gather(_measured(reach, used, query), _listed(reach, bounds, query))
        if not measured:
            return ToolResult(f"There are no usage figures for {arguments.kind}{place} yet.", "no figures")
        header, rows = _node_rows(measured, known) if nodes else _pod_rows(arguments, measured, known)
        rows.sort(key=lambda row: _order(row, arguments.sort_by))
        lines = aligned(header, [cells for _, cells in rows[: arguments.limit]])
        kept = fitting(lines, scene.budget)
        left_out = len(rows) - (kept - 1)
        notes = [f"[{left_out} of {len(rows)} rows left out: limit, label_selector]"] if left_out else []
        whole = "\n".join(aligned(header, [cells for _, cells in rows]))
        return ToolResult("\n".join([*lines[:kept], *notes]), counted(len(rows), "row"), whole=whole)

    return Step(f"Usage of {arguments.kind}{place}", scene.acts(("list", used), ("list", bounds)), run)


_Row = tuple[Usage, list[str]]


def _order(row: _Row, by: str) -> tuple[float, list[str]]:
    used, cells = row
    size = {"memory": used.memory, "cpu": used.cpu}.get(by)
    return (-(size or 0.0), cells)


async def _measured(reach: Reach, ref: Ref, query: Query) -> list[Json]:
    try:
        return list((await reach.items(ref, query, most=5000)).items)
    except ApiStatus as error:
        if error.code in (404, 503):
            raise ToolError(_ABSENT.format(cluster=reach.cluster.name)) from error
        raise


async def _listed(reach: Reach, ref: Ref, query: Query) -> list[Json]:
    """The objects that bounds are read from; without the right to list them, usage is shown alone."""
    try:
        return list((await reach.items(ref, query, most=5000)).items)
    except ApiStatus as error:
        if error.code != 403:
            raise
        return []


def _node_rows(measured: list[Json], nodes: list[Json]) -> tuple[list[str], list[_Row]]:
    there = {at(node, "metadata", "name"): _usage(mapping(node, "status", "allocatable")) for node in nodes}
    rows: list[_Row] = []
    for metrics in measured:
        name, used = str(at(metrics, "metadata", "name")), _usage(mapping(metrics, "usage"))
        most = there.get(name, _UNKNOWN)
        figures = [cpu(used.cpu), share(used.cpu, most.cpu), memory(used.memory), share(used.memory, most.memory)]
        rows.append((used, [name, *figures]))
    return ["NAME", "CPU", "CPU%", "MEMORY", "MEMORY%"], rows


def _pod_rows(arguments: Top, measured: list[Json], pods: list[Json]) -> tuple[list[str], list[_Row]]:
    specs = {_place(pod): {c.get("name"): c for c in items(pod, "spec", "containers")} for pod in pods}
    rows: list[_Row] = []
    for metrics in measured:
        containers = items(metrics, "containers")
        groups = [[container] for container in containers] if arguments.containers else [containers]
        for group in groups:
            bounds = [specs.get(_place(metrics), {}).get(container.get("name"), {}) for container in group]
            used = _sum(_usage(mapping(container, "usage")) for container in group)
            asked = _sum(_usage(mapping(bound, "resources", "requests")) for bound in bounds)
            most = _sum(_usage(mapping(bound, "resources", "limits")) for bound in bounds)
            names = [] if arguments.namespace else [str(at(metrics, "metadata", "namespace"))]
            names.append(str(at(metrics, "metadata", "name")))
            names += [str(group[0].get("name"))] if arguments.containers else []
            cells = [
                *(cpu(used.cpu), cpu(asked.cpu), cpu(most.cpu)),
                *(memory(used.memory), memory(asked.memory), memory(most.memory), share(used.memory, most.memory)),
            ]
            rows.append((used, [*names, *cells]))
    place = [] if arguments.namespace else ["NAMESPACE"]
    who = ["POD", "CONTAINER"] if arguments.containers else ["POD"]
    figures = ["CPU", "REQUEST", "LIMIT", "MEMORY", "REQUEST", "LIMIT", "OF LIMIT"]
    return [*place, *who, *figures], rows


def _place(obj: Json) -> tuple[object, object]:
    return at(obj, "metadata", "namespace"), at(obj, "metadata", "name")


def _usage(amounts: Json) -> Usage:
    return Usage(quantity(amounts.get("cpu")), quantity(amounts.get("memory")))


def _sum(parts: Iterable[Usage]) -> Usage:
    """The sum where every part is known: one container without a limit leaves the pod without one."""
    parts = list(parts)
    cores = [part.cpu for part in parts if part.cpu is not None]
    sizes = [part.memory for part in parts if part.memory is not None]
    return Usage(
        sum(cores) if parts and len(cores) == len(parts) else None,
        sum(sizes) if parts and len(sizes) == len(parts) else None,
    )
