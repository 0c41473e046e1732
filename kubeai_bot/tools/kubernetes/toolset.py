"""The Kubernetes tools behind the Toolset seam."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Effect, Mode
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import ApiStatus, ClusterError, ToolError
from kubeai_bot.interfaces import Cluster, Clusters
from kubeai_bot.tools.kubernetes import arguments as said
from kubeai_bot.tools.kubernetes.access import plan_can_i, plan_whoami
from kubeai_bot.tools.kubernetes.changes import CHANGES
from kubeai_bot.tools.kubernetes.clusters import plan_clusters
from kubeai_bot.tools.kubernetes.describe import plan_describe
from kubeai_bot.tools.kubernetes.diagnose.arguments import Diagnose
from kubeai_bot.tools.kubernetes.diagnose.plan import plan_diagnose
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
from kubeai_bot.tools.kubernetes.tool import MOST_KEPT, ChangeStep, Scene, Step, Tool

_TOOLS: tuple[Tool[Any], ...] = (
    Tool("list_resources", said.ListResources, plan_list),
    Tool("get_resource", said.GetResource, plan_get),
    Tool("describe_resource", said.DescribeResource, plan_describe),
    Tool("diagnose", Diagnose, plan_diagnose, discovers=False),
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
    *CHANGES,
)

_EVERY_CLUSTER = "list_clusters"
"""The tool that is about all clusters and none."""

R = TypeVar("R")

BUDGET = 8000
"""Characters of a result."""

FRESH = 10.0
"""Seconds: how old discovery may be when a kind is not found in it."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KubernetesTools:
    """Tools over `clusters`, which are reached only through the Cluster seam and only as `identity.on(name)`.

    With mode none, tools that change something are not offered (and refused by policy if called all the same); `exec`
    is there only with `exec_enabled`, shells only with `allow_shell`. `write_timeout` bounds
    the seconds that one change may take.

    With several clusters every tool but `list_clusters` takes `cluster`, and results and intents name theirs;
    `default_cluster` "" then means that the person must say which.
    """

    def __init__(  # noqa: PLR0913 - one parameter an option
        self,
        clusters: Clusters,
        default_cluster: str,
        mode: Mode,
        *,
        write_timeout: float = 45.0,
        exec_enabled: bool = False,
        allow_shell: bool = False,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        if default_cluster not in clusters and (default_cluster or len(clusters) < 2):
            raise ValueError(f"the default cluster {default_cluster!r} is none of {sorted(clusters)}")
        self._clusters = clusters
        self._default = default_cluster
        self._write_timeout = write_timeout
        self._allow_shell = allow_shell
        self._clock = clock
        self._mode = mode
        self._tools = {tool.name: tool for tool in _TOOLS if exec_enabled or tool.effect is not Effect.SENSITIVE}

    @property
    def names(self) -> Sequence[str]:
        """Of all its tools, offered or not."""
        return tuple(self._tools)

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        """The same for everybody: what a person may see is the cluster's to decide."""
        del identity
        return self._specs

    @cached_property
    def _specs(self) -> Sequence[ToolSpec]:
        """Made for the first question, not while the bot starts."""
        names = tuple(self._clusters)
        return [
            ToolSpec(
                tool.name,
                description_of(tool.arguments),
                schema_of(tool.arguments, () if tool.name == _EVERY_CLUSTER else names, self._default),
                tool.effect,
            )
            for tool in self._tools.values()
            if tool.effect is Effect.READ or self._mode is not Mode.NONE
        ]

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        """Check the arguments and resolve the kind; asks for nothing but discovery. Raises ToolError."""
        tool, step, scene = await self._step(call, identity)
        timeout = step.timeout if isinstance(step, Step) else self._write_timeout
        where = f" (cluster {scene.cluster.name})" if self._names_cluster(call) else ""
        intent = f"{clean(one_line(step.intent, 200))}{where}"
        return PlannedCall(call, tool.effect, intent, step.acts, timeout)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        """What a change would do, by a dry run as `identity`. Raises ToolError, ClusterError."""
        step, scene = await self._as_planned(planned, identity)
        if isinstance(step, Step):
            raise ToolError(f"{planned.call.name} changes nothing, so there is nothing to try out.")
        reach = self._reach(planned, scene, context)
        return await self._worded(step.change.preview(reach, context), scene, context)

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        """Run what was planned, and only that: every request must be among the acts that were judged.

        Raises ToolError (refusals of the API server included, in words), Drifted and the other ClusterErrors.
        """
        step, scene = await self._as_planned(planned, identity)
        reads = isinstance(step, Step)
        reach = self._reach(planned, scene, context, context.redactor if reads else None)
        running = step.run(reach) if isinstance(step, Step) else step.change.carry_out(reach, context)
        result = await self._worded(running, scene, context)
        content, whole = _within_budget(result)
        summary = clean(one_line(result.summary, 160))
        if self._names_cluster(planned.call):
            heading = f"Cluster {scene.cluster.name}:\n"
            content, summary = heading + content, f"{scene.cluster.name}: {summary}"
            whole = heading + whole if whole else ""
        return replace(
            result,
            content=content,
            summary=summary,
            whole=whole,
            verify=self._follow_up(result.verify, planned.call, scene, "verify"),
            undo=self._follow_up(result.undo, planned.call, scene, "undo"),
        )

    async def _worded(self, running: Awaitable[R], scene: Scene, context: CallContext) -> R:
        """With refusals of the API server in words, redacted before anything is cut off them."""
        as_whom = scene.identity.on(scene.cluster.name)
        try:
            return await running
        except ApiStatus as error:
            known = ApiStatus(error.code, error.reason, context.redactor.text(error.message).text)
            raise ToolError(clean(explained(known, as_whom, scene.cluster.name))) from error
        except ToolError as error:
            raise type(error)(clean(str(error))) from error

    def _names_cluster(self, call: ToolCall) -> bool:
        return len(self._clusters) > 1 and call.name != _EVERY_CLUSTER

    def _follow_up(self, call: ToolCall | None, after: ToolCall, scene: Scene, word: str) -> ToolCall | None:
        """The call with an id, and for the same cluster."""
        if call is None:
            return None
        where = {"cluster": scene.cluster.name} if self._names_cluster(call) else {}
        return ToolCall(f"{after.id}-{word}", call.name, {**where, **(call.arguments or {})})

    def _reach(
        self, planned: PlannedCall, scene: Scene, context: CallContext, redactor: Redactor | None = None
    ) -> Reach:
        as_whom = scene.identity.on(scene.cluster.name)
        begins, longest = planned.start_before, planned.timeout
        window = None if begins is None else (longest, begins + longest)
        return Reach(scene.cluster, as_whom, planned.acts, window, context.progress, redactor)

    async def _as_planned(self, planned: PlannedCall, identity: Identity) -> tuple[Step | ChangeStep, Scene]:
        _, step, scene = await self._step(planned.call, identity)
        if step.acts != planned.acts:
            raise ToolError("What the cluster serves has changed since this call was checked. Call again.")
        return step, scene

    async def _step(self, call: ToolCall, identity: Identity) -> tuple[Tool[Any], Step | ChangeStep, Scene]:
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"There is no tool {call.name!r}. Tools: {', '.join(self._tools)}.")
        if call.arguments is None:
            raise ToolError(f"The arguments of {call.name} were not a JSON object.")
        given = dict(call.arguments)
        cluster = self._chosen(given.pop("cluster", None), tool.name)
        arguments = checked(tool.name, tool.arguments, given)
        scene = await self._scene(cluster, identity, discovers=tool.discovers)
        try:
            return tool, tool.plan(arguments, scene), scene
        except UnknownKind:  # perhaps a kind that is served since a moment ago
            scene = await self._scene(cluster, identity, discovers=tool.discovers, max_age=FRESH)
            return tool, tool.plan(arguments, scene), scene

    def _chosen(self, name: object, tool: str) -> Cluster:
        if tool == _EVERY_CLUSTER:
            name = self._default or next(iter(self._clusters))
        elif name in (None, ""):
            name = self._default
        names = ", ".join(self._clusters)
        if not name:
            raise ToolError(
                f"There are several clusters: {names}. Which one is meant? Ask the person, unless they have said it."
            )
        if not isinstance(name, str) or name not in self._clusters:
            raise ToolError(f"There is no cluster {name!r}. Clusters: {names}.")
        return self._clusters[name]

    async def _scene(
        self, cluster: Cluster, identity: Identity, *, discovers: bool, max_age: float | None = None
    ) -> Scene:
        try:
            kinds = Kinds(await cluster.resources(max_age) if discovers else ())
        except ClusterError as error:
            raise ToolError(f"What cluster {cluster.name} serves could not be read: {one_line(error)}") from error
        return Scene(
            cluster,
            kinds,
            identity,
            self._clusters,
            self._default,
            BUDGET,
            self._clock(),
            self._write_timeout,
            self._allow_shell,
        )


def _within_budget(result: ToolResult) -> tuple[str, str]:
    """Content and whole, clean and bounded. No whole where that is no large result: then less was asked for."""
    whole = clean(cut_middle(result.whole or result.content, MOST_KEPT, "more than is kept"))
    content = cut_middle(clean(result.content), BUDGET + BUDGET // 4, "see the end")
    return content, whole if len(whole) > BUDGET and whole != content else ""
