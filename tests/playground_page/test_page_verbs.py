"""What a page can do, and what it may not."""

import base64
import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.playground.page.verbs import AnyVerb, read_verb
from tests.playground_page.small_app import small_app
from tests.playground_page.visitor import session_of, visit

PLAIN = {"type": "plain_text", "text": "T"}


def button(action_id, **more):
    return {"type": "button", "action_id": action_id, "text": PLAIN, "value": action_id, **more}


def asks(block_id, action_id="answer"):
    element = {"type": "plain_text_input", "action_id": action_id}
    return {"type": "input", "block_id": block_id, "label": PLAIN, "element": element}


MODAL = {
    "type": "modal",
    "title": PLAIN,
    "submit": PLAIN,
    "notify_on_close": True,
    "blocks": [asks("one"), asks("two")],
}


async def test_two_people_talk_in_a_channel_and_each_is_themselves(page, workspace):
    async with visit(page) as visitor:
        root = (await visitor.done("say", who="U0MIA", channel="C0GENERAL", text="hi <@U0KUBEAI>"))["ts"]
        await visitor.done("say", who="U0OMAR", channel="C0GENERAL", thread_ts=root, text="hello Mia")
        await visitor.until(lambda: len(visitor.messages("C0GENERAL", root)) == 2, "both")
        first, second = visitor.messages("C0GENERAL", root)
        assert (first["user"], second["user"], second["thread_ts"]) == ("U0MIA", "U0OMAR", root)
        await visitor.until(lambda: visitor.messages("C0GENERAL", root)[0]["reply_count"] == 1, "the count")
        await visitor.done("edit", who="U0MIA", channel="C0GENERAL", ts=root, text="hi all")
        await visitor.until(lambda: visitor.messages("C0GENERAL", root)[0]["edited"], "the edit")
        refused = await visitor.ask("edit", who="U0OMAR", channel="C0GENERAL", ts=root, text="mine")
        assert not refused["ok"]
        await visitor.done("delete", who="U0OMAR", channel="C0GENERAL", ts=second["ts"])
        await visitor.until(lambda: visitor.messages("C0GENERAL", root)[0]["reply_count"] == 0, "the count")


async def test_a_reaction_comes_and_goes(page, workspace):
    async with visit(page) as visitor:
        ts = (await visitor.done("say", who="U0MIA", channel="D0MIA", text="hi"))["ts"]
        await visitor.done("react", who="U0MIA", channel="D0MIA", ts=ts, name="eyes")
        await visitor.until(
            lambda: visitor.messages("D0MIA")[0]["reactions"] == [{"name": "eyes", "users": ["U0MIA"]}], "eyes"
        )
        await visitor.done("react", who="U0MIA", channel="D0MIA", ts=ts, name="eyes")
        await visitor.until(lambda: visitor.messages("D0MIA")[0]["reactions"] == [], "no eyes")


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("say", {"channel": "D0MIA", "text": "let me in"}),
        ("upload", {"channel": "D0MIA", "name": "a", "content_base64": "YQ=="}),
        ("react", {"channel": "D0MIA", "name": "eyes"}),
        ("edit", {"channel": "D0MIA", "text": "x"}),
        ("delete", {"channel": "D0MIA"}),
        ("stop", {"channel": "D0MIA"}),
        ("command", {"channel": "D0MIA", "command": "/kubeai"}),
        ("shortcut", {"channel": "D0MIA", "callback_id": "x"}),
        ("click", {"channel": "D0MIA", "action_id": "go"}),
    ],
)
async def test_nobody_acts_in_another_persons_direct_message(page, workspace, verb, fields):
    ts = await workspace.say("U0MIA", "private")
    if verb not in ("say", "upload", "command"):
        fields = {**fields, ("thread_ts" if verb == "stop" else "ts"): ts}
    async with visit(page) as visitor:
        answer = await visitor.ask(verb, who="U0OMAR", **fields)
        assert not answer["ok"]
        assert len(visitor.seen["messages"]) == 1


async def test_a_click_reaches_the_app_with_its_block_and_only_who_sees_the_element_may_click(page, workspace):
    async with small_app(workspace) as app, visit(page) as visitor:
        blocks = [
            {"type": "actions", "block_id": name, "elements": [button("go") | {"value": name}]}
            for name in ("first", "second")
        ]
        menu = {
            "type": "static_select",
            "action_id": "menu",
            "options": [{"text": PLAIN, "value": "a"}, {"text": PLAIN, "value": "b"}],
        }
        blocks.append({"type": "actions", "block_id": "third", "elements": [menu]})
        ts = (await app.api.chat_postMessage(channel="C0ONCALL", text="t", blocks=blocks))["ts"]
        where = {"who": "U0MIA", "channel": "C0ONCALL", "ts": ts}
        await visitor.done("click", **where, action_id="go", block_id="second", choose=None)
        [action] = app.payloads[-1]["actions"]
        assert (action["block_id"], action["value"]) == ("second", "second")
        await visitor.done("click", **where, action_id="menu", block_id="third", choose="b")
        assert app.payloads[-1]["actions"][0]["selected_option"]["value"] == "b"
        for wrong in ("c", 5, ["b"], {"b": 1}):
            answer = await visitor.ask("click", **where, action_id="menu", block_id="third", choose=wrong)
            assert "menu" in answer["error"]
        assert not (await visitor.ask("click", **where, action_id="go", block_id="third"))["ok"]
        assert not (await visitor.ask("click", who="U0MIA", action_id="go"))["ok"]

        only = {"channel": "C0ONCALL", "user": "U0MIA", "text": "psst", "blocks": blocks[:1]}
        ts = (await app.api.chat_postEphemeral(**only))["message_ts"]
        await visitor.done("click", who="U0MIA", channel="C0ONCALL", ts=ts, action_id="go")
        answer = await visitor.ask("click", who="U0OMAR", channel="C0ONCALL", ts=ts, action_id="go")
        assert "sees no message" in answer["error"]


async def test_a_click_that_the_app_does_not_ack_says_so(page, workspace):
    async with small_app(workspace) as app, visit(page) as visitor:
        blocks = [{"type": "actions", "elements": [button("go")]}]
        ts = (await app.api.chat_postMessage(channel="C0ONCALL", text="t", blocks=blocks))["ts"]
        app.silent = True
        answer = await visitor.ask("click", who="U0MIA", channel="C0ONCALL", ts=ts, action_id="go")
        assert "did not answer in time" in answer["error"]
        assert visitor.lane("events")[-1]["state"] == "error"


async def test_a_modal_opens_shows_its_errors_takes_two_answers_and_closes(page, workspace):
    async def react(app, payload):
        if payload.get("command") == "/kubeai":
            await app.api.views_open(trigger_id=payload["trigger_id"], view=MODAL)
        if payload.get("type") == "view_submission":
            values = payload["view"]["state"]["values"]
            if values["one"]["answer"]["value"] != "right":
                return {"response_action": "errors", "errors": {"one": "That is not right."}}
        return None

    async with small_app(workspace, react) as app, visit(page) as visitor:
        await visitor.done("command", who="U0MIA", channel="D0MIA", command="/kubeai", text="new")
        [modal] = await visitor.until(lambda: visitor.seen["modals"]["U0MIA"], "the modal")
        values = {"one": {"answer": "wrong"}, "two": {"answer": "other"}}
        await visitor.done("submit", who="U0MIA", view_id=modal["id"], values=values)
        await visitor.until(
            lambda: visitor.seen["modals"]["U0MIA"][0]["errors"] == {"one": "That is not right."}, "the error"
        )
        assert not (await visitor.ask("submit", who="U0OMAR", view_id=modal["id"], values=values))["ok"]
        empty = await visitor.ask("submit", who="U0MIA", view_id=modal["id"], values={"one": {"answer": "right"}})
        assert "required" in empty["error"]
        wrong = {"one": {"answer": ["right"]}, "two": {"answer": 7}}
        assert "takes a text" in (await visitor.ask("submit", who="U0MIA", view_id=modal["id"], values=wrong))["error"]
        values["one"]["answer"] = "right"
        await visitor.done("submit", who="U0MIA", view_id=modal["id"], values=values)
        await visitor.until(lambda: not visitor.seen["modals"]["U0MIA"], "its end")
        sent = app.payloads[-1]["view"]["state"]["values"]
        assert (sent["one"]["answer"]["value"], sent["two"]["answer"]["value"]) == ("right", "other")

        await visitor.done("command", who="U0MIA", channel="D0MIA", command="/kubeai")
        [modal] = await visitor.until(lambda: visitor.seen["modals"]["U0MIA"], "another modal")
        await visitor.done("close", who="U0MIA", view_id=modal["id"])
        await visitor.until(lambda: not visitor.seen["modals"]["U0MIA"], "its end")
        assert app.payloads[-1]["type"] == "view_closed"


async def test_the_home_tab_is_opened_published_and_clicked(page, workspace):
    async def react(app, payload):
        event = payload.get("event", {})
        if event.get("type") == "app_home_opened" and event["tab"] == "home":
            view = {"type": "home", "blocks": [{"type": "actions", "elements": [button("go")]}]}
            await app.api.views_publish(user_id=event["user"], view=view)

    async with small_app(workspace, react) as app, visit(page) as visitor:
        await visitor.done("open_messages", who="U0MIA")
        await visitor.done("open_home", who="U0MIA")
        view = await visitor.until(lambda: visitor.seen["homes"]["U0MIA"], "the home tab")
        await visitor.done("click", who="U0MIA", view_id=view["id"], action_id="go")
        assert app.payloads[-1]["container"]["view_id"] == view["id"]
        assert not (await visitor.ask("close", who="U0MIA", view_id=view["id"]))["ok"]
        assert not (await visitor.ask("click", who="U0OMAR", view_id=view["id"], action_id="go"))["ok"]


async def test_shortcuts_reach_the_app_with_their_message(page, workspace):
    async with small_app(workspace) as app, visit(page) as visitor:
        ts = (await visitor.done("say", who="U0MIA", channel="D0MIA", text="hi"))["ts"]
        await visitor.done("shortcut", who="U0MIA", callback_id="explain", channel="D0MIA", ts=ts)
        assert (app.payloads[-1]["type"], app.payloads[-1]["message"]["text"]) == ("message_action", "hi")
        await visitor.done("shortcut", who="U0MIA", callback_id="new")
        assert app.payloads[-1]["type"] == "shortcut"


async def test_stop_ends_the_stream_and_tells_the_app(page, workspace):
    async with small_app(workspace) as app, visit(page) as visitor:
        ts = (await visitor.done("say", who="U0MIA", channel="D0MIA", text="hi"))["ts"]
        stream = (await app.api.chat_startStream(channel="D0MIA", thread_ts=ts, markdown_text="so"))["ts"]
        stopped = await visitor.done("stop", who="U0MIA", channel="D0MIA", thread_ts=ts)
        assert stopped["stopped"] == [stream]
        await visitor.until(lambda: visitor.messages("D0MIA", ts)[1]["stream"] == "stopped_by_user", "the end")


PAGE = b"<!doctype html><script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("evil.html", PAGE, "text/plain"),
        ("evil.svg", b"<svg onload='alert(1)'/>", "text/plain"),
        ("evil.png", PAGE, "text/plain"),
        ("picture.png", PNG, "image/png"),
        ('q".html\u2028é.txt', b"x", "text/plain"),
    ],
)
async def test_a_shared_file_comes_back_as_bytes_to_save_and_never_as_a_page(page, workspace, name, content, kind):
    async with visit(page) as visitor, session_of(page) as session:
        sent = base64.b64encode(content).decode()
        await visitor.done("upload", who="U0MIA", channel="D0MIA", text="see", name=name, content_base64=sent)
        [message] = await visitor.until(lambda: visitor.messages("D0MIA"), "the message")
        [file] = message["files"]
        assert (file["name"], file["size"]) == (name, len(content))
        async with session.get(f"/files/{file['id']}") as answer:
            assert answer.status == 200
            assert answer.content_type == kind
            assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
            assert await answer.read() == content


async def test_files_that_are_too_large_or_not_base64_are_refused(page, workspace):
    async with visit(page) as visitor:
        large = base64.b64encode(b"x" * (1024 * 1024 + 1)).decode()
        for content in (large, "§", "YQ"):
            fields = {"who": "U0MIA", "channel": "D0MIA", "name": "f", "content_base64": content}
            assert not (await visitor.ask("upload", **fields))["ok"]
        for name in ("../x", "a/b", "", "a\nb"):
            fields = {"who": "U0MIA", "channel": "D0MIA", "name": name, "content_base64": "YQ=="}
            assert not (await visitor.ask("upload", **fields))["ok"]
    assert not workspace.files


HOSTILE = [
    "",
    "not JSON",
    "[" * 100_000,
    "[]",
    "null",
    "1",
    '"say"',
    "{}",
    '{"id":1}',
    '{"id":1,"do":"nothing"}',
    '{"id":1,"do":["say"]}',
    '{"id":1,"do":"__class__"}',
    '{"id":"1","do":"refresh"}',
    '{"id":1,"do":"bot","action":"_run"}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"D0MIA"}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"D0MIA","text":""}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"D0MIA","text":{"a":1}}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"D0MIA","text":"a","extra":1}',
    '{"id":1,"do":"say","as":"U0NOBODY","channel":"D0MIA","text":"a"}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"C0NOWHERE","text":"a"}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"D0MIA","text":"a","thread_ts":"1.000000"}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"D0MIA","text":"a","thread_ts":"../../etc"}',
    '{"id":1,"do":"submit","as":"U0MIA","view_id":"V1","values":[]}',
    '{"id":1,"do":"click","as":"U0MIA","view_id":"V1","action_id":"x","choose":{"a":[1]}}',
    '{"id":1,"do":"react","as":"U0MIA","channel":"D0MIA","ts":"1.000000","name":"<b>"}',
    '{"id":1e999,"do":"refresh"}',
    '{"id":1,"do":"click","as":"U0MIA","view_id":"V1","action_id":"x","choose":{"a":NaN}}',
    '{"id":1,"do":"say","as":"U0MIA","channel":"D0MIA","text":"\\ud800"}',
]


async def test_hostile_frames_get_an_error_and_break_nothing(page, workspace):
    async with visit(page) as visitor:
        for frame in HOSTILE:
            before = len(visitor.frames)
            await visitor.socket.send_str(frame)
            await visitor.until(lambda b=before: len(visitor.frames) > b, f"an answer to {frame[:80]}")
            answer = visitor.frames[-1]
            assert (answer["type"], answer["ok"]) == ("done", False), (frame[:80], answer)
            assert answer["error"]
        await visitor.socket.send_bytes(b"\x00\xff")
        await visitor.done("say", who="U0MIA", channel="D0MIA", text="still here")
    assert len(workspace.messages("D0MIA")) == 1


async def test_a_frame_beyond_the_limit_closes_this_page_only(page):
    async with visit(page) as other, visit(page) as visitor:
        await visitor.socket.send_str(json.dumps({"id": 1, "do": "say", "text": "x" * (3 * 1024 * 1024)}))
        await visitor.until(lambda: visitor.socket.closed, "the close")
        await other.done("refresh")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "as",
    "channel",
    "ts",
    "thread_ts",
    "text",
    "name",
    "view_id",
    "values",
    "choose",
    "action_id",
    "content_base64",
)
DOS = [get_args(verb.model_fields["do"].annotation)[0] for verb in get_args(AnyVerb)]


@given(st.sampled_from(DOS), st.dictionaries(st.sampled_from(FIELDS), JSON), st.booleans())
@settings(max_examples=120, deadline=None)
def test_any_frame_is_a_verb_or_a_sentence_about_its_fault(do, fields, known):
    frame = {"id": 1, "do": do, **fields, **({"as": "U0MIA"} if known else {})}
    try:
        outcome = read_verb(frame).do
    except ValueError as error:
        outcome = str(error)
    assert outcome == do or ": " in outcome
