"""Gemini's own ways in requests: signatures, ids, contents, and sessions that other vendors began."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.domain.message import (
    Failure,
    Payload,
    Source,
    StoredMessage,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
    VendorParts,
)
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.interfaces import Provider
from kubeai_bot.providers.connect import ModelOptions, connect_gemini
from kubeai_bot.providers.gemini_answer import Origin
from kubeai_bot.providers.gemini_contents import to_contents
from tests.providers import wire_gemini
from tests.providers.asking_gemini import QUESTION, ask, finished, request_of, results_of
from tests.providers.vendor import KEY, MODEL, Answer, Vendor, Wish, transcript
from tests.providers.wire_gemini import (
    FOREIGN_SIGNATURE,
    LOCATION,
    PROJECT,
    SIGNATURE,
    GeminiWire,
    VertexWire,
    call,
    chunk,
    sse,
    understood,
)
from tests.providers.wire_openai import Raw

ANOTHER_SIGNATURE = "AAEC-_8="

# --- signatures and ids ---

SIGNED = [
    {"text": "I look"},
    {"text": " twice."},
    {"text": "", "thoughtSignature": ANOTHER_SIGNATURE},
    call("whoami", {}, "k1", SIGNATURE),
    call("whoami", {"kind": "Pod", "deep": [1, {"ü": None}]}, "k2"),
    {"text": "Done.", "thoughtSignature": ANOTHER_SIGNATURE},
]


async def test_signed_parts_go_back_as_they_came(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(Raw(sse(*(chunk(part) for part in SIGNED), chunk(finish="STOP"))), Answer(["Fine."]))
    first = await finished(gemini)
    assert first.text == "I look twice.Done."
    await finished(gemini, QUESTION, request_of(first), *results_of(first))
    sent = gemini_wire.requests[1]["contents"]
    assert sent[1] == {"role": "model", "parts": [{"text": "I look twice."}, *SIGNED[2:]]}
    assert sent[2]["parts"] == [
        {"functionResponse": {"id": f"k{n}", "name": "whoami", "response": {"output": "mia"}}} for n in (1, 2)
    ]


async def test_a_signed_answer_without_calls_goes_back_signed_too(gemini_wire: GeminiWire, gemini: Provider) -> None:
    parts = [{"text": "You are Mia."}, {"text": "", "thoughtSignature": SIGNATURE}]
    gemini_wire.will(Raw(sse(*(chunk(part) for part in parts), chunk(finish="STOP"))), Answer(["Fine."]))
    first = await finished(gemini)
    await ask(gemini, QUESTION, Text(first.text, first.vendor), (Source.USER, Text("Thanks")))
    assert gemini_wire.requests[1]["contents"][1] == {"role": "model", "parts": parts}


async def test_a_message_that_has_changed_since_goes_without_its_signatures(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    gemini_wire.will(Raw(sse(*(chunk(part) for part in SIGNED), chunk(finish="STOP"))), *[Answer(["Fine."])] * 2)
    first = await finished(gemini)
    await ask(gemini, QUESTION, ToolCallRequest(first.calls, "shortened", first.vendor))
    await ask(gemini, QUESTION, ToolCallRequest(first.calls[:1], first.text, first.vendor))
    for sent in gemini_wire.requests[1:]:
        assert SIGNATURE not in json.dumps(sent)
        assert sent["contents"][1]["parts"][0]["text"] in ("shortened", first.text)


@pytest.mark.parametrize(("other", "model"), [(VertexWire, MODEL), (GeminiWire, "gemini-3.8-flash")])
async def test_signatures_stay_with_the_service_and_the_model_that_made_them(
    gemini_wire: GeminiWire, gemini: Provider, other: type[GeminiWire], model: str
) -> None:
    gemini_wire.will(Raw(sse(*(chunk(part) for part in SIGNED), chunk(finish="STOP"))))
    first = await finished(gemini)
    async with wire_gemini.serving(other) as other_wire:
        provider = await other_wire.provider(model=model)
        other_wire.will(Answer(["Fine."]))
        await ask(provider, QUESTION, request_of(first), *results_of(first))
        await provider.aclose()
    assert SIGNATURE not in json.dumps(other_wire.requests)
    assert other_wire.seen[0].calls == [("whoami", {}), ("whoami", {"kind": "Pod", "deep": [1, {"ü": None}]})]


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("gemini-3.8-flash", FOREIGN_SIGNATURE),
        ("models/gemini-flash-latest", FOREIGN_SIGNATURE),
        ("gemini-2.5-pro", None),
        ("models/gemini-2.0-flash", None),
        ("gemma-3-27b-it", None),
    ],
)
async def test_calls_of_another_model_bear_the_documented_word_where_signatures_are_asked_for(
    gemini_wire: GeminiWire, model: str, wanted: str | None
) -> None:
    provider = await gemini_wire.provider(model=model)
    calls = (ToolCall("call_1", "whoami", {}), ToolCall("call_2", "top", {}))
    gemini_wire.will(Answer(["Fine."]))
    await ask(provider, QUESTION, ToolCallRequest(calls))
    first, second = gemini_wire.requests[0]["contents"][1]["parts"]
    assert first.get("thoughtSignature") == wanted
    assert "thoughtSignature" not in second
    assert "id" not in first["functionCall"]
    await provider.aclose()


async def test_ids_that_gemini_repeats_or_that_others_refuse_are_replaced_here_and_kept_there(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    long = "x" * 41
    wishes = chunk(call("whoami", {}, "k1", SIGNATURE), call("top", {}, "k1"), call("top", {}, long), finish="STOP")
    gemini_wire.will(Raw(sse(wishes)), Raw(sse(wishes)), Answer(["Fine."]))
    first = await finished(gemini)
    second = await finished(gemini, QUESTION, request_of(first), *results_of(first))
    ids = [call.id for call in (*first.calls, *second.calls)]
    assert ids[0] == "k1"
    assert len(set(ids)) == 6
    assert all(len(each) <= 40 for each in ids)
    await ask(gemini, QUESTION, request_of(first), *results_of(first), request_of(second), *results_of(second))
    contents = gemini_wire.requests[2]["contents"]
    for content in (contents[1], contents[3]):
        assert [part["functionCall"]["id"] for part in content["parts"]] == ["k1", "k1", long]


# --- requests ---


async def test_a_request_goes_where_it_should_with_nothing_but_what_was_asked(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    schema = {"$defs": {"a_b": {"type": ["string", "null"]}}, "properties": {"x": {"$ref": "#/$defs/a_b"}}}
    gemini_wire.will(Answer(["Fine."]))
    await ask(gemini, tools=(ToolSpec("top_pods", "Shows use.", {"type": "object", **schema}),))
    (sent,) = gemini_wire.requests
    assert gemini_wire.paths == [f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"]
    assert gemini_wire.keys == [KEY]
    assert "X-Server-Timeout" not in gemini_wire.headers[0]
    assert sent.pop("generationConfig", {}) == {}
    assert set(sent) == {"contents", "systemInstruction", "tools"}
    (declared,) = sent["tools"][0]["functionDeclarations"]
    assert declared == {
        "name": "top_pods",
        "description": "Shows use.",
        "parameters_json_schema": {"type": "object", **schema},
    }


async def test_the_output_limit_is_sent_where_one_is_set(gemini_wire: GeminiWire) -> None:
    provider = await connect_gemini(MODEL, KEY, gemini_wire.address, ModelOptions(max_output_tokens=77))
    gemini_wire.will(Answer(["Fine."]))
    await ask(provider)
    assert gemini_wire.requests[0]["generationConfig"] == {"maxOutputTokens": 77}
    await provider.aclose()


async def test_vertex_is_asked_with_an_access_token_at_the_projects_address(vertex_wire: GeminiWire) -> None:
    provider = await vertex_wire.provider()
    vertex_wire.will(Answer(["Fine."]), Answer(["Fine."]))
    await ask(provider)
    await ask(provider)
    place = f"/v1beta1/projects/{PROJECT}/locations/{LOCATION}/publishers/google/models/{MODEL}"
    assert vertex_wire.paths == [f"{place}:streamGenerateContent?alt=sse"] * 2
    assert vertex_wire.keys == [KEY] * 2
    assert "x-goog-api-key" not in vertex_wire.headers[0]
    await provider.aclose()


async def test_a_failed_call_is_marked_and_one_without_a_result_too(gemini_wire: GeminiWire, gemini: Provider) -> None:
    calls = (ToolCall("a", "whoami", {}), ToolCall("b", "0 top!", {}))
    gemini_wire.will(Answer(["Fine."]))
    await ask(gemini, QUESTION, ToolCallRequest(calls), ToolCallResponse("a", "whoami", "no such tool", ok=False))
    first, second = (part["functionResponse"] for part in gemini_wire.requests[0]["contents"][2]["parts"])
    assert first["response"] == {"error": "no such tool"}
    assert "interrupted" in second["response"]["error"]
    assert second["name"] == "_0_top_"


async def test_what_the_person_says_behind_results_stands_behind_them(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    gemini_wire.will(Answer(["Fine."]))
    request = ToolCallRequest((ToolCall("a", "whoami", {}),), "I look.")
    result = ToolCallResponse("a", "whoami", "mia")
    await ask(gemini, QUESTION, request, result, (Source.USER, Text("And now?")))
    contents = gemini_wire.requests[0]["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert [list(part) for part in contents[2]["parts"]] == [["functionResponse"], ["text"]]


texts = st.text(max_size=8) | st.just("\ud83d")
arguments = st.none() | st.dictionaries(texts, st.none() | st.integers() | texts | st.lists(texts), max_size=2)
calls = st.lists(
    st.builds(ToolCall, st.sampled_from("abc"), texts, arguments, texts), min_size=1, unique_by=lambda c: c.id
)
payloads: st.SearchStrategy[Payload] = st.one_of(
    st.builds(Text, texts),
    st.builds(Failure, texts, st.just("stopped")),
    st.builds(ToolCallRequest, calls.map(tuple), texts),
    st.builds(ToolCallStarted, st.sampled_from("abc")),
    st.builds(ToolCallResponse, st.sampled_from("abc"), texts, texts, st.booleans()),
)


@given(st.lists(st.tuples(st.sampled_from(Source), payloads), max_size=12))
def test_every_transcript_becomes_contents_that_gemini_takes(said: list[tuple[Source, Payload]]) -> None:
    contents = to_contents(transcript(*said), Origin("gemini", MODEL))
    sent = [content.model_dump(mode="json", by_alias=True, exclude_none=True) for content in contents]
    seen = understood({"contents": sent})
    wanted = sum(len(payload.calls) for _, payload in said if isinstance(payload, ToolCallRequest))
    assert (len(seen.calls), len(seen.results)) == (wanted, wanted)


# --- from one vendor to another ---


async def test_a_session_that_one_vendor_began_is_continued_by_every_other_and_comes_back(
    vendor: Vendor, provider: Provider, gemini_wire: GeminiWire, gemini: Provider
) -> None:
    """Gemini begins, `vendor` goes on, Gemini has the last word: each sees all that was said, called and found."""
    history: list[Any] = [QUESTION]
    wish = {"kind": "Pod", "ü": [1, None]}
    for server, asked in ((gemini_wire, gemini), (vendor, provider), (gemini_wire, gemini)):
        server.will(Answer(["I look."], [Wish("whoami"), Wish("list_resources", wish)], opaque=True))
        answer = await finished(asked, *history)
        history += [request_of(answer), *results_of(answer)]
    gemini_wire.will(Answer(["You are Mia."]))
    await finished(gemini, *history, (Source.USER, Text("So?")))
    requests = [entry for entry in history if isinstance(entry, ToolCallRequest)]
    ids = [each.id for request in requests for each in request.calls]
    assert len(set(ids)) == 6
    assert {request.vendor and request.vendor.vendor for request in requests} == {vendor.parts_of, "gemini"}
    for seen, rounds, own in ((vendor.seen[-1], 1, vendor.name == "gemini"), (gemini_wire.seen[-1], 3, True)):
        assert seen.calls == [("whoami", {}), ("list_resources", wish)] * rounds
        assert seen.results == [("whoami", "mia"), ("list_resources", "mia")] * rounds
        assert [text for role, text in seen.said if role == "model"] == ["I look."] * rounds
        assert seen.opaque_came_back is own


async def test_two_calls_without_ids_and_of_one_name_keep_their_own_results(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    gemini_wire.will(Answer(wishes=[Wish("top", {"n": 1}), Wish("top", {"n": 2})]), Answer(["Fine."]))
    first = await finished(gemini)
    late, early = (ToolCallResponse(each.id, "top", f"result {each.arguments}") for each in reversed(first.calls))
    await ask(gemini, QUESTION, request_of(first), late, early)
    assert gemini_wire.seen[1].results == [("top", "result {'n': 1}"), ("top", "result {'n': 2}")]


def test_stored_parts_of_an_unknown_shape_are_left_out() -> None:
    wanted = {"service": "gemini", "model": MODEL}
    for parts in ({}, wanted, {**wanted, "parts": 7}, {**wanted, "parts": [1, {"call": 5}, {"text": "x"}]}):
        request = ToolCallRequest((ToolCall("a", "whoami", {}),), "I", VendorParts("gemini", parts))
        messages: list[StoredMessage] = transcript(QUESTION, request)
        (_, content, _) = to_contents(messages, Origin("gemini", MODEL))
        assert [part.text for part in content.parts or ()] == ["I", None]
