"""get_logs: the newest lines of one or several containers, within one budget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.arguments import GetLogs
from kubeai_bot.tools.kubernetes.containers import brief_state, container_specs, is_ready, pod_state, statuses
from kubeai_bot.tools.kubernetes.family import selector_text
from kubeai_bot.tools.kubernetes.known import PODS, WORKLOADS
from kubeai_bot.tools.kubernetes.near import found_or_near
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.reach import Query, Reach, Ref
from kubeai_bot.tools.kubernetes.text import clean, counted, holds, newest_fitting, one_line, shares
from kubeai_bot.tools.kubernetes.tool import MOST_KEPT, Scene, Step

_PODS = 10
_STREAMS = 20
_LINES_SEARCHED = 2000
_BYTES = 2 * 1024 * 1024
_LINE = 600


@dataclass(frozen=True, slots=True)
class Stream:
    """One container's log: its lines (repeated ones folded), or why there are none. `size` in characters."""

    title: str
    lines: tuple[str, ...]
    note: str = ""

    @property
    def size(self) -> int:
        return sum(len(line) + 1 for line in self.lines)

    def with_short_lines(self) -> Stream:
        return replace(self, lines=tuple(map(_short, self.lines)))

    def shown(self, budget: int, most: int) -> str:
        """The newest lines, at most so many, within so many characters."""
        if not self.lines:
            return f"== {self.title}: {self.note or 'no lines'}"
        kept = min(newest_fitting(self.lines, budget), most)
        older = [f"[{counted(len(self.lines) - kept, 'older line')} left out]"] if kept < len(self.lines) else []
        notes = [f"[{self.note}]"] if self.note else []
        return "\n".join([f"== {self.title}", *notes, *older, *self.lines[-kept:]])


def plan_logs(arguments: GetLogs, scene: Scene) -> Step:
    pods = Ref(PODS, arguments.namespace, arguments.pod)
    owner = _workload(arguments) if arguments.workload else None
    acts = scene.acts(("get", Ref(PODS, arguments.namespace, arguments.pod, "log")))
    if arguments.pod:
        acts += scene.acts(("get", pods))
    if owner:
        acts += scene.acts(("get", owner), ("list", Ref(owner.resource, owner.namespace)))
    acts += scene.acts(("list", Ref(PODS, arguments.namespace)))
    of = arguments.pod or arguments.workload or f"pods with {arguments.label_selector}"
    before = " before the last restart" if arguments.previous else ""

    async def run(reach: Reach) -> ToolResult:
        chosen, note = await _pods(reach, arguments, owner)
        wanted = [(pod, name) for pod in chosen for name in _containers(pod, arguments)]
        streams = await asyncio.gather(*(_stream(reach, arguments, pod, name) for pod, name in wanted[:_STREAMS]))
        if len(wanted) > _STREAMS:
            note = f"{note}\n[{len(wanted) - _STREAMS} more containers left out: name a container]".strip()
        told = [note] if note else []
        fits = sum(stream.size for stream in streams) <= scene.budget
        short = streams if fits else [stream.with_short_lines() for stream in streams]
        text = "\n".join([*told, *_within(short, scene.budget, arguments.tail_lines)])
        whole = "\n".join([*told, *_within(streams, MOST_KEPT, MOST_KEPT)])
        lines = sum(len(stream.lines) for stream in streams)
        ok = any(stream.lines or not stream.note for stream in streams)
        return ToolResult(text, f"{counted(lines, 'line')} of {counted(len(streams), 'container')}", ok, whole=whole)

    return Step(f"Read logs of {arguments.namespace}/{of}{before}", acts, run, timeout=60.0)


def _workload(arguments: GetLogs) -> Ref:
    kind, _, name = arguments.workload.partition("/")
    singular = kind.split(".")[0].lower().removesuffix("s")
    singular = {"deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "r": "replicaset"}.get(
        singular, singular
    )
    if singular not in WORKLOADS or not name or "/" in name:
        kinds = ", ".join(WORKLOADS)
        raise ToolError(
            f"workload is a kind and a name, as `deployment/checkout` (got {arguments.workload!r}); kinds: {kinds}."
        )
    return Ref(WORKLOADS[singular], arguments.namespace, name)


async def _pods(reach: Reach, arguments: GetLogs, owner: Ref | None) -> tuple[list[Json], str]:
    """The pods, those not ready first, then the newest; and a word where some were left out."""
    if arguments.pod:
        return [await found_or_near(reach, Ref(PODS, arguments.namespace, arguments.pod))], ""
    selector = arguments.label_selector
    if owner:
        selector = selector_text(mapping(await found_or_near(reach, owner), "spec", "selector"))
    listed = await reach.items(Ref(PODS, arguments.namespace), (("labelSelector", selector),))
    if not listed.items:
        raise ToolError(f"No pods in namespace {arguments.namespace} match {selector!r}, so there are no logs.")
    newest = sorted(listed.items, key=lambda pod: str(at(pod, "metadata", "creationTimestamp")), reverse=True)
    ordered = sorted(newest, key=is_ready)
    left_out = len(ordered) - _PODS
    note = f"[{left_out} more pods left out; shown are those not ready, then the newest]" if left_out > 0 else ""
    return ordered[:_PODS], note


def _containers(pod: Json, arguments: GetLogs) -> list[str]:
    """The container that was named; else all but init containers that have done their work."""
    specs = [(kind, str(spec.get("name"))) for kind, spec in container_specs(pod)]
    if arguments.container:
        if arguments.container not in [name for _, name in specs]:
            names = ", ".join(name for _, name in specs)
            raise ToolError(
                f"Pod {at(pod, 'metadata', 'name')} has no container {arguments.container}. It has: {names}."
            )
        return [arguments.container]
    done = {
        name
        for name, status in statuses(pod).items()
        if at(status, "state", "terminated", "exitCode") == 0 and not status.get("restartCount")
    }
    return [name for kind, name in specs if kind != "init" or name not in done]


async def _stream(reach: Reach, arguments: GetLogs, pod: Json, container: str) -> Stream:
    name = str(at(pod, "metadata", "name"))
    status = statuses(pod).get(container, {})
    title = f"{name}/{container} ({brief_state(status)})"
    try:
        answer = await reach.text(
            Ref(PODS, arguments.namespace, name, "log"), _query(arguments, container), max_bytes=_BYTES
        )
    except ApiStatus as error:
        if error.code not in (400, 404):
            raise
        return Stream(title, (), one_line(error.message, 500))
    lines = list(_folded(clean(answer.text).splitlines()))
    searched = len(lines)
    if arguments.grep:
        lines = [line for line in lines if holds(line, arguments.grep)]
    notes: list[str] = []
    if answer.truncated:
        notes.append(f"the log goes on after {_BYTES // 2**20} MiB: use fewer tail_lines or since_seconds")
    if arguments.grep and not lines:
        notes.append(f"none of {counted(searched, 'line')} holds {arguments.grep!r}")
    elif not lines:
        notes.append(_silence(arguments, pod, status))
    return Stream(title, tuple(lines), "; ".join(notes))


def _query(arguments: GetLogs, container: str) -> Query:
    tail = _LINES_SEARCHED if arguments.grep else arguments.tail_lines
    asked = [("container", container), ("tailLines", str(tail))]
    if arguments.previous:
        asked.append(("previous", "true"))
    if arguments.since_seconds:
        asked.append(("sinceSeconds", str(arguments.since_seconds)))
    if arguments.timestamps:
        asked.append(("timestamps", "true"))
    return tuple(asked)


def _silence(arguments: GetLogs, pod: Json, status: Json) -> str:
    if not status:
        return f"no log, the pod is {pod_state(pod)}: describe_resource tells why"
    if not arguments.previous and status.get("restartCount"):
        return "no lines yet in this run; previous=true shows the run before the restart"
    return "no lines" + (f" in the last {arguments.since_seconds} s" if arguments.since_seconds else "")


def _folded(lines: list[str]) -> Iterator[str]:
    """Runs of the same line folded into one."""
    for line, run in groupby(lines):
        count = sum(1 for _ in run)
        yield line if count == 1 else f"{line}  [×{count}]"


def _short(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[:_LINE]}… (+{len(line) - _LINE} characters)"


def _within(streams: list[Stream], budget: int, most: int) -> list[str]:
    rooms = shares([stream.size for stream in streams], budget)
    return [stream.shown(room, most) for stream, room in zip(streams, rooms, strict=True)]
