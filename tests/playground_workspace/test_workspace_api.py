"""The Web API: who may call, how arguments arrive, what the methods do and refuse."""

from __future__ import annotations

import json

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from kubeai_bot.playground.workspace.api import HANDLERS
from kubeai_bot.playground.workspace.arguments import METHODS
from kubeai_bot.playground.workspace.faults import POST_BURST
from kubeai_bot.playground.workspace.people import Channel
from kubeai_bot.playground.workspace.server import Workspace


async def refused(call) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


def test_every_method_has_arguments_and_a_handler():
    assert set(METHODS) == set(HANDLERS)


async def test_auth_test_says_who_the_bot_is_and_which_scopes_it_has(workspace, client):
    answer = await client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0SHOP", "U0KUBEAI", "B0KUBEAI")
    assert "chat:write" in answer.headers["X-OAuth-Scopes"]
    assert workspace.calls[-1].token == "bot"


@pytest.mark.parametrize(
    ("token", "error"), [(None, "not_authed"), ("xoxb-stolen", "invalid_auth"), ("app", "not_allowed_token_type")]
)
async def test_a_wrong_token_is_refused(workspace, bots, token, error):
    client = await bots.client(workspace, token=workspace.app_token if token == "app" else token)
    assert await refused(client.auth_test()) == error


async def test_the_bot_token_opens_no_socket(workspace, client):
    assert await refused(client.apps_connections_open(app_token=workspace.bot_token)) == "not_allowed_token_type"


async def test_tokens_are_of_this_workspace_only_and_visibly_fake():
    one, two = Workspace(), Workspace()
    assert one.bot_token.startswith("xoxb-sim-")
    assert one.app_token.startswith("xapp-sim-")
    assert len({one.bot_token, two.bot_token, one.app_token, two.app_token, one.signing_secret}) == 5


async def test_an_unknown_method_is_a_problem(workspace, client):
    assert await refused(client.api_call("chat.scheduleMessage", json={"channel": "D0MIA"})) == "unknown_method"
    assert "unknown_method" in workspace.problems[0]
    assert "chat.scheduleMessage" in workspace.problems[0]


async def test_an_unknown_argument_is_a_problem_but_team_id_is_not(workspace, client):
    await client.chat_postMessage(channel="D0MIA", text="x", team_id="T0SHOP")
    workspace.assert_no_problems()
    await client.chat_postMessage(channel="D0MIA", text="x", threads_ts="1.2")
    assert workspace.problems == ["chat.postMessage: unknown argument 'threads_ts'"]


@pytest.mark.parametrize("way", ["query", "form", "json", "mixed", "multipart"])
async def test_arguments_arrive_in_any_encoding(workspace, client, way):
    arguments = {"channel": "D0MIA", "text": "x", "blocks": json.dumps([{"type": "divider"}]), "unfurl_links": "false"}
    request = {
        "query": {"params": arguments},
        "form": {"data": arguments},
        "json": {"json": {**arguments, "blocks": [{"type": "divider"}], "unfurl_links": False}},
        "mixed": {"params": {"channel": "D0MIA"}, "data": {k: v for k, v in arguments.items() if k != "channel"}},
        "multipart": {"data": _multipart(arguments)},
    }[way]
    headers = {"Authorization": f"Bearer {workspace.bot_token}"}
    async with client.session.post(f"{workspace.api_url}chat.postMessage", headers=headers, **request) as answer:
        assert (await answer.json())["ok"]
    assert workspace.calls[-1].arguments == {
        "channel": "D0MIA",
        "text": "x",
        "blocks": [{"type": "divider"}],
        "unfurl_links": False,
    }
    workspace.assert_no_problems()


def _multipart(arguments: dict) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for key, value in arguments.items():
        form.add_field(key, value)
    return form


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{", "invalid_json"),
        ("[]", "json_not_object"),
        ("{}", "invalid_arguments"),
        ('{"channel": {}, "text": "x"}', "invalid_arguments"),
        ('{"channel": "D0MIA", "text": "x", "unfurl_links": "perhaps"}', "invalid_arguments"),
        ('{"channel": "D0MIA", "text": "x", "blocks": "no json"}', "invalid_blocks_format"),
        ('{"channel": "D0MIA", "text": "x", "blocks": {}}', "invalid_blocks_format"),
        ('{"channel": "D0MIA", "text": "x", "metadata": []}', "invalid_arguments"),
        ('{"channel": "D0MIA", "text": "x", "metadata": {"event_type": "x"}}', "invalid_metadata_format"),
        ('{"channel": "D0MIA", "text": "x", "attachments": [1]}', "invalid_attachments"),
        ('{"channel": "D0MIA"}', "no_text"),
        ('{"channel": "D0MIA", "text": ""}', "no_text"),
        ('{"channel": "D0MIA", "text": "x", "markdown_text": "y"}', "markdown_text_conflict"),
        ('{"channel": "D0MIA", "blocks": [], "markdown_text": "y"}', "markdown_text_conflict"),
        ('{"channel": "C0NOWHERE", "text": "x"}', "channel_not_found"),
        ('{"channel": "D0MIA", "text": "x", "thread_ts": "1.000001"}', "thread_not_found"),
    ],
)
async def test_a_call_that_makes_no_sense_is_refused(workspace, client, body, error):
    headers = {"Authorization": f"Bearer {workspace.bot_token}", "Content-Type": "application/json"}
    async with client.session.post(f"{workspace.api_url}chat.postMessage", headers=headers, data=body) as answer:
        assert (await answer.json())["error"] == error
    assert bool(workspace.problems) == (not error.endswith("_not_found"))


async def test_a_long_text_is_cut_when_posted_and_refused_when_updated(workspace, client):
    posted = await client.chat_postMessage(channel="D0MIA", text="x" * 40_001)
    assert len(workspace.messages("D0MIA")[0].text) == 40_000
    await client.chat_update(channel="D0MIA", ts=posted["ts"], text="y" * 4000)
    assert await refused(client.chat_update(channel="D0MIA", ts=posted["ts"], text="y" * 4001)) == "msg_too_long"
    assert await refused(client.chat_postMessage(channel="D0MIA", markdown_text="x" * 12_001)) == "msg_too_long"
    assert len(workspace.problems) == 2


async def test_an_update_keeps_what_it_does_not_send(workspace, client):
    blocks = [{"type": "divider"}]
    metadata = {"event_type": "a", "event_payload": {"b": 1}}
    posted = await client.chat_postMessage(channel="D0MIA", text="old", blocks=blocks, metadata=metadata)
    await client.chat_update(channel="D0MIA", ts=posted["ts"], text="new")
    (message,) = workspace.messages("D0MIA")
    assert (message.text, message.edited, message.metadata) == ("new", True, metadata)
    assert message.blocks[0]["type"] == "divider"
    await client.chat_update(channel="D0MIA", ts=posted["ts"], text="bare", blocks=[], metadata={})
    assert (message.blocks, message.metadata) == ([], None)
    workspace.assert_no_problems()


async def test_only_own_messages_are_updated_and_deleted(workspace, client):
    ts = await workspace.say("U0MIA", "mine")
    assert await refused(client.chat_update(channel="D0MIA", ts=ts, text="x")) == "cant_update_message"
    assert await refused(client.chat_delete(channel="D0MIA", ts=ts)) == "cant_delete_message"
    assert await refused(client.chat_update(channel="D0MIA", ts="1.000001", text="x")) == "message_not_found"
    own = await client.chat_postMessage(channel="D0MIA", text="own")
    await client.chat_delete(channel="D0MIA", ts=own["ts"])
    assert [message.text for message in workspace.messages("D0MIA")] == ["mine"]
    assert await refused(client.chat_delete(channel="D0MIA", ts=own["ts"])) == "message_not_found"


async def test_an_ephemeral_message_is_seen_by_one_person_and_lives_outside_history(workspace, client):
    answer = await client.chat_postEphemeral(channel="C0ONCALL", user="U0MIA", text="only you")
    (message,) = workspace.messages("C0ONCALL")
    assert (message.ephemeral_to, message.ts) == ("U0MIA", answer["message_ts"])
    assert (await client.conversations_history(channel="C0ONCALL"))["messages"] == []
    assert await refused(client.chat_update(channel="C0ONCALL", ts=message.ts, text="x")) == "message_not_found"
    assert await refused(client.chat_postEphemeral(channel="C0ONCALL", user="U0EVE", text="x")) == "user_not_in_channel"
    assert "only visible to Mia" in workspace.rendered("C0ONCALL")


async def test_where_the_bot_is_not_it_cannot_post_until_it_joins(workspace, client):
    workspace.add_channel(Channel("C0NEW", "new", {"U0MIA"}))
    assert await refused(client.chat_postMessage(channel="C0NEW", text="x")) == "not_in_channel"
    assert await refused(client.conversations_history(channel="C0NEW")) == "not_in_channel"
    await client.conversations_join(channel="C0NEW")
    assert (await client.chat_postMessage(channel="C0NEW", text="x"))["ok"]
    workspace.channels["C0NEW"].is_archived = True
    assert await refused(client.chat_postMessage(channel="C0NEW", text="x")) == "is_archived"
    workspace.assert_no_problems()


async def test_a_person_can_be_addressed_by_user_id(workspace, client):
    assert (await client.chat_postMessage(channel="U0MIA", text="x"))["channel"] == "D0MIA"
    assert (await client.conversations_open(users="U0MIA"))["channel"] == {"id": "D0MIA"}
    assert (await client.conversations_open(users="U0MIA", return_im=True))["channel"]["user"] == "U0MIA"


async def test_a_thread_counts_its_replies_and_pages_through_them(workspace, client):
    root = await workspace.say("U0MIA", "root")
    stamps = [await workspace.say("U0MIA", str(n), thread_ts=root) for n in range(4)]
    await client.chat_postMessage(channel="D0MIA", text="bot", thread_ts=root)
    (top,) = (await client.conversations_history(channel="D0MIA"))["messages"]
    assert (top["reply_count"], top["reply_users"]) == (5, ["U0MIA", "U0KUBEAI"])
    assert top["latest_reply"] == workspace.messages("D0MIA")[-1].ts
    first = await client.conversations_replies(channel="D0MIA", ts=root, limit=4)
    assert [m["text"] for m in first["messages"]] == ["root", "0", "1", "2"]
    assert first["has_more"]
    cursor = first["response_metadata"]["next_cursor"]
    rest = await client.conversations_replies(channel="D0MIA", ts=root, limit=4, cursor=cursor)
    assert [m["text"] for m in rest["messages"]] == ["3", "bot"]
    assert not rest["has_more"]
    window = {"channel": "D0MIA", "ts": root, "oldest": stamps[1], "latest": stamps[3]}
    inside = (await client.conversations_replies(**window))["messages"]
    assert [m["text"] for m in inside] == ["root", "2"]
    edges = (await client.conversations_replies(**window, inclusive=True))["messages"]
    assert [m["text"] for m in edges] == ["root", "1", "2", "3"]
    assert await refused(client.conversations_replies(channel="D0MIA", ts="1.000001")) == "thread_not_found"
    assert await refused(client.conversations_replies(channel="D0MIA", ts=root, cursor="x")) == "invalid_cursor"
    assert await refused(client.conversations_replies(channel="D0MIA", ts=root, oldest="x")) == "invalid_ts_oldest"
    assert await refused(client.conversations_replies(channel="D0MIA", ts=root, limit=0)) == "invalid_limit"


async def test_a_deleted_root_leaves_a_tombstone_while_it_has_replies(workspace, client):
    root = await workspace.say("U0MIA", "root")
    await client.chat_postMessage(channel="D0MIA", text="reply", thread_ts=root)
    await workspace.delete("U0MIA", "D0MIA", root)
    await client.chat_postMessage(channel="D0MIA", text="still here", thread_ts=root)
    shown = (await client.conversations_replies(channel="D0MIA", ts=root))["messages"]
    assert [m.get("subtype") for m in shown] == ["tombstone", None, None]
    alone = await workspace.say("U0MIA", "alone")
    await workspace.delete("U0MIA", "D0MIA", alone)
    gone = client.chat_postMessage(channel="D0MIA", text="x", thread_ts=alone)
    assert await refused(gone) == "thread_not_found"


async def test_metadata_comes_back_only_when_asked_for(workspace, client):
    metadata = {"event_type": "kubeai_turn", "event_payload": {"turn": "t1", "nested": {"a": [1]}}}
    root = await workspace.say("U0MIA", "root")
    await client.chat_postMessage(channel="D0MIA", text="x", thread_ts=root, metadata=metadata)
    with_it = await client.conversations_replies(channel="D0MIA", ts=root, include_all_metadata=True)
    assert with_it["messages"][1]["metadata"] == metadata
    without_it = await client.conversations_replies(channel="D0MIA", ts=root)
    assert "metadata" not in without_it["messages"][1]


async def test_a_reply_can_be_broadcast(workspace, client):
    root = await workspace.say("U0MIA", "root", channel="C0ONCALL")
    await client.chat_postMessage(channel="C0ONCALL", text="look", thread_ts=root, reply_broadcast=True)
    history = (await client.conversations_history(channel="C0ONCALL"))["messages"]
    assert [m.get("subtype") for m in history] == ["thread_broadcast", None]


async def test_permalinks_name_the_thread(workspace, client):
    root = await workspace.say("U0MIA", "root")
    reply = await client.chat_postMessage(channel="D0MIA", text="x", thread_ts=root)
    link = (await client.chat_getPermalink(channel="D0MIA", message_ts=reply["ts"]))["permalink"]
    assert link.endswith(f"/archives/D0MIA/p{reply['ts'].replace('.', '')}?thread_ts={root}&cid=D0MIA")


async def test_the_directory_knows_people_channels_team_and_bot(workspace, client):
    omar = (await client.users_info(user="U0OMAR"))["user"]
    assert (omar["profile"]["email"], omar["team_id"], omar["is_restricted"]) == ("omar@shop.example", "T0SHOP", False)
    assert (await client.users_info(user="U0KUBEAI"))["user"]["is_bot"]
    assert (await client.users_lookupByEmail(email="mia@shop.example"))["user"]["id"] == "U0MIA"
    assert await refused(client.users_lookupByEmail(email="eve@other.example")) == "users_not_found"
    assert await refused(client.users_info(user="U0NOBODY")) == "user_not_found"
    assert (await client.team_info())["team"]["id"] == "T0SHOP"
    assert (await client.bots_info(bot="B0KUBEAI"))["bot"]["app_id"] == "A0KUBEAI"
    channels = (await client.conversations_list(types="public_channel,im"))["channels"]
    assert {"C0ONCALL", "C0GENERAL", "D0MIA", "D0OMAR", "D0SAM", "D0GIL", "D0EVE"} == {c["id"] for c in channels}
    assert await refused(client.conversations_list(types="secret")) == "invalid_types"
    members = (await client.conversations_members(channel="C0ONCALL"))["members"]
    assert {"U0MIA", "U0OMAR", "U0KUBEAI"} <= set(members)
    assert (await client.conversations_info(channel="C0ONCALL"))["channel"]["name"] == "shop-oncall"
    assert (await client.conversations_info(channel="D0MIA"))["channel"]["user"] == "U0MIA"


async def test_the_app_reacts_once_and_takes_it_back(workspace, client):
    ts = await workspace.say("U0MIA", "hi")
    here = {"channel": "D0MIA", "timestamp": ts, "name": "eyes"}
    await client.reactions_add(**here)
    assert workspace.messages("D0MIA")[0].reactions == {"eyes": ["U0KUBEAI"]}
    assert await refused(client.reactions_add(**here)) == "already_reacted"
    await client.reactions_remove(**here)
    assert workspace.messages("D0MIA")[0].reactions == {}
    assert await refused(client.reactions_remove(**here)) == "no_reaction"
    assert await refused(client.reactions_add(**here | {"name": ":Eyes:"})) == "invalid_name"


async def test_a_file_goes_up_in_three_steps_and_appears_in_the_thread(workspace, client):
    ts = await workspace.say("U0MIA", "logs?")
    answer = await client.files_upload_v2(
        content="line\n" * 100, filename="api.log", title="Log", channel="D0MIA", thread_ts=ts, initial_comment="here"
    )
    message = workspace.messages("D0MIA", ts)[1]
    assert (message.text, message.files[0]["title"], message.files[0]["size"]) == ("here", "Log", 500)
    file = workspace.files[answer["file"]["id"]]
    assert file.content == b"line\n" * 100
    assert (await client.files_info(file=file.id))["file"]["name"] == "api.log"
    assert "[file] api.log (500 bytes)" in workspace.rendered("D0MIA", ts)
    workspace.assert_no_problems()


async def test_an_upload_must_keep_its_word(workspace, client):
    assert await refused(client.files_getUploadURLExternal(filename="a", length=0)) == "invalid_arguments"
    announced = await client.files_getUploadURLExternal(filename="a", length=3)
    unfinished = client.files_completeUploadExternal(files=[{"id": announced["file_id"]}])
    assert await refused(unfinished) == "file_not_found"
    async with client.session.post(announced["upload_url"], data=b"abcd") as answer:
        assert answer.status == 400
    async with client.session.post(announced["upload_url"], data=b"abc") as answer:
        assert await answer.text() == "OK - 3"
    assert (await client.files_completeUploadExternal(files=[{"id": announced["file_id"]}]))["ok"]
    assert await refused(client.files_info(file="F0NONE")) == "file_not_found"


async def test_a_file_is_shared_with_blocks_or_a_comment_not_both(workspace, client):
    announced = await client.files_getUploadURLExternal(filename="a", length=3, snippet_type="text")
    async with client.session.post(announced["upload_url"], data=b"abc"):
        pass
    there = {"files": [{"id": announced["file_id"], "title": "A"}], "channel_id": "D0MIA"}
    blocks = json.dumps([{"type": "divider"}])
    both = client.files_completeUploadExternal(**there, initial_comment="x", blocks=blocks)
    assert await refused(both) == "invalid_arguments"
    await client.files_completeUploadExternal(**there, blocks=blocks)
    (message,) = workspace.messages("D0MIA")
    assert (message.blocks[0]["type"], message.files[0]["mode"]) == ("divider", "snippet")
    assert await refused(client.files_getUploadURLExternal(filename="a", length=2**40)) == "file_upload_size_restricted"
    unknown = client.session.post(f"{workspace.base_url}/upload/v1/F0NONE", data=b"abc")
    async with unknown as answer:
        assert answer.status == 404


async def test_conversations_have_their_own_refusals(workspace, client):
    assert await refused(client.conversations_open(users="U0MIA,U0OMAR")) == "method_not_supported_for_channel_type"
    assert await refused(client.conversations_open(users="")) == "users_list_not_supplied"
    assert await refused(client.conversations_join(channel="D0MIA")) == "method_not_supported_for_channel_type"
    assert (await client.conversations_open(channel="D0MIA"))["channel"]["id"] == "D0MIA"
    assert await refused(client.team_info(team="T0ELSE")) == "team_not_found"
    assert await refused(client.bots_info(bot="B0ELSE")) == "bot_not_found"
    assert await refused(client.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"
    assert await refused(client.api_test(error="my_error")) == "my_error"


async def test_a_person_can_leave_or_become_a_guest(workspace, client):
    workspace.change_person("U0SAM", deleted=True)
    workspace.change_person("U0MIA", is_restricted=True)
    assert (await client.users_info(user="U0SAM"))["user"]["deleted"]
    assert await refused(client.users_lookupByEmail(email="sam@shop.example")) == "users_not_found"
    assert (await client.users_info(user="U0MIA"))["user"]["is_restricted"]


async def test_blocks_inside_attachments_are_checked_too(workspace, client):
    await client.chat_postMessage(
        channel="D0MIA", text="x", attachments=[{"color": "#f00", "blocks": [{"type": "divider"}]}]
    )
    workspace.assert_no_problems()
    wrong = client.chat_postMessage(channel="D0MIA", text="x", attachments=[{"blocks": [{"type": "x"}]}])
    assert await refused(wrong) == "invalid_attachments"
    assert "/attachments/0/blocks/0/type" in workspace.problems[0]


async def test_session_status_and_title_follow_the_rules(workspace, client):
    ts = await workspace.say("U0MIA", "hi")
    here = {"channel_id": "D0MIA", "thread_ts": ts}
    answer = await client.agents_sessions_setStatus(
        **here, status="processing", title="Pods", initiator_user_id="U0MIA"
    )
    assert (answer["status"], answer["title"]) == ("processing", "Pods")
    await client.agents_sessions_setStatus(**here, status="active", title="ignored, only the first counts")
    session = workspace.session("D0MIA", ts)
    assert (session.status, session.title, session.initiator) == ("active", "Pods", "U0MIA")
    await client.agents_sessions_rename(**here, title="x" * 200)
    assert await refused(client.agents_sessions_rename(**here, title="x" * 201)) == "invalid_arguments"
    assert await refused(client.agents_sessions_setStatus(**here, status="busy")) == "invalid_status"
    nowhere = client.agents_sessions_setStatus(channel_id="D0MIA", status="active")
    assert await refused(nowhere) == "thread_ts_required"


async def test_without_the_stop_event_the_status_warns(workspace, client):
    ts = await workspace.say("U0MIA", "hi")
    workspace.bot_events = workspace.bot_events - {"agent_session_stopped"}
    answer = await client.agents_sessions_setStatus(channel_id="D0MIA", thread_ts=ts, status="processing")
    assert answer["warning"] == "missing_agent_session_stopped_event_subscription"


async def test_a_status_line_clears_with_the_next_reply_or_by_itself(bots, clock):
    async with Workspace(clock=clock) as workspace:
        client = await bots.client(workspace)
        ts = await workspace.say("U0MIA", "hi")
        here = {"channel_id": "D0MIA", "thread_ts": ts}
        await client.assistant_threads_setStatus(**here, status="is thinking", loading_messages=["Looking"])
        assert workspace.session("D0MIA", ts).loading_messages == ("Looking",)
        assert workspace.rendered("D0MIA", ts).endswith("(is thinking)")
        await client.chat_postMessage(channel="D0MIA", thread_ts=ts, text="there")
        assert workspace.session("D0MIA", ts).status_text == ""
        await client.assistant_threads_setStatus(**here, status="is thinking")
        await client.assistant_threads_setStatus(**here, status="")
        assert workspace.session("D0MIA", ts).status_text == ""
        await client.assistant_threads_setStatus(**here, status="is thinking")
        clock.advance(120)
        assert workspace.session("D0MIA", ts).status_text == ""
        too_long = client.assistant_threads_setStatus(**here, status="x", loading_messages=["x" * 51])
        assert await refused(too_long) == "invalid_arguments"
        too_many = client.assistant_threads_setStatus(**here, status="x", loading_messages=["x"] * 11)
        assert await refused(too_many) == "invalid_arguments"
        await client.assistant_threads_setTitle(**here, title="Pods")
        assert workspace.session("D0MIA", ts).title == "Pods"


async def test_prompts_are_suggested_in_a_direct_message(workspace, client):
    prompts = [{"title": "Status", "message": "What is broken?"}]
    await client.assistant_threads_setSuggestedPrompts(channel_id="D0MIA", prompts=prompts, title="Try")
    assert workspace.prompts("U0MIA") == [("Status", "What is broken?")]
    many = client.assistant_threads_setSuggestedPrompts(channel_id="D0MIA", prompts=prompts * 5)
    assert await refused(many) == "invalid_arguments"
    odd = client.assistant_threads_setSuggestedPrompts(channel_id="D0MIA", prompts=[{"title": "x"}])
    assert await refused(odd) == "invalid_arguments"
    in_public = client.assistant_threads_setSuggestedPrompts(channel_id="C0ONCALL", prompts=prompts)
    assert await refused(in_public) == "channel_not_found"


async def test_calls_are_on_record_with_their_answers(workspace, client):
    await client.chat_postMessage(channel="D0MIA", text="x")
    (call,) = workspace.calls_of("chat.postMessage")
    assert (call.method, call.arguments, call.ok, call.status) == (
        "chat.postMessage",
        {"channel": "D0MIA", "text": "x"},
        True,
        200,
    )
    assert call.response["ts"] == workspace.messages("D0MIA")[0].ts


async def test_an_arranged_error_hits_as_often_as_asked_and_does_nothing_else(workspace, client):
    workspace.fault("chat.postMessage", error="restricted_action", times=2, after=1)
    assert (await client.chat_postMessage(channel="D0MIA", text="1"))["ok"]
    assert await refused(client.chat_postMessage(channel="D0MIA", text="2")) == "restricted_action"
    assert (await client.chat_update(channel="D0MIA", ts=workspace.messages("D0MIA")[0].ts, text="1b"))["ok"]
    assert await refused(client.chat_postMessage(channel="D0MIA", text="3")) == "restricted_action"
    assert (await client.chat_postMessage(channel="D0MIA", text="4"))["ok"]
    assert [message.text for message in workspace.messages("D0MIA")] == ["1b", "4"]
    workspace.assert_no_problems()


async def test_too_many_requests_carry_retry_after_and_the_sdk_waits(workspace, bots):
    workspace.fault("chat.postMessage", retry_after=1)
    client: AsyncWebClient = await bots.client(workspace, retry_handlers=[AsyncRateLimitErrorRetryHandler()])
    assert (await client.chat_postMessage(channel="D0MIA", text="x"))["ok"]
    assert [(call.status, call.ok) for call in workspace.calls] == [(429, False), (200, True)]


async def test_a_server_error_is_an_http_status(workspace, bots):
    workspace.fault("*", status=503, times=1)
    client = await bots.client(workspace, retry_handlers=[AsyncServerErrorRetryHandler(max_retry_count=1)])
    assert (await client.chat_postMessage(channel="D0MIA", text="x"))["ok"]
    assert workspace.calls[0].status == 503


async def test_a_dropped_answer_leaves_the_effect_behind(workspace, bots):
    workspace.fault("chat.postMessage", drop_response=True)
    client = await bots.client(workspace, retry_handlers=[])
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel="D0MIA", text="x")
    assert [message.text for message in workspace.messages("D0MIA")] == ["x"]
    again = await bots.client(workspace, retry_handlers=[AsyncConnectionErrorRetryHandler()])
    workspace.fault("chat.postMessage", drop_response=True)
    await again.chat_postMessage(channel="D0MIA", text="y")
    assert [message.text for message in workspace.messages("D0MIA")] == ["x", "y", "y"]


async def test_a_delayed_call_can_time_out(workspace, client):
    workspace.fault("auth.test", delay=5)
    with pytest.raises(TimeoutError):
        async with client.session.post(
            f"{workspace.api_url}auth.test",
            headers={"Authorization": f"Bearer {workspace.bot_token}"},
            timeout=aiohttp.ClientTimeout(total=0.05),
        ):
            pass
    workspace.fault("auth.test", delay=0.001)
    assert (await client.auth_test())["ok"]


async def test_arranged_faults_can_be_called_off(workspace, client):
    workspace.fault("auth.test", error="fatal_error")
    workspace.clear_faults()
    assert (await client.auth_test())["ok"]
    with pytest.raises(ValueError, match="at least once"):
        workspace.fault("auth.test", error="x", times=0)


async def test_rate_limits_follow_the_tiers_by_the_clock(bots, clock):
    async with Workspace(clock=clock, rate_limits=True) as workspace:
        client = await bots.client(workspace, retry_handlers=[])
        ts = await workspace.say("U0MIA", "hi")
        streams = [await client.chat_startStream(channel="D0MIA", thread_ts=ts) for _ in range(20)]
        with pytest.raises(SlackApiError) as caught:
            await client.chat_startStream(channel="D0MIA", thread_ts=ts)
        assert caught.value.response.status_code == 429
        assert caught.value.response["error"] == "ratelimited"
        assert caught.value.response.headers["Retry-After"] == "60"
        await client.chat_stopStream(channel="D0MIA", ts=streams[0]["ts"])
        clock.advance(60)
        await client.chat_startStream(channel="D0MIA", thread_ts=ts)


async def test_posting_allows_a_short_burst_a_channel(bots, clock):
    async with Workspace(clock=clock, rate_limits=True) as workspace:
        client = await bots.client(workspace, retry_handlers=[])
        for _ in range(POST_BURST):
            await client.chat_postMessage(channel="D0MIA", text="x")
        assert await refused(client.chat_postMessage(channel="D0MIA", text="x")) == "ratelimited"
        await client.chat_postMessage(channel="D0OMAR", text="x")
        clock.advance(POST_BURST)
        await client.chat_postMessage(channel="D0MIA", text="x")
        workspace.assert_no_problems()


async def test_without_being_asked_there_are_no_rate_limits(workspace, client):
    for _ in range(60):
        await client.chat_getPermalink(
            channel="D0MIA", message_ts=(await client.chat_postMessage(channel="D0MIA", text="x"))["ts"]
        )
    assert all(call.ok for call in workspace.calls)
