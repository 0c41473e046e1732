"""Payloads are taken or refused as Slack does, with the place of the fault, and a refused one is a problem."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError

from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.shapes.blocks import IN_MESSAGE
from kubeai_bot.playground.workspace.validation import check_chunks, check_message_blocks, check_metadata, check_view
from tests.playground_workspace import payload_tables as tables


def cases(table: dict) -> list:
    return [pytest.param(value, id=name) for name, value in table.items()]


@pytest.mark.parametrize("blocks", cases(tables.RIGHT_BLOCKS))
def test_slack_takes_these_blocks(blocks):
    assert check_message_blocks(blocks) == []


@pytest.mark.parametrize("wrong", cases(tables.WRONG_BLOCKS))
def test_slack_refuses_these_blocks_and_says_where(wrong):
    blocks, pointer = wrong
    assert pointer in [fault.pointer for fault in check_message_blocks(blocks)]


@pytest.mark.parametrize("view", cases(tables.RIGHT_VIEWS))
def test_slack_takes_these_views(view):
    assert check_view(view) == []


@pytest.mark.parametrize("wrong", cases(tables.WRONG_VIEWS))
def test_slack_refuses_these_views_and_says_where(wrong):
    view, pointer = wrong
    assert pointer in [fault.pointer for fault in check_view(view)]


@pytest.mark.parametrize("chunks", cases(tables.RIGHT_CHUNKS))
def test_slack_takes_these_chunks(chunks):
    assert check_chunks(chunks, {}) == []


@pytest.mark.parametrize("wrong", cases(tables.WRONG_CHUNKS))
def test_slack_refuses_these_chunks_and_says_where(wrong):
    chunks, pointer = wrong
    assert pointer in [fault.pointer for fault in check_chunks(chunks, {})]


def test_what_is_nested_without_end_is_refused_and_not_followed():
    items = {"type": "rich_text_list", "style": "bullet", "elements": []}
    for _ in range(400):
        items = {"type": "rich_text_list", "style": "bullet", "elements": [items]}
    faults = check_message_blocks([{"type": "rich_text", "elements": [items]}])
    assert [fault.message for fault in faults] == ["nested too deeply"]


def test_every_block_of_a_message_is_in_the_table_of_right_ones():
    shown = {block["type"] for blocks in tables.RIGHT_BLOCKS.values() for block in blocks}
    assert set(IN_MESSAGE) == shown


@pytest.mark.parametrize(
    "metadata",
    [{}, {"event_type": "x"}, {"event_type": "x", "event_payload": "y"}, {"event_type": "", "event_payload": {}}, []],
)
def test_metadata_needs_a_type_and_a_payload(metadata):
    assert check_metadata(metadata)


def test_metadata_has_a_size():
    assert check_metadata({"event_type": "x", "event_payload": {"y": "z"}}) == []
    assert check_metadata({"event_type": "x", "event_payload": {"y": "z" * 16_000}})


def test_a_stream_shows_at_most_so_many_tasks():
    chunks = [{"type": "task_update", "id": str(n), "title": "x", "status": "complete"} for n in range(50)]
    assert check_chunks(chunks, {}) == []
    assert check_chunks(chunks, {"0": "complete"}) == []
    assert check_chunks(chunks, {"another": "complete"})


async def test_faulty_blocks_are_answered_as_slack_does_and_recorded(workspace, client):
    blocks = [{"type": "header", "text": {"type": "mrkdwn", "text": "x" * 151}}]
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="D0MIA", text="x", blocks=blocks)
    answer = caught.value.response.data
    assert answer["error"] == "invalid_blocks"
    expected = "[ERROR] must be one of: plain_text [json-pointer:/blocks/0/text/type]"
    assert expected in answer["response_metadata"]["messages"]
    assert workspace.problems == [
        f"chat.postMessage: invalid_blocks: {'; '.join(answer['response_metadata']['messages'])}"
    ]
    assert workspace.calls[-1].problems == tuple(workspace.problems)
    assert workspace.messages("D0MIA") == []
    with pytest.raises(AssertionError, match="invalid_blocks"):
        workspace.assert_no_problems()


@pytest.mark.parametrize(
    "call",
    [
        {"method": "chat.postMessage", "channel": "D0MIA", "text": "x"},
        {"method": "chat.postEphemeral", "channel": "D0MIA", "text": "x", "user": "U0MIA"},
        {"method": "chat.update", "channel": "D0MIA", "text": "x", "ts": "own"},
        {"method": "chat.stopStream", "channel": "D0MIA", "ts": "stream"},
        {"method": "views.publish", "user_id": "U0MIA"},
        {"method": "views.open"},
        {"method": "blocks.validate"},
    ],
    ids=lambda call: call["method"],
)
async def test_every_method_that_takes_blocks_checks_them(workspace, client, call):
    call = dict(call)
    method = call.pop("method")
    root = await workspace.say("U0MIA", "hi")
    if call.get("ts") == "own":
        call["ts"] = (await client.chat_postMessage(channel="D0MIA", text="x"))["ts"]
    elif call.get("ts") == "stream":
        call["ts"] = (await client.chat_startStream(channel="D0MIA", thread_ts=root))["ts"]
    wrong = [{"type": "section"}]
    kind = "modal" if method == "views.open" else "home"
    call |= {"view": {"type": kind, "blocks": wrong}} if method.startswith("views") else {"blocks": wrong}
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, json=call)
    assert caught.value.response["error"] in ("invalid_blocks", "invalid_arguments")


async def test_blocks_validate_names_every_fault_and_needs_no_token(workspace, bots):
    client = await bots.client(workspace, token=None)
    assert (await client.blocks_validate(blocks=[{"type": "divider"}]))["ok"]
    assert (await client.blocks_validate(message={"blocks": [{"type": "divider"}]}))["ok"]
    assert (await client.blocks_validate(view={"type": "home", "blocks": [{"type": "divider"}]}))["ok"]
    with pytest.raises(SlackApiError) as caught:
        await client.blocks_validate(blocks=[{"type": "header"}, {"type": "x"}])
    assert [error["pointer"] for error in caught.value.response["errors"]] == ["/blocks/0", "/blocks/1/type"]
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.blocks_validate()
    workspace.problems.clear()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "blocks", "rows", "tasks", "title", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
typed_values = st.builds(
    lambda kind, more: {**more, "type": kind},
    st.sampled_from([*IN_MESSAGE, "modal", "home", "markdown_text", "task_update", "plan_update", "blocks"]),
    st.dictionaries(st.sampled_from(["text", "elements", "blocks", "rows", "tasks", "title", "id"]), json_values),
)


@settings(deadline=None)
@given(st.lists(typed_values | json_values, max_size=3) | json_values)
def test_no_value_whatever_makes_the_validation_fall_over(value):
    assert isinstance(check_message_blocks(value), list)
    assert isinstance(check_chunks(value, {}), list)
    assert isinstance(check_view(value), list)
    assert isinstance(check_metadata(value), list)


_right = list(tables.RIGHT_BLOCKS.values())


@settings(deadline=None)
@given(st.data())
def test_one_unknown_key_anywhere_in_a_right_payload_is_found(data):
    blocks = copy.deepcopy(data.draw(st.sampled_from([blocks for blocks in _right if blocks])))
    places = list(_objects(blocks))
    place = data.draw(st.sampled_from(places))
    place["surprise"] = 1
    assert any("invalid additional property: surprise" in fault.message for fault in check_message_blocks(blocks))


def _objects(value):
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)


def test_the_tables_are_large_enough():
    assert len(tables.RIGHT_BLOCKS) + len(tables.RIGHT_VIEWS) + len(tables.RIGHT_CHUNKS) >= 150
    assert len(tables.WRONG_BLOCKS) + len(tables.WRONG_VIEWS) + len(tables.WRONG_CHUNKS) >= 200


async def test_a_workspace_starts_without_problems():
    async with Workspace() as workspace:
        workspace.assert_no_problems()
