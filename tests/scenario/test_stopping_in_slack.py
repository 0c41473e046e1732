"""What a person sees of an answer that they stopped: done is done, stopped is not failed, and it is said once."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.agent.loop_world import calls
from tests.scenario.asking_shop import MIA, PLACE, Shop
from tests.slack.scene import cards, shown

pytestmark = pytest.mark.timeout(60)

STEPS = (("look", {"what": "pods"}), ("slow", {"what": "logs"}), ("slow", {"what": "events"}))


@pytest.mark.parametrize("way", ["button", "word"])
async def test_steps_that_a_person_stops_have_not_failed_and_it_is_said_once(shop: Shop, way: str) -> None:
    shop.core.provider.replies = [calls(*STEPS)]
    with capture_logs() as logs:
        async with shop.bot():
            shop.thread = await shop.workspace.say(MIA, "why?", channel=PLACE, mention=True)
            await at_work(shop)
            if way == "button":
                assert await shop.workspace.stop(MIA, PLACE, shop.thread)
            else:
                await shop.workspace.say(MIA, "stop", channel=PLACE, thread_ts=shop.thread)
            (answer,) = await shop.answers(1)
    assert cards(answer) == {
        "look {'what': 'pods'}": ("complete", "look done · 0.0 s"),
        "slow {'what': 'logs'}": ("pending", "stopped"),
        "slow {'what': 'events'}": ("pending", "stopped"),
    }
    assert shown(answer) == "Stopped. Nothing was changed."
    read = shop.workspace.rendered(PLACE, shop.thread)
    assert "1 of 3 steps" in read
    assert read.count("Stopped") == 1
    assert [entry for entry in logs if entry["log_level"] in ("warning", "error")] == []


async def at_work(shop: Shop) -> None:
    """Until the thread shows one step that is done and two that run."""
    marks = ("[x] look", "[~] slow {'what': 'logs'}", "[~] slow {'what': 'events'}")
    await shop.workspace.wait_for(
        lambda w: all(mark in w.rendered(PLACE, shop.thread) for mark in marks), what="three steps"
    )
    async with asyncio.timeout(10):
        await shop.core.tools.entered.wait()
