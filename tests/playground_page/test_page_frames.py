"""What a page is told: a snapshot, then every change, so that both together say the same as a later snapshot."""

import asyncio
import json
import socket as sockets

import aiohttp

from tests.playground_page.small_app import small_app
from tests.playground_page.visitor import INSPECTED, address_of, session_of, visit

SECTION = {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "hello"}}
BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "1"}
HOME = {"type": "home", "blocks": [SECTION]}


async def test_a_fresh_page_knows_the_people_the_channels_and_who_is_in_them(page):
    async with visit(page) as visitor:
        people = {person["id"]: person for person in visitor.seen["people"]}
        assert people["U0MIA"] == {
            "id": "U0MIA",
            "name": "Mia",
            "title": "Developer",
            "guest": False,
            "stranger": False,
            "dm": "D0MIA",
            "note": "a developer",
        }
        assert (people["U0GIL"]["guest"], people["U0EVE"]["stranger"]) == (True, True)
        channels = {channel["id"]: channel for channel in visitor.seen["channels"]}
        assert channels["D0OMAR"]["is_im"]
        assert "U0EVE" not in channels["C0ONCALL"]["members"]
        assert visitor.seen["bot_user"] == "U0KUBEAI"
        assert set(visitor.seen["inspector"]) == set(INSPECTED)
        assert visitor.seen["world"]["bot"] == {"state": "stopped", "error": None}


async def test_frames_lead_to_what_a_fresh_snapshot_shows(page, workspace):
    async with visit(page) as visitor, small_app(workspace) as app:
        await make_some_of_everything(workspace, app)
        await workspace.wait_for(lambda w: all(d.acked for d in w.deliveries), what="every ack")
        async with visit(page) as fresh:
            await visitor.until(lambda: visitor.seen == fresh.seen, "the same picture")
    assert not workspace.problems


async def make_some_of_everything(workspace, app):
    await app.api.assistant_threads_setSuggestedPrompts(
        channel_id="D0MIA", thread_ts="1.000000", title="Try", prompts=[{"title": "a", "message": "b"}]
    )
    ts = await workspace.say("U0MIA", "hello")
    await app.api.assistant_threads_setStatus(channel_id="D0MIA", thread_ts=ts, status="looks", loading_messages=["a"])
    stream = (await app.api.chat_startStream(channel="D0MIA", thread_ts=ts, chunks=[text("One")]))["ts"]
    task = {"type": "task_update", "id": "t", "title": "Look", "status": "in_progress"}
    plan = {"type": "plan_update", "title": "Plan"}
    for chunk in (task, plan, text(" two"), task | {"status": "complete", "output": "seen"}):
        await app.api.chat_appendStream(channel="D0MIA", ts=stream, chunks=[chunk])
    await app.api.chat_stopStream(channel="D0MIA", ts=stream, chunks=[text(" three")], blocks=[SECTION])
    gone = (await app.api.chat_postMessage(channel="D0MIA", thread_ts=ts, text="goes"))["ts"]
    await app.api.chat_delete(channel="D0MIA", ts=gone)
    root = await workspace.say("U0OMAR", "anybody?", channel="C0ONCALL")
    await workspace.say("U0EVE", "me", channel="C0ONCALL", thread_ts=root)
    await workspace.edit("U0OMAR", "C0ONCALL", root, "anybody here?")
    await workspace.react("U0MIA", "C0ONCALL", root, "eyes")
    await app.api.chat_postEphemeral(channel="C0ONCALL", user="U0MIA", text="only you", blocks=[SECTION])
    await app.api.files_upload_v2(channel="D0MIA", filename="long.txt", content="1\n2", thread_ts=ts)
    await app.api.views_publish(user_id="U0MIA", view=HOME)


def text(words):
    return {"type": "markdown_text", "text": words}


async def test_a_streamed_message_is_sent_whole_and_at_most_twenty_times_a_second(page, workspace):
    async with visit(page) as visitor, small_app(workspace) as app:
        ts = await workspace.say("U0MIA", "hello")
        stream = (await app.api.chat_startStream(channel="D0MIA", thread_ts=ts))["ts"]
        clock = asyncio.get_running_loop().time
        started = clock()
        for number in range(60):
            await app.api.chat_appendStream(channel="D0MIA", ts=stream, chunks=[text(f"{number} ")])
        await app.api.chat_stopStream(channel="D0MIA", ts=stream)
        words = "".join(f"{number} " for number in range(60))

        def ended():
            frame = next((m for m in visitor.messages("D0MIA") if m["ts"] == stream), None)
            return frame and frame["stream"] == "stopped" and frame

        message = await visitor.until(ended, "the end of the stream")
        assert message["chunks"] == [text(words)]
        frames = [f for f in visitor.frames if f["type"] == "message" and f["message"]["ts"] == stream]
        assert frames[0]["message"]["stream"] == "live"
        assert len(frames) <= 20 * (clock() - started) + 6


async def test_task_cards_come_in_their_order_with_their_newest_state(page, workspace):
    async with visit(page) as visitor, small_app(workspace) as app:
        ts = await workspace.say("U0MIA", "hello")
        opened = await app.api.chat_startStream(
            channel="D0MIA",
            thread_ts=ts,
            task_display_mode="plan",
            chunks=[
                {"type": "plan_update", "title": "Looking"},
                {"type": "task_update", "id": "1", "title": "Pods", "status": "in_progress", "details": "a"},
                text("so "),
                {"type": "task_update", "id": "2", "title": "Events", "status": "pending"},
                {"type": "task_update", "id": "1", "title": "Pods", "status": "complete", "details": "b"},
            ],
        )
        await app.api.chat_stopStream(channel="D0MIA", ts=opened["ts"], chunks=[text("it is")])
        message = await visitor.until(
            lambda: [m for m in visitor.messages("D0MIA") if m["stream"] == "stopped"], "the stopped stream"
        )
        [message] = message
        assert message["display_mode"] == "plan"
        kinds = [(c["type"], c.get("title") or c.get("text"), c.get("status")) for c in message["chunks"]]
        assert kinds == [
            ("plan_update", "Looking", None),
            ("task_update", "Pods", "complete"),
            ("markdown_text", "so ", None),
            ("task_update", "Events", "pending"),
            ("markdown_text", "it is", None),
        ]
        assert message["chunks"][1]["details"] == "ab"


async def test_no_frame_holds_a_token(page, workspace):
    async with visit(page) as visitor, small_app(workspace) as app:
        await workspace.say("U0MIA", f"look: {workspace.bot_token}")
        await app.api.chat_postMessage(channel="D0MIA", text="yes")
        await app.call_anyway("no.such.method", {"token": workspace.bot_token, "x": workspace.app_token})
        await visitor.until(lambda: any("no.such" in e["title"] for e in visitor.lane("calls")), "the calls")
        lanes = json.dumps([f for f in visitor.frames if f["type"] in ("inspect", "snapshot")])
        for secret in (workspace.bot_token, workspace.app_token, workspace._state.secrets.verification_token):
            assert secret not in lanes
        [ticket] = [e for e in visitor.lane("calls") if e["title"].startswith("apps.connections.open")]
        assert ticket["detail"]["response"]["url"] == "•••"


async def test_the_inspector_says_what_slack_would_have_refused(page, workspace):
    async with visit(page) as visitor, small_app(workspace) as app:
        await app.call_anyway("chat.postMessage", {"channel": "D0MIA", "blocks": [{"type": "nonsense"}]})
        [entry] = await visitor.until(
            lambda: [e for e in visitor.lane("calls") if e["title"].startswith("chat.postMessage")], "the call"
        )
        assert entry["state"] == "error"
        assert "nonsense" in " ".join(entry["problems"]) or "invalid_blocks" in " ".join(entry["problems"])
        assert await visitor.until(lambda: visitor.seen["problems"], "the problem")


async def test_events_are_shown_from_sending_to_their_ack(page, workspace):
    async with visit(page) as visitor, small_app(workspace):
        await workspace.say("U0MIA", "hello")
        [entry] = await visitor.until(
            lambda: [e for e in visitor.lane("events") if e["state"] == "ok"], "the acked event"
        )
        assert entry["detail"]["payload"]["event"]["text"] == "hello"
        assert entry["detail"]["payload"]["token"] == "•••"
        assert entry["detail"]["attempts"][0]["outcome"] == "acked"
        states = [f["entry"]["state"] for f in visitor.frames if f["type"] == "inspect" and f["lane"] == "events"]
        assert states == ["pending", "ok"]


async def test_a_page_that_does_not_read_is_cut_off_and_the_others_go_on(page, hub):
    host, port = address_of(page).removeprefix("http://").split(":")
    key = page.address.partition("key=")[2]
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (host, int(port)))
    request = (
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Cookie: playground-{page.port}={key}\r\n\r\n"
    )
    await loop.sock_sendall(raw, request.encode())
    async with visit(page) as visitor:
        await visitor.until(lambda: len(hub.pages) == 2 or None, "two pages")
        for number in range(1500):
            hub.publish({"type": "problem", "text": f"{number} " + "x" * 20_000})
            await visitor.until(lambda n=number: len(visitor.seen["problems"]) > n, "every frame")
            if len(hub.pages) == 1:
                break
        assert len(hub.pages) == 1
        hub.publish({"type": "connections", "count": 7})
        await visitor.until(lambda: visitor.seen["connections"] == 7, "frames after the cut")
    raw.close()


async def test_a_page_that_comes_again_gets_everything_again(page, workspace):
    async with visit(page) as first:
        ts = await workspace.say("U0MIA", "hello")
        await first.until(lambda: first.messages("D0MIA", ts), "the message")
        again = await first.done("refresh")
        assert again["ok"]
    async with visit(page) as second:
        assert second.messages("D0MIA", ts) == first.messages("D0MIA", ts)


async def test_closing_the_server_closes_the_pages(page):
    async with session_of(page) as session, session.ws_connect("/ws") as socket:
        await socket.receive_json()
        await page.__aexit__(None, None, None)
        last = await socket.receive(5)
        assert last.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
