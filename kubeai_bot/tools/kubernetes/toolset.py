"""The Kubernetes tools behind the Toolset seam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Effect, Mode
from kubeai_bot.errors import ApiStatus, ClusterError, ToolError
from kubeai_bot.interfaces import Clusters, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.tools.kubernetes import arguments as said
from kubeai_bot.tools.kubernetes.access import plan_can_i, plan_whoami
from kubeai_bot.tools.kubernetes.clusters import plan_clusters
from kubeai_bot.tools.kubernetes.describe import plan_describe
from kubeai_bot.tools.kubernetes.events import plan_events
from kubeai_bot.tools.kubernetes.failures import explained
from kubeai_bot.tools.kubernetes.get import plan_get
from kubeai_bot.tools.kubernetes.history import plan_history
from kubeai_bot.tools.kubernetes.listing import plan_list
from kubeai_bot.tools.kubernetes.logs import plan_logs
from kubeai_bot.tools.kubernetes.metrics import plan_top
from kubeai_bot.tools.kubernetes.reach import Reach
from kubeai_bot.tools.kubernetes.resolve import Kinds, UnknownKind
from kubeai_bot.tools.kubernetes.rollout import plan_status
from kubeai_bot.tools.kubernetes.schema import checked, description_of, schema_of
from kubeai_bot.tools.kubernetes.schemas import plan_api_resources, plan_explain
from kubeai_bot.tools.kubernetes.text import clean, cut_middle, one_line
from kubeai_bot.tools.kubernetes.tool import Scene, Step, Tool
from kubeai_bot.tools.kubernetes.write import plan_scale

_TOOLS: tuple[Tool[Any], ...] = (
    Tool("list_resources", said.ListResources, plan_list),
    Tool("get_resource", said.GetResource, plan_get),
    Tool("describe_resource", said.DescribeResource, plan_describe),
    Tool("get_logs", said.GetLogs, plan_logs, discovers=False),
    Tool("get_events", said.GetEvents, plan_events),
    Tool("top", said.Top, plan_top),
    Tool("rollout_status", said.RolloutStatus, plan_status, discovers=False),
    Tool("rollout_history", said.RolloutHistory, plan_history, discovers=False),
    Tool("explain", said.Explain, plan_explain),
    Tool("api_resources", said.ApiResources, plan_api_resources),
    Tool("can_i", said.CanI, plan_can_i),
    Tool("whoami", said.WhoAmI, plan_whoami, discovers=False),
    Tool("list_clusters", said.ListClusters, plan_clusters, discovers=False),
    Tool("scale", said.Scale, plan_scale, effect=Effect.WRITE, discovers=False),
)

FRESH = 10.0
"""Seconds: how old discovery may be when a kind is not found in it."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KubernetesTools:
    """Tools over `clusters`, which are reached only through the Cluster seam and only as `identity.on(name)`.

    With mode none, tools that change something are not offered (and refused by policy if called all the same).
    `budget` bounds a result in characters, `write_timeout` the seconds that one change may take. With several clusters
    every tool but `list_clusters` takes `cluster`.
    """

    def __init__(
        self,
        clusters: Clusters,
        default_cluster: str,
        mode: Mode,
        *,
        budget: int = 8000,
        write_timeout: float = 45.0,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        if default_cluster not in clusters:
            raise ValueError(f"the default cluster {default_cluster!r} is none of {sorted(clusters)}")
        self._clusters = clusters
        self._default = default_cluster
        self._budget = budget
        self._write_timeout = write_timeout
        self._clock = clock
        names = tuple(clusters)
        self._tools = {tool.name: tool for tool in _TOOLS}
        self._specs = [
            ToolSpec(
                tool.name,
                description_of(tool.arguments),
                schema_of(tool.arguments, () if tool.name == "list_clusters" else names, default_cluster),
                tool.effect,
            )
            for tool in _TOOLS
            if tool.effect is Effect.READ or mode is not Mode.NONE
        ]

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        """The same for everybody: what a person may see is the cluster's to decide."""
        del identity
        return self._specs

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        """Check the arguments and resolve the kind; asks for nothing but discovery. Raises ToolError."""
        tool, step, _ = await self._step(call, identity)
        timeout = step.timeout if tool.effect is Effect.READ else self._write_timeout
        return PlannedCall(call, tool.effect, clean(one_line(step.intent, 200)), step.acts, timeout)

    async def call(self, planned: PlannedCall, identity: Identity) -> ToolResult:
        """Run what was planned, and only that: every request must be among the acts that were judged.

        Raises ToolError (refusals of the API server included, in words) and the other ClusterErrors.
        """
        _, step, scene = await self._step(planned.call, identity)
        if step.acts != planned.acts:
            raise ToolError("What the cluster serves has changed since this call was checked. Call again.")
        as_whom = identity.on(scene.cluster.name)
        try:
            result = await step.run(Reach(scene.cluster, as_whom, planned.acts, planned.start_before))
        except ApiStatus as error:
            raise ToolError(clean(explained(error, as_whom, scene.cluster.name))) from error
        except ToolError as error:
            raise ToolError(clean(str(error))) from error
        content = cut_middle(clean(result.content), self._budget + self._budget // 4, "ask for less")
        return ToolResult(content, clean(one_line(result.summary, 160)), result.ok)

    async def _step(self, call: ToolCall, identity: Identity) -> tuple[Tool[Any], Step, Scene]:
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"There is no tool {call.name!r}. Tools: {', '.join(self._tools)}.")
        if call.arguments is None:
            raise ToolError(f"The arguments of {call.name} were not a JSON object.")
        given = dict(call.arguments)
        name = given.pop("cluster", None)
        arguments = checked(tool.name, tool.arguments, given)
        scene = await self._scene(name, identity, discovers=tool.discovers)
        try:
            return tool, tool.plan(arguments, scene), scene
        except UnknownKind:  # perhaps a kind that is served since a moment ago
            scene = await self._scene(name, identity, discovers=tool.discovers, max_age=FRESH)
            return tool, tool.plan(arguments, scene), scene

    async def _scene(
        self, cluster_name: object, identity: Identity, *, discovers: bool, max_age: float | None = None
    ) -> Scene:
        name = self._default if cluster_name in (None, "") else cluster_name
        if not isinstance(name, str) or name not in self._clusters:
            raise ToolError(f"There is no cluster {name!r}. Clusters: {', '.join(self._clusters)}.")
        cluster = self._clusters[name]
        try:
            kinds = Kinds(await cluster.resources(max_age) if discovers else ())
        except ClusterError as error:
            raise ToolError(f"What cluster {name} serves could not be read: {one_line(error)}") from error
        return Scene(cluster, kinds, identity, self._clusters, self._default, self._budget, self._clock())
