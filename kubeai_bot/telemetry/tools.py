"""Tool calls, as spans; and the calls that leave no trace on the audit trail, as numbers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import ClusterError, ToolError
from kubeai_bot.interfaces import Toolset
from kubeai_bot.telemetry.metrics import Metrics
from kubeai_bot.telemetry.traces import OPERATION, TOOL_CALL_ID, TOOL_NAME, TOOL_TYPE, Attributes, Traces

UNKNOWN_TOOL = "(unknown)"


class MeasuredToolset:
    """Passes every call on to `tools`. What was run, refused or put up is counted by MeasuredAudit."""

    def __init__(self, tools: Toolset, metrics: Metrics, traces: Traces) -> None:
        self._tools = tools
        self._metrics = metrics
        self._traces = traces

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        return self._tools.specs(identity)

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        """Calls with wrong arguments, and of tools that there are not, are counted here."""
        try:
            return await self._tools.plan(call, identity)
        except (ToolError, ClusterError):
            spec = next((spec for spec in self.specs(identity) if spec.name == call.name), None)
            name, effect = (self._metrics.tool_name(spec.name), spec.effect.value) if spec else (UNKNOWN_TOOL, "read")
            self._metrics.tool_calls.labels(name, effect, "invalid", "failed").inc()
            raise

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        with self._traces.span(f"preview_tool {planned.call.name}", _about(planned, "preview_tool"), current=True):
            return await self._tools.preview(planned, identity, context)

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        """A call that is cut off before its own time limit is counted here: somebody stopped the turn."""
        began = time.monotonic()
        try:
            with self._traces.span(
                f"execute_tool {planned.call.name}", _about(planned, "execute_tool"), current=True
            ) as span:
                result = await self._tools.call(planned, identity, context)
                if not result.ok:
                    span.fail("failed")
        except asyncio.CancelledError:
            if time.monotonic() - began < planned.timeout:
                name = self._metrics.tool_name(planned.call.name)
                verdict = "allowed" if context.approved is None else "approved"
                self._metrics.tool_calls.labels(name, planned.effect.value, verdict, "interrupted").inc()
            raise
        return result


def _about(planned: PlannedCall, operation: str) -> Attributes:
    return {
        OPERATION: operation,
        TOOL_NAME: planned.call.name,
        TOOL_CALL_ID: planned.call.id,
        TOOL_TYPE: "function",
        "kubeai.tool.effect": planned.effect.value,
    }
