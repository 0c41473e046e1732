"""The codec: every record that there can be comes back equal, whatever is in it and whichever version wrote it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given

from kubeai_bot.domain.message import Message, Text, VendorParts
from kubeai_bot.domain.session import AgentState, Session, ThreadRef, Usage
from kubeai_bot.domain.storage import KEEP, SessionChange
from kubeai_bot.errors import StoreError
from kubeai_bot.stores import codec
from tests.stores import strategies


def through_text(record: Any) -> Any:
    text = codec.dumps(record)
    assert text.isascii()
    assert "\n" not in text
    assert "\x00" not in text
    return codec.loads(text)


@given(strategies.messages)
def test_every_message_comes_back_equal(message):
    decoded = codec.decode_message(through_text(codec.encode_message(message)))
    assert decoded == message
    assert decoded.type is message.type


@given(strategies.sessions)
def test_every_session_comes_back_equal(session):
    decoded = codec.decode_session(through_text(codec.encode_session(session)))
    assert decoded == session
    assert decoded.thread.is_dm is session.thread.is_dm


@given(strategies.incomings)
def test_every_incoming_event_comes_back_equal(incoming):
    decoded = codec.decode_incoming(through_text(codec.encode_incoming(incoming)))
    assert decoded == incoming
    assert decoded.thread.is_dm is incoming.thread.is_dm


@given(strategies.changes)
def test_every_change_comes_back_equal(change):
    record = through_text(codec.encode_change(change))
    assert codec.decode_change(record) == change
    given_fields = {each.name for each in dataclasses.fields(change) if getattr(change, each.name) is not KEEP}
    assert record.keys() - {"v"} == given_fields - ({"add_usage"} if change.add_usage == Usage() else set())


@given(strategies.turn_records, strategies.feedbacks)
def test_every_turn_and_opinion_comes_back_equal(turn, feedback):
    assert codec.decode_turn(through_text(codec.encode_turn(turn))) == turn
    assert codec.decode_feedback(through_text(codec.encode_feedback(feedback))) == feedback


@given(strategies.sessions, strategies.changes)
def test_a_change_read_back_does_to_a_session_what_the_original_does(session, change):
    changed = codec.apply_change(session, change)
    assert codec.apply_change(session, codec.decode_change(through_text(codec.encode_change(change)))) == changed
    for field in dataclasses.fields(Session):
        wanted = getattr(change, field.name, KEEP)
        if field.name == "usage":
            wanted = session.usage + change.add_usage
        assert getattr(changed, field.name) == (getattr(session, field.name) if wanted is KEEP else wanted)


def test_two_surrogates_that_make_a_pair_come_back_as_their_character():
    assert through_text({"text": "\ud83e\udd84"}) == {"text": "🦄"}


MINIMAL = {
    "id": "s1",
    "name": "why?",
    "thread": {"team_id": "T", "channel_id": "C", "thread_ts": "1.0"},
    "slack_user_id": "U",
    "created_at": "2026-11-21T12:00:00.000000+00:00",
    "modified_at": "2026-11-21T12:00:00.000000+00:00",
}


def test_fields_that_an_older_version_did_not_write_get_their_defaults():
    session = codec.decode_session(MINIMAL)
    assert session.thread == ThreadRef("T", "C", "1.0")
    plain = Session("s1", "why?", session.thread, "U", "", "", session.created_at, session.modified_at)
    assert session == plain
    assert session.agent_state is AgentState.IDLE


def test_fields_that_are_not_known_are_ignored(make):
    message = make.message()
    record = codec.encode_message(message)
    payload = {**record["payload"], "colour": "blue"}
    assert codec.decode_message({**record, "payload": payload, "more": [1], "v": 1}) == message
    assert codec.decode_session({**MINIMAL, "more": {}}).id == "s1"


def test_a_record_of_a_newer_version_is_refused_in_one_clear_sentence(make):
    record = {**codec.encode_message(make.message()), "v": codec.VERSION + 1}
    with pytest.raises(StoreError, match="was written by a newer version of kubeai-bot"):
        codec.decode_message(record)


@pytest.mark.parametrize(
    "damage",
    [
        {"type": "telepathy"},
        {"source": "nobody"},
        {"at": "yesterday"},
        {"at": 7},
        {"payload": None},
        {"identity": {"speaker": None}},
        {"v": "one"},
    ],
    ids=str,
)
def test_a_damaged_record_is_a_store_error(make, damage):
    with pytest.raises(StoreError):
        codec.decode_message({**codec.encode_message(make.message()), **damage})


@pytest.mark.parametrize("record", [None, [], "text", 7, {}])
def test_what_is_no_record_at_all_is_a_store_error(record):
    for decode in (codec.decode_message, codec.decode_session, codec.decode_incoming, codec.decode_turn):
        with pytest.raises(StoreError):
            decode(record)


@pytest.mark.parametrize("text", ["", "{", '{"v": 1', b"\xff", "[" * 100_000], ids=lambda text: repr(text[:9]))
def test_what_is_not_json_is_a_store_error(text):
    with pytest.raises(StoreError):
        codec.loads(text)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", {1: "one"}, object()], ids=lambda value: type(value).__name__)
def test_what_json_cannot_hold_is_refused_in_every_open_field(make, value):
    for message in (
        make.message(metadata={"deep": [value]}),
        make.message(payload=Text("", VendorParts("v", {"deep": [value]}))),
    ):
        with pytest.raises(TypeError):
            codec.encode_message(message)
    for name in ("metadata", "mcp_status", "approval"):
        with pytest.raises(TypeError):
            codec.encode_change(SessionChange(**{name: {"deep": [value]}}))


def test_the_written_form_of_version_1_stays_readable():
    """A record as the first version wrote it, literally: whoever changes the format keeps this test."""
    text = (
        '{"v":1,"type":"tool-call-request","turn_id":"t1","source":"model","at":"2026-11-21T12:00:00.123456+00:00",'
        '"payload":{"calls":[{"id":"c1","name":"list","arguments":{}},{"id":"c2","name":"logs",'
        '"raw_arguments":"{"}],"text":"let me look","vendor":{"vendor":"gemini","parts":{"s":"\\u0000"}}},'
        '"identity":{"speaker":{"team_id":"T0SHOP","user_id":"U0MIA"},"method":"mapping",'
        '"resolved_at":"2026-11-21T12:00:00.123456+00:00","kube":{"user":"mia@shop.example",'
        '"groups":["shop-developers"]}},"speaker":{"team_id":"T0SHOP","user_id":"U0MIA"},"metadata":{"ts":"1.5"}}'
    )
    message = codec.decode_message(json.loads(text))
    assert isinstance(message, Message)
    assert codec.dumps(codec.encode_message(message)) == text
    assert [call.arguments for call in message.payload.calls] == [{}, None]
