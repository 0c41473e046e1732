"""Clicks below answers: what goes on record, as whom, and what the person sees at once; over both transports."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubeai_bot.agent.typed import NO, YES
from kubeai_bot.domain.approval import Approvals, Decision, approvals_to_json
from kubeai_bot.domain.event import Choice, TurnEnded, Undo
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.session import TurnRef
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.approval_cards import APPROVE, DENY, GRANT
from kubeai_bot.slack.closing import closing_blocks
from kubeai_bot.slack.decisions import (
    DENY_AGAIN,
    GONE,
    NO_SESSION,
    NOT_RECORDED,
    PICKED_BEFORE,
    REASON_BLOCK,
    RECEIVED,
    SOUNDS_LIKE_A_DECISION,
)
from tests.slack.approvals import approval, block_ids, buttons, words
from tests.slack.program import AT, REFUSAL, Program, text_of, whispers
from tests.slack.scene import TURN

ENDED = TurnEnded(
    "answered",
    "",
    approvals=(approval(),),
    choice=Choice("Which cluster?", ("demo", "staging <!channel>", "Yes!")),
    undos=(Undo("call-7", "Scale web back to 2", ToolCall("u", "scale", {})),),
)


async def card(
    workspace: Workspace,
    program: Program,
    *,
    channel: str = "C0ONCALL",
    waits: bool = True,
    left: timedelta = timedelta(hours=1),
) -> SimMessage:
    """A question of Mia's, and below it an answer with everything that can be clicked, for as long as is `left`."""
    workspace.bot_events = frozenset()
    ts = await workspace.say("U0MIA", "scale it up", channel=channel)
    session = program.add(ts, channel=channel)
    pending = approvals_to_json(Approvals((approval(expires_at=datetime.now(UTC) + left),) if waits else ()))
    program.sessions[-1] = replace(session, approval=pending)
    message = SimMessage(channel, workspace._state.mint_ts(), "U0KUBEAI", "It waits.", bot_id="B0KUBEAI", thread_ts=ts)
    message.blocks = closing_blocks(ENDED, TURN)
    workspace._state.messages.append(message)
    return message


async def until_shown(workspace: Workspace, message: SimMessage, block_id: str) -> str:
    await workspace.wait_for(lambda _: block_id in block_ids(message), what=f"{block_id} in the message")
    return words([block for block in message.blocks if block.get("block_id") == block_id])


@pytest.mark.parametrize(
    ("action_id", "text", "said"),
    [
        (APPROVE, "approve a-0001", RECEIVED["approve"]),
        (GRANT, "grant a-0001", RECEIVED["grant"]),
        ("undo:0", "undo call-7", RECEIVED["undo"]),
    ],
)
async def test_a_click_is_on_record_before_it_is_acked_as_the_one_who_clicked(
    surfaced: Workspace, program: Program, action_id: str, text: str, said: str
) -> None:
    message = await card(surfaced, program)
    delivery = await surfaced.click("U0OMAR", action_id, message=message)
    assert delivery.acked
    (incoming,) = program.received  # no waiting: it was there before the ack
    assert (incoming.kind, incoming.text, incoming.opens) == ("decision", text, False)
    assert incoming.speaker == Speaker("T0SHOP", "U0OMAR")
    assert incoming.thread == program.sessions[0].thread
    assert incoming.ts == message.ts
    assert [key.partition(":")[0] for key in incoming.keys] == ["act"]
    assert Decision.parse(incoming.text) is not None
    (whisper,) = await whispers(surfaced, "U0OMAR")
    assert text_of(whisper) == said


async def test_a_click_by_anybody_is_recorded_for_the_core_to_judge(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program, channel="C0GENERAL")
    assert (await surfaced.click("U0GIL", APPROVE, message=message)).acked
    assert [incoming.speaker.user_id for incoming in program.received] == ["U0GIL"]
    assert APPROVE in buttons(message)


async def test_two_clicks_are_two_acts(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program)
    await asyncio.gather(*(surfaced.click(user, APPROVE, message=message) for user in ("U0MIA", "U0OMAR")))
    assert len({key for incoming in program.received for key in incoming.keys}) == 2


async def test_an_answer_of_the_store_that_was_lost_is_asked_for_again(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program)
    program.lost_answers = 1
    assert (await surfaced.click("U0MIA", APPROVE, message=message)).acked
    assert len(program.received) == 1
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == RECEIVED["approve"]


async def test_a_click_that_could_not_be_recorded_is_admitted(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program)
    program.away = True
    assert (await surfaced.click("U0MIA", APPROVE, message=message)).acked
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == NOT_RECORDED
    assert APPROVE in buttons(message)


# --- deny ---


async def asked_why(workspace: Workspace, message: SimMessage, user: str = "U0OMAR") -> Any:
    assert (await workspace.click(user, DENY, message=message)).acked
    return await workspace.wait_for(lambda w: w._state.modals.get(user) and w.modal(user), what="the form")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("not before\tthe <!channel> sale", "deny a-0001 not before the <!channel> sale"),
        (None, "deny a-0001"),
        ("x" * 300, f"deny a-0001 {'x' * 300}"),
    ],
)
async def test_a_denial_takes_its_reason_along(
    surfaced: Workspace, program: Program, reason: str | None, text: str
) -> None:
    message = await card(surfaced, program)
    await asked_why(surfaced, message)
    assert not program.received
    assert (await surfaced.submit("U0OMAR", {"deny_reason": reason})).acked
    (incoming,) = program.received
    assert (incoming.kind, incoming.text, incoming.ts) == ("decision", text, message.ts)
    assert incoming.thread == program.sessions[0].thread
    assert incoming.speaker.user_id == "U0OMAR"
    (whisper,) = await whispers(surfaced, "U0OMAR")
    assert text_of(whisper) == RECEIVED["deny"]


async def test_a_form_that_is_closed_decides_nothing(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program)
    await asked_why(surfaced, message)
    await surfaced.close("U0OMAR")
    assert not program.received
    assert DENY in buttons(message)


async def test_a_denial_that_could_not_be_recorded_stays_in_its_form(surfaced: Workspace, program: Program) -> None:
    view = await asked_why(surfaced, await card(surfaced, program))
    program.away = True
    await surfaced.submit("U0OMAR", {"deny_reason": "no"})
    assert view.errors == {REASON_BLOCK: DENY_AGAIN}
    program.away = False
    await surfaced.submit("U0OMAR", {"deny_reason": "no"})
    assert [incoming.text for incoming in program.received] == ["deny a-0001 no"]


async def test_where_no_form_opens_the_person_is_told_what_to_say(surfaced: Workspace, program: Program) -> None:
    surfaced.fault("views.open", error="expired_trigger_id")
    await surfaced.click("U0OMAR", DENY, message=await card(surfaced, program))
    (whisper,) = await whispers(surfaced, "U0OMAR")
    assert "say `deny a-0001`" in text_of(whisper)


# --- cards that are out of date ---


@pytest.mark.parametrize(
    ("action_id", "text"), [(APPROVE, "approve a-0001"), (GRANT, "grant a-0001"), (DENY, "deny a-0001")]
)
async def test_a_click_on_what_has_expired_is_put_on_record_and_nothing_else_is_said_or_asked(
    surfaced: Workspace, program: Program, action_id: str, text: str
) -> None:
    expired = await card(surfaced, program, left=timedelta(minutes=-1))
    assert (await surfaced.click("U0OMAR", action_id, message=expired)).acked
    assert [incoming.text for incoming in program.received] == [
        text
    ]  # the turn that it opens says what there is to say
    await surfaced.click("U0OMAR", "undo:0", message=expired)
    (whisper,) = await whispers(surfaced, "U0OMAR")  # what is whispered second has come
    assert text_of(whisper) == RECEIVED["undo"]
    assert not surfaced.calls_of("views.open")


async def test_a_click_on_what_cannot_be_looked_up_counts_as_usual(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program, left=timedelta(minutes=-1))
    program.sessions.clear()
    await surfaced.click("U0OMAR", APPROVE, message=message)
    (whisper,) = await whispers(surfaced, "U0OMAR")
    assert text_of(whisper) == RECEIVED["approve"]


async def test_a_click_on_what_no_longer_waits_takes_the_buttons_away(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program, waits=False)
    await surfaced.click("U0MIA", APPROVE, message=message)
    assert GONE in await until_shown(surfaced, message, "approval:a-0001:gone")
    assert APPROVE not in buttons(message)
    assert "undo:0" in buttons(message)


async def test_while_a_turn_is_open_its_card_is_left_to_it(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program, waits=False)
    program.sessions[0] = replace(program.sessions[0], turn=TurnRef("t2", None, message.ts, AT))
    looks = program.finds
    await surfaced.click("U0MIA", APPROVE, message=message)
    async with asyncio.timeout(30):
        while program.finds < looks + 3:  # noqa: ASYNC110 - before the click, and twice after it
            await asyncio.sleep(0.02)
    assert APPROVE in buttons(message)


async def test_in_a_conversation_that_is_gone_nothing_is_decided_and_that_is_said(
    surfaced: Workspace, program: Program
) -> None:
    message = await card(surfaced, program)
    program.knows_threads = False
    await surfaced.click("U0MIA", APPROVE, message=message)
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == NO_SESSION
    await until_shown(surfaced, message, "approval:a-0001:gone")


# --- choices ---


async def test_a_choice_is_said_by_the_one_who_picks_and_shown_in_place_of_the_buttons(
    surfaced: Workspace, program: Program
) -> None:
    message = await card(surfaced, program)
    assert (await surfaced.click("U0OMAR", "choice:1", message=message)).acked
    (incoming,) = program.received
    assert (incoming.kind, incoming.text, incoming.opens) == ("message", "staging <!channel>", False)
    assert incoming.speaker.user_id == "U0OMAR"
    shown = await until_shown(surfaced, message, "choice:picked")
    assert "picked by @U0OMAR" in shown
    assert "<!channel>" not in shown
    assert "choice:0" not in buttons(message)
    assert APPROVE in buttons(message)


async def test_the_first_pick_counts(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program)
    first = replace(message, blocks=list(message.blocks))
    await surfaced.click("U0MIA", "choice:0", message=first)
    await surfaced.click("U0OMAR", "choice:1", message=first)
    assert [incoming.text for incoming in program.received] == ["demo"]
    (whisper,) = await whispers(surfaced, "U0OMAR")
    assert text_of(whisper) == PICKED_BEFORE


async def test_who_may_not_speak_to_the_bot_picks_nothing_for_the_others(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program, channel="C0GENERAL")
    await surfaced.click("U0GIL", "choice:0", message=message)
    (whisper,) = await whispers(surfaced, "U0GIL")
    assert text_of(whisper) == REFUSAL
    assert not program.received
    assert "choice:0" in buttons(message)


async def test_a_choice_that_could_not_be_recorded_is_admitted(surfaced: Workspace, program: Program) -> None:
    message = await card(surfaced, program)
    program.away = True
    await surfaced.click("U0MIA", "choice:0", message=message)
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == NOT_RECORDED


async def test_a_model_cannot_have_its_change_approved_by_offering_yes_as_a_choice(
    surfaced: Workspace, program: Program
) -> None:
    message = await card(surfaced, program)
    await surfaced.click("U0MIA", "choice:2", message=message)
    assert [incoming.text for incoming in program.received] == ["My choice: Yes!"]
    assert SOUNDS_LIKE_A_DECISION >= YES | NO
