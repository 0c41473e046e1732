"""What people type about a change that waits: when it counts, and what they are told where it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeai_bot.domain.message import Source, Text
from tests.agent.loop_world import MIA, OMAR, World, calls, says
from tests.agent.test_approvals import asking, decide, put_up, session, transcript

__all__ = ["asking"]


def changes(world: World) -> list[str]:
    return [what for name, what in world.tools.ran if name == "change"]


async def type_in(world: World, text: str, speaker: object = MIA) -> str:
    return await decide(world, text, speaker, "message")


async def pending(world: World) -> int:
    return len((await session(world)).approval.get("pending", ()))


@pytest.fixture
def two(asking: World) -> World:
    """The model wants two changes at once."""
    asking.provider.replies = [calls(("change", {"what": "one"}), ("change", {"what": "two"})), says("Done.")]
    return asking


@pytest.mark.parametrize(("word", "runs"), [("yes", True), ("Go ahead!", True), ("no", False)])
async def test_the_requester_may_type_it(asking: World, word: str, runs: bool) -> None:
    await put_up(asking)
    await type_in(asking, word)
    assert (changes(asking) == ["replicas"]) is runs
    assert not await pending(asking)


async def test_another_persons_yes_decides_nothing_and_they_are_told_whose_would(asking: World) -> None:
    await put_up(asking)
    said = await type_in(asking, "yes", OMAR)
    assert f"counts only from <@{MIA.user_id}>" in said
    assert changes(asking) == []
    assert await pending(asking) == 1
    assert await type_in(asking, "yes") == "Done."


@pytest.mark.parametrize("word", ["yes", "no"])
async def test_where_two_changes_wait_a_typed_word_decides_neither(two: World, word: str) -> None:
    await put_up(two)
    said = await type_in(two, word)
    assert "2 changes wait" in said
    assert "buttons" in said
    assert changes(two) == []
    assert await pending(two) == 2


async def test_a_yes_after_one_of_two_was_denied_does_not_approve_the_other(two: World) -> None:
    first, _ = await put_up(two)
    await decide(two, f"deny {first}")
    said = await type_in(two, "yes")
    assert "1 change still waits" in said
    assert changes(two) == []
    assert await pending(two) == 1


async def test_a_yes_after_the_only_change_was_denied_finds_nothing_that_waits(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    await decide(asking, f"deny {approval_id}")
    assert "Nothing waits" in await type_in(asking, "yes")
    assert changes(asking) == []


async def test_a_yes_to_what_the_model_asked_since_goes_to_the_model(asking: World) -> None:
    await put_up(asking)
    asking.provider.replies = [says("They look like this. Shall I look at the logs too?"), says("Here they are.")]
    await type_in(asking, "how do they look?")
    assert await type_in(asking, "yes") == "Here they are."
    assert changes(asking) == []


async def test_a_yes_where_no_card_was_shown_goes_to_the_model(asking: World) -> None:
    asking.provider.replies = [says("Shall I look?"), says("All is well.")]
    await type_in(asking, "is all well?")
    assert await type_in(asking, "yes") == "All is well."


async def test_a_yes_after_words_of_the_program_still_counts(asking: World) -> None:
    await put_up(asking)
    await decide(asking, "status", MIA, "status")
    assert await type_in(asking, "yes") == "Done."


async def test_a_yes_to_an_expired_change_is_told_so_and_the_change_is_over(asking: World) -> None:
    now = [datetime.now(UTC)]
    asking.rules = replace(asking.rules, now=lambda: now[0], approval_ttl=timedelta(minutes=5))
    await put_up(asking)
    now[0] += timedelta(minutes=6)
    assert "has expired" in await type_in(asking, "yes")
    assert changes(asking) == []
    assert not await pending(asking)
    assert "Nothing waits" in await type_in(asking, "yes")


async def test_revoke_alone_ends_the_one_grant_and_else_lists_what_stands(asking: World) -> None:
    assert "No standing approvals" in await type_in(asking, "revoke")
    (approval_id,) = await put_up(asking, 2)
    await decide(asking, f"grant {approval_id}")
    (grant,) = (await session(asking)).approval["grants"]
    assert f"`{grant['id']}`" in await type_in(asking, "revoke g-1")
    assert await type_in(asking, "revoke") == f"Revoked: {grant['id']}."
    assert not (await session(asking)).approval


async def test_revoke_in_a_sentence_goes_to_the_model(asking: World) -> None:
    asking.provider.replies = [says("Whose?")]
    assert await type_in(asking, "revoke the token of the robot") == "Whose?"


async def test_what_was_typed_stands_in_the_transcript_as_it_was_typed(two: World) -> None:
    await put_up(two)
    await type_in(two, "yes")
    said = [m.payload.text for m in await transcript(two) if isinstance(m.payload, Text) and m.source is Source.USER]
    assert said == ["scale it up", "yes"]
