"""The Home tab, over both transports."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.domain.approval import Approvals, approvals_to_json
from kubeai_bot.domain.session import AgentState, Session
from kubeai_bot.playground.workspace.people import Person
from kubeai_bot.playground.workspace.render import Renderer
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.state import SimView
from kubeai_bot.playground.workspace.validation import check_view
from kubeai_bot.slack import home_clicks, home_view
from kubeai_bot.slack.home_view import ASK_PROMPT, FORGET, STORED, HomeState, Recent, Waiting
from kubeai_bot.slack.prompts import PROMPTS
from kubeai_bot.slack.questions import NOT_RECORDED
from tests.slack.approvals import approval
from tests.slack.program import ABOUT, REFUSAL, Program
from tests.slack.scene import Clock
from tests.slack.texts import TEXTS


def read(view: SimView | None) -> str:
    """The tab as a person reads it."""
    if view is None:
        return ""
    renderer = Renderer({"U0MIA": Person("U0MIA", "Mia", "")}, {})
    return "\n".join(line for block in view.view["blocks"] for line in renderer.block(block))


async def opened(workspace: Workspace, user: str = "U0MIA", words: str = "Your recent conversations") -> str:
    """Open the tab and wait until it says `words`."""
    await workspace.open_home(user)
    await workspace.wait_for(lambda w: words in read(w.home(user)), what=f"{words!r} in the home tab")
    assert (await workspace.settle(workspace.deliveries[-1])).acked
    return read(workspace.home(user))


async def said(workspace: Workspace, words: str, user: str = "U0MIA") -> str:
    await workspace.wait_for(lambda w: words in read(w.home(user)), what=f"{words!r} in the home tab")
    return read(workspace.home(user))


async def asked(workspace: Workspace, program: Program, name: str = "why is checkout down?", **how: Any) -> Session:
    """A conversation on record, whose thread is in Slack."""
    workspace.bot_events = frozenset({"app_home_opened"})
    return program.add(await workspace.say("U0MIA", name), name=name, **how)


async def test_it_says_what_the_bot_does_and_who_the_person_is(surfaced: Workspace, program: Program) -> None:
    session = await asked(surfaced, program)
    text = await opened(surfaced)
    assert "I change nothing." in text
    assert "`demo`, `staging`" in text
    assert "mia@shop.example (shop-developers)" in text
    link = f"https://shop.slack.com/archives/D0MIA/p{session.thread.thread_ts.replace('.', '')}"
    assert f"why is checkout down? ({link})" in text
    assert all(f"[{title}]" in text for title, _ in PROMPTS)


async def test_people_see_their_own_conversations_only(surfaced: Workspace, program: Program) -> None:
    await asked(surfaced, program)
    assert "checkout" not in await opened(surfaced, "U0OMAR")


async def test_a_refused_person_reads_why_and_can_ask_nothing(surfaced: Workspace) -> None:
    text = await opened(surfaced, "U0GIL")
    assert REFUSAL in text
    assert PROMPTS[0][0] not in text
    assert "What do you store about me?" in text


async def test_it_is_published_again_only_when_something_changed(
    surfaced: Workspace, program: Program, clock: Clock
) -> None:
    session = await asked(surfaced, program)
    await opened(surfaced)
    clock.ahead += 10
    before = program.lookups
    await surfaced.open_home("U0MIA")
    await surfaced.wait_for(lambda _: program.lookups > before, what="a second look")
    program.sessions.remove(session)
    clock.ahead += 10
    await surfaced.open_home("U0MIA")
    assert home_view.NOTHING_YET in await said(surfaced, home_view.NOTHING_YET)
    assert len(surfaced.calls_of("views.publish")) == 2


async def test_switching_to_the_tab_again_and_again_is_looked_at_once(surfaced: Workspace, program: Program) -> None:
    await opened(surfaced)
    for _ in range(5):
        await surfaced.open_home("U0MIA")
        await surfaced.settle(surfaced.deliveries[-1])
    assert program.lookups == 1


async def test_what_another_replica_published_meanwhile_is_not_overwritten_by_older_news(
    surfaced: Workspace, program: Program, clock: Clock
) -> None:
    await opened(surfaced)
    clock.ahead += 10
    await asked(surfaced, program)
    surfaced.fault("views.publish", error="hash_conflict")
    await surfaced.open_home("U0MIA")
    await said(surfaced, "why is checkout down?")
    assert [call.arguments.get("hash") is None for call in surfaced.calls_of("views.publish")] == [True, False, True]


async def test_a_store_that_is_away_is_admitted(surfaced: Workspace, program: Program) -> None:
    program.away = True
    assert home_view.STORE_AWAY in await opened(surfaced)


async def test_a_thread_that_slack_cannot_link_to_is_named_all_the_same(surfaced: Workspace, program: Program) -> None:
    program.add("1.000001", name="long gone")
    assert "long gone\n" in await opened(surfaced)


async def test_an_example_is_asked_in_the_direct_message(surfaced: Workspace, program: Program) -> None:
    await opened(surfaced)
    assert (await surfaced.click("U0MIA", f"{ASK_PROMPT}:1")).acked
    (incoming,) = program.received
    assert (incoming.text, incoming.thread.channel_id) == (PROMPTS[1][1], "D0MIA")
    assert PROMPTS[1][1] in surfaced.rendered("D0MIA")
    await said(surfaced, home_clicks.ASKED)


async def test_an_example_that_could_not_be_asked_is_said(surfaced: Workspace, program: Program) -> None:
    await opened(surfaced)
    program.away = True
    assert (await surfaced.click("U0MIA", f"{ASK_PROMPT}:0")).acked
    await said(surfaced, NOT_RECORDED)
    await surfaced.wait_for(lambda w: w.calls_of("chat.delete"), what="the question to be withdrawn")


async def test_a_conversation_is_forgotten_after_a_confirmation(surfaced: Workspace, program: Program) -> None:
    session = await asked(surfaced, program)
    await opened(surfaced)
    view = surfaced.home("U0MIA")
    assert view is not None
    button = next(block for block in view.view["blocks"] if block.get("block_id") == f"session-{session.id}")
    assert "for good" in button["accessory"]["confirm"]["text"]["text"]
    assert (await surfaced.click("U0MIA", FORGET, view=view)).acked
    assert home_view.NOTHING_YET in await said(surfaced, home_clicks.FORGOTTEN)
    assert not program.sessions


async def test_only_its_owner_can_have_a_conversation_forgotten(surfaced: Workspace, program: Program) -> None:
    session = await asked(surfaced, program)
    await opened(surfaced)
    view = surfaced.home("U0MIA")
    assert view is not None
    theirs = program.add(session.thread.thread_ts + "1", user="U0OMAR")
    for block in view.view["blocks"]:
        if block.get("block_id", "").startswith("session-"):
            block["accessory"]["value"] = home_view.place_of(theirs)
    await surfaced.click("U0MIA", FORGET, view=view)
    await said(surfaced, home_clicks.NOT_YOURS)
    assert len(program.sessions) == 2


@pytest.mark.parametrize("value", ["", "x", "a b c d", "a b"])
async def test_a_button_with_a_strange_value_forgets_nothing(surfaced: Workspace, program: Program, value: str) -> None:
    await asked(surfaced, program)
    await opened(surfaced)
    view = surfaced.home("U0MIA")
    assert view is not None
    next(block for block in view.view["blocks"] if "accessory" in block)["accessory"]["value"] = value
    assert (await surfaced.click("U0MIA", FORGET, view=view)).acked
    await said(surfaced, home_clicks.NOT_YOURS)
    assert len(program.sessions) == 1


async def test_a_conversation_at_work_is_not_torn_away(surfaced: Workspace, program: Program) -> None:
    await asked(surfaced, program, running=True)
    await opened(surfaced)
    await surfaced.click("U0MIA", FORGET)
    await said(surfaced, home_clicks.AT_WORK)
    assert len(program.sessions) == 1


async def test_a_failed_deletion_is_said(surfaced: Workspace, program: Program) -> None:
    await asked(surfaced, program)
    await opened(surfaced)
    program.away = True
    assert (await surfaced.click("U0MIA", FORGET)).acked
    await said(surfaced, home_clicks.STORE_AWAY)


@pytest.mark.parametrize("away", [False, True])
async def test_what_is_stored_is_counted_in_a_modal(surfaced: Workspace, program: Program, away: bool) -> None:
    await asked(surfaced, program)
    await opened(surfaced)
    program.away = away
    assert (await surfaced.click("U0MIA", STORED)).acked
    view = await surfaced.wait_for(lambda w: w._state.modals.get("U0MIA") and w.modal("U0MIA"), what="the modal")
    assert (home_clicks.STORED_UNKNOWN if away else "1 session on record") in read(view)


async def test_two_clicks_at_once_end_with_the_newest_state(surfaced: Workspace, program: Program) -> None:
    first, second = await asked(surfaced, program, "first"), await asked(surfaced, program, "second")
    await opened(surfaced)
    view = surfaced.home("U0MIA")
    assert view is not None
    program.gate = asyncio.Event()
    clicks = [surfaced.click("U0MIA", FORGET, view=view, block_id=f"session-{each.id}") for each in (first, second)]
    assert all(delivery.acked for delivery in await asyncio.gather(*clicks))
    program.gate.set()
    await said(surfaced, home_view.NOTHING_YET)


async def test_what_came_of_a_click_is_shown_also_when_the_tab_is_opened_meanwhile(
    surfaced: Workspace, program: Program, clock: Clock
) -> None:
    await asked(surfaced, program)
    await opened(surfaced)
    clock.ahead += 10
    program.gate = asyncio.Event()
    await surfaced.open_home("U0MIA")
    await surfaced.settle(surfaced.deliveries[-1])
    assert (await surfaced.click("U0MIA", FORGET)).acked
    clock.ahead += 10
    await surfaced.open_home("U0MIA")
    await surfaced.settle(surfaced.deliveries[-1])
    program.gate.set()
    assert home_view.NOTHING_YET in await said(surfaced, home_clicks.FORGOTTEN)


async def test_what_waits_for_an_approval_is_named_with_the_way_to_it(
    surfaced: Workspace, program: Program, clock: Clock
) -> None:
    session = await asked(surfaced, program, "scale it up")
    now = datetime.fromtimestamp(clock(), UTC)
    living = approval(intent="Scale `web` <!channel> to 5", expires_at=now + timedelta(hours=1))
    pending = Approvals((living, approval("a-2", intent="Too late", expires_at=now - timedelta(seconds=1))))
    program.sessions[0] = replace(
        session, approval=approvals_to_json(pending), agent_state=AgentState.WAITING_FOR_APPROVAL
    )
    text = await opened(surfaced)
    assert "# Waits for an approval" in text
    link = f"https://shop.slack.com/archives/D0MIA/p{session.thread.thread_ts.replace('.', '')}"
    assert link in text.partition("Waits for an approval")[2].partition("Your recent")[0]
    assert "Scale `web`" in text
    assert "<!channel>" not in text
    assert "Too late" not in text
    assert "waits for an approval ·" in text


@given(TEXTS, TEXTS, st.one_of(st.none(), st.just("https://shop.slack.com/archives/D1/p1")))
def test_no_text_of_anybody_can_break_the_view_or_ping_from_it(name: str, refusal: str, link: str | None) -> None:
    session = Program().add("1.1", name=name)
    waiting = [Waiting(approval(intent=name, cluster=refusal), link)]
    state = HomeState(ABOUT, refusal, admitted=False, recent=[Recent(session, link)] * 8, waiting=waiting, notice=name)
    view = home_view.home_view(state)
    for number, block in enumerate(block for block in view["blocks"] if "accessory" in block):
        block["block_id"] = f"session-{number}"
    assert check_view(view) == []
    shown = json.dumps(view)
    assert "<!" not in shown.replace("<!date", "")
    assert "<@" not in shown
    assert "<#" not in shown


def test_the_same_state_gives_the_same_digest() -> None:
    state = HomeState(ABOUT, "you", admitted=True, recent=[])
    assert home_view.home_view(state) == home_view.home_view(state)
    other = HomeState(ABOUT, "you", admitted=True, recent=None)
    assert home_view.home_view(state)["private_metadata"] != home_view.home_view(other)["private_metadata"]
