"""Looking at the workspace: rendering, waiting, subscribing; and who else may talk to it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession

from kubeai_bot.playground.workspace import changes
from kubeai_bot.playground.workspace.server import Workspace
from tests.playground_workspace import payload_tables as tables


async def test_a_thread_reads_like_a_conversation(workspace, client):
    ts = await workspace.say("U0MIA", "why is <@U0OMAR> angry in <#C0ONCALL>?")
    task = {
        "type": "task_update",
        "id": "1",
        "title": "List pods",
        "status": "in_progress",
        "details": "namespace shop",
    }
    started = await client.chat_startStream(
        channel="D0MIA",
        thread_ts=ts,
        task_display_mode="plan",
        chunks=[
            {"type": "plan_update", "title": "Looking"},
            task,
            {"type": "markdown_text", "text": "**cart**\n\n- a"},
        ],
    )
    assert workspace.rendered("D0MIA", ts) == (
        "Mia: why is @Omar angry in #shop-oncall?\n"
        "kubeai (streaming):\n"
        "  Plan: Looking\n"
        "  [~] List pods\n"
        "      namespace shop\n"
        "  **cart**\n"
        "  \n"
        "  - a"
    )
    blocks = [
        tables.table([tables.cell("pod"), tables.cell("n")], [tables.cell("cart-1"), tables.cell("3")]),
        tables.actions(tables.button(text=tables.plain("Retry"))),
    ]
    done = {**task, "status": "error", "details": "", "output": "no"}
    await client.chat_stopStream(channel="D0MIA", ts=started["ts"], chunks=[done], blocks=blocks)
    text = workspace.rendered("D0MIA", ts)
    assert "[!] List pods\n      namespace shop\n      no" in text
    assert "  pod    | n\n  cart-1 | 3\n  [Retry]" in text


@pytest.mark.parametrize("name", tables.RIGHT_BLOCKS)
async def test_every_right_block_can_be_posted_and_read(workspace, client, name):
    await client.chat_postMessage(channel="D0MIA", text="x", blocks=tables.RIGHT_BLOCKS[name])
    assert workspace.rendered("D0MIA").startswith("kubeai:")
    workspace.assert_no_problems()


async def test_control_sequences_are_shown_as_people_see_them(workspace, client):
    text = "<https://a.example|docs> &lt;b&gt; &amp; <!here> <!date^1^{date}|today> <@U0NOBODY>"
    await client.chat_postMessage(channel="D0MIA", text=text)
    assert workspace.rendered("D0MIA") == "kubeai: docs (https://a.example) <b> & @here today @U0NOBODY"


async def test_waiting_returns_the_first_true_value_without_polling(workspace, client):
    looked = 0

    def two_messages(w: Workspace) -> int | None:
        nonlocal looked
        looked += 1
        return len(w.messages("D0MIA")) if len(w.messages("D0MIA")) == 2 else None

    waiting = asyncio.create_task(workspace.wait_for(two_messages, what="two messages"))
    await client.chat_postMessage(channel="D0MIA", text="1")
    await client.chat_postMessage(channel="D0MIA", text="2")
    assert await waiting == 2
    assert looked < 20


async def test_waiting_in_vain_shows_what_happened_instead(workspace, client):
    await workspace.say("U0MIA", "anybody?")
    await client.chat_postMessage(channel="D0MIA", text="nobody", oops="1")
    with pytest.raises(TimeoutError) as caught:
        await workspace.wait_for(lambda w: w.messages("D0OMAR"), timeout=0.05, what="a word from Omar")
    text = str(caught.value)
    assert "a word from Omar" in text
    assert "Mia: anybody?" in text
    assert "chat.postMessage -> ok" in text
    assert "events_api message -> sending" in text
    assert "unknown argument 'oops'" in text


async def test_a_timeout_inside_a_predicate_is_not_mistaken_for_waiting(workspace):
    def broken(_: Workspace) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await workspace.wait_for(broken, what="nothing")


async def test_a_subscriber_sees_every_change_in_order_until_it_leaves(workspace, client):
    subscription = workspace.subscribe()
    ts = await workspace.say("U0MIA", "hi")
    started = await client.chat_startStream(channel="D0MIA", thread_ts=ts, markdown_text="a")
    await client.chat_appendStream(channel="D0MIA", ts=started["ts"], markdown_text="b")
    await client.chat_stopStream(channel="D0MIA", ts=started["ts"], markdown_text="c")
    await client.chat_postEphemeral(channel="D0MIA", user="U0MIA", text="psst")
    await client.reactions_add(channel="D0MIA", timestamp=ts, name="eyes")
    await client.views_publish(user_id="U0MIA", view={"type": "home", "blocks": [{"type": "divider"}]})
    await subscription.aclose()
    await client.chat_postMessage(channel="D0MIA", text="unseen")
    seen = [change async for change in subscription]
    kinds = [type(change) for change in seen if not isinstance(change, changes.Called | changes.Delivered)]
    assert kinds == [
        changes.MessagePosted,
        changes.MessagePosted,
        changes.StatusChanged,
        changes.StreamStarted,
        changes.StreamAppended,
        changes.StreamEnded,
        changes.StatusChanged,
        changes.MessageUpdated,
        changes.EphemeralPosted,
        changes.ReactionChanged,
        changes.ViewChanged,
    ]
    texts = [c["text"] for change in seen for c in getattr(change, "chunks", ())]
    assert texts == ["a", "b", "c"]
    methods = [change.call.method for change in seen if isinstance(change, changes.Called)]
    assert methods[0] == "chat.startStream"


async def test_a_subscription_ends_with_the_workspace():
    async with Workspace() as workspace:
        subscription = workspace.subscribe()
    assert [change async for change in subscription] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_foreign_hosts_and_origins_are_refused(workspace, headers):
    async with ClientSession() as session:
        async with session.post(f"{workspace.api_url}api.test", headers=headers) as answer:
            assert answer.status == 403
        async with session.get(f"{workspace.base_url}/link", headers=headers) as answer:
            assert answer.status == 403
    assert workspace.calls == []


async def test_its_own_page_may_call(workspace):
    async with ClientSession() as session:
        for origin in (workspace.base_url, workspace.base_url.replace("127.0.0.1", "localhost")):
            async with session.post(f"{workspace.api_url}api.test", headers={"Origin": origin}) as answer:
                assert (await answer.json())["ok"]


async def test_it_listens_on_the_loopback_interface_only(workspace):
    assert workspace.base_url.startswith("http://127.0.0.1:")
    assert workspace.api_url == f"{workspace.base_url}/api/"


async def test_it_listens_on_the_port_asked_for():
    async with Workspace() as first:
        port = int(first.base_url.rsplit(":", 1)[1])
    async with Workspace(port=port) as second:
        assert second.base_url == f"http://127.0.0.1:{port}"


async def test_a_closed_workspace_takes_no_further_messages():
    async with Workspace() as workspace:
        pass
    with pytest.raises(RuntimeError):
        await workspace.say("U0MIA", "hello?")


async def test_closing_does_not_wait_for_unacked_events_or_slow_calls(bots):
    async with asyncio.timeout(3), Workspace(redelivery_delays=(60, 60, 60)) as workspace:
        await bots.socket(workspace)
        await workspace.say("U0MIA", "nobody acks this")
