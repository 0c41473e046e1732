"""Lines of an export that somebody has changed: refused in a sentence, or a session that every command can show."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from kubeai_bot.commands.session_views import dump_view, sessions_table, usage_table
from kubeai_bot.domain.message import Message, Source, Text, ToolCall, ToolCallRequest, ToolCallResponse, VendorParts
from kubeai_bot.domain.session import AnswerRef, TurnRef
from kubeai_bot.domain.storage import Claim, SessionChange
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.memory import MemoryStore
from kubeai_bot.stores.session_file import encode_dump, parse_dump
from tests.stores.conftest import AS_MIA, MIA, NOON, Make

WRONG: list[Any] = [None, True, 7, -1, 1.5, "", "\ud800", "0001-01-01T00:00:00+14:00", [], {}, [[]], {"v": 99}]


async def whole_record(make: Make) -> dict[str, Any]:
    """A session with something of everything, as it is exported."""
    store = MemoryStore()
    thread = make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 60))
    assert receipt.lease is not None
    assert receipt.session_id is not None
    call = ToolCall("c1", "look", {"names": ["a"]})
    messages = [
        Message("t1", Source.USER, Text("hi"), AS_MIA, NOON, MIA),
        Message("t1", Source.MODEL, ToolCallRequest((call,), "", VendorParts("openai", {"x": 1})), AS_MIA, NOON),
        Message("t1", Source.AGENT, ToolCallResponse("c1", "look", "nothing"), AS_MIA, NOON),
    ]
    turn, answer = TurnRef("t1", AS_MIA, "1.1", NOON), AnswerRef("t1", posted=("1.2",))
    change = SessionChange(turn=turn, answer=answer, last_identity=AS_MIA, metadata={"k": 1}, approval={"z": [1]})
    await store.append(receipt.lease, 0, "s1", messages, change=change)
    await store.record_feedback(receipt.session_id, "t1", "U0MIA", "positive", "quick")
    return encode_dump(await store.dump(receipt.session_id))


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*at, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, (*at, number))


def changed(record: dict[str, Any], place: tuple[Any, ...], value: Any) -> str:
    record = copy.deepcopy(record)
    inner = record
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return json.dumps(record)


@pytest.mark.parametrize("wrong", WRONG, ids=ascii)
async def test_a_wrong_value_anywhere_is_refused_or_harmless(make: Make, wrong: Any) -> None:
    record = await whole_record(make)
    taken = 0
    for place in places(record):
        try:
            dump = parse_dump(changed(record, place, wrong))
        except StoreError:
            continue
        taken += 1
        store = MemoryStore()
        assert await store.restore(dump)
        restored = await store.dump(dump.session.id)
        for view in (
            dump_view(restored, 20),
            sessions_table([restored.session]),
            usage_table(await store.usage()),
        ):
            Console(file=io.StringIO()).print(view)
        await store.about("U0MIA")
    assert taken < len(list(places(record)))


async def test_an_export_as_it_was_written_is_taken(make: Make) -> None:
    record = await whole_record(make)
    assert encode_dump(parse_dump(json.dumps(record))) == record


async def test_the_refusal_names_the_place(make: Make) -> None:
    record = await whole_record(make)
    with pytest.raises(StoreError, match=r"messages\[0\]\.message\.payload\.text is not what it should be"):
        parse_dump(changed(record, ("messages", 0, "payload", "text"), 7))
