"""Cards of changes that wait: what they say, how they stand below an answer, how they are settled afterwards."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.domain.approval import Approval, Preview, Settled
from kubeai_bot.domain.event import (
    Choice,
    Output,
    TextDelta,
    TextFinished,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Undo,
)
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Ask
from kubeai_bot.playground.workspace.validation import check_message_blocks
from kubeai_bot.slack.approval_cards import (
    APPROVE,
    DENY,
    DIFF_CHARACTERS,
    FULL_DIFF,
    GRANT,
    MOST_CARDS,
    approval_blocks,
    with_outcome,
    without_buttons,
)
from kubeai_bot.slack.block_parts import visible
from kubeai_bot.slack.closing import closing_blocks, with_pick
from tests.slack.approvals import DIFF, MIA, PATCH, approval, block_ids, buttons, strings, words
from tests.slack.scene import TURN, Record, Scene, notes, play, thumbs
from tests.slack.texts import ACTIVE, TEXTS

WAITS = "This change waits for an approval: Scale Deployment shop/web to 5. Nothing has been changed yet."


def ended(*approvals: Approval, **more: Any) -> TurnEnded:
    return TurnEnded("waiting", WAITS, ("A note.",), approvals=approvals, **more)


def elements(blocks: Sequence[Any], action_id: str) -> Any:
    return next(e for b in blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == action_id)


# --- what a card says ---


def test_a_card_says_all_that_somebody_has_to_know_who_decides() -> None:
    blocks = approval_blocks([approval()])
    assert check_message_blocks(blocks) == []
    said = words(blocks)
    for expected in (
        "Approve? Scale Deployment shop/web to 5",
        "Cluster: demo",
        "Namespace: shop",
        "Objects: Deployment shop/web",
        "Asked for by: @U0MIA, runs as mia@shop.example (shop-developers)",
        "Risk: medium",
        "whoever may make this change themselves",
        DIFF,
    ):
        assert expected in said
    dates = [part for block in blocks for part in _parts(block) if part["type"] == "date"]
    assert [part["timestamp"] for part in dates] == [int(approval().expires_at.timestamp())]
    assert blocks[0]["block_id"] == "approval:a-0001"
    assert blocks[0]["type"] == "header"


def test_its_buttons_carry_the_id_and_nothing_else() -> None:
    made = approval_blocks([approval()])[-1]["elements"]
    assert [(each["action_id"], each["value"]) for each in made] == [
        (action_id, "a-0001") for action_id in (APPROVE, DENY, FULL_DIFF, GRANT)
    ]
    assert made[0]["style"] == "primary"
    assert "confirm" not in made[0]


def test_a_risky_change_is_confirmed_and_its_warnings_are_said() -> None:
    risky = approval(preview=Preview(("Namespace shop",), DIFF, "d", "high", ("This deletes 14 objects.",)))
    blocks = approval_blocks([risky])
    assert "Risk: HIGH" in words(blocks)
    assert "Warning: This deletes 14 objects." in words(blocks)
    assert "Scale Deployment shop/web" in elements(blocks, APPROVE)["confirm"]["text"]["text"]


@pytest.mark.parametrize(
    "changes",
    [
        {"ask": Ask(bypass=False)},
        {"acts": (PATCH, replace(PATCH, namespace="payments"))},
        {"acts": (replace(PATCH, namespace="", namespaced=False),)},
    ],
    ids=["always asked", "two namespaces", "outside of namespaces"],
)
def test_a_standing_approval_is_offered_for_one_namespace_only(changes: Any) -> None:
    assert GRANT not in str(approval_blocks([approval(**changes)]))


def test_who_may_decide_is_said() -> None:
    ask = Ask((("U0OMAR", "group:sre"),), second_person=True)
    said = words(approval_blocks([approval(ask=ask)]))
    assert "and is one of @U0OMAR, group sre" in said
    assert "a second person: not @U0MIA" in said


def test_a_long_diff_is_cut_at_a_line_and_says_so() -> None:
    long = "\n".join(f"+ line {number:05d}" for number in range(2_000))
    blocks = approval_blocks([approval(preview=Preview(("x",), long, "d"))])
    assert check_message_blocks(blocks) == []
    assert "more lines: see the full diff" in words(blocks)
    assert max(map(len, strings(blocks))) <= DIFF_CHARACTERS
    shown = next(text for text in strings(blocks) if "line 00000" in text)
    assert re.fullmatch(r"(\+ line \d{5}\n?)+", shown)


def test_a_change_without_a_diff_has_no_button_for_one() -> None:
    blocks = approval_blocks([approval(preview=Preview((), "", "d"))])
    assert check_message_blocks(blocks) == []
    assert FULL_DIFF not in str(blocks)


def test_what_hides_in_a_diff_is_spelled_out() -> None:
    hidden = "a\u202eb\u200b\x1b[31m\r\nc\td\ud800\U000e0041"
    assert visible(hidden) == "a\\u202eb\\u200b\\u001b[31m\nc\td\\ud800\\ue0041"


hostile = st.builds(
    lambda intent, diff, who, names, warning, risk, ask: approval(
        intent=intent,
        who=who,
        cluster=who,
        preview=Preview(tuple(names), diff, "d", risk, (warning,)),
        ask=ask,
        requester=Speaker("T0SHOP", names[0] if names else "U0MIA"),
    ),
    TEXTS,
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=12),
    TEXTS,
    st.sampled_from(["low", "medium", "high"]),
    st.builds(Ask, st.lists(st.lists(TEXTS, max_size=3).map(tuple), max_size=2).map(tuple), st.booleans()),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(hostile, max_size=3), TEXTS, TEXTS, st.lists(TEXTS, max_size=4))
def test_no_text_of_anybody_breaks_what_stands_below_an_answer_or_is_active_there(
    approvals: list[Approval], title: str, reason: str, choices: list[str]
) -> None:
    numbered = [replace(each, id=f"a-{number:04x}") for number, each in enumerate(approvals)]
    end = TurnEnded(
        "answered",
        "",
        approvals=tuple(numbered),
        outputs=(Output("r1", title, 10),),
        choice=Choice(title, tuple(choices)),
        undos=(Undo("u1", title, ToolCall("u", "x", {})),),
    )
    blocks = closing_blocks(end, TURN)
    for each in numbered[:1]:
        blocks = with_outcome(blocks, Settled(each.id, reason, MIA)) or blocks
    blocks = with_pick(blocks, title or "x", MIA) or blocks
    assert check_message_blocks(blocks) == []
    for block in blocks:
        for part in _parts(block):
            assert part["type"] != "mrkdwn"
            assert part["type"] not in ("link", "broadcast", "usergroup", "channel", "emoji")
            if part["type"] == "plain_text":
                assert not ACTIVE.search(part["text"])
                assert not re.search("[\x00-\x08\x1b\u202a-\u202e\ud800-\udfff]", part["text"])


def test_everything_at_once_stays_below_slacks_limit() -> None:
    many = tuple(approval(f"a-{number:04x}", preview=Preview(("x",), DIFF * 300, "d")) for number in range(40))
    end = TurnEnded(
        "answered",
        "",
        approvals=many,
        outputs=tuple(Output(f"r{n}", "pods " * 40, 10) for n in range(40)),
        choice=Choice("Which?", tuple(f"cluster {n}" for n in range(60))),
        undos=tuple(Undo(f"u{n}", "Scale back " * 20, ToolCall("u", "x", {})) for n in range(40)),
    )
    blocks = closing_blocks(end, TURN)
    assert check_message_blocks(blocks) == []
    assert len(blocks) <= 29
    said = words(blocks)
    assert f"approve a-{MOST_CARDS:04x}" in said
    assert "and 24 more" in said
    assert len(said) < 13_000


# --- how it stands below an answer ---


@pytest.mark.parametrize("opening", [0.0, 5.0], ids=["streamed", "posted"])
async def test_the_card_stands_below_the_answer_and_the_call_waits(scene: Scene, opening: float) -> None:
    showing = await scene.ask(channel="C0ONCALL")
    emit = scene.stage(opening=opening).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta("I scale it."), TextFinished("I scale it."))
    if not opening:
        await scene.until(lambda: scene.answers(showing), "a stream")
    call = ToolStarted("c1", "Scale web"), ToolFinished("c1", "", "waiting", "waits for an approval", 0.0)
    await play(emit, *call, replace(ended(approval()), answer=f"I scale it.\n\n{WAITS}"))
    (message,) = scene.answers(showing)
    assert block_ids(message)[-4:] == [f"approval:a-0001{part}" for part in ("", ":facts", ":diff", ":actions")]
    plan = message.all_blocks()[0]
    assert [(card["status"], words(card["output"])) for card in plan["tasks"]] == [("pending", "waits for an approval")]
    assert notes(message) == ["A note."]
    assert thumbs(message) == []
    assert message.all_blocks().index(next(b for b in message.all_blocks() if b["type"] == "context")) < 4
    session = scene.workspace._state.session("C0ONCALL", showing.thread.thread_ts)
    assert session.status == "suspended"
    scene.workspace.assert_no_problems()


async def test_a_successor_draws_the_same_card_in_the_same_message(scene: Scene) -> None:
    showing = await scene.ask()
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), ended(approval()))
    before = [words(message.all_blocks()) for message in scene.answers(showing)]
    again = replace(showing, answer=scene.record.answers[-2], record=Record())
    await play(scene.stage(opening=0.0).open(again), TurnStarted(TURN), ended(approval()))
    assert [words(message.all_blocks()) for message in scene.answers(showing)] == before
    assert buttons(scene.answers(showing)[0])[APPROVE] == "a-0001"


async def test_where_slack_refuses_the_blocks_the_words_that_decide_are_said(scene: Scene) -> None:
    showing = await scene.ask()
    scene.workspace.fault("chat.postMessage", error="invalid_blocks")
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), ended(approval()))
    (message,) = scene.answers(showing)
    assert "approve a-0001" in message.text
    assert "deny a-0001" in message.text


# --- how it is settled ---


async def settles(scene: Scene, showing: Any, *settled: Settled, turn: str = "5e55-2") -> None:
    """A later turn that decided."""
    second = replace(showing, turn_id=turn, record=Record(), answer=None)
    await play(
        scene.stage(opening=5.0).open(second),
        TurnStarted(turn),
        TurnEnded("said", "Denied by <@U0OMAR>: <!channel> no.", settled=settled),
    )


@pytest.mark.parametrize("opening", [0.0, 5.0], ids=["streamed", "posted"])
async def test_the_card_of_an_earlier_answer_says_how_it_ended(scene: Scene, opening: float) -> None:
    showing = await scene.ask(channel="C0ONCALL")
    emit = scene.stage(opening=opening).open(showing)
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "Scale web"), TextDelta("Look: <b>"))
    if not opening:
        await scene.until(lambda: scene.answers(showing), "a stream")
    await play(emit, ended(approval(), approval("a-0002")))
    (card,) = scene.answers(showing)
    kept = [block for block in card.all_blocks() if block.get("block_id") != "approval:a-0001:actions"]
    await settles(scene, showing, Settled("a-0001", "denied: <!channel> no", Speaker("T0SHOP", "U0OMAR")))
    card = scene.answers(showing)[0]
    outcome = next(block for block in card.all_blocks() if block.get("block_id") == "approval:a-0001:outcome")
    assert words(outcome).startswith("Denied: ")
    assert "@U0OMAR" in words(outcome)
    assert "<!channel>" not in str(outcome)
    assert [block for block in card.all_blocks() if block is not outcome and block in kept] == kept
    assert (card.metadata or {})["event_payload"] == {"turn_id": TURN}
    assert len(card.text) < 4_000
    await settles(scene, showing, Settled("a-0001", "denied: again"), turn="5e55-3")
    assert words(scene.answers(showing)[0].all_blocks()).count("Denied") == 1
    scene.workspace.assert_no_problems()


async def test_the_programs_own_words_name_single_people_and_nobody_else(scene: Scene) -> None:
    showing = await scene.ask()
    await settles(scene, showing)
    (message,) = scene.answers(showing)
    text = str(message.all_blocks())
    assert "Denied by <@U0OMAR>" in text
    assert "<!channel>" not in text


async def test_a_model_names_nobody(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    await play(emit, TurnStarted(TURN), TurnEnded("answered", "Ask <@U0OMAR>."))
    assert "<@U0OMAR>" not in str(scene.answers(showing)[0].all_blocks())


async def test_a_card_far_up_in_the_thread_is_found(scene: Scene) -> None:
    showing = await scene.ask(channel="C0ONCALL")
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), ended(approval()))
    for number in range(210):
        await scene.workspace.say("U0MIA", f"word {number}", channel="C0ONCALL", thread_ts=showing.thread.thread_ts)
    later = await scene.workspace.say("U0MIA", "no", channel="C0ONCALL", thread_ts=showing.thread.thread_ts)
    await settles(scene, replace(showing, asked_ts=later), Settled("a-0001", "expired"))
    assert "approval:a-0001:outcome" in block_ids(scene.answers(showing)[0])


@pytest.mark.parametrize("method", ["conversations.replies", "chat.update"])
async def test_trouble_with_a_card_does_not_keep_the_answer_from_being_shown(scene: Scene, method: str) -> None:
    showing = await scene.ask()
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), ended(approval()))
    scene.workspace.fault(method, error="internal_error", times=5)
    await settles(scene, showing, Settled("a-0001", "expired"))
    assert len(scene.answers(showing)) == 2
    assert APPROVE in buttons(scene.answers(showing)[0])


async def test_a_rate_limit_only_delays_the_card(scene: Scene) -> None:
    showing = await scene.ask()
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), ended(approval()))
    scene.workspace.fault("chat.update", error="ratelimited", retry_after=0)
    await settles(scene, showing, Settled("a-0001", "expired"))
    assert APPROVE not in buttons(scene.answers(showing)[0])


def test_only_an_unknown_end_is_replaced_by_a_known_one() -> None:
    blocks = approval_blocks([approval()])
    gone = without_buttons(blocks, "a-0001", "No longer waits.")
    assert gone is not None
    settled = with_outcome(gone, Settled("a-0001", "expired"))
    assert settled is not None
    assert "Expired" in words(settled)
    assert without_buttons(settled, "a-0001", "No longer waits.") is None
    assert with_outcome(settled, Settled("a-0001", "denied")) is None


def _parts(value: Any) -> list[dict[str, Any]]:
    """Every object in a block that has a type."""
    if isinstance(value, dict):
        own = [value] if "type" in value else []
        return own + [part for each in value.values() for part in _parts(each)]
    return [part for each in value for part in _parts(each)] if isinstance(value, list) else []
