"""Pictures of the page for README and docs: `python -m tests.playground_page.screenshots [folder]`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser, expect

from kubeai_bot.domain.policy import Mode
from kubeai_bot.logs import configure_logging
from kubeai_bot.playground.world import WorldOptions
from tests.playground_page.browser import PHONE, Visit, open_browser, visiting

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
WORLD = WorldOptions(seed=7)
QUESTION = "What is unhealthy right now?"


async def _settled(visit: Visit) -> None:
    await visit.page.mouse.move(0, 0)
    await visit.page.evaluate("() => (document.activeElement?.blur(), document.fonts.ready.then(() => null))")


async def answer(browser: Browser, folder: Path) -> None:
    """An answer with its plan, and what the inspector has of it."""
    async with visiting(browser, WORLD, viewport={"width": 1440, "height": 880}) as visit:
        await visit.ask(QUESTION)
        await visit.inspector.get_by_role("tab", name="Cluster").click()
        await visit.inspector.get_by_role("searchbox").fill("shop/pods")
        await visit.inspector.locator(".entry summary").nth(1).click()
        await visit.main.get_by_role("log").evaluate("(log) => (log.scrollTop = 0)")
        await _settled(visit)
        await visit.page.screenshot(path=folder / "page-answer.png")


async def approval(browser: Browser, folder: Path) -> None:
    """A change that waits: what it would do, as whom, and the inspector with its dry run."""
    world = replace(WORLD, mode=Mode.ALLOW)
    async with visiting(browser, world, viewport={"width": 1440, "height": 880}) as visit:
        assert visit.playground is not None
        stuck = next(fault for fault in visit.playground.world.scenario.faults if fault.kind == "rollout")
        await visit.become("Omar")
        await expect(visit.page.get_by_text("Hello Omar")).to_be_visible()
        await visit.write(f"Roll back {stuck.workload} in {stuck.namespace}")
        await expect(visit.answer.get_by_role("button", name="Approve")).to_be_visible()
        await visit.inspector.get_by_role("tab", name="Cluster").click()
        await visit.inspector.get_by_role("searchbox").fill(f"deployments/{stuck.workload}")
        await visit.inspector.locator(".entry summary").first.click()
        await _settled(visit)
        await visit.page.screenshot(path=folder / "page-approval.png")


async def thread(browser: Browser, folder: Path) -> None:
    """The same question in a channel, answered in a thread, in the dark."""
    async with visiting(browser, WORLD, viewport={"width": 1240, "height": 800}, color_scheme="dark") as visit:
        await visit.enter("shop-oncall")
        await visit.write("The shop is slow since the deploy this morning. Anybody on it?")
        await visit.become("Omar")
        await visit.ask(f"@kubeai {QUESTION}")
        await visit.thread.get_by_role("log").evaluate("(log) => (log.scrollTop = 0)")
        await _settled(visit)
        await visit.page.screenshot(path=folder / "page-thread-dark.png")


async def phone(browser: Browser, folder: Path) -> None:
    async with visiting(browser, WORLD, viewport=PHONE, device_scale_factor=2) as visit:
        await visit.ask(QUESTION)
        await visit.main.get_by_role("log").evaluate("(log) => (log.scrollTop = 0)")
        await _settled(visit)
        await visit.page.screenshot(path=folder / "page-phone.png")


async def refusal(browser: Browser, folder: Path) -> None:
    """Somebody whom nobody mapped to Kubernetes is told so, and whom to ask."""
    async with visiting(browser, WORLD, viewport={"width": 1100, "height": 560}) as visit:
        await visit.become("Sam")
        await visit.write("Show me all pods, please")
        await expect(visit.answer).to_contain_text("#platform")
        await _settled(visit)
        await visit.page.screenshot(path=folder / "refusal.png")


async def take_all(folder: Path) -> None:
    async with open_browser() as browser:
        for picture in (answer, approval, thread, phone, refusal):
            await picture(browser, folder)


if __name__ == "__main__":
    configure_logging("ERROR", "console")
    chosen = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(take_all(chosen))
