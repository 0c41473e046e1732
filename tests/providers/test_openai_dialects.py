"""Habits of OpenAI-compatible servers, each by itself."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import aclosing
from typing import Any

import pytest

from kubeai_bot.domain.message import Source, Text, ToolCallRequest
from kubeai_bot.domain.session import Usage
from kubeai_bot.errors import (
    ConfigError,
    ContextOverflow,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from kubeai_bot.interfaces import ModelFinished, ModelText, Provider
from kubeai_bot.providers.connect import ModelOptions, connect_azure, connect_openai
from kubeai_bot.providers.openai_stream import TAIL_SECONDS
from tests.providers.vendor import KEY, MODEL, Answer, Broken, Fault, Place, Refusal, transcript
from tests.providers.wire_openai import SIGNATURE, OpenAIWire, Raw, chunk, refusal, sse

QUESTION = transcript((Source.USER, Text("What is wrong?")))
JSON = {"content-type": "application/json"}


async def finished(provider: Provider) -> ModelFinished:
    async with aclosing(provider.stream("", QUESTION, [])) as events:
        said = [event async for event in events]
    last = said[-1]
    assert isinstance(last, ModelFinished)
    assert "".join(event.text for event in said if isinstance(event, ModelText)) == last.text
    return last


def call(**delta: Any) -> dict[str, Any]:
    return chunk({"tool_calls": [delta]})


def function(name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


DIALECTS: dict[str, list[dict[str, Any]]] = {
    "whole calls under one index with ids of their own": [
        call(index=0, id="a", function=function("top", '{"n": 1}')),
        call(index=0, id="b", function=function("top", '{"n": 2}')),
    ],
    "whole calls without index and id": [
        call(function=function("top", '{"n": 1}')),
        call(function=function("top", '{"n": 2}')),
    ],
    "one id for both calls": [
        call(index=0, id="a", function=function("top", '{"n": 1}')),
        call(index=1, id="a", function=function("top", '{"n": 2}')),
    ],
    "both calls in one piece": [
        chunk(
            {
                "tool_calls": [
                    {"id": "a", "type": "function", "function": function("top", {"n": 1})},
                    {"id": "b", "type": "function", "function": function("top", {"n": 2})},
                ]
            }
        )
    ],
    "the name in every piece": [
        call(index=0, id="a", function=function("top", "")),
        call(index=0, id="a", function=function("top", '{"n":')),
        call(index=0, id="a", function=function("top", " 1}")),
        call(index=1, id="b", function=function("top", '{"n":')),
        call(index=1, id="b", function=function("top", " 2}")),
    ],
    "a fresh id on every piece": [
        call(index=0, id="a", function=function("top", "")),
        call(index=0, id="b", function=function(None, '{"n": 1}')),
        call(index=1, id="c", function=function("top", '{"n"')),
        call(index=1, id="d", function=function(None, ": 2}")),
    ],
    "a name in two pieces": [
        call(index=0, id="a", function=function("to")),
        call(index=0, function=function("p")),
        call(index=0, function=function(None, '{"n": 1}')),
        call(index=1, id="b", function=function("top", '{"n": 2}')),
    ],
    "objects encoded twice": [
        call(index=0, id="a", function=function("top", json.dumps('{"n": 1}'))),
        call(index=1, id="b", function=function("top", json.dumps('{"n": 2}'))),
    ],
    "pieces of nothing in between": [
        call(index=7),
        call(index=0, id="a", function=None),
        call(index=0, function=function("top", '{"n": 1}')),
        chunk({"tool_calls": [None, "what?"]}),
        call(index=1, id="b", function=function("top", '{"n": 2}')),
    ],
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_two_calls_are_understood_in_every_dialect(
    openai_wire: OpenAIWire, openai: Provider, dialect: str
) -> None:
    openai_wire.will(Raw(sse(*DIALECTS[dialect], chunk(finish="tool_calls"), "[DONE]")))
    calls = (await finished(openai)).calls
    assert [(call.name, call.arguments) for call in calls] == [("top", {"n": 1}), ("top", {"n": 2})]
    assert calls[0].id != calls[1].id


async def test_calls_without_arguments_follow_each_other_under_one_index(
    openai_wire: OpenAIWire, openai: Provider
) -> None:
    pieces = [call(index=0, id="", function=function(name, "")) for name in ("whoami", "list_clusters")]
    openai_wire.will(Raw(sse(*pieces, "[DONE]")))
    assert [(c.name, c.arguments) for c in (await finished(openai)).calls] == [("whoami", {}), ("list_clusters", {})]


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        (["<think>Let me", " see.</thi", "nk>\n\nTwo pods crash."], "Two pods crash."),
        (["\n<thi", "nk></think>", " ", "Fine."], "Fine."),
        (["<thin", "king is hard>"], "<thinking is hard>"),
        (["Use <think>x</think> for it."], "Use <think>x</think> for it."),
        (["<think>and then the model never came back"], ""),
        (["<th"], "<th"),
    ],
)
async def test_leading_thoughts_are_not_part_of_the_answer(
    openai_wire: OpenAIWire, openai: Provider, chunks: list[str], text: str
) -> None:
    openai_wire.will(Raw(sse(*(chunk({"content": piece}) for piece in chunks), chunk(finish="stop"))))
    assert (await finished(openai)).text == text


async def test_reasoning_fields_are_not_shown_but_go_back_with_the_calls(
    openai_wire: OpenAIWire, openai: Provider
) -> None:
    openai_wire.will(
        Raw(
            sse(
                chunk({"role": "assistant", "reasoning_content": "I should "}),
                chunk({"reasoning_content": "look.", "reasoning_details": [{"index": 0, "data": "x"}]}),
                chunk({"reasoning_details": [{"index": 1, "data": "y"}], "made_up": "ignored"}),
                call(index=0, id="a", function=function("top", "{}"), extra_content=SIGNATURE),
                chunk(finish="tool_calls"),
            )
        ),
        Answer(["Fine."]),
    )
    first = await finished(openai)
    assert first.text == ""
    async with aclosing(openai.stream("", transcript(ToolCallRequest(first.calls, "", first.vendor)), [])) as events:
        assert [event async for event in events]
    sent = openai_wire.requests[-1]["messages"][0]
    assert sent["reasoning_content"] == "I should look."
    assert sent["reasoning_details"] == [{"index": 0, "data": "x"}, {"index": 1, "data": "y"}]
    assert sent["tool_calls"][0]["extra_content"] == SIGNATURE
    assert "made_up" not in sent


async def test_opaque_parts_do_not_go_to_another_model_behind_the_same_api(openai_wire: OpenAIWire) -> None:
    openai_wire.will(
        Raw(sse(chunk({"reasoning_content": "x"}), call(index=0, id="a", function=function("top", "{}")), "[DONE]")),
        Answer(["Fine."]),
    )
    one = await connect_openai("one", KEY, f"{openai_wire.address}/v1")
    two = await connect_openai("two", KEY, f"{openai_wire.address}/v1")
    first = await finished(one)
    async with aclosing(two.stream("", transcript(ToolCallRequest(first.calls, "", first.vendor)), [])) as events:
        assert [event async for event in events]
    assert "reasoning_content" not in openai_wire.requests[-1]["messages"][0]
    await one.aclose()
    await two.aclose()


@pytest.mark.parametrize(
    ("pieces", "headers"),
    [
        ([json.dumps({"choices": [{"message": {"content": "Fine."}, "finish_reason": "stop"}]}).encode()], JSON),
        ([b'data:{"choices":[{"delta":{"content":"Fi'], {}),
        (["data: 世".encode()[:7], "世".encode()[1:]], {}),
        (sse(chunk({"content": "Fine."}), chunk(finish="stop")), {"content-type": "text/plain"}),
        ([b"\r\n".join(sse(chunk({"content": "Fine."}), "[DONE]"))], {}),
        ([sse(chunk({"content": "Fine."}))[0].strip() + b"\n" + sse("[DONE]")[0].strip()], {}),
        (sse(chunk({"content": [{"type": "thinking", "x": []}, {"type": "text", "text": "Fine."}]}), "[DONE]"), {}),
        (sse(chunk({"refusal": "Fine."}), chunk(finish="stop")), {}),
        (sse({"choices": "what", "usage": 7}, {"choices": [None]}, chunk({"content": "Fine."}), "[DONE]"), {}),
        (sse("[1, 2]", "null", chunk({"content": 5}), chunk({"content": "Fine."}), "[DONE]"), {}),
    ],
    ids=[
        "not streamed at all",
        "cut within a chunk",
        "cut within a character",
        "another content type",
        "CR LF",
        "no empty lines",
        "typed content parts",
        "a refusal",
        "strange shapes",
        "strange types",
    ],
)
async def test_an_answer_is_read_or_refused_whatever_its_form(
    openai_wire: OpenAIWire, openai: Provider, pieces: list[bytes], headers: dict[str, str], request: Any
) -> None:
    openai_wire.will(Raw(pieces, 200, headers or {"content-type": "text/event-stream"}))
    if "cut within" in request.node.callspec.id:
        with pytest.raises(ProviderUnavailable):
            await finished(openai)
    else:
        assert (await finished(openai)).text == "Fine."


async def test_a_finish_reason_for_calls_without_calls_leaves_the_text(
    openai_wire: OpenAIWire, openai: Provider
) -> None:
    openai_wire.will(Raw(sse(chunk({"content": "Fine."}), chunk(finish="tool_calls"), "[DONE]")))
    last = await finished(openai)
    assert (last.text, last.calls) == ("Fine.", ())


async def test_usage_that_comes_with_every_chunk_is_not_summed(openai_wire: OpenAIWire, openai: Provider) -> None:
    usages = [{"prompt_tokens": 9, "completion_tokens": count, "prompt_cache_hit_tokens": 4} for count in (1, 2, 3)]
    openai_wire.will(Raw(sse(*(chunk({"content": "x"}, usage=usage) for usage in usages), "[DONE]")))
    assert (await finished(openai)).usage == Usage(9, 3, 4)


@pytest.mark.parametrize("ending", ["abort", "silence"])
async def test_a_finished_answer_does_not_wait_for_its_usage(
    openai_wire: OpenAIWire, openai: Provider, ending: Any
) -> None:
    openai_wire.will(Raw(sse(chunk({"content": "Fine."}), chunk(finish="stop")), ending=ending))
    async with asyncio.timeout(TAIL_SECONDS + 4):
        assert (await finished(openai)).text == "Fine."


async def test_a_server_that_refuses_stream_options_is_asked_without_from_then_on(
    openai_wire: OpenAIWire, openai: Provider
) -> None:
    no = refusal(400, {"error": {"message": "Unrecognized request argument supplied: stream_options"}})
    openai_wire.will(no, Answer(["Fine."]), Answer(["Fine."]))
    assert [(await finished(openai)).text for _ in range(2)] == ["Fine.", "Fine."]
    assert ["stream_options" in body for body in openai_wire.requests] == [True, False, False]


async def test_another_bad_request_is_not_repeated(openai_wire: OpenAIWire, openai: Provider) -> None:
    openai_wire.will(Refusal(Fault.BAD_REQUEST, says="'tools' is not supported by this model"))
    with pytest.raises(ProviderRefused, match="'tools' is not supported by this model"):
        await finished(openai)
    assert len(openai_wire.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (402, {"error": {"message": "Insufficient Balance"}}, QuotaExhausted),
        (408, "", ProviderUnavailable),
        (409, {"error": "conflict"}, ProviderUnavailable),
        (422, {"detail": [{"loc": ["body", "tools"], "msg": "bad", "input": "the whole request"}]}, ProviderRefused),
        (429, "<html>Too Many Requests</html>", RateLimited),
        (502, "<html>Bad Gateway</html>", ProviderUnavailable),
        (529, {"error": {"type": "overloaded_error"}}, ProviderUnavailable),
        (200, {"error": {"message": "no", "code": 429}}, RateLimited),
        (200, {"error": "out of memory"}, ProviderUnavailable),
        (200, "<html>Welcome to nginx</html>", ProviderRefused),
    ],
)
async def test_each_status_and_body_has_its_error(
    openai_wire: OpenAIWire, openai: Provider, status: int, body: Any, error: type[Exception]
) -> None:
    openai_wire.will(refusal(status, body))
    with pytest.raises(error) as raised:
        await finished(openai)
    assert type(raised.value) is error
    assert "<html>" not in str(raised.value)
    assert "the whole request" not in str(raised.value)


@pytest.mark.parametrize(
    ("complaint", "error"),
    [
        ({"code": "rate_limit_exceeded", "message": "Please try again in 3s."}, RateLimited),
        ({"code": 503, "message": "busy"}, ProviderUnavailable),
        ({"code": 400, "message": "bad"}, ProviderRefused),
        ({"code": "insufficient_quota"}, QuotaExhausted),
        ("boom", ProviderUnavailable),
    ],
)
async def test_an_error_in_mid_answer_has_its_error(
    openai_wire: OpenAIWire, openai: Provider, complaint: Any, error: type[Exception]
) -> None:
    openai_wire.will(Raw(sse(chunk({"content": "I"}), {"error": complaint})))
    with pytest.raises(error) as raised:
        await finished(openai)
    assert type(raised.value) is error
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 3.0


@pytest.mark.parametrize("reason", ["error", "network_error", "insufficient_system_resource"])
async def test_an_answer_that_the_server_gave_up_is_unavailable(
    openai_wire: OpenAIWire, openai: Provider, reason: str
) -> None:
    openai_wire.will(Raw(sse(chunk({"content": "I"}), chunk(finish=reason), "[DONE]")))
    with pytest.raises(ProviderUnavailable, match=reason):
        await finished(openai)


async def test_a_window_that_leaves_no_room_for_an_answer_is_an_overflow(
    openai_wire: OpenAIWire, openai: Provider
) -> None:
    openai_wire.will(Raw(sse(chunk(finish="model_context_window_exceeded"), "[DONE]")))
    with pytest.raises(ContextOverflow):
        await finished(openai)


# --- building one ---


async def test_a_server_of_ones_own_needs_no_key(openai_wire: OpenAIWire) -> None:
    openai_wire.will(Answer(["Fine."]))
    provider = await connect_openai(MODEL, None, f"{openai_wire.address}/v1")
    assert (await finished(provider)).text == "Fine."
    assert openai_wire.keys == ["no-key-needed"]
    await provider.aclose()


async def test_a_vendor_without_a_key_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        await connect_openai(MODEL)
    with pytest.raises(ConfigError, match="AZURE_OPENAI_API_KEY"):
        await connect_azure(MODEL, "https://shop.example", "")


async def test_azure_without_an_api_version_is_asked_at_its_version_less_address(openai_wire: OpenAIWire) -> None:
    provider = await connect_azure(MODEL, openai_wire.address + "/", KEY)
    with pytest.raises(ProviderRefused, match=r"AZURE_OPENAI_ENDPOINT.*deployment"):
        await finished(provider)
    await provider.aclose()


async def test_an_output_limit_is_sent_only_where_it_is_set(openai_wire: OpenAIWire, openai: Provider) -> None:
    limited = await connect_openai(MODEL, KEY, f"{openai_wire.address}/v1", ModelOptions(max_output_tokens=512))
    openai_wire.will(Answer(["Fine."]), Answer(["Fine."]))
    for provider in (openai, limited):
        await finished(provider)
    assert [body.get("max_completion_tokens") for body in openai_wire.requests] == [None, 512]
    assert all("max_tokens" not in body and "tools" not in body for body in openai_wire.requests)
    await limited.aclose()


def test_the_sdk_is_imported_only_when_a_provider_is_built() -> None:
    code = "import sys, kubeai_bot.providers.connect; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own words


async def test_a_key_that_a_server_echoes_stays_out_of_the_error_in_mid_answer(
    openai_wire: OpenAIWire, openai: Provider
) -> None:
    openai_wire.will(Raw(sse({"error": {"code": 400, "message": f"bad key {KEY}"}})), Broken(Place.IN_THE_TEXT, "end"))
    with pytest.raises(ProviderRefused) as raised:
        await finished(openai)
    assert KEY not in str(raised.value)
