"""The endpoint of the playground's models, and the scripted one, through the bot's own provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from kubeai_bot.domain.message import Source, StoredMessage, Text, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import AnswerBlocked, ContextOverflow, ProviderRefused, ProviderUnavailable, RateLimited
from kubeai_bot.interfaces import ModelEvent, ModelFinished, ModelText, Provider
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.demo import DEMO_MODEL, LABEL, DemoModel
from kubeai_bot.playground.model.replies import OVERFLOW, Call, Cut, End, Fail, Hang, Pause, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.model.server import ModelServer, pause_between_words
from kubeai_bot.playground.model.wire import words
from kubeai_bot.providers.connect import connect_openai
from tests.providers.vendor import transcript

WHOAMI = ToolSpec("whoami", "Who asks.", {"type": "object", "properties": {}})
QUESTION = transcript((Source.USER, Text("Who am I?")))


@asynccontextmanager
async def speaking_to(model: ModelServer) -> AsyncGenerator[Provider]:
    async with model:
        provider = await connect_openai(model.model, base_url=model.base_url)
        yield provider
        await provider.aclose()


async def ask(provider: Provider, messages: Sequence[StoredMessage] = QUESTION) -> list[ModelEvent]:
    async with aclosing(provider.stream("", messages, [WHOAMI])) as events:
        return [event async for event in events]


async def finished(provider: Provider, messages: Sequence[StoredMessage] = QUESTION) -> ModelFinished:
    last = (await ask(provider, messages))[-1]
    assert isinstance(last, ModelFinished)
    return last


async def test_a_script_is_played_in_order() -> None:
    script: list[Reply] = [
        [Say("I look at  two\nthings. "), Call("whoami"), Call("top", {"kind": "pods"})],
        Call("whoami", '{"broken'),
        [Say("It goes on"), End("length")],
        Say(""),
    ]
    model = ScriptedModel(script)
    async with speaking_to(model) as provider:
        first, second, third, last = [await finished(provider) for _ in range(4)]
    assert first.text == "I look at  two\nthings. "
    assert [(call.name, call.arguments) for call in first.calls] == [("whoami", {}), ("top", {"kind": "pods"})]
    assert second.calls[0].arguments is None
    assert third.truncated
    assert last.text == ""
    assert first.usage.input > 0
    assert first.usage.output > 0
    assert model.left == 0
    assert [body["messages"][-1]["content"] for body in model.requests] == ["Who am I?"] * 4


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Fail(429, retry_after=3), RateLimited),
        (Fail(500), ProviderUnavailable),
        (OVERFLOW, ContextOverflow),
        (Fail(401), ProviderRefused),
        (Cut("Half an ans"), ProviderUnavailable),
        ([Say("x"), Call("whoami", '{"a'), Cut()], ProviderUnavailable),
        (End("content_filter"), AnswerBlocked),
    ],
)
async def test_every_misfortune_can_be_played(reply: Reply, error: type[Exception]) -> None:
    model = ScriptedModel([reply, Say("Better now.")])
    async with speaking_to(model) as provider:
        with pytest.raises(error) as raised:
            await ask(provider)
        assert (await finished(provider)).text == "Better now."
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 3
    assert not model.hung_up.is_set()


async def test_a_pause_holds_the_stream_until_its_event_is_set() -> None:
    pause = Pause(asyncio.Event())
    async with speaking_to(ScriptedModel([[Say("One"), pause, Say(" two.")]])) as provider:
        async with aclosing(provider.stream("", QUESTION, [])) as events:
            assert await anext(events) == ModelText("One")
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.wait_for(pause.reached.wait(), 5)
            assert not waiting.done()
            pause.until.set()
            rest = [await waiting, *[event async for event in events]]
        assert rest[-1] == ModelFinished("One two.", usage=rest[-1].usage)  # type: ignore[union-attr]


async def test_a_client_that_hangs_up_is_noticed() -> None:
    model = ScriptedModel([Hang("Hm")])
    async with speaking_to(model) as provider:
        stream = provider.stream("", QUESTION, [])
        assert await anext(stream) == ModelText("Hm")
        await stream.aclose()
        await asyncio.wait_for(model.hung_up.wait(), 5)


async def test_a_script_that_is_over_refuses_and_counts() -> None:
    model = ScriptedModel([])
    async with speaking_to(model) as provider:
        with pytest.raises(ProviderRefused, match="no reply left"):
            await ask(provider)
    assert model.unexpected == 1


async def test_a_script_may_be_a_function_of_the_conversation() -> None:
    def react(conversation: Conversation) -> Reply:
        return Say(f"You are {conversation.results[-1]}.") if conversation.results else Call("whoami")

    async with speaking_to(ScriptedModel(react)) as provider:
        first = await finished(provider)
        response = ToolCallResponse(first.calls[0].id, "whoami", "Mia")
        messages = transcript((Source.USER, Text("Who am I?")), ToolCallRequest(first.calls), response)
        assert (await finished(provider, messages)).text == "You are Mia."


async def test_a_long_reply_is_told_faster() -> None:
    assert pause_between_words((Say("a b c"),), 0.02) == 0.02
    assert pause_between_words((Say("a " * 1_000),), 0.02) * 1_000 < 5
    assert pause_between_words((), 0.02) == 0.02


async def test_the_pace_is_kept_between_words() -> None:
    async with speaking_to(ScriptedModel([Say("a b c d e")], pace=0.02)) as provider:
        started = time.monotonic()
        texts = [event.text for event in await ask(provider) if isinstance(event, ModelText)]
        assert time.monotonic() - started >= 0.08
    assert texts == ["a", " b", " c", " d", " e"]


@pytest.mark.parametrize("text", ["", " ", "a", " a", "a\n\n```\nb  c\n```\n", "x \n", "日本 語"])
def test_words_add_up_to_the_text(text: str) -> None:
    assert "".join(words(text)) == text


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "at least one"),
        ([{"role": "tool", "tool_call_id": "a", "content": "x"}], "must answer a preceding"),
        ([{"role": "assistant", "tool_calls": [{"id": "a"}]}], "have no results"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "a"}]}, {"role": "user", "content": "x"}],
            "did not have response",
        ),
        ([{"role": "user", "content": None}], "must be a string"),
        ([{"role": "wizard", "content": "x"}], "unknown role"),
    ],
)
async def test_requests_that_openai_would_refuse_are_refused(messages: list[Any], complaint: str) -> None:
    async with DemoModel() as model, aiohttp.ClientSession() as session:
        async with session.post(f"{model.base_url}/chat/completions", json={"messages": messages}) as response:
            assert response.status == 400
            assert complaint in (await response.json())["error"]["message"]
        assert model.requests == []


async def test_the_demo_model_answers_without_streaming_too() -> None:
    body = {"model": DEMO_MODEL, "messages": [{"role": "user", "content": "hello"}]}
    async with DemoModel() as model, aiohttp.ClientSession() as session:
        async with session.post(f"{model.base_url}/chat/completions", json=body) as response:
            answer = await response.json()
        async with session.get(f"{model.base_url}/models") as response:
            models = await response.json()
    assert answer["choices"][0]["message"]["content"].startswith(LABEL)
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert [entry["id"] for entry in models["data"]] == [DEMO_MODEL]


async def test_it_listens_on_the_loopback_address_only() -> None:
    async with DemoModel() as model:
        assert model.base_url.startswith("http://127.0.0.1:")
