"""A person at the page: a headless Chromium, the playground behind it, and what a test does and looks for there.

`chromium` is a fixture; import it into the test module. One browser serves a module, each test gets a fresh profile.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Response, async_playwright, expect

from kubeai_bot.playground.page.running import Playground, open_playground
from kubeai_bot.playground.page.server import PageServer
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.world import WorldOptions

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDS_CHROMIUM = pytest.mark.skipif(
    EXECUTABLE is None, reason="no Chromium here: install chromium to run browser tests"
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WITHIN = 20_000
"""Milliseconds that the page has for anything."""

CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8").partition("\n")[2]

PHONE = {"width": 390, "height": 844}


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=WITHIN)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_browser() as browser:
        yield browser


@dataclass
class Visit:
    """One open page. `complaints`: what the browser's console and its content security policy had to say."""

    workspace: Workspace
    page: Page
    complaints: list[str] = field(default_factory=list[str])
    playground: Playground | None = None

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    @property
    def thread(self) -> Locator:
        return self.page.get_by_role("complementary", name="Thread")

    @property
    def inspector(self) -> Locator:
        return self.page.get_by_role("complementary", name="Inspector")

    @property
    def answer(self) -> Locator:
        """The newest message of the bot in the conversation on the screen."""
        return self.page.locator(".message:visible", has=self.page.locator(".app-badge")).last

    async def check(self, name: str, argument: Any = None) -> Any:
        """Call one of checks.js inside the page."""
        return await self.page.evaluate(f"(argument) => {CHECKS.strip()}.{name}(argument)", argument)

    async def become(self, name: str) -> None:
        await self.page.get_by_role("region", name="You are").get_by_role("button", name=re.compile(f"^{name}")).click()

    async def enter(self, channel: str) -> None:
        await self.page.get_by_role("region", name="Channels").get_by_role("button", name=channel).click()

    async def write(self, text: str, composer: str = "main") -> None:
        area = self.page.locator(f"[data-composer={composer}] textarea")
        await area.fill(text)
        await area.press("Enter")

    async def ask(self, text: str, composer: str = "main") -> Locator:
        """Say it and wait for a complete answer."""
        before = await self.page.locator(".message:visible .feedback").count()
        await self.write(text, composer)
        await expect(self.page.locator(".message:visible .feedback")).to_have_count(before + 1, timeout=WITHIN)
        return self.answer


def _watch(page: Page, complaints: list[str]) -> None:
    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"{response.status} {response.url}")

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", answered)


@asynccontextmanager
async def browsing(browser: Browser, server: PageServer, workspace: Workspace, **profile: Any) -> AsyncIterator[Visit]:
    """The page of `server`, open in a fresh profile. At the end, nothing may have complained: neither the console nor
    the content security policy."""
    context = await browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **profile})
    context.set_default_timeout(WITHIN)
    page = await context.new_page()
    visit = Visit(workspace, page)
    _watch(page, visit.complaints)
    try:
        await page.goto(server.address)
        await expect(page.locator(".rail button").first).to_be_attached()
        yield visit
    finally:
        await context.close()
    assert visit.complaints == []


@asynccontextmanager
async def visiting(
    browser: Browser, options: WorldOptions | None = None, *, bot: bool = True, problems: bool = False, **profile: Any
) -> AsyncIterator[Visit]:
    """The whole playground with its page open. At the end the simulated Slack may have no complaints either, unless
    `problems` are wanted."""
    async with open_playground(options or WorldOptions(), 0) as playground:
        workspace = playground.world.workspace
        assert workspace is not None
        if bot:
            await playground.bot.start()
        async with browsing(browser, playground.page, workspace, **profile) as visit:
            visit.playground = playground
            yield visit
        if not problems:
            workspace.assert_no_problems()
