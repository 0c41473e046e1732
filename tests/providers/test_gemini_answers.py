"""Gemini's own ways in answers and refusals, and the environment that its SDK would read."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from kubeai_bot.domain.session import Usage
from kubeai_bot.errors import (
    AnswerBlocked,
    ConfigError,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from kubeai_bot.interfaces import ModelFinished, ModelText, Provider
from kubeai_bot.providers.connect import connect_gemini, connect_vertex
from tests.providers import wire_gemini
from tests.providers.asking_gemini import QUESTION, ask, finished
from tests.providers.vendor import KEY, MODEL, Answer, transcript
from tests.providers.wire_gemini import (
    LOCATION,
    PROJECT,
    SIGNATURE,
    GeminiWire,
    call,
    chunk,
    error,
    sse,
)
from tests.providers.wire_openai import Raw, refusal

# --- answers ---


async def test_thoughts_are_counted_and_not_shown(gemini_wire: GeminiWire, gemini: Provider) -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 40, "cachedContentTokenCount": 8}
    thought = chunk({"text": "Hm, who?", "thought": True})
    gemini_wire.will(Raw(sse(thought, chunk({"text": "Mia."}, finish="STOP", usageMetadata=usage))))
    *pieces, last = await ask(gemini)
    assert [piece.text for piece in pieces if isinstance(piece, ModelText)] == ["Mia."]
    assert last == ModelFinished("Mia.", usage=Usage(9, 42, 8))


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"])
async def test_an_answer_that_a_filter_withheld_is_blocked(
    gemini_wire: GeminiWire, gemini: Provider, reason: str
) -> None:
    gemini_wire.will(Raw(sse({"candidates": [{"finishReason": reason, "index": 0}]})))
    with pytest.raises(AnswerBlocked, match=reason):
        await ask(gemini)


async def test_calls_of_an_answer_that_a_filter_cut_are_not_run(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(Raw(sse(chunk({"text": "I "}, call("whoami", {}, "k1", SIGNATURE)), chunk(finish="SAFETY"))))
    last = await finished(gemini)
    assert (last.text, last.calls, last.vendor, last.truncated) == ("I ", (), None, True)


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "OTHER"])
async def test_an_answer_that_the_model_spoilt_is_worth_another_try(
    gemini_wire: GeminiWire, gemini: Provider, reason: str
) -> None:
    gemini_wire.will(
        Raw(sse({"candidates": [{"finishReason": reason, "finishMessage": "print(default_api.x(", "index": 0}]}))
    )
    with pytest.raises(ProviderUnavailable, match=reason):
        await ask(gemini)


async def test_a_call_of_a_tool_that_there_is_not_is_handed_over_to_be_refused(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    gemini_wire.will(Raw(sse(chunk(call("drop_all", {}), finish="UNEXPECTED_TOOL_CALL"))))
    last = await finished(gemini)
    assert ([call.name for call in last.calls], last.truncated) == (["drop_all"], False)


async def test_a_missing_signature_is_not_tried_again(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(Raw(sse({"candidates": [{"finishReason": "MISSING_THOUGHT_SIGNATURE", "index": 0}]})))
    with pytest.raises(ProviderRefused):
        await ask(gemini)


# google-genai warns of every word that its lists do not have.
@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason:UserWarning:google.genai._common")
async def test_a_reason_that_nobody_knows_yet_keeps_what_was_said(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(Raw(sse(chunk({"text": "Half"}, finish="SOLAR_FLARE"))), Raw(sse(chunk(finish="SOLAR_FLARE"))))
    last = await finished(gemini)
    assert (last.text, last.truncated) == ("Half", True)
    with pytest.raises(ProviderUnavailable, match="SOLAR_FLARE"):
        await ask(gemini)


async def test_a_connection_that_stays_open_behind_the_answer_does_not_hold_it_up(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    gemini_wire.will(Raw(sse(chunk({"text": "Fine."}, finish="STOP")), ending="silence"))
    async with asyncio.timeout(30):
        assert (await finished(gemini)).text == "Fine."
    await asyncio.wait_for(gemini_wire.disconnected.wait(), 5)


async def test_closing_frees_the_connection_also_with_unread_chunks(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(Raw([b"".join(sse(*[chunk({"text": "Fine."})] * 50))], ending="silence"))
    stream = gemini.stream("", transcript(QUESTION), [])
    await anext(stream)
    await stream.aclose()
    await asyncio.wait_for(gemini_wire.disconnected.wait(), 5)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        '"no"',
        "17",
        "nonsense",
        '{"candidates": "many"}',
        '{"candidates": [{"content": {"parts": "none"}}]}',
        '{"candidates": [{"content": {"parts": [{"functionCall": {"name": "x", "args": "[1]"}}]}}]}',
        '{"error": "broken"}',
        '{"error": {"message": "broken"}}',
        '{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}',
        "[" * 100_000,
    ],
)
async def test_a_garbled_answer_is_worth_another_try(gemini_wire: GeminiWire, gemini: Provider, line: str) -> None:
    gemini_wire.will(Raw(sse(chunk({"text": "I"}), line)))
    with pytest.raises(ProviderUnavailable):
        await ask(gemini)


async def test_a_garbled_answer_does_not_keep_its_connection(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(Raw(sse(chunk({"text": "I"}), "nonsense"), ending="silence"))
    with pytest.raises(ProviderUnavailable):
        await ask(gemini)
    await asyncio.wait_for(gemini_wire.disconnected.wait(), 5)


@pytest.mark.parametrize("line", ["[DONE]", "nonsense", '{"error": {"code": 500, "message": "late"}}', "[" * 100_000])
async def test_what_goes_wrong_behind_a_complete_answer_does_not_spoil_it(
    gemini_wire: GeminiWire, gemini: Provider, line: str
) -> None:
    gemini_wire.will(Raw(sse(chunk({"text": "All is well."}, finish="STOP"), line)))
    assert (await finished(gemini)).text == "All is well."


async def test_of_several_candidates_only_the_first_is_told(gemini_wire: GeminiWire, gemini: Provider) -> None:
    second = {"index": 1, "content": {"parts": [{"text": "Or not."}]}, "finishReason": "MAX_TOKENS"}
    gemini_wire.will(Raw(sse({"candidates": [second]}, chunk({"text": "All is well."}, finish="STOP"))))
    answer = await finished(gemini)
    assert (answer.text, answer.truncated) == ("All is well.", False)


async def test_feedback_that_names_no_reason_blocks_nothing(gemini_wire: GeminiWire, gemini: Provider) -> None:
    feedback = {"promptFeedback": {"blockReason": "BLOCKED_REASON_UNSPECIFIED"}}
    gemini_wire.will(Raw(sse(feedback, chunk({"text": "All is well."}, finish="STOP"))))
    assert (await finished(gemini)).text == "All is well."


async def test_half_a_character_becomes_a_question_mark(gemini_wire: GeminiWire, gemini: Provider) -> None:
    half = '{"candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": "a rocket: \\ud83d"}]}}]}'
    gemini_wire.will(Raw(sse(half)))
    assert (await finished(gemini)).text == "a rocket: ?"


# --- refusals ---


async def test_a_web_page_instead_of_an_answer_names_the_address_to_check(
    gemini_wire: GeminiWire, gemini: Provider
) -> None:
    gemini_wire.will(Raw([b"<html>Welcome</html>"], headers={"content-type": "text/html; charset=utf-8"}))
    with pytest.raises(ProviderRefused, match="GOOGLE_GEMINI_BASE_URL"):
        await ask(gemini)


async def test_a_redirect_is_not_followed_with_the_key(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(
        Raw([b""], 307, {"location": f"{gemini_wire.address}/v1beta/models/{MODEL}:streamGenerateContent"})
    )
    with pytest.raises(ProviderRefused, match="307"):
        await ask(gemini)
    assert len(gemini_wire.requests) == 1


def quota(quota_id: str, sentence: str = "You exceeded your current quota, check your plan and billing.") -> Raw:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
    ]
    return refusal(429, error(429, sentence, "RESOURCE_EXHAUSTED", details))


@pytest.mark.parametrize(
    ("reply", "wanted", "wait"),
    [
        (quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), RateLimited, 34.5),
        (quota("GenerateContentInputTokensPerModelPerMinute"), RateLimited, 34.5),
        (quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), QuotaExhausted, None),
        (quota("GenerateRequestsPerMinute", "Quota exceeded for metric: x, limit: 0"), QuotaExhausted, None),
        (refusal(429, error(429, "Your prepayment credits are depleted.")), QuotaExhausted, None),
        (refusal(429, error(429, "Quota exceeded. Please retry in 34.074824224s.")), RateLimited, 34.074824224),
        (refusal(429, error(429, "Resource exhausted. Please try again later.")), RateLimited, None),
        (refusal(429, error(429, "Slow down."), retry_after="3"), RateLimited, 3.0),
        (refusal(403, error(403, "x", details=[{"reason": "BILLING_DISABLED"}])), QuotaExhausted, None),
        (refusal(499, error(499, "The operation was cancelled.", "CANCELLED")), ProviderUnavailable, None),
        (refusal(504, error(504, "Deadline expired.", "DEADLINE_EXCEEDED")), ProviderUnavailable, None),
        (refusal(400, error(400, "API key expired. Please renew the API key.")), ProviderRefused, None),
        (refusal(502, "<html>Bad gateway</html>"), ProviderUnavailable, None),
    ],
)
async def test_a_limit_that_a_minute_heals_is_told_from_one_that_it_does_not(
    gemini_wire: GeminiWire, gemini: Provider, reply: Raw, wanted: type[ProviderError], wait: float | None
) -> None:
    gemini_wire.will(reply)
    with pytest.raises(wanted) as raised:
        await ask(gemini)
    assert type(raised.value) is wanted
    assert getattr(raised.value, "retry_after", None) == wait


async def test_googles_own_sentence_is_told_where_it_quotes_nothing(gemini_wire: GeminiWire, gemini: Provider) -> None:
    gemini_wire.will(refusal(400, error(400, "Function call is missing a thought_signature in functionCall parts.")))
    with pytest.raises(ProviderRefused, match="missing a thought_signature"):
        await ask(gemini)


# --- configuration ---


async def test_nothing_is_read_from_the_environment_of_googles_programs(
    gemini_wire: GeminiWire, vertex_wire: GeminiWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "http://127.0.0.1:9/elsewhere"
    for name, value in {
        "GOOGLE_API_KEY": "another-key",
        "GEMINI_API_KEY": "another-key",
        "GOOGLE_GEMINI_BASE_URL": elsewhere,
        "GOOGLE_VERTEX_BASE_URL": elsewhere,
        "GOOGLE_GENAI_API_VERSION": "v7",
        "GOOGLE_CLOUD_PROJECT": "another-project",
        "GOOGLE_CLOUD_LOCATION": "another-place",
        "GOOGLE_GENAI_CLIENT_MODE": "replay",
        "GOOGLE_GENAI_REPLAY_ID": "x",
    }.items():
        monkeypatch.setenv(name, value)
    for server, use_vertex in ((gemini_wire, "true"), (vertex_wire, "false")):
        monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", use_vertex)
        provider = await server.provider()
        server.will(Answer(["Fine."]))
        assert (await finished(provider)).text == "Fine."
        assert server.keys == [KEY]
        await provider.aclose()
    assert gemini_wire.paths[0].startswith("/v1beta/models/")
    assert f"/projects/{PROJECT}/locations/{LOCATION}/" in vertex_wire.paths[0]


async def test_vertex_without_credentials_says_where_they_come_from(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        await connect_vertex(MODEL, PROJECT, LOCATION)


async def test_credentials_that_google_refuses_name_the_setting(
    vertex_wire: GeminiWire, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_uri = f"{vertex_wire.address}/no-token-here"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", wire_gemini.account_file(str(tmp_path), token_uri))
    provider = await vertex_wire.provider()
    with pytest.raises(ProviderRefused, match="GOOGLE_APPLICATION_CREDENTIALS"):
        await ask(provider)
    assert vertex_wire.requests == []
    await provider.aclose()


@pytest.mark.parametrize("model", ["../../v1/files", "gemini?key=1", "gemini&x", "gemini-2.5-flash#", ""])
async def test_a_models_name_leads_to_no_other_address(model: str) -> None:
    with pytest.raises(ConfigError, match="MODEL_ID"):
        await connect_gemini(model, KEY)


async def test_there_is_no_gemini_without_a_key_and_no_vertex_without_a_project() -> None:
    with pytest.raises(ConfigError, match="GEMINI_API_KEY"):
        await connect_gemini(MODEL, "")
    with pytest.raises(ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        await connect_vertex(MODEL, "", LOCATION)


def test_the_sdk_is_loaded_only_for_whom_it_serves() -> None:
    code = (
        "import sys, kubeai_bot.providers.connect, kubeai_bot.providers.openai\n"
        "assert not {'google.genai', 'google.auth'} & set(sys.modules)\n"
        "import kubeai_bot.providers.gemini\n"
        "assert 'google.genai' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)  # noqa: S603 - our own code
