"""All tools that the settings ask for, as one toolset: Kubernetes, MCP servers, skills, and the small ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kubeai_bot.assembly.clusters import default_cluster
from kubeai_bot.domain.message import Json
from kubeai_bot.interfaces import Clusters, Hook, SessionStore, Toolset
from kubeai_bot.settings.environment import Settings
from kubeai_bot.tools import person, results
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools
from kubeai_bot.tools.skills import toolset as skills
from kubeai_bot.tools.skills.reading import BadSkill
from kubeai_bot.tools.skills.shelf import Shelf
from kubeai_bot.tools.together import Toolsets


@dataclass(frozen=True, slots=True)
class Tools:
    """The toolset, the hooks that belong to it, how its MCP servers are, and the skills that cannot be used."""

    toolset: Toolset
    hooks: tuple[Hook, ...]
    mcp_status: Callable[[], Json]
    bad_skills: Callable[[], Sequence[BadSkill]]


@asynccontextmanager
async def open_tools(
    settings: Settings, clusters: Clusters, store: SessionStore, write_timeout: float
) -> AsyncGenerator[Tools]:
    """No server is waited for."""
    async with AsyncExitStack() as stack:
        kubernetes = KubernetesTools(
            clusters,
            default_cluster(settings, clusters),
            settings.modify_resources,
            write_timeout=write_timeout,
            exec_enabled=settings.allow_exec,
        )
        shelf = Shelf(settings.skills_dir)
        await shelf.look()
        toolsets: list[Toolset] = [
            kubernetes,
            person.PersonTools(),
            results.ResultTools(store.kept_result),
            skills.SkillTools(shelf),
        ]
        mcp_status: Callable[[], Json] = dict[str, Any]
        if settings.mcp_entries:
            from kubeai_bot.tools.mcp.opening import open_mcp  # noqa: PLC0415 - the SDK is large

            reserved = frozenset((*kubernetes.names, person.NAME, results.NAME, skills.NAME))
            mcp = await stack.enter_async_context(open_mcp([entry.server for entry in settings.mcp_entries], reserved))
            toolsets.append(mcp)
            mcp_status = mcp.status
        yield Tools(Toolsets(*toolsets), (skills.SkillHints(shelf),), mcp_status, lambda: shelf.found.bad)
