"""list_clusters: which clusters there are, and whether they answer."""

from __future__ import annotations

import asyncio

from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ClusterError
from kubeai_bot.tools.kubernetes.arguments import ListClusters
from kubeai_bot.tools.kubernetes.reach import Reach
from kubeai_bot.tools.kubernetes.text import aligned, counted, one_line
from kubeai_bot.tools.kubernetes.tool import Scene, Step

_TIMEOUT = 5.0


def plan_clusters(arguments: ListClusters, scene: Scene) -> Step:
    del arguments

    async def run(_reach: Reach) -> ToolResult:
        names = list(scene.clusters)
        states = await asyncio.gather(*(_state(scene, name) for name in names))
        rows = [
            [name, "default" if name == scene.default_cluster else "", state]
            for name, state in zip(names, states, strict=True)
        ]
        return ToolResult("\n".join(aligned(["CLUSTER", "", "STATE"], rows)), counted(len(names), "cluster"))

    return Step("List the clusters", (), run, timeout=20.0)


async def _state(scene: Scene, name: str) -> str:
    reach = Reach(scene.clusters[name], scene.identity.on(name), ())
    try:
        version = await reach.document("/version", timeout=_TIMEOUT)
    except ApiStatus as error:
        return f"answers, but did not tell its version (HTTP {error.code})"
    except ClusterError as error:
        return f"NOT REACHABLE: {one_line(error)}"
    return f"Kubernetes {version.get('gitVersion') or 'of unknown version'}"
