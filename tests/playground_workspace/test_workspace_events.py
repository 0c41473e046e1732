"""What people do reaches the app as the events that Slack sends, over both transports."""

from __future__ import annotations

import pytest

from kubeai_bot.playground.workspace.people import Channel, Person
from kubeai_bot.playground.workspace.server import Workspace

BOT_AUTHORIZATION = {
    "enterprise_id": None,
    "team_id": "T0SHOP",
    "user_id": "U0KUBEAI",
    "is_bot": True,
    "is_enterprise_install": False,
}


async def settled(workspace: Workspace) -> None:
    for delivery in list(workspace.deliveries):
        await workspace.settle(delivery)


async def test_a_direct_message_opens_a_conversation_without_a_thread(workspace, bot):
    bot.listen("message")
    ts = await workspace.say("U0MIA", "why is <b> down?")
    await settled(workspace)
    (event,) = bot.events("message")
    assert event.pop("client_msg_id")
    assert event.pop("blocks")[0]["elements"][0]["elements"] == [{"type": "text", "text": "why is <b> down?"}]
    assert event == {
        "type": "message",
        "user": "U0MIA",
        "ts": ts,
        "text": "why is <b> down?",
        "team": "T0SHOP",
        "channel": "D0MIA",
        "channel_type": "im",
        "event_ts": ts,
    }
    (body,) = bot.bodies
    assert body["type"] == "event_callback"
    assert (body["team_id"], body["api_app_id"]) == ("T0SHOP", "A0KUBEAI")
    assert body["authorizations"] == [BOT_AUTHORIZATION]
    assert body["is_ext_shared_channel"] is False
    assert workspace.deliveries[0].acked


async def test_a_reply_names_its_thread_and_whom_it_answers(workspace, bot):
    bot.listen("message")
    root = await workspace.say("U0MIA", "hello")
    reply = await workspace.say("U0MIA", "and now?", thread_ts=root)
    deeper = await workspace.say("U0MIA", "still there?", thread_ts=reply)
    await settled(workspace)
    by_ts = {event["ts"]: event for event in bot.events("message")}
    assert "thread_ts" not in by_ts[root]
    assert by_ts[reply]["thread_ts"] == by_ts[deeper]["thread_ts"] == root
    assert by_ts[reply]["parent_user_id"] == "U0MIA"


async def test_a_mention_in_a_channel_comes_as_two_events_with_one_timestamp(workspace, bot):
    bot.listen("message", "app_mention")
    ts = await workspace.say("U0OMAR", "what broke?", channel="C0ONCALL", mention=True)
    await settled(workspace)
    (message,), (mention,) = bot.events("message"), bot.events("app_mention")
    assert message["ts"] == mention["ts"] == ts
    assert message["text"] == mention["text"] == "<@U0KUBEAI> what broke?"
    assert message["channel_type"] == "channel"
    assert "channel_type" not in mention
    assert {"type": "user", "user_id": "U0KUBEAI"} in mention["blocks"][0]["elements"][0]["elements"]
    assert len({body["event_id"] for body in bot.bodies}) == 2


async def test_a_mention_in_a_direct_message_is_only_a_message(workspace, bot):
    bot.listen("message", "app_mention")
    await workspace.say("U0MIA", "hi", mention=True)
    await settled(workspace)
    assert not bot.events("app_mention")
    assert len(bot.events("message")) == 1


async def test_the_bots_own_messages_come_back_and_bolt_acks_them_unheard(workspace, bot):
    heard = []

    @bot.app.event("message")
    async def answer(event, say):
        heard.append(event)
        await say(text="pong", thread_ts=event["ts"])

    ts = await workspace.say("U0MIA", "ping")
    await workspace.wait_for(lambda w: len(w.messages("D0MIA", ts)) == 2, what="a reply")
    await settled(workspace)
    own = workspace.deliveries[-1].event  # Bolt drops it before any middleware of ours
    assert (own["bot_id"], own["user"], own["app_id"]) == ("B0KUBEAI", "U0KUBEAI", "A0KUBEAI")
    assert own["thread_ts"] == ts
    assert own["parent_user_id"] == "U0MIA"
    assert own["bot_profile"]["name"] == "kubeai"
    assert "subtype" not in own
    assert len(heard) == 1
    assert all(delivery.acked for delivery in workspace.deliveries)
    workspace.assert_no_problems()


async def test_the_app_hears_nothing_of_a_channel_it_is_not_in(workspace, bot):
    bot.listen("message", "app_mention")
    workspace.add_channel(Channel("C0OTHER", "other", {"U0MIA"}))
    await workspace.say("U0MIA", "psst", channel="C0OTHER", mention=True)
    assert workspace.deliveries == []


async def test_the_app_hears_only_what_it_subscribes_to(workspace, bot):
    bot.listen("message", "app_mention")
    workspace.bot_events = frozenset({"app_mention"})
    await workspace.say("U0MIA", "in private")
    await workspace.say("U0MIA", "in public", channel="C0GENERAL", mention=True)
    await settled(workspace)
    assert [delivery.event["type"] for delivery in workspace.deliveries] == ["app_mention"]


async def test_a_person_of_another_organisation_is_recognisable(workspace, bot):
    bot.listen("message")
    await workspace.say("U0EVE", "let me in", channel="C0ONCALL")
    await workspace.say("U0EVE", "please")
    await settled(workspace)
    for body in bot.bodies:
        assert body["is_ext_shared_channel"] is True
        assert body["event"]["user_team"] == body["event"]["source_team"] == body["event"]["team"] == "T0OTHER"
        assert body["team_id"] == "T0SHOP"
    user = (await bot.app.client.users_info(user="U0EVE"))["user"]
    assert user["is_stranger"] is True
    assert user["team_id"] == "T0OTHER"
    assert "email" not in user["profile"]


async def test_a_guest_is_recognisable_by_users_info(workspace, client):
    assert (await client.users_info(user="U0GIL"))["user"]["is_restricted"] is True
    assert (await client.users_info(user="U0MIA"))["user"]["is_restricted"] is False


async def test_nobody_speaks_in_the_direct_message_of_another(workspace):
    with pytest.raises(PermissionError):
        await workspace.say("U0OMAR", "hi", channel="D0MIA")


async def test_nobody_answers_in_a_thread_that_does_not_exist(workspace):
    with pytest.raises(LookupError):
        await workspace.say("U0MIA", "hi", thread_ts="1.000001")


async def test_an_edit_and_a_deletion_come_as_subtypes(workspace, bot):
    bot.listen("message")
    ts = await workspace.say("U0MIA", "helo")
    await workspace.edit("U0MIA", "D0MIA", ts, "hello")
    await workspace.delete("U0MIA", "D0MIA", ts)
    await settled(workspace)
    changed = next(e for e in bot.events("message") if e.get("subtype") == "message_changed")
    assert changed["message"]["text"] == "hello"
    assert changed["message"]["edited"]["user"] == "U0MIA"
    assert changed["previous_message"]["text"] == "helo"
    assert changed["message"]["ts"] == ts != changed["ts"]
    deleted = next(e for e in bot.events("message") if e.get("subtype") == "message_deleted")
    assert deleted["deleted_ts"] == ts
    assert workspace.messages("D0MIA") == []
    with pytest.raises(LookupError):
        await workspace.edit("U0MIA", "D0MIA", ts, "again")


async def test_only_the_author_edits_a_message(workspace, client):
    ts = (await client.chat_postMessage(channel="D0MIA", text="mine"))["ts"]
    with pytest.raises(PermissionError):
        await workspace.edit("U0MIA", "D0MIA", ts, "yours")


async def test_a_file_comes_as_file_share_and_can_be_read_with_the_bot_token(workspace, bot, bots):
    bot.listen("message")
    await workspace.share_file("U0MIA", "crash.log", b"OOMKilled", text="look")
    await settled(workspace)
    (event,) = bot.events("message")
    assert event["subtype"] == "file_share"
    (file,) = event["files"]
    assert (file["name"], file["size"], file["ims"]) == ("crash.log", 9, ["D0MIA"])
    session = bot.app.client.session
    async with session.get(file["url_private_download"]) as refused:
        assert refused.status == 403
    headers = {"Authorization": f"Bearer {workspace.bot_token}"}
    async with session.get(file["url_private_download"], headers=headers) as answer:
        assert await answer.read() == b"OOMKilled"


async def test_opening_the_app_tells_which_tab(workspace, bot):
    bot.listen("app_home_opened")
    await workspace.open_home("U0MIA", "messages")
    await workspace.open_home("U0MIA", "home")
    await settled(workspace)
    messages, home = sorted(bot.events("app_home_opened"), key=lambda event: event["tab"], reverse=True)
    assert (messages["user"], messages["channel"], messages["tab"]) == ("U0MIA", "D0MIA", "messages")
    assert home["tab"] == "home"
    with pytest.raises(ValueError, match="no tab"):
        await workspace.open_home("U0MIA", "about")


async def test_a_published_home_comes_along_when_it_is_opened_again(workspace, bot):
    bot.listen("app_home_opened")
    await bot.app.client.views_publish(user_id="U0MIA", view={"type": "home", "blocks": [{"type": "divider"}]})
    await workspace.open_home("U0MIA")
    await settled(workspace)
    assert bot.events("app_home_opened")[0]["view"]["blocks"][0]["type"] == "divider"
    assert workspace.home("U0MIA").view["blocks"][0]["type"] == "divider"


async def test_a_reaction_names_the_message(workspace, bot):
    bot.listen("message", "reaction_added")
    ts = await workspace.say("U0MIA", "nice")
    await workspace.react("U0OMAR", "D0MIA", ts, "thumbsup")
    await settled(workspace)
    (event,) = bot.events("reaction_added")
    assert event["item"] == {"type": "message", "channel": "D0MIA", "ts": ts}
    assert (event["user"], event["reaction"], event["item_user"]) == ("U0OMAR", "thumbsup", "U0MIA")


async def test_renaming_a_session_tells_old_and_new_title(workspace, bot):
    bot.listen("message", "agent_session_title_changed")
    ts = await workspace.say("U0MIA", "hi")
    await bot.app.client.agents_sessions_setStatus(
        channel_id="D0MIA", thread_ts=ts, status="processing", title="Old name"
    )
    await workspace.rename_session("U0MIA", "D0MIA", ts, "New name")
    await settled(workspace)
    (event,) = bot.events("agent_session_title_changed")
    assert (event["title"], event["previous_title"], event["thread_ts"]) == ("New name", "Old name", ts)
    assert workspace.session("D0MIA", ts).title == "New name"


async def test_what_a_person_looks_at_is_told(workspace, bot):
    bot.listen("app_context_changed", "message")
    entity = {"type": "slack#/types/channel_id", "value": "C0ONCALL", "team_id": "T0SHOP"}
    await workspace.look_at("U0MIA", [entity])
    await workspace.look_at("U0MIA", [])
    await settled(workspace)
    await workspace.look_at("U0MIA", [entity])
    await workspace.say("U0MIA", "what is wrong here?")
    await workspace.say("U0MIA", "what is wrong here?", channel="C0ONCALL")
    await settled(workspace)
    private, public = bot.events("message")
    assert private["app_context"] == {"entities": [entity]}
    assert "app_context" not in public
    contexts = [event["context"] for event in bot.events("app_context_changed")]
    assert {"entities": [entity]} in contexts
    assert {} in contexts


async def test_a_new_person_gets_a_direct_message_channel(workspace, bot):
    bot.listen("message")
    channel = workspace.add_person(Person("U0ROOT", "Root", "root@shop.example"))
    assert channel.id == "D0ROOT"
    await workspace.say("U0ROOT", "hi")
    await settled(workspace)
    assert bot.events("message")[0]["channel"] == "D0ROOT"
    found = await bot.app.client.users_lookupByEmail(email="ROOT@shop.example")
    assert found["user"]["id"] == "U0ROOT"


async def test_timestamps_are_unique_and_rise_even_when_the_clock_stands_still(clock):
    async with Workspace(clock=clock) as workspace:
        timestamps = [await workspace.say("U0MIA", str(number), channel="C0GENERAL") for number in range(50)]
    assert timestamps == sorted(set(timestamps))
    assert timestamps[0] == "1700000000.000000"
