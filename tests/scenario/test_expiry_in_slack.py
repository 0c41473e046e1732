"""Approvals that nobody gives in time: the card is closed by itself, and a click that comes too late is told once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeai_bot.domain.approval import approvals_from_json
from kubeai_bot.slack.approval_cards import APPROVE
from tests.agent.loop_world import calls
from tests.scenario.asking_shop import CHANGE, OMAR, PLACE, Shop
from tests.slack.approvals import buttons, words

pytestmark = pytest.mark.timeout(60)

CLOSED = "Expired; nothing was changed"


def expiring(shop: Shop, after: timedelta) -> None:
    shop.core.rules = replace(shop.core.rules, approval_ttl=after)


async def test_the_cards_of_an_answer_are_closed_when_nobody_decides_in_time(shop: Shop) -> None:
    expiring(shop, timedelta(seconds=0.5))
    shop.core.provider.replies = [calls(CHANGE, ("change", {"what": "image"}))]
    async with shop.bot():
        card = await shop.ask()
        assert CLOSED in await shop.outcome(card)
        assert words(card.all_blocks()).count(CLOSED) == 2
        assert len(await shop.answers(1)) == 1
    assert not shop.changes


async def test_a_click_on_a_card_that_outlived_its_bot_is_told_only_that_it_has_expired(shop: Shop) -> None:
    expiring(shop, timedelta(seconds=1.5))
    async with shop.bot():
        card = await shop.ask()
        (waiting,) = approvals_from_json((await shop.session()).approval).pending
    async with asyncio.timeout(10):
        while datetime.now(UTC) <= waiting.expires_at:  # noqa: ASYNC110 - time has no event
            await asyncio.sleep(0.02)
    assert APPROVE in buttons(card)
    async with shop.bot():
        await shop.click(OMAR, APPROVE, card)
        answer = (await shop.answers(2))[1]
        assert CLOSED in await shop.outcome(card)
        assert "This approval has expired; nothing was changed." in words(answer.all_blocks())
    read = shop.workspace.rendered(PLACE, shop.thread)
    assert "on record" not in read
    assert not [m for m in shop.workspace.messages(PLACE, shop.thread) if m.ephemeral_to]
    assert not shop.changes
