"""Several toolsets as one."""

from __future__ import annotations

from collections.abc import Sequence

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import ToolError
from kubeai_bot.interfaces import Toolset


class Toolsets(Toolset):
    """Offers the tools of all; of two with one name the first counts, and the other is not offered."""

    def __init__(self, *toolsets: Toolset) -> None:
        self._toolsets = toolsets

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        offered: dict[str, ToolSpec] = {}
        for toolset in self._toolsets:
            for spec in toolset.specs(identity):
                offered.setdefault(spec.name, spec)
        return list(offered.values())

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        """Raises ToolError, for a name that nobody offers too."""
        return await self._owner(call.name, identity).plan(call, identity)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        return await self._owner(planned.call.name, identity).preview(planned, identity, context)

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        return await self._owner(planned.call.name, identity).call(planned, identity, context)

    def _owner(self, name: str, identity: Identity) -> Toolset:
        """Who offers the tool. A toolset may also know tools that it does not offer now (changes in mode none): then
        the first is asked, which refuses in its own words."""
        for toolset in self._toolsets:
            if any(spec.name == name for spec in toolset.specs(identity)):
                return toolset
        if not self._toolsets:
            raise ToolError(f"There is no tool {name!r}.")
        return self._toolsets[0]
