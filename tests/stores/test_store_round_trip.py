"""Whatever goes in comes out equal, and nothing that a caller holds is the store's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, get_args

import pytest

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import (
    Failure,
    Message,
    MessageType,
    Payload,
    Source,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
    UserChoiceRequest,
    UserChoiceResponse,
    UserInputRequest,
    UserInputResponse,
    VendorParts,
)
from kubeai_bot.domain.session import AgentState, InboxKind, Session, TurnRef
from kubeai_bot.domain.storage import Claim, SessionChange

HARD_TEXTS = {
    "empty": "",
    "unicode": "Ünïcödé 한국어 🦄 e\u0301 \u202e\u2028",
    "nul": "before\x00after\x00",
    "lone surrogates": "\ud800 and \udfff, \udc80 again",
    "escapes": "\\u0000 \\x00 \\ud800 \" ' \\ \r\n\t\x1b[31m \x7f",
    "one megabyte": "0123456789abcdef" * 65536,
}

LATER = datetime(2026, 11, 21, 12, 0, 1, 7, tzinfo=timezone(timedelta(hours=5, minutes=30)))


def vendor() -> VendorParts:
    return VendorParts("gemini", {"signature": "c2ln\x00\ud800", "parts": [{"n": 1, "none": None, "deep": [[]]}]})


def payloads() -> list[Payload]:
    """One of each kind and variant, new at each call."""
    arguments = {"kind": "pods", "limit": 5, "ratio": 0.5, "all": True, "labels": {"ä\x00": ["b", None]}}
    calls = (
        ToolCall("c1", "list", arguments),
        ToolCall("c2", "logs", None, '{"pod": "checkout'),
        ToolCall("c3", "whoami", {}, "{}"),
    )
    return [
        Text("plain"),
        Text("with parts", vendor()),
        Failure("the cluster did not answer", "unreachable"),
        ToolCallRequest(calls, "let me look", vendor()),
        ToolCallRequest(()),
        ToolCallStarted("c1"),
        ToolCallResponse("c1", "list", "NAME READY", ok=False, changed=True, summary="3 pods", seconds=0.25),
        UserInputRequest("Which namespace?"),
        UserInputResponse("shop"),
        UserChoiceRequest("Which one?", ("shop", "payments", "")),
        UserChoiceResponse("payments"),
    ]


def identities() -> list[Identity | None]:
    mia, at = Speaker("T0SHOP", "U0MIA"), LATER
    groups = tuple(f"group-{n}" for n in range(20))
    return [
        None,
        Identity(mia, "shared", KubeUser("kubeai-shared", ("kubeai-readers",)), at),
        Identity(mia, "kubeconfig", None, at),
        Identity(
            mia, "mapping", KubeUser("mïa", groups), at, (("prod", KubeUser("m")), ("lab", KubeUser("m", ("x",))))
        ),
    ]


def message_with(payload: Payload, identity: Identity | None = None) -> Message:
    metadata = {"ts": "1790000000.000100", "nested": {"list": [1, {"two": 2.5}], "big": 2**53}}
    speaker = Speaker("T0SHOP", "U0OMAR")
    return Message("t1", Source.USER, payload, identity, LATER, speaker, metadata)


def json_values(value: Any) -> Iterator[Any]:
    """Every dict and list reachable from a record."""
    children: list[Any] = []
    if dataclasses.is_dataclass(value):
        children = [getattr(value, each.name) for each in dataclasses.fields(value)]
    elif isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, list | tuple):
        children = list(value)
    if isinstance(value, dict | list):
        yield value
    for child in children:
        yield from json_values(child)


def spoil(value: Any) -> None:
    """Empty every dict and list reachable from a record."""
    for each in list(json_values(value)):
        each.clear()


def test_the_samples_cover_every_payload_and_every_message_type():
    assert {type(payload) for payload in payloads()} == set(get_args(Payload))
    assert {message_with(payload).type for payload in payloads()} == set(MessageType)


@pytest.mark.parametrize("number", range(len(payloads())), ids=lambda n: f"{n}-{type(payloads()[n]).__name__}")
async def test_every_payload_comes_back_equal(backend, make, number):
    lease = await make.held(backend.store)
    await backend.store.append(lease, 0, make.step(), [message_with(payloads()[number])])
    (stored,) = (await backend.second_store().load(lease.session_id)).messages
    assert stored.message == message_with(payloads()[number])
    assert type(stored.message.payload) is type(payloads()[number])


@pytest.mark.parametrize("number", range(len(identities())))
async def test_every_identity_comes_back_equal(backend, make, number):
    identity = identities()[number]
    lease = await make.held(backend.store)
    change = SessionChange(last_identity=identity, turn=TurnRef("t1", identity, "1790000000.000001", LATER))
    await backend.store.append(lease, 0, make.step(), [message_with(Text("hi"), identity)], change=change)
    tail = await backend.second_store().load(lease.session_id)
    assert tail.messages[0].message.identity == identity
    assert tail.session.last_identity == identity
    assert tail.session.turn == change.turn


async def test_a_message_without_speaker_and_metadata_comes_back_equal(store, make):
    lease = await make.held(store)
    message = make.message(identity=None)
    await store.append(lease, 0, make.step(), [message])
    assert (await store.load(lease.session_id)).messages[0].message == message


@pytest.mark.parametrize("text", HARD_TEXTS.values(), ids=HARD_TEXTS)
async def test_any_text_survives_wherever_text_can_stand(store, make, text):
    incoming = make.incoming(text=text)
    receipt = await store.receive(incoming, Claim("a", 30))
    response = ToolCallResponse("c1", "logs", content=text, summary=text)
    request = ToolCallRequest(
        (ToolCall("c1", "logs", {"grep": text, text: [text]}, text),), text, VendorParts("v", {"t": text})
    )
    messages = [make.message(payload=payload, metadata={"t": text}) for payload in (Text(text), request, response)]
    change = SessionChange(
        name=text, metadata={text: text}, mcp_status={"server": {"error": text}}, approval={"q": text}
    )
    await store.append(receipt.lease, 0, make.step(), messages, change=change)
    tail = await store.load(receipt.session_id)
    assert [stored.message for stored in tail.messages] == messages
    assert (tail.session.name, tail.session.metadata, tail.session.mcp_status) == (
        change.name,
        change.metadata,
        change.mcp_status,
    )
    assert tail.inbox[0].incoming == incoming


@pytest.mark.parametrize("kind", get_args(InboxKind))
async def test_an_incoming_event_comes_back_equal(store, make, kind):
    incoming = dataclasses.replace(make.incoming(kind=kind, keys=("a", "b\x00", "ü")), received_at=LATER)
    receipt = await store.receive(incoming)
    assert (await store.load(receipt.session_id)).inbox[0].incoming == incoming


@pytest.mark.parametrize("state", AgentState)
async def test_every_agent_state_comes_back(store, make, state):
    lease = await make.held(store)
    await store.append(lease, 0, make.step(), change=SessionChange(agent_state=state))
    assert (await store.load(lease.session_id)).session.agent_state is state


def test_a_change_can_reach_every_field_of_a_session_that_is_not_fixed():
    fixed = {"id", "thread", "slack_user_id", "created_at", "follows_expired"}
    by_the_store = {"modified_at", "last_seq", "usage"}
    changeable = {each.name for each in dataclasses.fields(SessionChange)} - {"add_usage"}
    assert {each.name for each in dataclasses.fields(Session)} == fixed | by_the_store | changeable


async def test_what_callers_do_to_their_values_never_reaches_the_store(store, make):
    lease = await make.held(store)
    sent = [message_with(payload) for payload in payloads()]
    change = SessionChange(mcp_status={"a": {"b": [1]}}, metadata={"c": {"d": [2]}}, approval={"e": [3]})
    await store.append(lease, 0, make.step(), sent, change=change)
    spoil(sent)
    spoil(change)
    given = await store.load(lease.session_id)
    spoil(given)
    found = await store.find(given.session.thread)
    spoil(found)
    spoil((await store.list()).sessions[0])
    spoil(await store.dump(lease.session_id))
    tail = await store.load(lease.session_id)
    assert [stored.message for stored in tail.messages] == [message_with(payload) for payload in payloads()]
    assert tail.session.mcp_status == {"a": {"b": [1]}}
    assert tail.session.metadata == {"c": {"d": [2]}}
    assert tail.session.approval == {"e": [3]}


@pytest.mark.parametrize(
    "value", [{1, 2}, b"bytes", LATER, {1: "one"}, object()], ids=lambda value: type(value).__name__
)
async def test_what_json_cannot_hold_is_refused_and_nothing_is_written(store, make, value):
    lease = await make.held(store)
    with pytest.raises(TypeError):
        await store.append(lease, 0, make.step(), [make.message(), make.message(metadata={"deep": [value]})])
    with pytest.raises(TypeError):
        await store.append(lease, 0, make.step(), [make.message()], change=SessionChange(metadata={"x": value}))
    tail = await store.load(lease.session_id)
    assert (tail.messages, tail.session.last_seq) == ((), 0)
