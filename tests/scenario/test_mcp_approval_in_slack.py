"""A change through an MCP server, from the question to the card, in the whole world."""

import asyncio
import re

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.world import WorldOptions
from tests.scenario.stories import OMAR, Story, story

pytestmark = pytest.mark.timeout(90)


async def test_the_card_names_the_server_and_the_tool_and_no_place_in_a_cluster() -> None:
    async with story(WorldOptions(runbooks=True, mode=Mode.ALLOW)) as it:
        thread, incident = await incident_found(it)
        await it.ask(OMAR, f"acknowledge {incident}", thread_ts=thread)
        read = it.read("D0OMAR", thread)
        card = read[read.index("# Approve?") :]
        assert "MCP server: runbooks\n  Tool: acknowledge_incident\n  Asked for by: @Omar" in card
        assert incident in card
        for unknown in ("Cluster:", "Namespace:", "all namespaces", "Objects:"):
            assert unknown not in card
        workspace = it.world.workspace
        assert workspace is not None
        await workspace.open_home(OMAR)
        view = await workspace.wait_for(lambda w: w.home(OMAR), what="the home tab")
        assert "through the MCP server `runbooks` · expires" in str(view.view["blocks"])


async def incident_found(it: Story) -> tuple[str, str]:
    """The thread, and an incident that was found in it: asked for until the server is connected."""
    thread = ""
    async with asyncio.timeout(30):
        while True:
            thread = await it.ask(OMAR, "any open incidents?", thread_ts=thread or None)
            if found := re.search(r"INC-\d+", it.read("D0OMAR", thread)):
                return thread, found[0]
