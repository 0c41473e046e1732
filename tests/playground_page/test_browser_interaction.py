"""What people do with Block Kit on the page: buttons, menus, dialogs, modals, the home tab; and live changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from slack_sdk.errors import SlackApiError

from kubeai_bot.playground.page.bot_program import BotProgram
from kubeai_bot.playground.page.detail import Details
from kubeai_bot.playground.page.hub import Hub
from kubeai_bot.playground.page.inspector import Inspector
from kubeai_bot.playground.page.server import PageServer, Shown
from kubeai_bot.playground.workspace.server import Workspace
from tests.playground_page.browser import NEEDS_CHROMIUM, browsing, chromium, visiting
from tests.playground_page.small_app import SmallApp, small_app

__all__ = ["chromium"]

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


MODAL: Json = {
    "type": "modal",
    "callback_id": "deny",
    "title": plain("Deny the change"),
    "submit": plain("Deny"),
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "reason"},
        },
        {
            "type": "input",
            "block_id": "when",
            "label": plain("When"),
            "element": {
                "type": "static_select",
                "action_id": "time",
                "options": [{"text": plain("Now"), "value": "now"}, {"text": plain("Later"), "value": "later"}],
            },
        },
        {
            "type": "input",
            "block_id": "who",
            "optional": True,
            "label": plain("Tell"),
            "element": {
                "type": "checkboxes",
                "action_id": "tell",
                "options": [{"text": plain("Omar"), "value": "U0OMAR"}],
            },
        },
    ],
}
BUTTONS: Json = {
    "type": "actions",
    "block_id": "approval",
    "elements": [
        {
            "type": "button",
            "action_id": "approve",
            "text": plain("Approve"),
            "value": "a1",
            "style": "primary",
            "confirm": {
                "title": plain("Sure?"),
                "text": plain("This scales."),
                "confirm": plain("Do it"),
                "deny": plain("No"),
            },
        },
        {"type": "button", "action_id": "deny", "text": plain("Deny"), "value": "a1"},
        {"type": "overflow", "action_id": "more", "options": [{"text": plain("Show diff"), "value": "diff"}]},
        {"type": "static_select", "action_id": "pick", "options": [{"text": plain("One"), "value": "1"}]},
        {"type": "datepicker", "action_id": "day"},
        {"type": "button", "action_id": "secret", "text": plain("Only Omar"), "visible_to_user_ids": ["U0OMAR"]},
    ],
}


async def deny_needs_a_reason(app: SmallApp, payload: Json) -> Json | None:
    """An app that opens a modal on `deny` and takes no reason shorter than ten letters."""
    if payload["type"] == "block_actions" and payload["actions"][0]["action_id"] == "deny":
        await app.api.views_open(trigger_id=payload["trigger_id"], view=MODAL)
    if payload["type"] == "view_submission":
        reason = payload["view"]["state"]["values"]["why"]["reason"]["value"]
        if len(reason) < 10:
            return {"response_action": "errors", "errors": {"why": "Say a little more."}}
    return None


async def arrived(app: SmallApp, kind: str, count: int = 1) -> Json:
    async with asyncio.timeout(30):
        while len([each for each in app.payloads if each.get("type") == kind]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return [each for each in app.payloads if each.get("type") == kind][-1]


async def test_a_dangerous_button_asks_first(chromium: Browser) -> None:
    async with visiting(chromium, bot=False) as visit, small_app(visit.workspace) as app:
        await app.api.chat_postMessage(channel="C0GENERAL", text="Scale?", blocks=[BUTTONS])
        await visit.enter("general")
        await expect(visit.page.get_by_role("button", name="Only Omar")).to_have_count(0)
        dialog = visit.page.get_by_role("dialog")
        await visit.page.get_by_role("button", name="Approve").click()
        await expect(dialog).to_contain_text("This scales.")
        await visit.page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await visit.page.get_by_role("button", name="Approve").click()
        await expect(dialog.get_by_role("button", name="Do it")).to_be_focused()
        await visit.page.keyboard.press("Enter")
        assert (await arrived(app, "block_actions"))["actions"][0]["value"] == "a1"
        clicks = [payload for payload in app.payloads if payload["type"] == "block_actions"]
        assert len(clicks) == 1, "the click that was not confirmed was not sent"


async def test_menus_and_pickers_send_what_was_chosen(chromium: Browser) -> None:
    async with visiting(chromium, bot=False) as visit, small_app(visit.workspace) as app:
        await app.api.chat_postMessage(channel="C0GENERAL", text="Pick", blocks=[BUTTONS])
        await visit.enter("general")
        await visit.page.locator(".block-actions").get_by_role("button", name="More actions").click()
        await visit.page.get_by_role("menuitem", name="Show diff").click()
        assert (await arrived(app, "block_actions"))["actions"][0]["selected_option"]["value"] == "diff"
        await visit.page.locator("select[data-action-id=pick]").select_option("1")
        assert (await arrived(app, "block_actions", 2))["actions"][0]["selected_option"]["value"] == "1"
        await visit.page.locator("input[data-action-id=day]").fill("2026-11-21")
        await visit.page.locator("input[data-action-id=day]").blur()
        assert (await arrived(app, "block_actions", 3))["actions"][0]["selected_date"] == "2026-11-21"


async def test_a_modal_keeps_what_was_entered_shows_errors_at_their_block_and_closes_when_taken(
    chromium: Browser,
) -> None:
    async with visiting(chromium, bot=False) as visit, small_app(visit.workspace, deny_needs_a_reason) as app:
        await app.api.chat_postMessage(channel="C0GENERAL", text="Scale?", blocks=[BUTTONS])
        await visit.enter("general")
        await visit.page.get_by_role("button", name="Deny").click()
        dialog = visit.page.get_by_role("dialog", name="Deny the change")
        reason = dialog.get_by_role("textbox", name="Reason")
        await expect(reason).to_be_focused()
        await reason.fill("no")
        await dialog.get_by_role("button", name="Deny").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Please complete this required field.")
        await dialog.get_by_label("When").select_option("later")
        await dialog.get_by_label("Omar").check()
        await dialog.get_by_role("button", name="Deny").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Say a little more.")
        await expect(reason).to_have_value("no")
        await expect(reason).to_be_focused()
        await expect(dialog.get_by_label("Omar")).to_be_checked()
        await reason.fill("not during the sale")
        await reason.press("Enter")
        await expect(dialog).to_have_count(0)
        values = (await arrived(app, "view_submission", 2))["view"]["state"]["values"]
        assert values["why"]["reason"]["value"] == "not during the sale"
        assert values["when"]["time"]["selected_option"]["value"] == "later"
        assert [option["value"] for option in values["who"]["tell"]["selected_options"]] == ["U0OMAR"]


@asynccontextmanager
async def no_bot() -> AsyncIterator[Any]:
    raise OSError("there is no bot in this test")
    yield


def without_bot(shown: Shown) -> PageServer:
    hub = Hub()
    return PageServer(shown, hub, Inspector(hub.publish, Details([])), BotProgram(no_bot, hub.publish), 0)


async def test_where_slack_is_real_the_page_says_so_and_keeps_the_inspector(chromium: Browser) -> None:
    about = {"edges": [{"edge": "Slack", "real": True, "detail": "your workspace"}], "transport": "", "suggested": []}
    async with (
        Workspace() as unused,
        without_bot(Shown(None, about, {})) as server,
        browsing(chromium, server, unused) as visit,
    ):
        await expect(visit.main).to_contain_text("Slack is real here")
        await visit.page.get_by_role("button", name="Open the inspector").click()
        await expect(visit.inspector).to_contain_text("Nothing yet.")


async def test_a_slash_command_completes_itself_and_a_message_shortcut_is_in_the_messages_menu(
    chromium: Browser,
) -> None:
    async def reply(_: SmallApp, payload: Json) -> Json | None:
        return {"text": f"You asked: {payload['text']}"} if "command" in payload else None

    async with Workspace() as workspace, small_app(workspace, reply) as app:
        shown = Shown(
            workspace,
            {"edges": [], "transport": "Socket Mode", "suggested": []},
            {},
            [{"command": "/kubeai", "description": "Ask the cluster", "usage_hint": "help"}],
            [{"callback_id": "investigate", "name": "Investigate this", "type": "message"}],
        )
        async with without_bot(shown) as server, browsing(chromium, server, workspace) as visit:
            await visit.enter("general")
            area = visit.main.get_by_role("combobox")
            await area.press_sequentially("/ku")
            await expect(visit.page.get_by_role("option", name="/kubeai")).to_contain_text("Ask the cluster")
            await area.press("Enter")
            await area.press_sequentially("help me")
            await area.press("Enter")
            await expect(visit.page.locator(".message.ephemeral")).to_contain_text("You asked: help me")
            await visit.write("/unknown")
            await expect(visit.page.get_by_role("alert")).to_contain_text("/unknown is not a command")
            await visit.write("disk is full on node-1")
            message = visit.main.locator(".message", has_text="disk is full")
            await message.hover()
            await message.get_by_role("button", name="More actions").click()
            await message.get_by_role("menuitem", name="Investigate this").click()
            assert (await arrived(app, "message_action"))["message"]["text"] == "disk is full on node-1"


async def test_an_ephemeral_message_is_seen_by_its_reader_only(chromium: Browser) -> None:
    async with visiting(chromium, bot=False) as visit, small_app(visit.workspace) as app:
        await app.api.chat_postEphemeral(channel="C0GENERAL", user="U0MIA", text="You may not do that.")
        await visit.enter("general")
        note = visit.page.locator(".message", has_text="You may not do that.")
        await expect(note).to_contain_text("Only visible to you")
        await visit.become("Omar")
        await expect(note).to_have_count(0)


async def test_the_home_tab_shows_what_the_app_published_and_its_buttons_work(chromium: Browser) -> None:
    async with visiting(chromium, bot=False) as visit, small_app(visit.workspace) as app:
        await visit.page.get_by_role("button", name="Home", exact=True).click()
        await expect(visit.page.get_by_text("has not published a home tab")).to_be_visible()
        blocks = [
            {"type": "header", "text": plain("Clusters")},
            {"type": "actions", "elements": [BUTTONS["elements"][1]]},
        ]
        await app.api.views_publish(user_id="U0MIA", view={"type": "home", "blocks": blocks})
        await expect(visit.main.get_by_role("heading", name="Clusters")).to_be_visible()
        await visit.main.get_by_role("button", name="Deny").click()
        assert (await arrived(app, "block_actions"))["container"]["type"] == "view"


async def test_a_status_line_takes_turns_with_its_loading_messages_and_a_stream_grows(chromium: Browser) -> None:
    async with visiting(chromium, bot=False) as visit, small_app(visit.workspace) as app:
        await visit.write("hello")
        thread = visit.workspace.messages("D0MIA")[0].ts
        place = {"channel_id": "D0MIA", "thread_ts": thread}
        await app.api.assistant_threads_setStatus(**place, status="is looking…", loading_messages=["Reading logs…"])
        await expect(visit.page.get_by_text("kubeai is looking…")).to_be_visible()
        await expect(visit.page.get_by_text("Reading logs…")).to_be_visible()
        stream = await app.api.chat_startStream(
            channel="D0MIA",
            thread_ts=thread,
            recipient_team_id="T0SHOP",
            recipient_user_id="U0MIA",
            task_display_mode="plan",
            chunks=[
                {"type": "plan_update", "title": "Look around"},
                {"type": "task_update", "id": "1", "title": "List pods", "status": "in_progress"},
            ],
        )
        await expect(visit.answer.locator(".plan")).to_contain_text("0 of 1 done")
        await visit.answer.get_by_text("Look around").click()
        more = [
            {"type": "task_update", "id": "1", "title": "List pods", "status": "complete"},
            {"type": "markdown_text", "text": "Two **pods** crash."},
        ]
        await app.api.chat_appendStream(channel="D0MIA", ts=str(stream["ts"]), chunks=more)
        await expect(visit.answer.locator("strong", has_text="pods")).to_be_visible()
        await expect(visit.answer).to_have_attribute("aria-busy", "true")
        await app.api.chat_stopStream(channel="D0MIA", ts=str(stream["ts"]))
        await expect(visit.answer).not_to_have_attribute("aria-busy", "true")
        await expect(visit.answer.locator(".plan")).to_contain_text("1 done")


async def test_a_payload_that_slack_would_refuse_is_pointed_out(chromium: Browser) -> None:
    async with visiting(chromium, bot=False, problems=True) as visit, small_app(visit.workspace) as app:
        with pytest.raises(SlackApiError, match="invalid_blocks"):
            await app.api.chat_postMessage(channel="C0GENERAL", text="x", blocks=[{"type": "divider", "colour": "red"}])
        await expect(visit.page.locator(".badge")).to_be_visible()
        await visit.page.get_by_role("button", name="Open the inspector").click()
        await expect(visit.inspector.locator(".problems")).to_contain_text("colour")
        await expect(visit.inspector.locator(".entry.trouble")).to_contain_text("chat.postMessage")


async def test_a_global_shortcut_of_the_bot_is_offered_with_its_commands_and_opens_its_form(chromium: Browser) -> None:
    async with visiting(chromium) as visit:
        area = visit.main.get_by_role("combobox")
        await area.press_sequentially("/ask")
        await visit.page.get_by_role("option", name="Ask about the cluster").click()
        form = visit.page.get_by_role("dialog")
        await expect(form).to_contain_text("Ask")
        await form.get_by_role("textbox").fill("Who am I, and what may I do?")
        await form.get_by_role("button", name="Ask").click()
        await expect(form).to_be_hidden()
        await visit.main.get_by_text("History", exact=True).click()
        await expect(visit.main).to_contain_text("Who am I, and what may I do?")
