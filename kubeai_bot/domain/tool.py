"""Tools as values: what the model sees, what a call is about to do, where it runs, what it gave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubeai_bot.domain.event import Choice
from kubeai_bot.domain.message import Json, ToolCall
from kubeai_bot.domain.policy import Act, Effect
from kubeai_bot.domain.redaction.redactor import Redactor


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it: `parameters` is a JSON Schema object, `effect` what calling it can do."""

    name: str
    description: str
    parameters: Json
    effect: Effect = Effect.READ


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call with checked arguments: what policy decides on. `timeout` in seconds.

    `start_before`: it must begin before this moment of `time.monotonic()`, and end within `timeout` after it, because
    its session may then be in other hands. The loop sets it for what changes something.
    """

    call: ToolCall
    effect: Effect
    intent: str
    acts: tuple[Act, ...]
    timeout: float
    start_before: float | None = None


@dataclass(frozen=True, slots=True)
class CallContext:
    """For which session, turn and Slack channel a call runs. `redactor` is the session's; `progress` says how far the
    call is. `approved` is the digest of the preview that somebody approved: the tool makes its preview again, under
    the same resource versions as the change itself, and raises Drifted where it differs. None: no approval is needed.
    """

    session_id: str
    turn_id: str
    channel: str
    redactor: Redactor
    progress: Callable[[str], Awaitable[None]]
    approved: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave: `content` for the model (what is too large is kept aside by the loop), `summary` one short line
    for people. `audit_ids`: the `Audit-Id`s of the changing requests it sent.

    `whole` is the text that `content` is an excerpt of, where it is one: the loop keeps it beside the session. A tool
    gives one where it knows better than head and tail which part of a large result to show.

    `verify` is the reading call that shows what came of a change, run at once after it; `undo` a changing call that
    takes it back, offered to the person, with `undo_intent` in words.
    """

    content: str
    summary: str
    ok: bool = True
    audit_ids: tuple[str, ...] = ()
    verify: ToolCall | None = None
    undo: ToolCall | None = None
    undo_intent: str = ""
    choice: Choice | None = None
    """A question that only the person can answer: it ends the turn."""
    whole: str = ""
