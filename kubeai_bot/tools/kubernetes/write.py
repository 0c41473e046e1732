"""scale: the one change."""

from __future__ import annotations

from kubeai_bot.errors import ApiStatus, ToolError, Unreachable
from kubeai_bot.interfaces import ToolResult
from kubeai_bot.tools.kubernetes.arguments import Scale
from kubeai_bot.tools.kubernetes.failures import explained
from kubeai_bot.tools.kubernetes.known import WORKLOADS
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.text import counted
from kubeai_bot.tools.kubernetes.tool import Scene, Step


def plan_scale(arguments: Scale, scene: Scene) -> Step:
    """Through the scale subresource: read, then replaced under the version that was read, so that somebody else's
    change in between makes it fail (409). Nothing is sent twice."""
    ref = Ref(WORKLOADS[arguments.kind], arguments.namespace, arguments.name, "scale")
    what = f"{arguments.kind} {arguments.namespace}/{arguments.name}"

    async def run(reach: Reach) -> ToolResult:
        try:
            found = await reach.get(ref)
        except Unreachable as error:
            raise ToolError(f"{error}. Nothing was changed.") from error
        old = int(at(found, "spec", "replicas") or 0)
        if old == arguments.replicas:
            return ToolResult(
                f"{what} already has {counted(old, 'replica')}: nothing was changed.", "nothing to change"
            )
        wanted = {**found, "spec": {**mapping(found, "spec"), "replicas": arguments.replicas}}
        try:
            new = await reach.replace(ref, wanted)
        except ApiStatus as error:
            if error.code < 500:
                raise
            # A server that fails may have changed it all the same.
            text = explained(error, scene.identity.on(reach.cluster.name), reach.cluster.name)
            raise Unreachable(text) from error
        now = int(at(new, "spec", "replicas") or 0)
        text = f"Scaled {what} from {old} to {now} in cluster {reach.cluster.name}. Check rollout_status for the pods."
        return ToolResult(text, f"{old} → {now}")

    acts = scene.acts(("get", ref), ("update", ref))
    return Step(f"Scale {what} to {counted(arguments.replicas, 'replica')}", acts, run)
