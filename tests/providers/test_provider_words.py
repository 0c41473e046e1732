"""The pure parts: wordings, waits, windows, thoughts, calls in pieces."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.domain.message import Source, Text, ToolCall, ToolCallRequest, ToolCallResponse
from kubeai_bot.providers.leading_thought import LeadingThought
from kubeai_bot.providers.openai_calls import CallAssembly
from kubeai_bot.providers.openai_messages import chat_messages
from kubeai_bot.providers.overflow import is_overflow
from kubeai_bot.providers.retry_after import retry_after
from kubeai_bot.providers.windows import window_of
from tests.providers.vendor import transcript

TOO_LARGE = [
    ("OpenAI", 400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000."),
    ("OpenAI, responses", 400, "Your input exceeds the context window of this model. Please adjust your input."),
    ("OpenAI, configured", 400, "Input tokens exceed the configured limit of 272000 tokens."),
    ("Anthropic", 400, "prompt is too long: 213462 tokens > 200000 maximum"),
    ("Anthropic", 400, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"),
    ("Bedrock", 400, "Input is too long for requested model."),
    ("Gemini", 400, "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."),
    ("xAI", 400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
    ("Groq", 400, "Please reduce the length of the messages or completion."),
    ("OpenRouter", 400, "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000."),
    ("OpenRouter", 400, "Input length 131393 exceeds the maximum allowed input length of 131040 tokens."),
    ("Together", 400, "The input (300 tokens) is longer than the model's context length (200 tokens)."),
    ("Copilot", 400, "prompt token count of 5000 exceeds the limit of 4096"),
    ("llama.cpp", 400, "the request exceeds the available context size, try increasing it"),
    ("llama.cpp", 400, "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it"),
    ("LM Studio", None, "The number of tokens to keep from the initial prompt is greater than the context length."),
    ("LM Studio", None, "Reached context length of 4096 tokens with this model, but this conversation is larger."),
    ("Ollama", 400, "prompt too long; exceeded max context length by 4 tokens"),
    ("MiniMax", 400, "invalid params, context window exceeds limit"),
    ("Moonshot", 400, "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)"),
    ("Mistral", 400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
    ("vLLM", 400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
    ("SGLang", 400, "Input length (265330) exceeds model's maximum context length (262144)."),
    ("SGLang", 400, "Requested token count exceeds the model's maximum context length of 131072 tokens."),
    ("TGI", 422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 and 20"),
    ("TGI", 422, "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000"),
    ("DashScope", 400, "InternalError.Algo.InvalidParameter: Range of input length should be [1, 202745]"),
    ("Cloudflare", 400, "tokens in request more than max tokens allowed"),
    ("ds4", 400, "Prompt has 5000 tokens, but the configured context size is 4096 tokens"),
    ("Zhipu", 400, "Prompt 超长"),
    ("a proxy", 400, "request entity too large"),
    ("OpenAI, beyond the rate", 429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000."),
]  # fmt: skip

NOT_TOO_LARGE = [
    (429, "Rate limit reached: too many tokens per minute. Please try again in 20s."),
    (429, "Rate limit reached for gpt-4o. The context window of 60 s is exceeded."),
    (401, "Incorrect API key provided."),
    (403, "The context length tier exceeds what your plan allows."),
    (404, "The model does not exist."),
    (400, "max_tokens is too large: 100000. This model supports at most 16384 completion tokens."),
    (400, "Unknown parameter: 'messages[3].context'."),
    (400, "Invalid schema for function 'list_resources': context is required."),
    (500, "The server had an error while processing your request."),
    (503, "The engine is currently overloaded, please try again later."),
    (None, "The server is too busy."),
]


@pytest.mark.parametrize(("server", "status", "message"), TOO_LARGE)
def test_a_request_that_is_too_large_is_recognised_by_its_words(server: str, status: int | None, message: str) -> None:
    assert is_overflow(status, frozenset(), message), server


@pytest.mark.parametrize(("status", "message"), NOT_TOO_LARGE)
def test_other_refusals_are_not_taken_for_too_large(status: int | None, message: str) -> None:
    assert not is_overflow(status, frozenset(), message)


@pytest.mark.parametrize("code", ["context_length_exceeded", "exceed_context_size_error", "tokens_limit_reached"])
def test_a_request_that_is_too_large_is_recognised_by_its_code(code: str) -> None:
    assert is_overflow(None, frozenset({code}), "")


NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after": "0.5"}, "try again in 9s", 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, "", 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, "", 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT", "date": "Thu, 01 Jan 2026 12:00:10 GMT"}, "", 20.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, "", 0.0),
        ({}, "Please try again in 1m2.5s. Visit the page.", 62.5),
        ({}, "Please try again in 120ms.", 0.12),
        ({}, "Please retry after 17 seconds.", 17.0),
        ({}, "Please retry in 3h2m", 10920.0),
        ({}, "Please try again in a while.", None),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "-5"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({}, "", None),
    ],
)
def test_the_wait_is_read_from_headers_and_words(headers: dict[str, str], message: str, seconds: float | None) -> None:
    assert retry_after(headers, message, NOW) == seconds


@given(st.text(), st.text())
def test_no_header_and_no_sentence_breaks_the_reading_of_waits(header: str, message: str) -> None:
    wait = retry_after({"retry-after": header, "date": message}, message, NOW)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("gpt-4o-mini", 128_000),
        ("gpt-4", 8_192),
        ("GPT-4.1-nano", 1_047_576),
        ("openai/gpt-5-mini", 272_000),
        ("ft:gpt-4o:shop::x", 128_000),
        ("o3-mini", 200_000),
        ("kubeai-demo", 128_000),
        ("", 128_000),
    ],
)
def test_the_window_of_a_model_is_known_or_assumed(model: str, window: int) -> None:
    assert window_of(model) == window


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(places)]


@given(
    st.sampled_from(["", "<think>", " \n<think>", "<thi", "<b>"]), st.text(), st.sampled_from(["", "</think>", "</th"]),
    st.text(), st.lists(st.integers(0, 200), max_size=12),
)  # fmt: skip
def test_a_thought_is_taken_off_however_the_text_is_cut(
    front: str, thought: str, back: str, rest: str, cuts: list[int]
) -> None:
    text = front + thought + back + rest

    def read(pieces: list[str]) -> str:
        leading = LeadingThought()
        return "".join([*map(leading.feed, pieces), leading.end()])

    whole = read([text])
    assert read(pieces_of(text, cuts)) == whole
    assert read(list(text)) == whole
    if not text.lstrip().startswith("<think>"):
        assert whole == text
    elif "</think>" in text:
        assert whole == text.split("</think>", 1)[1].lstrip()
    else:
        assert whole == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.text("abc_", min_size=1, max_size=20)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(NAMES, st.dictionaries(st.text(max_size=5), JSON, max_size=3)), min_size=1, max_size=4),
    st.lists(st.integers(0, 300), max_size=20),
    st.randoms(use_true_random=False),
)
def test_calls_come_out_whole_however_their_pieces_interleave(
    wishes: list[tuple[str, dict[str, Any]]], cuts: list[int], random: Any
) -> None:
    texts = [json.dumps(arguments) for _, arguments in wishes]
    assembly = CallAssembly()
    for index, (name, _) in enumerate(wishes):
        assembly.add([{"index": index, "id": f"call_{index}", "function": {"name": name, "arguments": ""}}])
    waiting = [(index, pieces_of(text, cuts)) for index, text in enumerate(texts)]
    while waiting := [(index, pieces) for index, pieces in waiting if pieces]:
        index, pieces = random.choice(waiting)
        assembly.add([{"index": index, "function": {"arguments": pieces.pop(0)}}])
    calls, extras = assembly.finish([])
    assert [(call.name, call.arguments, call.raw_arguments) for call in calls] == [
        (name, arguments, text) for (name, arguments), text in zip(wishes, texts, strict=True)
    ]
    assert [call.id for call in calls] == [f"call_{index}" for index in range(len(wishes))]
    assert extras == {}


@given(st.lists(JSON | st.dictionaries(st.sampled_from(["index", "id", "function"]), JSON)))
def test_no_shape_of_a_delta_breaks_the_assembly(deltas: list[Any]) -> None:
    assembly = CallAssembly()
    for delta in deltas:
        assembly.add([delta])
        assembly.add(delta)
    assembly.finish(["a"])


ENTRIES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(Source), st.builds(Text, st.text(max_size=5))),
        st.builds(
            lambda ids: (Source.MODEL, ToolCallRequest(tuple(ToolCall(i, "top", None, "{") for i in sorted(ids)))),
            st.sets(st.sampled_from("abc"), min_size=1),
        ),
        st.builds(lambda i: (Source.AGENT, ToolCallResponse(i, "top", "x")), st.sampled_from("abcd")),
    ),
    max_size=12,
)


@given(ENTRIES)
def test_any_transcript_becomes_messages_that_a_strict_server_takes(entries: list[Any]) -> None:
    """Every call answered at once and once, no result without a call, no role twice in a row but tool results."""
    open_calls: list[str] = []
    previous = ""
    for message in chat_messages("", transcript(*entries), "m"):
        if message["role"] == "tool":
            assert open_calls.pop(0) == message["tool_call_id"]
        else:
            assert not open_calls
            assert message["role"] != previous or previous == "assistant"
            open_calls = [call["id"] for call in message.get("tool_calls", ())]
            assert all(json.loads(call["function"]["arguments"]) for call in message.get("tool_calls", ()))
        assert message["content"] or message.get("tool_calls")
        previous = message["role"]
    assert not open_calls
