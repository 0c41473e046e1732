"""Buttons, menus, modals, commands and shortcuts, over both transports."""

from __future__ import annotations

import re

import pytest
from slack_sdk.errors import SlackApiError

from kubeai_bot.playground.workspace.server import Workspace

APPROVE = {
    "type": "button",
    "action_id": "approve",
    "text": {"type": "plain_text", "text": "Approve"},
    "value": "a1",
    "style": "primary",
    "visible_to_user_ids": ["U0OMAR"],
}
REASON = {
    "type": "input",
    "block_id": "why",
    "label": {"type": "plain_text", "text": "Why?"},
    "element": {"type": "plain_text_input", "action_id": "reason"},
}


def modal(*blocks: dict, **more: object) -> dict:
    text = {"type": "plain_text", "text": "Deny"}
    return {"type": "modal", "callback_id": "deny", "title": text, "submit": text, "blocks": list(blocks), **more}


async def refused(call) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_a_click_carries_message_container_and_action(workspace, bot):
    seen = []

    @bot.app.action("approve")
    async def approved(ack, body, respond):
        await ack()
        seen.append(body)
        await respond(text="Approved by Omar", replace_original=True)

    ts = await workspace.say("U0MIA", "scale up", channel="C0ONCALL", mention=True)
    workspace.bot_events = frozenset()
    blocks = [{"type": "actions", "block_id": "b1", "elements": [APPROVE]}]
    posted = await bot.app.client.chat_postMessage(channel="C0ONCALL", thread_ts=ts, text="May I?", blocks=blocks)
    delivery = await workspace.click("U0OMAR", "approve")
    assert delivery.acked
    (body,) = seen
    assert body["type"] == "block_actions"
    assert body["user"] == {"id": "U0OMAR", "username": "omar", "name": "omar", "team_id": "T0SHOP"}
    assert body["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": "C0ONCALL",
        "is_ephemeral": False,
        "thread_ts": ts,
    }
    assert body["message"]["ts"] == posted["ts"]
    assert body["channel"] == {"id": "C0ONCALL", "name": "shop-oncall"}
    (action,) = body["actions"]
    assert (action["action_id"], action["block_id"], action["value"], action["type"]) == (
        "approve",
        "b1",
        "a1",
        "button",
    )
    message = workspace.messages("C0ONCALL", ts)[1]
    await workspace.wait_for(lambda _: message.edited, what="the answer to the click")
    assert message.text == "Approved by Omar"
    workspace.assert_no_problems()


async def test_a_button_is_clicked_only_by_those_who_see_it(workspace, client):
    blocks = [{"type": "actions", "elements": [APPROVE]}]
    await client.chat_postMessage(channel="C0ONCALL", text="May I?", blocks=blocks)
    with pytest.raises(LookupError):
        await workspace.click("U0MIA", "approve")
    await client.chat_postEphemeral(
        channel="C0ONCALL",
        user="U0MIA",
        text="x",
        blocks=[{"type": "actions", "elements": [{**APPROVE, "action_id": "own", "visible_to_user_ids": ["U0SAM"]}]}],
    )
    with pytest.raises(LookupError):
        await workspace.click("U0SAM", "own")
    with pytest.raises(LookupError):
        await workspace.click("U0SAM", "own", message=workspace.messages("C0ONCALL")[-1])


async def test_every_kind_of_element_sends_what_was_chosen(workspace, bot):
    actions = []

    @bot.app.action(re.compile(".*"))
    async def any_action(ack, body):
        await ack()
        actions.append(body)

    def menu(kind: str, **more: object) -> dict:
        return {"type": kind, "action_id": kind, **more}

    def option(value: str) -> dict:
        return {"text": {"type": "plain_text", "text": value}, "value": value}

    elements = [
        menu("static_select", options=[option("a"), option("b")]),
        menu("overflow", options=[option("a")]),
        menu("radio_buttons", options=[option("a")]),
        menu("checkboxes", options=[option("a"), option("b")]),
        menu("users_select"),
        menu("multi_users_select"),
        menu("datepicker"),
        menu("external_select"),
    ]
    good = {"text": {"type": "plain_text", "text": "Good"}, "value": "up"}
    bad = {"text": {"type": "plain_text", "text": "Bad"}, "value": "down"}
    feedback = {"type": "feedback_buttons", "action_id": "fb", "positive_button": good, "negative_button": bad}
    blocks = [
        {"type": "actions", "elements": [e for e in elements if e["type"] != "multi_users_select"]},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "accessory": elements[5]},
        {"type": "context_actions", "elements": [feedback]},
    ]
    workspace.bot_events = frozenset()
    await bot.app.client.chat_postMessage(channel="D0MIA", text="x", blocks=blocks)
    await workspace.click("U0MIA", "static_select", choose="b")
    await workspace.click("U0MIA", "overflow", choose="a")
    await workspace.click("U0MIA", "radio_buttons", choose="a")
    await workspace.click("U0MIA", "checkboxes", choose=["a", "b"])
    await workspace.click("U0MIA", "users_select", choose="U0OMAR")
    await workspace.click("U0MIA", "multi_users_select", choose=["U0OMAR"])
    await workspace.click("U0MIA", "datepicker", choose="2026-11-21")
    await workspace.click("U0MIA", "external_select", choose="anything")
    await workspace.click("U0MIA", "fb", choose="negative")
    sent = {body["actions"][0]["action_id"]: body["actions"][0] for body in actions}
    assert sent["static_select"]["selected_option"]["value"] == "b"
    assert sent["overflow"]["selected_option"]["value"] == "a"
    assert sent["radio_buttons"]["selected_option"]["value"] == "a"
    assert [o["value"] for o in sent["checkboxes"]["selected_options"]] == ["a", "b"]
    assert sent["users_select"]["selected_user"] == "U0OMAR"
    assert sent["multi_users_select"]["selected_users"] == ["U0OMAR"]
    assert sent["datepicker"]["selected_date"] == "2026-11-21"
    assert sent["external_select"]["selected_option"]["value"] == "anything"
    assert sent["fb"]["value"] == "down"
    states = actions[0]["state"]["values"]
    assert "static_select" in next(iter(states.values()))
    with pytest.raises(LookupError):
        await workspace.click("U0MIA", "static_select", choose="c")
    with pytest.raises(ValueError, match="positive or negative"):
        await workspace.click("U0MIA", "fb")
    workspace.assert_no_problems()


async def test_a_modal_opens_once_from_a_fresh_trigger_and_returns_its_values(workspace, bot):
    seen = {}

    @bot.app.action("deny")
    async def deny(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(REASON, private_metadata="a1"))
        seen["trigger"] = body["trigger_id"]

    @bot.app.view("deny")
    async def submitted(ack, body, view):
        seen["view"] = view
        await ack()

    workspace.bot_events = frozenset()
    deny_button = {**APPROVE, "action_id": "deny", "visible_to_user_ids": ["U0OMAR"]}
    await bot.app.client.chat_postMessage(
        channel="D0OMAR", text="x", blocks=[{"type": "actions", "elements": [deny_button]}]
    )
    await workspace.click("U0OMAR", "deny")
    await workspace.wait_for(lambda _: "trigger" in seen, what="the modal")
    again = bot.app.client.views_open(trigger_id=seen["trigger"], view=modal(REASON))
    assert await refused(again) == "exchanged_trigger_id"
    with pytest.raises(ValueError, match="reason is required"):
        await workspace.submit("U0OMAR", {})
    assert (await workspace.submit("U0OMAR", {"reason": "too risky"})).acked
    assert seen["view"]["state"]["values"] == {"why": {"reason": {"type": "plain_text_input", "value": "too risky"}}}
    assert seen["view"]["private_metadata"] == "a1"
    with pytest.raises(LookupError):
        workspace.modal("U0OMAR")


async def test_a_submission_is_answered_with_errors_update_push_or_clear(workspace, bot):
    answers = []

    @bot.app.view("deny")
    async def submitted(ack):
        await ack(**answers.pop(0))

    @bot.app.shortcut("start")
    async def start(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(REASON))

    assert (await workspace.shortcut("U0MIA", "start")).acked
    await workspace.wait_for(lambda w: w.calls_of("views.open"), what="the modal")
    first = workspace.modal("U0MIA")
    answers += [
        {"response_action": "errors", "errors": {"why": "Say more"}},
        {"response_action": "update", "view": modal(REASON, callback_id="deny", private_metadata="2")},
        {"response_action": "push", "view": modal(REASON, callback_id="deny", private_metadata="3")},
        {"response_action": "clear"},
    ]
    await workspace.submit("U0MIA", {"reason": "x"})
    assert workspace.modal("U0MIA").errors == {"why": "Say more"}
    await workspace.submit("U0MIA", {"reason": "x"})
    assert workspace.modal("U0MIA") is first
    assert first.view["private_metadata"] == "2"
    assert first.errors == {}
    await workspace.submit("U0MIA", {"reason": "x"})
    top = workspace.modal("U0MIA")
    assert (top.previous, top.root, top.view["private_metadata"]) == (first.id, first.id, "3")
    await workspace.submit("U0MIA", {"reason": "x"})
    with pytest.raises(LookupError):
        workspace.modal("U0MIA")
    workspace.assert_no_problems()


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "push"},
        {"response_action": "explode"},
    ],
)
async def test_an_answer_to_a_submission_that_slack_would_not_take_is_a_problem(workspace, bots, answer):
    bot = await bots.socket(workspace)

    @bot.app.shortcut("start")
    async def start(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(REASON))

    @bot.app.view("deny")
    async def submitted(ack):
        await ack(**answer)

    await workspace.shortcut("U0MIA", "start")
    await workspace.wait_for(lambda w: w.calls_of("views.open"), what="the modal")
    await workspace.submit("U0MIA", {"reason": "x"})
    assert workspace.problems
    assert workspace.modal("U0MIA").view["callback_id"] == "deny"


async def test_triggers_go_stale_after_three_seconds(bots, clock):
    async with Workspace(clock=clock) as workspace:
        client = await bots.client(workspace)
        bot = await bots.socket(workspace)
        triggers = []

        @bot.app.shortcut("start")
        async def start(ack, body):
            triggers.append(body["trigger_id"])
            await ack()

        await workspace.shortcut("U0MIA", "start")
        clock.advance(3.1)
        assert await refused(client.views_open(trigger_id=triggers[0], view=modal(REASON))) == "expired_trigger_id"
        workspace.assert_no_problems()
        assert await refused(client.views_open(trigger_id="1.2.3", view=modal(REASON))) == "invalid_trigger_id"


async def test_modals_stack_three_high_and_views_are_updated_against_their_hash(workspace, bots):
    bot = await bots.socket(workspace)
    triggers = []

    @bot.app.shortcut("start")
    async def start(ack, body):
        triggers.append(body["trigger_id"])
        await ack()

    @bot.app.action("more")
    async def more(ack, body):
        triggers.append(body["trigger_id"])
        await ack()

    @bot.app.view_closed("deny")
    async def closed(ack):
        await ack()

    client = bot.app.client
    again = {"type": "actions", "elements": [{**APPROVE, "action_id": "more", "visible_to_user_ids": ["U0MIA"]}]}
    await workspace.shortcut("U0MIA", "start")
    opened = await client.views_open(trigger_id=triggers[-1], view=modal(again, notify_on_close=True))
    for _ in range(2):
        await workspace.click("U0MIA", "more")
        await client.views_push(trigger_id=triggers[-1], view=modal(again))
    await workspace.click("U0MIA", "more")
    assert await refused(client.views_push(trigger_id=triggers[-1], view=modal(again))) == "push_limit_reached"
    view_id, old = opened["view"]["id"], opened["view"]["hash"]
    updated = await client.views_update(view_id=view_id, view=modal(again, notify_on_close=True), hash=old)
    assert updated["view"]["hash"] != old
    assert await refused(client.views_update(view_id=view_id, view=modal(again), hash=old)) == "hash_conflict"
    assert await refused(client.views_update(view_id="V0NONE", view=modal(again))) == "not_found"
    assert await workspace.close("U0MIA") is None
    assert await workspace.close("U0MIA") is None
    assert (await workspace.close("U0MIA")).acked


async def test_a_view_can_be_named_by_an_external_id_of_its_own(workspace, client):
    blocks = [{"type": "divider"}]
    await client.views_publish(user_id="U0MIA", view={"type": "home", "blocks": blocks, "external_id": "mia-home"})
    updated = await client.views_update(external_id="mia-home", view={"type": "home", "blocks": blocks * 2})
    assert len(updated["view"]["blocks"]) == 2
    assert await refused(client.views_update(external_id="gone", view=modal(REASON))) == "not_found"
    assert await refused(client.api_call("views.update", json={"view": modal(REASON)})) == "invalid_arguments"
    home = {"type": "home", "blocks": blocks}
    await client.views_publish(user_id="U0MIA", view={**home, "external_id": "one"})
    twice = client.views_publish(user_id="U0OMAR", view={**home, "external_id": "one"})
    assert await refused(twice) == "duplicate_external_id"
    huge = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3000}}] * 100
    assert await refused(client.views_publish(user_id="U0MIA", view={**home, "blocks": huge})) == "view_too_large"
    wrong_kind = client.views_publish(user_id="U0MIA", view=modal(REASON))
    assert await refused(wrong_kind) == "invalid_arguments"


async def test_a_home_is_published_against_its_hash_and_its_buttons_work(workspace, bot):
    clicks = []

    @bot.app.action("go")
    async def go(ack, body):
        await ack()
        clicks.append(body)

    client = bot.app.client
    view = {"type": "home", "blocks": [{"type": "actions", "elements": [{**APPROVE, "action_id": "go"}]}]}
    first = (await client.views_publish(user_id="U0OMAR", view=view))["view"]
    await client.views_publish(user_id="U0OMAR", view=view, hash=first["hash"])
    assert await refused(client.views_publish(user_id="U0OMAR", view=view, hash=first["hash"])) == "hash_conflict"
    assert await refused(client.views_publish(user_id="U0NOBODY", view=view)) == "user_not_found"
    await workspace.click("U0OMAR", "go")
    assert clicks[0]["container"] == {"type": "view", "view_id": first["id"]}
    assert clicks[0]["view"]["type"] == "home"
    with pytest.raises(LookupError):
        await workspace.click("U0MIA", "go")


async def test_an_external_menu_asks_the_app_for_options(workspace, bot):
    @bot.app.options("namespace")
    async def options(ack, payload):
        text = {"type": "plain_text", "text": payload["value"]}
        await ack(options=[{"text": text, "value": payload["value"]}])

    menu = {"type": "external_select", "action_id": "namespace", "min_query_length": 1}
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [menu]}]}
    await bot.app.client.views_publish(user_id="U0MIA", view=home)
    offered = await workspace.look_up("U0MIA", "namespace", "shop")
    assert offered["options"][0]["value"] == "shop"


async def test_a_command_is_answered_by_its_ack_and_by_its_response_url(workspace, bot):
    seen = []

    @bot.app.command("/kubeai")
    async def command(ack, body, respond):
        seen.append(body)
        await ack(text="Looking…")
        await respond(text="Everybody: fine", response_type="in_channel")

    workspace.bot_events = frozenset()
    delivery = await workspace.command("U0MIA", "/kubeai", "status", channel="C0ONCALL")
    assert delivery.acked
    assert (seen[0]["command"], seen[0]["text"], seen[0]["channel_id"]) == ("/kubeai", "status", "C0ONCALL")
    found = await workspace.wait_for(lambda w: len(w.messages("C0ONCALL")) == 2 and w.messages("C0ONCALL"), what="both")
    assert {(m.text, m.ephemeral_to) for m in found} == {("Looking…", "U0MIA"), ("Everybody: fine", None)}
    workspace.assert_no_problems()


async def test_an_interaction_that_is_not_acked_in_time_is_not_tried_again(bots):
    async with Workspace(ack_seconds=0.05) as workspace:
        bot = await bots.socket(workspace)

        @bot.app.shortcut("start")
        async def start(body):
            """Never acks."""

        delivery = await workspace.shortcut("U0MIA", "start")
        assert delivery.status == "unacked"
        assert [attempt.outcome for attempt in delivery.attempts] == ["timeout"]


async def test_a_message_shortcut_shows_the_message(workspace, bot):
    seen = []

    @bot.app.shortcut("investigate")
    async def investigate(ack, body):
        await ack()
        seen.append(body)

    workspace.bot_events = frozenset()
    ts = await workspace.say("U0MIA", "alert: checkout is down", channel="C0ONCALL")
    await workspace.shortcut("U0OMAR", "investigate", message=workspace.messages("C0ONCALL")[0])
    assert seen[0]["type"] == "message_action"
    assert seen[0]["message"]["ts"] == seen[0]["message_ts"] == ts
    assert seen[0]["channel"]["id"] == "C0ONCALL"


async def test_a_response_url_answers_five_times_within_half_an_hour(bots, clock):
    async with Workspace(clock=clock) as workspace:
        bot = await bots.socket(workspace)
        urls = []

        @bot.app.command("/kubeai")
        async def command(ack, body):
            urls.append(body["response_url"])
            await ack()

        await workspace.command("U0MIA", "/kubeai")
        session = bot.app.client.session

        async def answer(url: str, **body: object) -> tuple[int, str]:
            async with session.post(url, json=body) as response:
                return response.status, (await response.json()).get("error", "")

        assert await answer(urls[0], text="1") == (200, "")
        assert await answer(urls[0], text="2", replace_original=True) == (200, "")
        assert [m.text for m in workspace.messages("D0MIA")] == ["2"]
        assert await answer(urls[0], delete_original=True) == (200, "")
        assert workspace.messages("D0MIA") == []
        workspace.assert_no_problems()
        assert await answer(urls[0], txt="3") == (200, "invalid_payload")
        assert await answer(urls[0], text="4") == (200, "")
        assert await answer(urls[0], text="5") == (404, "used_url")
        await workspace.command("U0MIA", "/kubeai")
        clock.advance(1801)
        assert await answer(urls[1], text="late") == (404, "expired_url")
        assert await answer(f"{workspace.base_url}/response/guess", text="x") == (404, "expired_url")
