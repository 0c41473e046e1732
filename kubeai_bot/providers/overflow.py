"""Telling "the request does not fit the model's window" from every other refusal. Of the vendors, OpenAI alone has one
code for it; the others say it in words, and their words differ."""

from __future__ import annotations

import re

_CODES = frozenset(
    {
        "context_length_exceeded",  # OpenAI, Azure, DeepSeek
        "string_above_max_length",  # OpenAI: one message is over 10 MB
        "context_window_exceeded",
        "model_context_window_exceeded",  # z.ai
        "exceed_context_size_error",  # llama.cpp
        "tokens_limit_reached",  # GitHub Models
        "request_too_large",  # Anthropic
        "prompt_too_long",
        "input_too_long",
    }
)

_WINDOW = re.compile(
    r"context[ _-]?(?:length|window|size|limit)|n_ctx|(?:maximum|max) (?:model|prompt|input) length"
    r"|max_(?:model|seq|context|input)_len(?:gth)?|allowed input length",
    re.IGNORECASE,
)
_TOO_MUCH = re.compile(
    r"exceed|overflow|too (?:long|large|big|small|many)|(?:larger|longer|greater|bigger|more) than|only|maximum|full\b"
    r"|not enough|reached|reduce|surpass",
    re.IGNORECASE,
)
_PHRASES = (
    r"(?:prompt|input|message|conversation|request)s? (?:is|are)? ?too long",  # Anthropic, Bedrock, Ollama
    r"reduce the (?:length|size) of (?:the|your) (?:messages|prompt|input)",  # OpenAI, Groq
    r"reduce your prompt",
    r"input token count.{0,60}(?:exceeds|only supports)",  # Gemini, Vertex AI
    r"payload size exceeds the limit",  # Gemini: too many bytes
    r"input tokens exceed",  # OpenAI: "... the configured limit of 272000 tokens"
    r"tokens?\b.{0,40}exceeds? the (?:limit|maximum)",  # Copilot, Gemini
    r"exceeded model token limit",  # Moonshot
    r"exceeds? (?:the )?token limit",
    r"token limit exceeded",
    r"too many (?:input |prompt )?tokens",
    r"tokens in request more than max tokens",  # Cloudflare and others
    r"tokens?, but the configured context size",
    r"range of input length should be",  # DashScope
    r"inputs` tokens \+ `max_new_tokens` must be",  # Text Generation Inference
    r"inputs` must have less than",
    r"request (?:entity|body)? ?(?:is )?too large",  # proxies, OpenAI's tokens-per-minute check
    r"payload too large",
    r"prompt ?超长|输入长度超过|上下文长度",  # Zhipu and others
)
_PHRASE = re.compile("|".join(_PHRASES), re.IGNORECASE | re.DOTALL)
_TOO_LARGE_FOR_THE_RATE = re.compile(r"request too large", re.IGNORECASE)


def is_overflow(status: int | None, codes: frozenset[str], message: str) -> bool:
    """Whether a refusal means that a shorter request would pass.

    `status` is the HTTP status (None: the error came in mid-stream), `codes` the vendor's machine-readable words,
    `message` its sentence. A 429 is a rate limit, unless the single request is larger than the rate allows at all.
    """
    if codes & _CODES or status == 413:
        return True
    if status == 429:
        return _TOO_LARGE_FOR_THE_RATE.search(message) is not None
    if status in (401, 402, 403, 404):
        return False
    if _PHRASE.search(message):
        return True
    return _WINDOW.search(message) is not None and _TOO_MUCH.search(message) is not None
