"""From a signed Slack event over the card and somebody's click to the change, through the core: every branch of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeai_bot.domain.event import Choice
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Mode, Policy, Rule
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.approval_cards import APPROVE, DENY, FULL_DIFF, GRANT
from kubeai_bot.slack.decisions import GONE
from kubeai_bot.slack.outputs import NOT_YOURS
from kubeai_bot.slack.paging import NEXT
from tests.agent.loop_world import calls, says
from tests.scenario.asking_shop import CHANGE, MIA, OMAR, PLACE, SAM, Shop
from tests.slack.approvals import block_ids, buttons, words

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=[False, True], ids=["socket mode", "signed http"])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    async with Workspace(redelivery_delays=(0.2, 0.2, 0.2)) as workspace:
        it = Shop(workspace, request.param)
        workspace._state.channels[PLACE].members.add(SAM)
        yield it
        workspace.assert_no_problems()


async def test_a_change_waits_with_a_card_and_is_made_when_somebody_approves(shop: Shop) -> None:
    async with shop.bot():
        card = await shop.ask()
        assert not shop.changes
        said = words(card.all_blocks())
        for expected in ("Cluster: demo", "Namespace: shop", "Objects: Pod shop/web", "+ {'what': 'replicas'}"):
            assert expected in said
        assert set(buttons(card)) == {APPROVE, DENY, FULL_DIFF, GRANT}
        await shop.click(OMAR, APPROVE, card)
        answer = (await shop.answers(2))[1]
        assert shop.changes == ["replicas"]
        assert shop.core.tools.as_whom[-1] == MIA
        assert "Done." in words(answer.all_blocks())
        assert "feedback" in block_ids(answer)
        outcome = await shop.outcome(card)
        assert "Approved and done" in outcome
        assert "@U0OMAR" in outcome


async def test_who_clicks_twice_changes_once(shop: Shop) -> None:
    async with shop.bot():
        card = await shop.ask()
        shown = replace(card, blocks=list(card.blocks))
        await asyncio.gather(*(shop.click(MIA, APPROVE, shown) for _ in range(2)))
        answers = await shop.answers(3)
        assert shop.changes == ["replicas"]
        assert sum("no longer waits" in words(answer.all_blocks()) for answer in answers) == 1
        assert "Approved and done" in await shop.outcome(card)


async def test_two_replicas_on_one_store_make_one_change() -> None:
    async with Workspace() as workspace:
        shop = Shop(workspace, http=False)
        async with shop.bot(), shop.bot():
            card = await shop.ask()
            shown = replace(card, blocks=list(card.blocks))
            await asyncio.gather(shop.click(MIA, APPROVE, shown), shop.click(OMAR, APPROVE, shown))
            await shop.answers(3)
            assert shop.changes == ["replicas"]
            assert "Approved and done" in await shop.outcome(card)
        workspace.assert_no_problems()


async def test_who_may_not_approve_changes_nothing_and_the_card_stays(shop: Shop) -> None:
    shop.core.rights.lacking[OMAR] = "patch deployments in shop"
    async with shop.bot():
        card = await shop.ask()
        await shop.click(SAM, APPROVE, card)
        assert "not mapped" in words((await shop.answers(2))[1].all_blocks())
        await shop.click(OMAR, APPROVE, card)
        said = str((await shop.answers(3))[2].all_blocks())
        assert "<@U0OMAR>, your approval does not count" in said
        assert "patch deployments in shop" in said
        assert not shop.changes
        assert APPROVE in buttons(card)
        await shop.click(MIA, APPROVE, card)
        await shop.answers(4)
        assert shop.changes == ["replicas"]


async def test_where_two_people_are_needed_the_card_says_so_and_the_requester_is_not_enough(shop: Shop) -> None:
    rule = Rule("two people", namespaces=("shop",), second_person=True, approvers=(OMAR,))
    shop.core.rules = replace(shop.core.rules, policy=Policy(Mode.ALLOW, (rule,)))
    async with shop.bot():
        card = await shop.ask()
        said = words(card.all_blocks())
        assert "is one of @U0OMAR" in said
        assert "a second person: not @U0MIA" in said
        assert GRANT not in buttons(card)
        await shop.click(MIA, APPROVE, card)
        assert "second person" in words((await shop.answers(2))[1].all_blocks())
        await shop.click(OMAR, APPROVE, card)
        await shop.answers(3)
        assert shop.changes == ["replicas"]


async def test_a_denial_with_its_reason_stands_on_the_card(shop: Shop) -> None:
    async with shop.bot():
        card = await shop.ask()
        await shop.click(OMAR, DENY, card)
        await shop.workspace.wait_for(lambda w: w._state.modals.get(OMAR), what="the form")
        await shop.workspace.submit(OMAR, {"deny_reason": "not before the <!channel> sale"})
        answer = str((await shop.answers(2))[1].all_blocks())
        assert "Denied by <@U0OMAR>" in answer
        outcome = await shop.outcome(card)
        assert "Denied: not before the" in outcome
        assert "@U0OMAR" in outcome
        assert "<!channel>" not in f"{answer}{outcome}"
        assert not shop.changes


async def test_an_approval_that_has_expired_is_void(shop: Shop) -> None:
    now = [datetime.now(UTC)]
    shop.core.rules = replace(shop.core.rules, now=lambda: now[0], approval_ttl=timedelta(minutes=5))
    async with shop.bot():
        card = await shop.ask()
        now[0] += timedelta(minutes=6)
        await shop.click(MIA, APPROVE, card)
        await shop.answers(2)
        assert "Expired" in await shop.outcome(card)
        assert not shop.changes


async def test_what_would_do_something_else_by_now_gets_a_new_card(shop: Shop) -> None:
    async with shop.bot():
        card = await shop.ask()
        shop.core.tools.world_now = "changed by somebody else"
        await shop.click(MIA, APPROVE, card)
        anew = (await shop.answers(2))[1]
        assert not shop.changes
        assert "asked anew" in await shop.outcome(card)
        assert "changed by somebody else" in words(anew.all_blocks())
        assert buttons(anew)[APPROVE] != ""
        await shop.click(MIA, APPROVE, anew)
        await shop.answers(3)
        assert shop.changes == ["replicas"]
        assert "Approved and done" in await shop.outcome(anew)


async def test_a_card_outlives_the_bot_that_showed_it(shop: Shop) -> None:
    async with shop.bot():
        card = await shop.ask()
    async with shop.bot():
        await shop.click(OMAR, APPROVE, card)
        await shop.answers(2)
        assert shop.changes == ["replicas"]
        assert "Approved and done" in await shop.outcome(card)


async def test_a_typed_yes_settles_the_card_too(shop: Shop) -> None:
    async with shop.bot():
        card = await shop.ask()
        await shop.workspace.say(MIA, "yes", channel=PLACE, thread_ts=shop.thread)
        await shop.answers(2)
        assert shop.changes == ["replicas"]
        assert "Approved and done" in await shop.outcome(card)


async def test_a_card_of_a_cleared_conversation_loses_its_buttons_at_the_next_click(shop: Shop) -> None:
    async with shop.bot():
        card = await shop.ask()
        await shop.workspace.say(MIA, "clear", channel=PLACE, thread_ts=shop.thread)
        await shop.answers(2)
        await shop.click(MIA, APPROVE, card)
        await shop.answers(3)
        assert GONE in await shop.outcome(card)
        assert not shop.changes


async def test_a_kind_of_change_is_allowed_for_a_while(shop: Shop) -> None:
    shop.core.provider.replies = [calls(CHANGE), says("Done."), calls(CHANGE), says("Done again.")]
    async with shop.bot():
        await shop.click(OMAR, GRANT, await shop.ask())
        await shop.answers(2)
        await shop.workspace.say(MIA, "once more", channel=PLACE, thread_ts=shop.thread)
        answer = (await shop.answers(3))[2]
        assert "Done again." in words(answer.all_blocks())
        assert shop.changes == ["replicas", "replicas"]
        await shop.workspace.say(MIA, "grants", channel=PLACE, thread_ts=shop.thread)
        assert "(given by <@U0OMAR>)" in str((await shop.answers(4))[3].all_blocks())


async def test_the_whole_diff_is_paged_through(shop: Shop) -> None:
    shop.core.tools.world_now = "\n".join(f"line {number}" for number in range(2_000))
    async with shop.bot():
        card = await shop.ask()
        assert "more lines" in words(card.all_blocks())
        await shop.click(OMAR, FULL_DIFF, card)
        await shop.workspace.wait_for(lambda w: w._state.modals.get(OMAR), what="the diff")
        view = shop.workspace.modal(OMAR)
        assert "Page 1 of" in words(view.view)
        assert (await shop.workspace.click(OMAR, NEXT, view=view)).acked
        await shop.workspace.wait_for(lambda w: "Page 2 of" in words(w.modal(OMAR).view), what="the second page")


async def test_an_output_is_shown_to_whom_it_was_looked_up_for(shop: Shop) -> None:
    shop.core.tools.says = "\n".join(f"pod-{number} Running" for number in range(20_000))
    shop.core.provider.replies = [calls(("look", {"what": "pods"})), says("Many.")]
    async with shop.bot():
        answer = await shop.ask("list them")
        assert "output:0" in buttons(answer)
        await shop.click(OMAR, "output:0", answer)
        await shop.workspace.wait_for(
            lambda w: any(m.ephemeral_to == OMAR and NOT_YOURS[:40] in str(m.blocks) for m in w.messages(PLACE)),
            what="the refusal",
        )
        await shop.click(MIA, "output:0", answer)
        await shop.workspace.wait_for(lambda w: w._state.modals.get(MIA), what="the output")
        assert "pod-0 Running" in words(shop.workspace.modal(MIA).view)
        assert not shop.workspace._state.modals.get(OMAR)


async def test_an_undo_is_put_up_for_approval_as_a_wish_of_who_clicks(shop: Shop) -> None:
    shop.core.tools.extras["change"] = {"undo": ToolCall("", "change", {"what": "back"}), "undo_intent": "Scale back"}
    async with shop.bot():
        await shop.click(MIA, APPROVE, await shop.ask())
        answer = (await shop.answers(2))[1]
        await shop.click(OMAR, "undo:0", answer)
        card = (await shop.answers(3))[2]
        assert "Asked for by: @U0OMAR" in words(card.all_blocks())
        assert shop.changes == ["replicas"]
        shop.core.provider.replies = [says("Taken back.")]
        await shop.click(OMAR, APPROVE, card)
        await shop.answers(4)
        assert shop.changes == ["replicas", "back"]


async def test_a_choice_is_answered_by_a_click(shop: Shop) -> None:
    shop.core.tools.extras["look"] = {"choice": Choice("Which cluster do you mean?", ("demo", "staging"))}
    shop.core.provider.replies = [calls(("look", {"what": "x"})), says("On staging all is well.")]
    async with shop.bot():
        answer = await shop.ask("how is it?")
        assert "Which cluster do you mean?" in words(answer.all_blocks())
        await shop.click(MIA, "choice:1", answer)
        assert "On staging all is well." in words((await shop.answers(2))[1].all_blocks())
        await shop.workspace.wait_for(lambda _: "choice:picked" in block_ids(answer), what="the pick")
        assert "staging · picked by @U0MIA" in words(answer.all_blocks())


async def test_the_home_tab_says_what_waits(shop: Shop) -> None:
    async with shop.bot():
        await shop.ask()

        def home(workspace: Workspace) -> str:
            view = workspace.home(MIA)
            return str(view.view["blocks"]) if view is not None else ""

        await shop.workspace.open_home(MIA)
        await shop.workspace.wait_for(lambda w: "Waits for an approval" in home(w), what="what waits")
        assert "waits for an approval ·" in home(shop.workspace)
        assert "change {'what': 'replicas'}" in home(shop.workspace)


async def test_hostile_texts_ping_nobody_and_hide_nothing(shop: Shop) -> None:
    evil = "<!channel> @here \u202e <https://evil.example|ok> ```"
    shop.core.tools.world_now = evil
    shop.core.provider.replies = [calls(("change", {"what": evil}), text=evil), says(evil)]
    shop.core.tools.extras["change"] = {"undo": ToolCall("", "change", {"what": "back"}), "undo_intent": evil}
    async with shop.bot():
        card = await shop.ask()
        diff = next(block for block in card.all_blocks() if str(block.get("block_id")).endswith(":diff"))
        assert "<!channel> @here \\u202e <https://evil.example|ok> ```" in words(diff)
        await shop.click(MIA, APPROVE, card)
        answer = (await shop.answers(2))[1]
        await shop.outcome(card)
        others = [block for message in (card, answer) for block in message.all_blocks() if block is not diff]
        assert "<!channel>" not in str([block for block in others if block.get("block_id") != diff["block_id"]])
        assert "\u202e" not in str([block for block in others if block["type"] in ("header", "actions", "rich_text")])
