"""Streamed answers: how they grow, end, expire, and what Slack refuses of them."""

from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError

from kubeai_bot.playground.workspace.methods.streams import STREAM_LIFETIME, STREAM_TOTAL_BYTES
from kubeai_bot.playground.workspace.server import Workspace


def text(words: str) -> dict:
    return {"type": "markdown_text", "text": words}


def task(task_id: str, status: str, **more: object) -> dict:
    return {"type": "task_update", "id": task_id, "title": f"Task {task_id}", "status": status, **more}


async def refused(call) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


@pytest.fixture
async def thread(workspace) -> dict:
    """A conversation in Mia's direct messages, as arguments of a call."""
    return {"channel": "D0MIA", "thread_ts": await workspace.say("U0MIA", "why?")}


@pytest.fixture
async def stream(client, thread) -> dict:
    """A live stream, as arguments of a call."""
    answer = await client.chat_startStream(**thread, task_display_mode="plan", chunks=[text("a")])
    return {"channel": "D0MIA", "ts": answer["ts"]}


def message(workspace: Workspace, stream: dict):
    return next(m for m in workspace.messages(stream["channel"]) if m.ts == stream["ts"])


async def test_texts_accumulate_and_tasks_are_updated_by_their_id(workspace, client, stream):
    await client.chat_appendStream(**stream, chunks=[{"type": "plan_update", "title": "Look"}, task("1", "pending")])
    await client.chat_appendStream(**stream, chunks=[task("1", "in_progress", details="kubectl "), text("b")])
    source = {"type": "url", "url": "https://runbook.example", "text": "Runbook"}
    await client.chat_appendStream(
        **stream,
        chunks=[task("1", "complete", details="get pods", output="3 pods", sources=[source]), task("2", "error")],
    )
    shown = message(workspace, stream)
    assert shown.streaming
    assert (shown.text, shown.plan) == ("ab", "Look")
    first, second = shown.tasks.values()
    assert (first.title, first.status, first.details, first.output) == (
        "Task 1",
        "complete",
        "kubectl get pods",
        "3 pods",
    )
    assert first.sources == [source]
    assert second.status == "error"
    assert [chunk["type"] for chunk in shown.chunks] == ["markdown_text", "task_update", "markdown_text", "task_update"]
    await client.chat_stopStream(**stream)
    assert not message(workspace, stream).streaming
    workspace.assert_no_problems()


async def test_the_sdks_own_helper_streams_and_stops_with_blocks_and_metadata(workspace, client, thread):
    helper = await client.chat_stream(**thread, task_display_mode="plan", buffer_size=1)
    await helper.append(chunks=[task("1", "in_progress")])
    await helper.append(markdown_text="**All** good")
    await helper.stop(
        chunks=[task("1", "complete")],
        blocks=[{"type": "divider"}],
        metadata={"event_type": "kubeai_answer", "event_payload": {"run": "r1"}},
        session_status="suspended",
    )
    replies = await client.conversations_replies(channel="D0MIA", ts=thread["thread_ts"], include_all_metadata=True)
    answer = replies["messages"][1]
    assert answer["metadata"] == {"event_type": "kubeai_answer", "event_payload": {"run": "r1"}}
    assert [block["type"] for block in answer["blocks"]] == ["plan", "markdown", "divider"]
    assert answer["blocks"][0]["tasks"][0]["status"] == "complete"
    assert workspace.session("D0MIA", thread["thread_ts"]).status == "suspended"
    workspace.assert_no_problems()


async def test_a_stream_makes_the_session_busy_and_its_end_releases_it(workspace, client, thread):
    started = await client.chat_startStream(**thread)
    assert workspace.session("D0MIA", thread["thread_ts"]).status == "processing"
    await client.chat_stopStream(channel="D0MIA", ts=started["ts"], markdown_text="done")
    assert workspace.session("D0MIA", thread["thread_ts"]).status == "active"
    assert message(workspace, {"channel": "D0MIA", "ts": started["ts"]}).text == "done"


async def test_the_app_hears_of_its_own_stream_when_it_starts_and_when_it_ends(workspace, client, stream):
    await client.chat_appendStream(**stream, chunks=[text("b")])
    await client.chat_stopStream(**stream)
    own = [delivery.event for delivery in workspace.deliveries[1:]]
    assert [event.get("subtype") for event in own] == [None, "message_changed"]
    assert own[0]["bot_id"] == own[1]["message"]["bot_id"] == "B0KUBEAI"
    assert own[1]["message"]["text"] == "ab"


async def test_cards_interleave_with_text_in_a_timeline(workspace, client, thread):
    started = await client.chat_startStream(**thread, chunks=[text("first"), task("1", "complete"), text("then")])
    shown = message(workspace, {"channel": "D0MIA", "ts": started["ts"]})
    assert [block["type"] for block in shown.all_blocks()] == ["markdown", "task_card", "markdown"]


async def test_a_stream_in_a_channel_must_name_its_reader(workspace, client):
    ts = await workspace.say("U0MIA", "why?", channel="C0ONCALL", mention=True)
    here = {"channel": "C0ONCALL", "thread_ts": ts}
    assert await refused(client.chat_startStream(**here, recipient_user_id="U0MIA")) == "missing_recipient_team_id"
    assert await refused(client.chat_startStream(**here, recipient_team_id="T0SHOP")) == "missing_recipient_user_id"
    reader = {"recipient_team_id": "T0SHOP", "recipient_user_id": "U0NOBODY"}
    assert await refused(client.chat_startStream(**here, **reader)) == "user_not_found"
    assert (await client.chat_startStream(**here, **reader | {"recipient_user_id": "U0MIA"}))["ok"]
    assert len(workspace.problems) == 2


async def test_a_stream_answers_in_an_existing_thread(workspace, client, thread):
    alone = client.api_call("chat.startStream", json={"channel": "D0MIA"})
    assert await refused(alone) == "invalid_arguments"
    assert await refused(client.chat_startStream(channel="D0MIA", thread_ts="1.000001")) == "thread_not_found"
    reply = await workspace.say("U0MIA", "more", thread_ts=thread["thread_ts"])
    started = await client.chat_startStream(channel="D0MIA", thread_ts=reply)
    assert message(workspace, {"channel": "D0MIA", "ts": started["ts"]}).thread_ts == thread["thread_ts"]
    assert "names a reply" in workspace.problems[-1]


async def test_one_style_for_the_whole_stream(workspace, client, thread, stream):
    both = client.chat_appendStream(**stream, markdown_text="x", chunks=[text("y")])
    assert await refused(both) == "cannot_provide_both_markdown_text_and_chunks"
    assert await refused(client.chat_appendStream(**stream, markdown_text="x")) == "streaming_mode_mismatch"
    plain = await client.chat_startStream(**thread, markdown_text="x")
    later = {"channel": "D0MIA", "ts": plain["ts"]}
    assert await refused(client.chat_appendStream(**later, chunks=[text("y")])) == "streaming_mode_mismatch"
    await client.chat_appendStream(**later, markdown_text="y")
    await client.chat_stopStream(**later, markdown_text="z")
    assert message(workspace, later).text == "xyz"
    assert len(workspace.problems) == 3


async def test_a_stream_takes_so_much_a_call_and_so_much_in_all(workspace, client, thread, stream):
    assert await refused(client.chat_appendStream(**stream, chunks=[text("x" * 12_001)])) == "msg_too_long"
    room = STREAM_TOTAL_BYTES - 1  # the stream was opened with one letter
    assert await refused(client.chat_appendStream(**stream, chunks=[text("x" * (room + 1))])) == "msg_too_long"
    await client.chat_appendStream(**stream, chunks=[text("x" * (room - 2))])
    assert await refused(client.chat_appendStream(**stream, chunks=[text("é" * 2)])) == "msg_too_long"
    await client.chat_appendStream(**stream, chunks=[text("é")])
    assert await refused(client.chat_appendStream(**stream, chunks=[task("1", "complete")])) == "msg_too_long"
    assert len(workspace.problems) == 4
    await client.chat_stopStream(**stream)
    assert len(message(workspace, stream).text.encode()) == STREAM_TOTAL_BYTES


async def test_a_stream_expires_by_the_clock(bots, clock):
    async with Workspace(clock=clock) as workspace:
        client = await bots.client(workspace)
        ts = await workspace.say("U0MIA", "why?")
        started = await client.chat_startStream(channel="D0MIA", thread_ts=ts, chunks=[text("a")])
        stream = {"channel": "D0MIA", "ts": started["ts"]}
        clock.advance(STREAM_LIFETIME - 1)
        await client.chat_appendStream(**stream, chunks=[text("b")])
        clock.advance(1)
        assert not message(workspace, stream).streaming
        assert await refused(client.chat_appendStream(**stream, chunks=[text("c")])) == "message_not_in_streaming_state"
        assert await refused(client.chat_stopStream(**stream)) == "message_not_in_streaming_state"
        assert message(workspace, stream).text == "ab"
        await client.chat_update(**stream, text="repaired")
        assert message(workspace, stream).text == "repaired"
        assert "repaired" in workspace.rendered("D0MIA", ts)
        workspace.assert_no_problems()


async def test_a_stopped_stream_takes_no_more(workspace, client, stream):
    await client.chat_stopStream(**stream)
    assert await refused(client.chat_appendStream(**stream, chunks=[text("x")])) == "message_not_in_streaming_state"
    assert await refused(client.chat_stopStream(**stream)) == "message_not_in_streaming_state"


async def test_stop_ends_every_stream_of_the_thread_and_tells_the_app(workspace, bot):
    bot.listen("message", "agent_session_stopped")
    client = bot.app.client
    ts = await workspace.say("U0MIA", "why?")
    other = await workspace.say("U0MIA", "something else")
    streams = [await client.chat_startStream(channel="D0MIA", thread_ts=ts, chunks=[text("a")]) for _ in range(2)]
    untouched = await client.chat_startStream(channel="D0MIA", thread_ts=other, chunks=[text("a")])
    stopped = await workspace.stop("U0MIA", "D0MIA", ts)
    assert stopped == [started["ts"] for started in streams]
    (event,) = await workspace.wait_for(lambda _: bot.events("agent_session_stopped"), what="the stop event")
    assert (event["user"], event["channel"], event["thread_ts"]) == ("U0MIA", "D0MIA", ts)
    assert event["streaming_message_ts"] == stopped
    late = client.chat_appendStream(channel="D0MIA", ts=stopped[0], chunks=[text("b")])
    assert await refused(late) == "stopped_by_user"
    assert await refused(client.chat_stopStream(channel="D0MIA", ts=stopped[0])) == "stopped_by_user"
    await client.chat_appendStream(channel="D0MIA", ts=untouched["ts"], chunks=[text("b")])
    assert workspace.session("D0MIA", ts).status == "processing"  # only the app releases it
    workspace.assert_no_problems()


async def test_a_live_stream_cannot_be_edited(workspace, client, stream):
    assert await refused(client.chat_update(**stream, text="no")) == "streaming_state_conflict"
    assert workspace.problems == ["chat.update: streaming_state_conflict"]


async def test_a_task_left_in_progress_is_a_problem(workspace, client, stream):
    await client.chat_appendStream(**stream, chunks=[task("1", "in_progress"), task("2", "complete")])
    await client.chat_stopStream(**stream)
    assert workspace.problems == ["chat.stopStream: tasks left in_progress for good: 1"]


@pytest.mark.parametrize("key", ["title", "details", "output", "id"])
async def test_strings_of_a_card_have_at_most_256_characters(workspace, client, stream, key):
    await client.chat_appendStream(**stream, chunks=[{**task("1", "complete"), key: "x" * 256}])
    workspace.assert_no_problems()
    assert await refused(client.chat_appendStream(**stream, chunks=[{**task("1", "error"), key: "x" * 257}])) == (
        "invalid_chunks"
    )
    assert f"/chunks/0/{key}" in workspace.problems[0]
    assert message(workspace, stream).tasks.get("1") is None or message(workspace, stream).tasks["1"].status != "error"


@pytest.mark.parametrize(
    "chunk",
    [
        {"type": "text", "text": "x"},
        {"text": "x"},
        {"type": "markdown_text"},
        {"type": "markdown_text", "text": ""},
        {"type": "markdown_text", "text": 3},
        {"type": "plan_update"},
        {"type": "plan_update", "title": ""},
        {"type": "task_update", "id": "1", "title": "x"},
        {"type": "task_update", "id": "1", "title": "x", "status": "done"},
        {"type": "task_update", "id": "1", "title": "x", "status": "complete", "details": {"type": "rich_text"}},
        {
            "type": "task_update",
            "id": "1",
            "title": "x",
            "status": "complete",
            "sources": [{"url": "https://a.example"}],
        },
        {"type": "task_update", "id": "1", "title": "x", "status": "complete", "note": "x"},
        {"type": "blocks", "blocks": []},
        {"type": "blocks", "blocks": [{"type": "nonsense"}]},
        "markdown_text",
    ],
)
async def test_chunks_that_slack_does_not_know_are_refused(workspace, client, stream, chunk):
    assert await refused(client.api_call("chat.appendStream", json={**stream, "chunks": [chunk]})) == "invalid_chunks"
    assert "chat.appendStream: invalid_chunks" in workspace.problems[0]
    assert message(workspace, stream).text == "a"


async def test_blocks_within_a_stream_and_at_its_end_have_a_limit(workspace, client, stream):
    dividers = [{"type": "divider"}] * 50
    await client.chat_appendStream(**stream, chunks=[{"type": "blocks", "blocks": dividers}])
    too_many = client.chat_stopStream(**stream, blocks=dividers, chunks=[{"type": "blocks", "blocks": dividers[:1]}])
    assert await refused(too_many) == "msg_blocks_too_many"
    assert await refused(client.chat_stopStream(**stream, blocks=[*dividers, dividers[0]])) == "invalid_blocks"
    assert await refused(client.chat_stopStream(**stream, session_status="idle")) == "invalid_arguments"
    assert message(workspace, stream).streaming
    await client.chat_stopStream(**stream, blocks=dividers)
    assert len(message(workspace, stream).all_blocks()) == 101


async def test_a_button_that_was_streamed_can_be_clicked(workspace, bot):
    bot.app.action("go")(_acked)
    ts = await workspace.say("U0MIA", "why?")
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = {"type": "blocks", "blocks": [{"type": "actions", "elements": [button]}]}
    await bot.app.client.chat_startStream(channel="D0MIA", thread_ts=ts, chunks=[blocks])
    assert (await workspace.click("U0MIA", "go")).acked


async def _acked(ack):
    await ack()


async def test_an_append_needs_content(workspace, client, stream):
    assert await refused(client.chat_appendStream(**stream, chunks=[])) == "no_text"
    assert await refused(client.chat_appendStream(**stream)) == "no_text"


async def test_only_its_own_message_can_be_streamed_to(workspace, client, thread):
    theirs = client.chat_appendStream(channel="D0MIA", ts=thread["thread_ts"], chunks=[text("x")])
    assert await refused(theirs) == "message_not_owned_by_app"
    nothing = client.chat_appendStream(channel="D0MIA", ts="1.000001", chunks=[text("x")])
    assert await refused(nothing) == "message_not_found"
    posted = await client.chat_postMessage(channel="D0MIA", text="plain")
    plain = client.chat_stopStream(channel="D0MIA", ts=posted["ts"])
    assert await refused(plain) == "message_not_in_streaming_state"


async def test_an_unknown_display_mode_is_refused(client, thread):
    assert await refused(client.chat_startStream(**thread, task_display_mode="list")) == "invalid_arguments"


async def test_new_blocks_replace_everything_that_was_streamed(workspace, client, stream):
    await client.chat_appendStream(**stream, chunks=[task("1", "complete")])
    await client.chat_stopStream(**stream, blocks=[{"type": "divider"}])
    await client.chat_update(**stream, text="short", blocks=[{"type": "markdown", "text": "whole answer"}])
    shown = message(workspace, stream)
    assert shown.edited
    assert [block["type"] for block in shown.all_blocks()] == ["markdown"]
    assert shown.tasks == {}
