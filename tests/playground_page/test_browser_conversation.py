"""Talking with the bot on the page, in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from kubeai_bot.playground.edges import CONTACT
from kubeai_bot.playground.model.replies import Pause, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import WorldOptions
from tests.playground_page.browser import NEEDS_CHROMIUM, PHONE, WITHIN, Visit, chromium, visiting

__all__ = ["chromium"]

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

QUESTION = "What is unhealthy right now?"


def faulty(visit: Visit, namespace: str) -> list[str]:
    assert visit.playground is not None
    return [fault.workload for fault in visit.playground.world.scenario.faults if fault.namespace == namespace]


async def test_a_question_is_answered_with_a_plan_evidence_and_feedback_buttons(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        answer = await visit.ask(QUESTION)
        await expect(visit.page.locator(".message", has_text=QUESTION).first).to_contain_text("Mia")
        await expect(answer.locator(".plan summary").first).to_contain_text("done")
        await expect(answer).to_contain_text(faulty(visit, "shop")[0])
        await expect(answer).not_to_have_attribute("aria-busy", "true")
        await expect(visit.page.locator("[aria-live=polite]")).to_contain_text("kubeai: ")
        await expect(answer.get_by_role("group", name="Feedback").get_by_role("button")).to_have_count(2)
        await visit.page.get_by_role("button", name="History").click()
        await visit.main.get_by_role("button", name=QUESTION).click()
        await expect(visit.answer).to_contain_text(faulty(visit, "shop")[0])


async def test_the_same_question_shows_each_person_what_their_rights_show(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        [hidden, *_] = faulty(visit, "payments")
        mia = await visit.ask(QUESTION)
        await expect(mia).not_to_contain_text(hidden)
        await visit.become("Omar")
        await expect(visit.page.get_by_text("Hello Omar")).to_be_visible()
        omar = await visit.ask(QUESTION)
        await expect(omar).to_contain_text(hidden)
        await visit.become("Sam")
        await visit.write("Show me all pods, please")
        await expect(visit.answer).to_contain_text(CONTACT)


async def test_a_mention_in_a_channel_opens_the_thread_of_the_answer(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        await visit.enter("shop-oncall")
        await visit.ask(f"@kubeai {QUESTION}")
        await expect(visit.thread.get_by_role("log")).to_contain_text("@kubeai")
        await expect(visit.thread.get_by_role("log")).to_contain_text(faulty(visit, "shop")[0])
        await expect(visit.main.get_by_role("button", name="1 reply")).to_be_visible()
        await visit.become("Gil")
        await expect(visit.main.get_by_role("button", name="1 reply")).to_be_visible()
        await visit.become("Eve")
        await expect(visit.main.get_by_role("button", name="1 reply")).to_have_count(0)


async def test_stop_ends_an_answer_in_the_middle(chromium: Browser) -> None:
    gate = Pause(asyncio.Event())
    model = ScriptedModel([[Say("First words. " * 20), gate, Say("Never shown.")]])
    async with visiting(chromium, WorldOptions(model=model)) as visit:
        await visit.write("tell me everything")
        await expect(visit.answer).to_contain_text("First words.")
        await expect(visit.page.locator(".status-line:visible")).to_be_visible()
        await (
            visit.page.get_by_role("button", name="Stop", exact=True)
            .and_(visit.page.locator(".composer button"))
            .click()
        )
        await expect(visit.page.locator(".composer .stop:visible")).to_have_count(0)
        await expect(visit.page.locator(".message", has_text="Never shown.")).to_have_count(0)
        await expect(visit.answer).to_contain_text("topped")


async def test_a_long_answer_comes_as_a_file_to_download(chromium: Browser) -> None:
    lines = "\n".join(f"line {number} of a long report, with some words in it" for number in range(2_000))
    async with visiting(chromium, WorldOptions(model=ScriptedModel([Say(f"```\n{lines}\n```")]))) as visit:
        await visit.write("everything please")
        async with visit.page.expect_download() as download:
            await visit.page.locator("a.file").click(timeout=WITHIN)
        saved = await (await download.value).path()
        assert "line 1999 of" in await asyncio.to_thread(Path(saved).read_text)


async def test_a_person_can_share_a_file(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        [picker] = await visit.main.locator("input[type=file]").all()
        await picker.set_input_files({"name": "pod.yaml", "mimeType": "text/plain", "buffer": b"kind: Pod\n"})
        await expect(visit.main.locator(".chip")).to_contain_text("pod.yaml (10 B)")
        await visit.write("what is wrong with this?")
        await expect(visit.main.locator("a.file")).to_contain_text("pod.yaml")
        assert [file.content for file in visit.workspace.files.values()] == [b"kind: Pod\n"]


async def test_the_page_comes_back_after_its_connection_was_cut(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        doors: list[WebSocketRoute] = []
        closed = False

        async def at_the_door(socket: WebSocketRoute) -> None:
            if closed:
                await socket.close()
            else:
                socket.connect_to_server()
                doors.append(socket)

        await visit.page.route_web_socket("**/ws", at_the_door)
        await visit.page.reload()
        await visit.write("help")
        await expect(visit.answer).to_contain_text("permissions")
        closed = True
        await doors.pop().close()
        await expect(visit.page.get_by_text("Reconnecting…")).to_be_visible()
        thread = visit.workspace.messages("D0MIA")[0].ts
        await visit.workspace.say("U0MIA", "said while the page was away", thread_ts=thread)
        closed = False
        await expect(visit.page.get_by_text("Reconnecting…")).to_have_count(0)
        await expect(visit.page.get_by_text("said while the page was away")).to_be_visible()
        await visit.page.reload()
        await expect(visit.page.get_by_text("said while the page was away")).to_be_visible()


async def test_nothing_can_be_typed_before_the_page_knows_where_it_would_be_said(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        held: list[str | bytes] = []
        tell = held.append

        def told(frame: str | bytes) -> None:
            tell(frame)

        def at_the_door(socket: WebSocketRoute) -> None:
            socket.connect_to_server().on_message(told)
            to_page.append(socket.send)

        to_page: list[Callable[[str | bytes], None]] = []
        await visit.page.route_web_socket("**/ws", at_the_door)
        await visit.page.reload()
        await expect(visit.page.locator("[data-composer=main]")).to_have_count(1)
        await expect(visit.page.locator("[data-composer=main] textarea")).to_be_hidden()
        async with asyncio.timeout(WITHIN / 1000):
            while not held:
                await visit.page.evaluate("new Promise(requestAnimationFrame)")
        [tell] = to_page
        for frame in held:
            tell(frame)
        await expect(visit.page.locator("[data-composer=main] textarea")).to_be_visible()


async def test_the_bot_restarts_while_the_page_is_open(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        await visit.ask(QUESTION)
        states = visit.page.get_by_role("region", name="Bot program")
        await states.get_by_role("button", name="Stop").click()
        await expect(states).to_contain_text("stopped")
        await states.get_by_role("button", name="Start").click()
        await expect(states).to_contain_text("running · 1 connection")
        await visit.ask("Who am I, and what may I do?")
        await expect(visit.answer).to_contain_text("mia@shop.example")


async def test_everything_can_be_done_with_the_keyboard(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        keyboard = visit.page.keyboard

        async def tab_to(name: str) -> None:
            for _ in range(60):
                await keyboard.press("Tab")
                label = await visit.page.evaluate(
                    "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
                )
                if name in label:
                    return
            raise AssertionError(f"Tab does not reach {name}")

        await tab_to("shop-oncall")
        await keyboard.press("Enter")
        await tab_to("Message #shop-oncall")
        await keyboard.type("@ku")
        await expect(visit.page.get_by_role("option", name="@kubeai")).to_have_attribute("aria-selected", "true")
        await keyboard.press("Tab")
        await keyboard.type("help")
        await keyboard.press("Shift+Enter")
        await keyboard.press("Enter")
        await expect(visit.thread).to_contain_text("permissions")
        await tab_to("Reply in thread")
        await keyboard.press("Escape")
        await expect(visit.thread).to_be_hidden()


async def test_own_messages_can_be_edited_reacted_to_and_deleted(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        await visit.enter("general")
        await visit.write("frist <b> & *words*")
        message = visit.main.locator(".message", has_text="<b> &")
        await expect(message.locator("strong", has_text="words")).to_be_visible()
        await message.hover()
        await message.get_by_role("button", name="More actions").click()
        await message.get_by_role("menuitem", name="Edit message").click()
        editor = visit.main.get_by_role("textbox", name="Edit message")
        await expect(editor).to_have_value("frist <b> & *words*")
        await editor.fill("first words")
        await editor.press("Enter")
        message = visit.main.locator(".message", has_text="first words")
        await expect(message).to_contain_text("(edited)")
        await message.hover()
        await message.get_by_role("button", name="Add a reaction").click()
        await message.get_by_role("menuitem", name="eyes").click()
        await expect(message.get_by_role("button", name="eyes, 1")).to_have_attribute("aria-pressed", "true")
        await message.get_by_role("button", name="More actions").click()
        await message.get_by_role("menuitem", name="Delete message").click()
        await expect(visit.main.locator(".message")).to_have_count(0)
        assert not [each for each in visit.workspace.messages("C0GENERAL") if not each.deleted]


async def test_the_inspector_shows_the_request_under_the_askers_identity(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        await visit.ask(QUESTION)
        await visit.page.get_by_role("button", name="Open the inspector").click()
        await visit.inspector.get_by_role("tab", name="Cluster").click()
        await visit.inspector.get_by_role("searchbox").fill("namespaces/shop/pods")
        entries = visit.inspector.locator(".entry")
        await expect(entries.first).to_contain_text("/namespaces/shop/pods")
        await entries.first.locator("summary").first.click()
        await expect(entries.first.locator(".entry-body")).to_contain_text("mia@shop.example")
        await visit.inspector.get_by_role("searchbox").fill("no such words")
        await expect(visit.inspector).to_contain_text("Nothing matches.")


async def test_on_a_phone_panes_stack_and_nothing_scrolls_sideways(chromium: Browser) -> None:
    async with visiting(chromium, viewport=PHONE, has_touch=True) as visit:
        await visit.ask(QUESTION)
        assert await visit.check("wide") == []
        await visit.main.get_by_role("button", name="Back").click()
        await expect(visit.main).to_be_hidden()
        assert await visit.check("wide") == []
        await visit.enter("shop-oncall")
        await visit.ask(f"@kubeai {QUESTION}")
        await expect(visit.thread).to_be_visible()
        assert await visit.check("wide") == []
        await visit.thread.get_by_role("button", name="Back").click()
        await expect(visit.main).to_be_visible()
        await visit.page.get_by_role("button", name="Open the inspector").click()
        await expect(visit.inspector.locator(".entry").first).to_be_visible()
        assert await visit.check("wide") == []


async def test_the_page_follows_the_readers_colour_scheme_and_every_text_can_be_read(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        await visit.ask(QUESTION)
        await visit.page.get_by_role("button", name="Open the inspector").click()
        for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(26, 29, 33)")):
            await visit.page.emulate_media(color_scheme=scheme)
            await expect(visit.page.locator("body")).to_have_css("background-color", ground)
            assert await visit.check("faintTexts") == []
