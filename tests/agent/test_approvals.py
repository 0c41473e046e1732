"""From a wish to change something, over somebody's word, to the change: every branch of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeai_bot.domain.message import Message, Text, ToolCall, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.policy import Mode, Policy, Rule
from kubeai_bot.domain.session import AgentState, Session
from tests.agent.loop_world import MIA, OMAR, SAM, THREAD, World, calls, says


@pytest.fixture
def asking() -> World:
    """Each change waits for an approval; the model wants one, and then says that it is done."""
    world = World()
    world.rules = replace(world.rules, policy=Policy(Mode.ALLOW))
    world.provider.replies = [calls(("look", {"what": "before"}), ("change", {"what": "replicas"})), says("Done.")]
    return world


async def put_up(world: World, times: int = 1) -> tuple[str, ...]:
    """Ask for the change; ids of what then waits."""
    runner = world.runner()
    await runner.receive(world.message("scale it up"))
    await world.settled(times)
    await runner.stop()
    return tuple(approval["id"] for approval in (await session(world)).approval.get("pending", ()))


async def decide(world: World, text: str, speaker: object = MIA, kind: str = "decision") -> str:
    """Somebody's word; the answer to it."""
    turns = len(world.stage.answers)
    runner = world.runner()
    await runner.receive(world.message(text, speaker, kind))
    await world.settled(turns + 1)
    await runner.stop()
    return world.texts[-1]


async def session(world: World) -> Session:
    found = await world.store.find(THREAD)
    assert found is not None
    return found


async def transcript(world: World) -> list[Message]:
    tail = await world.store.load((await session(world)).id)
    return [stored.message for stored in tail.messages]


async def test_a_change_waits_and_the_reads_beside_it_do_not(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    assert asking.tools.ran == [("look", "before")]
    assert asking.tools.tried == ["replicas"]
    (ended,) = next(iter(asking.stage.answers.values()))
    assert ended.outcome == "waiting"
    assert [approval.id for approval in ended.approvals] == [approval_id]
    assert "+ {'what': 'replicas'}" in ended.approvals[0].preview.diff
    assert "Nothing has been changed yet" in ended.answer
    assert (await session(asking)).agent_state is AgentState.WAITING_FOR_APPROVAL
    assert all(isinstance(m.payload, ToolCallResponse) for m in (await transcript(asking))[-2:])


async def test_an_approved_change_runs_as_the_requester_and_the_model_reports_it(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    assert await decide(asking, f"approve {approval_id}", OMAR) == "Done."
    assert asking.tools.ran == [("look", "before"), ("change", "replicas")]
    assert asking.tools.as_whom[-1] == MIA.user_id
    assert not (await session(asking)).approval
    settled = [each for ended in asking.stage.answers.values() for e in ended for each in e.settled]
    assert [(each.id, each.by, each.outcome.startswith("approved and done")) for each in settled] == [
        (approval_id, OMAR, True)
    ]
    said = [m.payload.text for m in await transcript(asking) if isinstance(m.payload, Text)]
    assert any(f"<@{OMAR.user_id}> approved the change {approval_id}" in text for text in said)


async def test_a_second_click_finds_nothing_that_waits(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    await decide(asking, f"approve {approval_id}")
    assert "no longer waits" in await decide(asking, f"approve {approval_id}", OMAR)
    assert asking.tools.ran.count(("change", "replicas")) == 1


async def test_two_people_on_two_replicas_who_click_together_make_one_change(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    one, other = asking.runner(), asking.runner()
    working = [asyncio.create_task(runner.run()) for runner in (one, other)]
    await asyncio.gather(
        one.receive(asking.message(f"approve {approval_id}", MIA, "decision")),
        other.receive(asking.message(f"approve {approval_id}", OMAR, "decision")),
    )
    await asking.settled(3)
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    assert asking.tools.ran.count(("change", "replicas")) == 1
    assert sum("no longer waits" in text for text in asking.texts) == 1


async def test_a_denied_change_is_not_made_and_the_reason_stands(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    answer = await decide(asking, f"deny {approval_id} not before the sale", OMAR)
    assert "Denied by <@U0OMAR>: not before the sale" in answer
    assert ("change", "replicas") not in asking.tools.ran
    assert "no longer waits" in await decide(asking, f"approve {approval_id}")


async def test_an_approval_outlives_a_moment_in_which_slack_does_not_say_who_asked(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    asking.resolver.away = True
    assert "still waits" in await decide(asking, f"approve {approval_id}", OMAR)
    assert ("change", "replicas") not in asking.tools.ran
    asking.resolver.away = False
    assert await decide(asking, f"approve {approval_id}", OMAR) == "Done."


async def test_an_approval_that_has_expired_is_void(asking: World) -> None:
    now = [datetime.now(UTC)]
    asking.rules = replace(asking.rules, now=lambda: now[0], approval_ttl=timedelta(minutes=5))
    (approval_id,) = await put_up(asking)
    now[0] += timedelta(minutes=5)
    assert "expired" in await decide(asking, f"approve {approval_id}")
    assert ("change", "replicas") not in asking.tools.ran
    assert not (await session(asking)).approval


async def test_a_change_whose_outcome_would_differ_by_now_is_put_up_anew(asking: World) -> None:
    (first,) = await put_up(asking)
    asking.tools.world_now = "changed by somebody else"
    answer = await decide(asking, f"approve {first}")
    assert ("change", "replicas") not in asking.tools.ran
    assert "waits for an approval" in answer
    (second,) = [approval["id"] for approval in (await session(asking)).approval["pending"]]
    assert second != first
    assert await decide(asking, f"approve {second}") == "Done."
    assert asking.tools.ran.count(("change", "replicas")) == 1


async def test_who_could_not_do_it_themselves_lends_no_rights(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    asking.rights.lacking[OMAR.user_id] = "patch deployments.apps in shop"
    answer = await decide(asking, f"approve {approval_id}", OMAR)
    assert "does not count" in answer
    assert "patch deployments.apps in shop" in answer
    assert ("change", "replicas") not in asking.tools.ran
    assert await decide(asking, f"approve {approval_id}", MIA) == "Done."


async def test_a_stranger_decides_nothing(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    assert "not mapped" in await decide(asking, f"approve {approval_id}", SAM)
    assert "not mapped" in await decide(asking, f"deny {approval_id}", SAM)
    assert await decide(asking, f"approve {approval_id}", MIA) == "Done."


async def test_where_a_second_person_is_needed_the_requester_is_not_enough(asking: World) -> None:
    rule = Rule("two people", namespaces=("shop",), second_person=True)
    asking.rules = replace(asking.rules, policy=Policy(Mode.AUTO, (rule,)))
    (approval_id,) = await put_up(asking)
    assert "second person" in await decide(asking, f"approve {approval_id}", MIA)
    assert await decide(asking, f"approve {approval_id}", OMAR) == "Done."


async def test_only_the_named_approvers_count(asking: World) -> None:
    rule = Rule("owners", approvers=("group:owners",))
    asking.rules = replace(asking.rules, policy=Policy(Mode.ALLOW, (rule,)))
    (approval_id,) = await put_up(asking)
    assert "may be approved by group:owners only" in await decide(asking, f"approve {approval_id}", OMAR)
    asking.resolver.groups[OMAR] = ("owners",)
    assert await decide(asking, f"approve {approval_id}", OMAR) == "Done."


async def test_a_requester_whose_rights_have_changed_needs_to_ask_anew(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    asking.resolver.groups[MIA] = ("another-team",)
    assert "Ask for it anew" in await decide(asking, f"approve {approval_id}", OMAR)
    assert ("change", "replicas") not in asking.tools.ran


async def test_a_grant_lets_the_same_kind_of_change_pass_until_it_is_revoked(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    assert await decide(asking, f"grant {approval_id}") == "Done."
    (grant,) = (await session(asking)).approval["grants"]
    assert (grant["cluster"], grant["namespace"], grant["verbs"]) == ("demo", "shop", ["patch"])
    asking.provider.replies = [calls(("change", {"what": "again"})), says("Done again.")]
    assert await decide(asking, "once more", MIA, "message") == "Done again."
    elsewhere = ("change", {"what": "elsewhere", "namespace": "payments"})
    asking.provider.replies = [calls(elsewhere), says("no")]
    assert "waits for an approval" in await decide(asking, "in payments too", MIA, "message")
    asking.provider.replies = [calls(("change", {"what": "as omar"})), says("no")]
    assert "waits for an approval" in await decide(asking, "and I", OMAR, "message")
    assert f"`{grant['id']}`" in await decide(asking, "grants", MIA, "grants")
    assert "Revoked" in await decide(asking, f"revoke {grant['id']}")
    asking.provider.replies = [calls(("change", {"what": "third"})), says("no")]
    assert "waits for an approval" in await decide(asking, "a third time", MIA, "message")
    assert [what for name, what in asking.tools.ran if name == "change"] == ["replicas", "again"]


async def test_a_rule_that_always_asks_is_not_passed_by_a_grant(asking: World) -> None:
    rule = Rule("always", always_ask=True)
    asking.rules = replace(asking.rules, policy=Policy(Mode.AUTO, (rule,)))
    (approval_id,) = await put_up(asking)
    assert await decide(asking, f"grant {approval_id}") == "Done."
    assert not (await session(asking)).approval


async def test_what_cannot_be_tried_is_not_put_up(asking: World) -> None:
    asking.tools.cannot_try = "Forbidden: U0MIA may not patch deployments in shop."
    asking.provider.replies = [calls(("change", {"what": "replicas"})), says("You may not.")]
    assert not await put_up(asking)
    assert asking.texts == ["You may not."]


async def test_after_a_change_its_outcome_is_looked_at_before_the_model_is_asked(asking: World) -> None:
    asking.tools.extras["change"] = {"verify": ToolCall("", "look", {"what": "rollout"})}
    (approval_id,) = await put_up(asking)
    await decide(asking, f"approve {approval_id}")
    assert asking.tools.ran[-1] == ("look", "rollout")
    names = [
        c.name for m in await transcript(asking) if isinstance(m.payload, ToolCallRequest) for c in m.payload.calls
    ]
    assert names == ["look", "change", "change", "look"]


async def test_a_change_can_be_taken_back_by_another_that_waits_too(asking: World) -> None:
    asking.tools.extras["change"] = {"undo": ToolCall("", "change", {"what": "back"}), "undo_intent": "Scale back"}
    (approval_id,) = await put_up(asking)
    await decide(asking, f"approve {approval_id}")
    (undo,) = [undo for ended in asking.stage.answers.values() for e in ended for undo in e.undos]
    assert undo.intent == "Scale back"
    assert "waits for an approval" in await decide(asking, f"undo {undo.id}", OMAR)
    (pending,) = (await session(asking)).approval["pending"]
    assert pending["requester"][1] == OMAR.user_id
    asking.provider.replies = [says("Taken back.")]
    assert await decide(asking, f"approve {pending['id']}", OMAR) == "Taken back."
    assert asking.tools.ran[-1] == ("change", "back")
    assert asking.tools.as_whom[-1] == OMAR.user_id


async def test_what_is_taken_back_or_waits_to_be_is_not_put_up_again(asking: World) -> None:
    asking.tools.extras["change"] = {"undo": ToolCall("", "change", {"what": "back"}), "undo_intent": "Scale back"}
    (approval_id,) = await put_up(asking)
    await decide(asking, f"approve {approval_id}")
    (undo,) = [undo for ended in asking.stage.answers.values() for e in ended for undo in e.undos]
    await decide(asking, f"undo {undo.id}")
    assert "waits for a decision already" in await decide(asking, f"undo {undo.id}")
    (denied,) = (await session(asking)).approval["pending"]
    await decide(asking, f"deny {denied['id']}")
    await decide(asking, f"undo {undo.id}")
    (again,) = (await session(asking)).approval["pending"]
    asking.provider.replies = [says("Taken back.")]
    await decide(asking, f"approve {again['id']}")
    assert "taken back already" in await decide(asking, f"undo {undo.id}", OMAR)
    assert not (await session(asking)).approval
    assert [what for name, what in asking.tools.ran if name == "change"] == ["replicas", "back"]


async def test_everything_is_on_the_audit_trail_without_arguments(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    asking.rights.lacking[OMAR.user_id] = "patch pods"
    await decide(asking, f"approve {approval_id}", OMAR)
    await decide(asking, f"approve {approval_id}", MIA)
    kinds = [(entry.kind, entry.outcome) for entry in asking.audit.entries]
    assert set(kinds[:2]) == {("call", "ok"), ("asked", "")}  # side by side
    assert kinds[2:] == [
        ("decision", "not counted"),
        ("decision", "approved"),
        ("call", "started"),
        ("call", "ok"),
    ]
    assert {entry.approval_id for entry in list(asking.audit.entries)[2:]} == {approval_id}
    assert not any("replicas" in str(entry) for entry in asking.audit.entries)


async def test_without_an_audit_trail_nothing_is_changed(asking: World) -> None:
    from kubeai_bot.errors import AuditFailed

    (approval_id,) = await put_up(asking)

    class Full(type(asking.audit)):
        async def record(self, entry: object) -> None:
            raise AuditFailed("the disk is full")

    asking.audit = Full()
    await decide(asking, f"approve {approval_id}")
    assert ("change", "replicas") not in asking.tools.ran


async def test_clear_takes_back_what_waits(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    await decide(asking, "clear", MIA, "clear")
    assert "no longer waits" in await decide(asking, f"approve {approval_id}")
