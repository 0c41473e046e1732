"""What a tool is: a name, its arguments, and how a call of it is planned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.policy import Act, Effect
from kubeai_bot.domain.tool import CallContext, ToolResult
from kubeai_bot.interfaces import Cluster, Clusters
from kubeai_bot.tools.kubernetes.arguments import Arguments
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.resolve import Kinds

A = TypeVar("A", bound=Arguments)

MOST_KEPT = 1_000_000
"""Characters of a large result that a tool gives as `whole`, to be kept beside the session: what was read is bounded by
objects and bytes, and this bounds what stays of it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a call is planned. `budget` is the size of a result in characters, `now` the time to count ages from.
    `write_timeout` in seconds is what a change may take; `allow_shell` lets commands be run by a shell."""

    cluster: Cluster
    kinds: Kinds
    identity: Identity
    clusters: Clusters
    default_cluster: str
    budget: int
    now: datetime
    write_timeout: float = 45.0
    allow_shell: bool = False

    def acts(self, *done: tuple[str, Ref]) -> tuple[Act, ...]:
        return tuple(ref.act(self.cluster.name, verb) for verb, ref in done)


@dataclass(frozen=True, slots=True)
class Step:
    """A planned call: one line on what it does, every act it needs, and how to run it. `timeout` in seconds."""

    intent: str
    acts: tuple[Act, ...]
    run: Callable[[Reach], Awaitable[ToolResult]]
    timeout: float = 45.0


class Changing(Protocol):
    """Something that changes a cluster, and can be tried out."""

    async def preview(self, reach: Reach, context: CallContext) -> Preview:
        """What it would do, by a dry run."""
        ...

    async def carry_out(self, reach: Reach, context: CallContext) -> ToolResult:
        """Do it, if it still is what `context.approved` says. Raises Drifted."""
        ...


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """A planned call that changes something."""

    intent: str
    acts: tuple[Act, ...]
    change: Changing


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """`plan` is pure and raises ToolError. `discovers`: it needs to know what the cluster serves."""

    name: str
    arguments: type[A]
    plan: Callable[[A, Scene], Step | ChangeStep]
    effect: Effect = Effect.READ
    discovers: bool = True
