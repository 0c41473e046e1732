"""An approval on the page, from the question to the verified rollout, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, expect

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.world import WorldOptions
from tests.playground_page.browser import NEEDS_CHROMIUM, Visit, chromium, visiting

__all__ = ["chromium"]

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]

ROLLED_OUT = 20_000
"""Milliseconds for a change, its rollout and the answer."""


@asynccontextmanager
async def asking(chromium: Browser) -> AsyncGenerator[Visit]:
    async with visiting(chromium, WorldOptions(mode=Mode.ALLOW)) as visit:
        await visit.become("Omar")
        await expect(visit.page.get_by_text("Hello Omar")).to_be_visible()
        yield visit


def stuck(visit: Visit) -> str:
    """The workload whose newest rollout does not get on."""
    assert visit.playground is not None
    return next(fault.workload for fault in visit.playground.world.scenario.faults if fault.kind == "rollout")


def button(box: Locator, name: str) -> Locator:
    return box.get_by_role("button", name=name)


async def card(visit: Visit, text: str, composer: str = "main") -> Locator:
    """Say it; the message with the card that waits."""
    before = await visit.page.get_by_role("button", name="Approve: ").count()
    await visit.write(text, composer)
    await expect(visit.page.get_by_role("button", name="Approve: ")).to_have_count(before + 1)
    ts = await visit.answer.get_attribute("data-ts")
    return visit.page.locator(f".message:visible[data-ts='{ts}']")


async def test_a_denial_with_a_reason_changes_nothing_and_stands_on_the_card(chromium: Browser) -> None:
    async with asking(chromium) as visit:
        asked = await card(visit, f"Roll back {stuck(visit)}")
        await expect(asked).to_contain_text("Nothing has been changed yet")
        await expect(asked.locator(".diff-removed", has_text="image:")).to_contain_text(":1.26.0")
        await expect(asked.locator(".diff-added", has_text="image:")).to_contain_text(":1.25.2")
        await button(asked, "Show full diff").click()
        modal = visit.page.get_by_role("dialog")
        await expect(modal).to_contain_text("Page 1 of 1")
        await modal.get_by_role("textbox").fill("image:")
        await button(modal, "Search").click()
        await expect(modal.locator("pre")).to_contain_text(":1.25.2")
        await expect(modal.locator("pre")).not_to_contain_text("metadata")
        await modal.get_by_role("button", name="Close").last.click()
        await expect(modal).to_be_hidden()
        await button(asked, "Deny").click()
        await modal.get_by_role("textbox").fill("not during the sale")
        await button(modal, "Deny").click()
        await expect(asked).to_contain_text("Denied: not during the sale")
        await expect(asked.get_by_role("button", name="Approve")).to_have_count(0)
        await expect(visit.answer).to_contain_text("Denied by @Omar: not during the sale. Nothing was changed")
        assert all("(dry run)" in title for title in await writes(visit))


async def test_an_approval_leads_to_a_verified_rollout_and_undo_to_a_new_card(chromium: Browser) -> None:
    async with asking(chromium) as visit:
        workload = stuck(visit)
        asked = await card(visit, f"Roll back {workload}")
        await button(asked, "Approve").click()
        follows = visit.answer.locator(".task", has_text="Follow the rollout")
        await expect(follows).to_be_attached(timeout=ROLLED_OUT)
        await expect(visit.answer.locator(".feedback")).to_be_visible(timeout=ROLLED_OUT)
        await expect(visit.answer).to_contain_text("Verified: the rollout is complete, 2 of 2 updated, 2 available")
        await expect(asked).to_contain_text("Approved and done")
        await expect(asked).to_contain_text("@Omar")
        await expect(asked.get_by_role("button", name="Approve")).to_have_count(0)
        await expect(visit.answer).to_be_in_viewport()
        sent = await writes(visit)
        assert ["(dry run)" in title for title in sent].count(False) == 1
        assert len(sent) > 1
        assert all("as omar@shop.example" in title for title in sent)
        await button(visit.answer, "Undo").click()
        again = visit.page.get_by_role("button", name="Approve: ")
        await expect(again).to_have_count(1)
        await expect(visit.answer).to_contain_text("Nothing has been changed yet")
        await expect(visit.answer.locator(".diff-added", has_text="image:")).to_contain_text(":1.26.0")


async def test_who_may_not_make_the_change_can_neither_ask_for_it_nor_approve_it(chromium: Browser) -> None:
    async with asking(chromium) as visit:
        await visit.enter("shop-oncall")
        await visit.write("@kubeai scale frontend to 5")
        asked = visit.thread.locator(".message", has=visit.page.get_by_role("button", name="Approve: "))
        await expect(asked).to_be_visible()
        await visit.become("Mia")
        await button(asked, "Approve").click()
        await expect(visit.thread).to_contain_text("your approval does not count")
        await expect(visit.thread).to_contain_text("update deployments.apps/scale in shop")
        await expect(button(asked, "Approve")).to_be_visible()
        await visit.page.get_by_role("region", name="Apps").get_by_role("button", name="kubeai").click()
        refused = await visit.ask("Scale frontend in shop to 5")
        await expect(refused).to_contain_text("Not done: you lack the right update deployments/scale in namespace shop")
        await expect(refused.get_by_role("button", name="Approve")).to_have_count(0)
        assert all("(dry run)" in title or "403" in title for title in await writes(visit))


async def test_allowing_a_kind_of_change_is_confirmed_first_and_spares_the_next_card(chromium: Browser) -> None:
    async with asking(chromium) as visit:
        asked = await card(visit, "scale the frontend to 4")
        await button(asked, "Allow for 30 min").click()
        dialog = visit.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("further changes of this kind in shop")
        await button(dialog, "Cancel").click()
        await expect(button(asked, "Approve")).to_be_visible()
        await button(asked, "Allow for 30 min").click()
        await dialog.get_by_role("button", name="Allow", exact=True).click()
        await expect(visit.answer).to_contain_text("Verified: the rollout is complete", timeout=ROLLED_OUT)
        await expect(visit.answer.locator(".feedback")).to_be_visible(timeout=ROLLED_OUT)
        await visit.write("scale the frontend to 3")
        await expect(visit.answer).to_contain_text("from 4 to 3", timeout=ROLLED_OUT)
        await expect(visit.page.get_by_role("button", name="Approve: ")).to_have_count(0)


async def writes(visit: Visit) -> list[str]:
    """The titles of the requests that would change a workload, as the inspector shows them."""
    if not await visit.inspector.is_visible():
        await visit.page.get_by_role("button", name="Open the inspector").click()
    await visit.inspector.get_by_role("tab", name="Cluster").click()
    await expect(visit.inspector.locator(".entry").first).to_be_visible()
    titles = await visit.inspector.locator(".entry-title").all_inner_texts()
    return [
        title for title in titles if title.startswith(("PATCH", "PUT", "DELETE", "POST")) and "/apis/apps/" in title
    ]
