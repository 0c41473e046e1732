"""One streamed answer of Gemini, put together from its chunks.

Wire format: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.genai import types

from kubeai_bot.domain.message import ToolCall, VendorParts
from kubeai_bot.domain.session import Usage
from kubeai_bot.errors import AnswerBlocked, ProviderRefused, ProviderUnavailable
from kubeai_bot.interfaces import ModelFinished
from kubeai_bot.providers.loose import well_formed
from kubeai_bot.providers.telling import new_call_id

VENDOR = "gemini"

_BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
_SPOILT = frozenset({"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "TOO_MANY_TOOL_CALLS"})
_AT_THE_LIMIT = frozenset({"MAX_TOKENS", "CONTINUATION"})
_ID_FOR_EVERY_VENDOR = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where thought signatures are valid: the service that made them (`gemini`, `vertex`), and the model."""

    service: str
    model: str


class Answer:
    """Takes chunks in, gives the visible text out, and at the end the whole message."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[types.FunctionCall] = []
        self._parts: list[dict[str, Any]] = []
        self._usage = Usage()
        self._finish_reason = ""
        self._prompt_blocked = ""

    @property
    def complete(self) -> bool:
        """Whether the server has said why the answer ends."""
        return bool(self._finish_reason or self._prompt_blocked)

    def add(self, chunk: types.GenerateContentResponse) -> str:
        """The visible text that this chunk brings."""
        if chunk.usage_metadata:
            self._usage = _usage(chunk.usage_metadata)
        reason = chunk.prompt_feedback.block_reason if chunk.prompt_feedback else None
        if reason and reason is not types.BlockedReason.BLOCKED_REASON_UNSPECIFIED:
            self._prompt_blocked = reason.value
        candidate = next((each for each in chunk.candidates or () if not each.index), None)
        if candidate is None:
            return ""
        if candidate.finish_reason and candidate.finish_reason is not types.FinishReason.FINISH_REASON_UNSPECIFIED:
            self._finish_reason = candidate.finish_reason.value
        parts = (candidate.content.parts if candidate.content else None) or ()
        return "".join(map(self._take, parts))

    def finish(self, origin: Origin, taken_ids: Iterable[str]) -> ModelFinished:
        """The whole message. Raises AnswerBlocked, ProviderRefused or ProviderUnavailable where the reason to end
        leaves no answer."""
        said, reason = "".join(self._text), self._finish_reason
        if self._prompt_blocked:
            raise AnswerBlocked(f"the vendor's content filter refused the prompt ({_word(self._prompt_blocked)})")
        calls = () if reason in _BLOCKED else self._named_calls(taken_ids)
        if reason in _BLOCKED and not said.strip():
            raise AnswerBlocked(f"the vendor's content filter withheld the answer ({_word(reason)})")
        if reason == "MISSING_THOUGHT_SIGNATURE":
            raise ProviderRefused("the vendor misses a thought signature in this conversation: start a new thread")
        if reason in _SPOILT or (reason == "UNEXPECTED_TOOL_CALL" and not calls):
            raise ProviderUnavailable(f"the model spoilt its answer ({_word(reason)})")
        if reason not in _AT_THE_LIMIT and reason != "STOP" and not said.strip() and not calls:
            raise ProviderUnavailable(f"the model ended without an answer ({_word(reason)})")
        truncated = reason not in ("STOP", "UNEXPECTED_TOOL_CALL")  # that call is for the toolset to refuse
        return ModelFinished(said, calls, self._usage, self._vendor(origin, calls), truncated)

    def _take(self, part: types.Part) -> str:
        """Keep what has to be echoed, in its place: of texts their length, of calls the id they came with."""
        signature = base64.b64encode(part.thought_signature).decode() if part.thought_signature else ""
        signed = {"signature": signature} if signature else {}
        if part.function_call:
            if part.function_call.name and part.function_call.name.strip():
                self._calls.append(part.function_call)
                self._parts.append({"call": well_formed(part.function_call.id or ""), **signed})
            return ""
        text = "" if part.thought else well_formed(part.text or "")
        before = self._parts[-1] if self._parts else {}
        if not signed and "text" in before and "signature" not in before:
            before["text"] += len(text)
        elif text or signed:
            self._parts.append({"text": len(text), **signed})
        if text:
            self._text.append(text)
        return text

    def _named_calls(self, taken_ids: Iterable[str]) -> tuple[ToolCall, ...]:
        """The calls, each with an id that every vendor takes and that no other call of the transcript has."""
        taken = set(taken_ids)
        named: list[ToolCall] = []
        for call in self._calls:
            given = call.id or ""
            fits = _ID_FOR_EVERY_VENDOR.fullmatch(given) and given not in taken
            call_id = given if fits else new_call_id(taken)
            taken.add(call_id)
            arguments = call.args or {}
            raw = well_formed(json.dumps(arguments, ensure_ascii=False))
            named.append(ToolCall(call_id, well_formed((call.name or "").strip()), arguments, raw))
        return tuple(named)

    def _vendor(self, origin: Origin, calls: tuple[ToolCall, ...]) -> VendorParts | None:
        if len(calls) != len(self._calls) or not any(part.get("signature") or part.get("call") for part in self._parts):
            return None
        return VendorParts(VENDOR, {"service": origin.service, "model": origin.model, "parts": self._parts})


def _usage(usage: types.GenerateContentResponseUsageMetadata) -> Usage:
    return Usage(
        input=usage.prompt_token_count or 0,
        output=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        cached=usage.cached_content_token_count or 0,
    )


def _word(reason: str) -> str:
    """A machine-readable reason, held to its form: some servers put sentences there."""
    return reason if re.fullmatch(r"[A-Z_]{1,60}", reason) else "no known reason"
