"""One streamed chat completion, put together from its chunks (plain JSON objects, whatever their shape).

Wire format: https://platform.openai.com/docs/api-reference/chat-streaming, and the ways in which compatible servers
differ from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubeai_bot.domain.message import VendorParts
from kubeai_bot.domain.session import Usage
from kubeai_bot.errors import AnswerBlocked, ContextOverflow, ProviderUnavailable
from kubeai_bot.interfaces import ModelFinished
from kubeai_bot.providers.leading_thought import LeadingThought
from kubeai_bot.providers.loose import count, items, mapping, text, well_formed
from kubeai_bot.providers.openai_calls import CallAssembly

VENDOR = "openai"

ECHOED = ("reasoning_content", "reasoning_details", "extra_content")
"""Fields of an assistant message that servers want back with the results of its calls: DeepSeek and Moonshot
(`reasoning_content`), OpenRouter (`reasoning_details`), Gemini's OpenAI endpoint (`extra_content`: signatures)."""

_CUT_SHORT = frozenset({"length", "max_tokens", "content_filter", "sensitive", "model_context_window_exceeded"})
_BLOCKED = frozenset({"content_filter", "sensitive"})
_BROKEN = frozenset({"error", "network_error", "insufficient_system_resource"})


class Answer:
    """Takes chunks in, gives the visible text out, and at the end the whole message."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thought = LeadingThought()
        self._calls = CallAssembly()
        self._echo: dict[str, Any] = {}
        self._usage = Usage()
        self._finish_reason = ""

    @property
    def complete(self) -> bool:
        """Whether the server has said why the answer ends; at most its usage is still to come."""
        return self._finish_reason != ""

    def add(self, chunk: Mapping[str, Any]) -> str:
        """The visible text that this chunk brings."""
        if chunk.get("usage"):
            self._usage = _usage(mapping(chunk["usage"]))
        choice = mapping(next(iter(items(chunk.get("choices"))), None))
        delta = mapping(choice.get("delta") or choice.get("message"))
        self._calls.add(delta.get("tool_calls"))
        for key in ECHOED:
            if delta.get(key):
                self._echo[key] = _grown(self._echo.get(key), delta[key])
        self._finish_reason = text(choice.get("finish_reason")) or self._finish_reason
        return self._keep(self._thought.feed(_content(delta.get("content")) + text(delta.get("refusal"))))

    def rest(self) -> str:
        """Visible text that was held back until it was clear that it is not reasoning."""
        return self._keep(self._thought.end())

    def finish(self, model: str, taken_ids: Iterable[str]) -> ModelFinished:
        """The whole message. Raises AnswerBlocked, ContextOverflow or ProviderUnavailable where the reason to end
        leaves no answer."""
        said = "".join(self._text)
        calls, extras = self._calls.finish(taken_ids)
        reason = self._finish_reason
        if reason in _BROKEN:
            raise ProviderUnavailable(f"the answer was broken off by the server ({reason})")
        if reason in _BLOCKED:
            calls = ()
        if not said.strip() and not calls:
            if reason in _BLOCKED:
                raise AnswerBlocked("the vendor's content filter withheld the answer")
            if reason == "model_context_window_exceeded":
                raise ContextOverflow("the request left no room in the model's window for an answer")
        parts: dict[str, Any] = {}
        if self._echo and calls:
            parts["message"] = self._echo
        if extras and calls:
            parts["calls"] = extras
        vendor = VendorParts(VENDOR, {"model": model, **parts}) if parts else None
        return ModelFinished(said, calls, self._usage, vendor, truncated=reason in _CUT_SHORT)

    def _keep(self, piece: str) -> str:
        piece = well_formed(piece)
        if piece:
            self._text.append(piece)
        return piece


def _content(content: object) -> str:
    """Text of a delta; Mistral's reasoning models send a list of typed parts."""
    if isinstance(content, list):
        parts = map(mapping, items(content))  # pyright: ignore[reportUnknownArgumentType] - checked by `items`
        return "".join(text(part.get("text")) for part in parts if part.get("type") == "text")
    return text(content)


def _grown(known: Any, piece: Any) -> Any:
    """A streamed field with its next piece: texts and lists grow, objects are merged, anything else is replaced."""
    if isinstance(known, str) and isinstance(piece, str):
        return known + piece
    if isinstance(known, list) and isinstance(piece, list):
        return [*items(known), *items(piece)]
    if isinstance(known, dict) and isinstance(piece, dict):
        return {**mapping(known), **mapping(piece)}
    return piece


def _usage(usage: Mapping[str, Any]) -> Usage:
    cached = count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))
    return Usage(
        input=count(usage.get("prompt_tokens")),
        output=count(usage.get("completion_tokens")),
        cached=cached or count(usage.get("prompt_cache_hit_tokens")),  # DeepSeek
    )
