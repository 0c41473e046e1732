"""What the wrappers say about the time they spend; nothing is traced unless an exporter is configured.

Names and attributes follow the OpenTelemetry conventions for generative AI ("Development" state, in a repository of
their own: https://github.com/open-telemetry/semantic-conventions-genai). Never among them: what anybody said, the
arguments of a call, its result, names of objects in a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from kubeai_bot.telemetry.trace_ids import TurnKey

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CONVERSATION = "gen_ai.conversation.id"
AGENT_NAME = "gen_ai.agent.name"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_TYPE = "gen_ai.tool.type"

PROVIDERS = {"openai": "openai", "azure": "azure.ai.openai", "gemini": "gcp.gemini", "vertex": "gcp.vertex_ai"}
"""Our names of the vendors in the conventions' words."""

Attributes = Mapping[str, str | int | float | bool | tuple[str, ...]]


def traces_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the standard variables of OpenTelemetry ask for traces over OTLP/HTTP."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower()
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return not off and "otlp" in exporter.split(",") and any(environment.get(name, "").strip() for name in endpoints)


class Span(Protocol):
    """Something that takes time."""

    def note(self, attributes: Attributes, /) -> None: ...

    def fail(self, reason: str, /) -> None:
        """`reason` is the name of an error's class, never its text."""
        ...


class Traces(Protocol):
    """Where spans go."""

    def span(
        self,
        name: str,
        attributes: Attributes,
        *,
        client: bool = False,
        current: bool = False,
        turn: TurnKey | None = None,
    ) -> AbstractContextManager[Span]:
        """A part of `turn`, by default of the one that the present task works on; nothing where there is none.

        `client`: it waits for an answer from elsewhere. `current`: what begins inside the block is a part of it.
        """
        ...

    def turn_ended(self, name: str, turn: TurnKey, began: float, attributes: Attributes, failed: str = "") -> None:
        """The span of the whole turn, said once, by the runner that ended it. `began` in Unix time."""
        ...

    async def aclose(self) -> None:
        """Send what is left; bounded."""
        ...


class NoSpan:
    """Nothing is sent."""

    def note(self, *_: object) -> None:
        return

    def fail(self, *_: object) -> None:
        return


class Untraced:
    """No traces, at no cost."""

    def span(self, *_: object, **_more: object) -> AbstractContextManager[Span]:
        return nullcontext(_NO_SPAN)

    def turn_ended(self, *_: object, **_more: object) -> None:
        return

    async def aclose(self) -> None:
        return


_NO_SPAN = NoSpan()
