"""From a tool call to its result: planned, judged, run within its time limit; the result always a record."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import structlog

from kubeai_bot.agent.boundary import Crashed, contain
from kubeai_bot.domain.event import ToolFinished, ToolOutcome, ToolStarted
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import ToolCall, ToolCallResponse
from kubeai_bot.domain.policy import Effect, Mode, Refuse, judge
from kubeai_bot.errors import ClusterError, ToolError, Unreachable
from kubeai_bot.interfaces import Emit, PlannedCall, ToolResult, Toolset

log = structlog.get_logger(__name__)

RESULT_LIMIT = 16_000
"""Characters of one result that reach the model, whatever tool made it."""

PLANNING = 30.0
"""Seconds that checking a call's arguments may take."""

UNKNOWN_OUTCOME = (
    "It is not known whether this change happened: the program was interrupted while it ran. Do not repeat it before"
    " you have looked at the object's present state."
)


@dataclass(frozen=True, slots=True)
class ToReplyWith:
    """A call that is answered without being run: bad arguments, or refused by policy."""

    call: ToolCall
    reason: str
    outcome: ToolOutcome = "failed"
    intent: str = ""


class CallRunner:
    """Runs the calls of one turn under one identity."""

    def __init__(self, tools: Toolset, identity: Identity, mode: Mode, emit: Emit) -> None:
        self._tools = tools
        self._identity = identity
        self._mode = mode
        self._emit = emit

    async def plan(self, call: ToolCall) -> PlannedCall | ToReplyWith:
        """Check and judge. Nothing is sent that acts; the result of a call that may not run is ready."""
        if call.arguments is None:
            raw = call.raw_arguments[:500]
            return ToReplyWith(call, f"The arguments of {call.name} were not a JSON object: {raw!r}. Send them again.")
        try:
            async with asyncio.timeout(PLANNING):
                planned = await contain(self._tools.plan(call, self._identity), call.name)
        except Crashed:
            return ToReplyWith(call, f"The tool {call.name} failed inside the bot. Try another way.")
        except (ToolError, ClusterError) as error:
            return ToReplyWith(call, str(error))
        except TimeoutError:
            return ToReplyWith(call, "The cluster did not say in time which resources it has.")
        verdict = judge(planned.effect, planned.acts, self._mode, self._identity)
        if isinstance(verdict, Refuse):
            log.info("tool call refused", tool=call.name, effect=planned.effect.value)
            return ToReplyWith(call, verdict.reason, "refused", planned.intent)
        return planned

    async def run(self, planned: PlannedCall) -> ToolCallResponse:
        """Run a planned call that policy let through. Never raises but for cancellation."""
        await self._emit(ToolStarted(planned.call.id, planned.intent))
        started = time.monotonic()
        reached = True
        try:
            async with asyncio.timeout(planned.timeout):
                result = await contain(self._tools.call(planned, self._identity), planned.call.name)
        except (ToolError, ClusterError) as error:
            reached = isinstance(error, Unreachable)  # every other error says that nothing was changed
            text = f"{error} {UNKNOWN_OUTCOME}" if reached and planned.effect is not Effect.READ else str(error)
            result = ToolResult(text, _first_line(str(error)), ok=False)
        except TimeoutError:
            result = _out_of_time(planned)
        except Crashed:
            result = ToolResult(_crashed(planned), "the tool failed inside the bot", ok=False)
        seconds = time.monotonic() - started
        outcome: ToolOutcome = "ok" if result.ok else "failed"
        log.info(
            "tool call", tool=planned.call.name, effect=planned.effect.value, outcome=outcome, seconds=round(seconds, 3)
        )
        await self._emit(ToolFinished(planned.call.id, planned.intent, outcome, result.summary, seconds))
        return ToolCallResponse(
            call_id=planned.call.id,
            name=planned.call.name,
            content=bounded(result.content),
            ok=result.ok,
            changed=reached and planned.effect is not Effect.READ,
            summary=result.summary,
            seconds=seconds,
        )

    async def reply(self, unplanned: ToReplyWith) -> ToolCallResponse:
        """The result of a call that is not run."""
        call, summary = unplanned.call, _first_line(unplanned.reason)
        intent = unplanned.intent or call.name
        await self._emit(ToolStarted(call.id, intent))
        await self._emit(ToolFinished(call.id, intent, unplanned.outcome, summary, 0.0))
        return ToolCallResponse(call.id, call.name, bounded(unplanned.reason), ok=False, summary=summary)

    async def unknown(self, call: ToolCall) -> ToolCallResponse:
        """The result of a write that was on record as started by a runner which is gone."""
        await self._emit(ToolFinished(call.id, call.name, "interrupted", "interrupted: outcome unknown", 0.0))
        return ToolCallResponse(
            call.id, call.name, UNKNOWN_OUTCOME, ok=False, changed=True, summary=f"{call.name}: outcome unknown"
        )


def _out_of_time(planned: PlannedCall) -> ToolResult:
    text = f"No result within {planned.timeout:g} s."
    if planned.effect is not Effect.READ:
        text += " " + UNKNOWN_OUTCOME
    return ToolResult(text, f"no result within {planned.timeout:g} s", ok=False)


def _crashed(planned: PlannedCall) -> str:
    text = f"The tool {planned.call.name} failed inside the bot; this is not a finding about the cluster."
    return text if planned.effect is Effect.READ else f"{text} {UNKNOWN_OUTCOME}"


def bounded(content: str, limit: int = RESULT_LIMIT) -> str:
    """Head and tail of a text that is too long, with a word on what is missing between them."""
    if len(content) <= limit:
        return content
    head, tail = int(limit * 0.6), int(limit * 0.4)
    left_out = len(content) - head - tail
    return f"{content[:head]}\n[… {left_out} characters left out …]\n{content[-tail:]}"


def _first_line(text: str, limit: int = 160) -> str:
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= limit else line[: limit - 1] + "…"
