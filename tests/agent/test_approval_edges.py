"""What must not happen around an approval: a word that counts for more than it was given for, a sentence that is not
true, a session that one unreadable record holds up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubeai_bot.audit.memory import MemoryAudit
from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.domain.event import Choice
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Act, Effect, Mode, Policy, Rule
from kubeai_bot.domain.session import AgentState
from kubeai_bot.domain.storage import SessionChange
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult
from kubeai_bot.errors import AuditFailed, Drifted
from tests.agent.loop_world import MIA, OMAR, THREAD, Resolver, ScriptedTools, World, calls, says
from tests.agent.test_approvals import decide, put_up, session

CHANGE: tuple[str, dict[str, object] | None] = ("change", {"what": "replicas"})


class NamedTools(ScriptedTools):
    """The changed object's name counts for policy; `verbs` are done to it."""

    verbs: tuple[tuple[str, str], ...] = (("patch", "pods"),)

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        planned = await super().plan(call, identity)
        if planned.effect is Effect.READ:
            return planned
        name = str((call.arguments or {}).get("name", "web"))
        return replace(
            planned, acts=tuple(Act("demo", verb, "", kind, namespace="shop", name=name) for verb, kind in self.verbs)
        )


@pytest.fixture
def asking() -> World:
    world = World(tools=NamedTools())
    world.rules = replace(world.rules, policy=Policy(Mode.ALLOW))
    world.provider.replies = [calls(("look", {"what": "before"}), CHANGE), says("Done.")]
    return world


def changes(world: World) -> list[str]:
    return [what for name, what in world.tools.ran if name == "change"]


async def test_a_grant_does_not_stand_for_the_word_of_approvers_who_did_not_give_it(asking: World) -> None:
    rule = Rule("the database has owners", names=("db-*",), approvers=("group:owners",))
    asking.rules = replace(asking.rules, policy=Policy(Mode.ALLOW, (rule,)))
    (approval_id,) = await put_up(asking)
    await decide(asking, f"grant {approval_id}")
    asking.provider.replies = [calls(("change", {"what": "drop", "name": "db-main"}))]
    assert "waits for an approval" in await decide(asking, "and the database", MIA, "message")
    assert changes(asking) == ["replicas"]


async def test_a_grant_of_the_named_approvers_holds_for_what_they_may_approve(asking: World) -> None:
    asking.rules = replace(asking.rules, policy=Policy(Mode.ALLOW, (Rule("owners", approvers=("group:owners",)),)))
    asking.resolver.groups[OMAR] = ("owners",)
    (approval_id,) = await put_up(asking)
    await decide(asking, f"grant {approval_id}", OMAR)
    asking.provider.replies = [calls(("change", {"what": "again"})), says("Again.")]
    assert await decide(asking, "again", MIA, "message") == "Again."


async def test_a_grant_does_not_cover_a_verb_on_a_kind_that_nobody_approved_together(asking: World) -> None:
    assert isinstance(asking.tools, NamedTools)
    asking.tools.verbs = (("patch", "deployments"), ("delete", "pods"))
    (approval_id,) = await put_up(asking)
    await decide(asking, f"grant {approval_id}")
    asking.tools.verbs = (("delete", "deployments"),)
    asking.provider.replies = [calls(("change", {"what": "delete it"}))]
    assert "waits for an approval" in await decide(asking, "delete it", MIA, "message")


async def test_the_policy_of_the_moment_of_the_click_counts_too(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    asking.rules = replace(asking.rules, policy=Policy(Mode.ALLOW, (Rule("two people", second_person=True),)))
    assert "second person" in await decide(asking, f"approve {approval_id}", MIA)
    owners = Rule("owners", users=(MIA.user_id,), approvers=("group:owners",))
    asking.rules = replace(asking.rules, policy=Policy(Mode.AUTO, (owners,)))
    assert "group:owners only" in await decide(asking, f"approve {approval_id}", OMAR)
    assert changes(asking) == []


async def test_with_changes_switched_off_since_the_card_nobodys_word_counts(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    asking.rules = replace(asking.rules, policy=Policy(Mode.NONE))
    assert "MODIFY_RESOURCES=none" in await decide(asking, f"approve {approval_id}", OMAR)
    assert changes(asking) == []


class PerCluster(Resolver):
    """On cluster `demo` people are somebody else than elsewhere."""

    here = "deployer"

    async def resolve(self, speaker: Speaker) -> Identity:
        identity = await super().resolve(speaker)
        return replace(identity, per_cluster=(("demo", KubeUser(self.here)),))


async def test_who_the_requester_is_on_that_cluster_is_what_the_card_and_the_trail_say(asking: World) -> None:
    asking.resolver = resolver = PerCluster()
    (approval_id,) = await put_up(asking)
    (waiting,) = (await session(asking)).approval["pending"]
    assert waiting["who"] == "deployer"
    assert {entry.identity for entry in asking.audit.entries if entry.kind == "asked"} == {"deployer"}
    resolver.here = "cluster-owner"
    assert "Ask for it anew" in await decide(asking, f"approve {approval_id}", OMAR)
    assert changes(asking) == []


async def test_a_change_that_drifts_under_a_grant_needs_the_same_approvers_again(asking: World) -> None:
    asking.rules = replace(asking.rules, policy=Policy(Mode.ALLOW, (Rule("owners", approvers=("group:owners",)),)))
    asking.resolver.groups[OMAR] = ("owners",)
    (approval_id,) = await put_up(asking)
    await decide(asking, f"grant {approval_id}", OMAR)

    class Stale(NamedTools):
        async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
            raise Drifted("Somebody was quicker.")

    asking.tools = Stale()
    asking.provider.replies = [calls(("change", {"what": "again"}))]
    await decide(asking, "again", MIA, "message")
    (waiting,) = (await session(asking)).approval["pending"]
    assert waiting["ask"][0] == [["group:owners"]]
    assert "drifted" in [entry.outcome for entry in asking.audit.entries]


async def test_one_unreadable_record_of_another_version_holds_up_nothing(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    before = await session(asking)
    broken = {key: value for key, value in before.approval["pending"][0].items() if key != "ask"}
    lease = await asking.store.lease(before.id, "operator", 60)
    assert lease is not None
    pending = {"pending": [broken], "grants": [{"id": "g-1"}, None]}
    await asking.store.append(lease, before.last_seq, "broken", change=SessionChange(approval=pending))
    await asking.store.release(lease)
    assert "no longer waits" in await decide(asking, f"approve {approval_id}")
    asking.provider.replies = [says("Hello.")]
    assert await decide(asking, "hello", MIA, "message") == "Hello."


async def test_what_was_changed_beside_a_change_that_waits_is_looked_at_and_told(asking: World) -> None:
    asking.rules = replace(asking.rules, policy=Policy(Mode.AUTO, (Rule("db", names=("db",), always_ask=True),)))
    asking.tools.extras["change"] = {"verify": ToolCall("", "look", {"what": "rollout"})}
    asking.provider.replies = [calls(CHANGE, ("change", {"what": "other", "name": "db"}))]
    await put_up(asking)
    assert changes(asking) == ["replicas"]
    assert ("look", "rollout") in asking.tools.ran
    (ended,) = next(iter(asking.stage.answers.values()))
    assert ended.outcome == "waiting"
    assert "Nothing has been changed" not in ended.answer
    assert "Changed so far: change done" in ended.answer


async def test_a_change_beside_a_question_to_the_person_is_not_made_before_the_answer(asking: World) -> None:
    asking.rules = replace(asking.rules, policy=Policy(Mode.AUTO))
    asking.tools.extras["look"] = {"choice": Choice("Which one?", ("a", "b"))}
    asking.provider.replies = [calls(("look", {"what": "ask"}), CHANGE)]
    await put_up(asking)
    assert changes(asking) == []
    (ended,) = next(iter(asking.stage.answers.values()))
    assert ended.outcome == "waiting"
    assert ended.choice is not None
    assert (await session(asking)).agent_state is AgentState.WAITING_FOR_INPUT


async def test_a_read_that_asks_to_be_looked_after_does_not_loop(asking: World) -> None:
    asking.tools.extras["look"] = {"verify": ToolCall("", "look", {"what": "more"})}
    asking.provider.replies = [calls(("look", {"what": "once"})), says("Seen.")]
    await put_up(asking)
    assert asking.texts == ["Seen."]
    assert asking.tools.ran == [("look", "once")]


class Patient(NamedTools):
    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        return replace(await super().plan(call, identity), timeout=90.0)


async def test_a_change_that_may_take_longer_than_the_lease_is_cut_to_it_and_runs(asking: World) -> None:
    asking.tools = Patient()
    asking.rules = replace(asking.rules, policy=Policy(Mode.AUTO))
    asking.provider.replies = [calls(CHANGE), says("Done.")]
    await put_up(asking)
    assert changes(asking) == ["replicas"]
    assert asking.texts == ["Done."]


async def test_what_waits_is_void_when_the_thread_is_forgotten_with_a_click_under_way(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    runner = asking.runner()
    asking.stage.pen.clear()
    await runner.receive(asking.message("forget this thread", MIA, "forget"))
    asking.stage.writing.clear()
    await asking.stage.writing.wait()
    await runner.receive(asking.message(f"approve {approval_id}", OMAR, "decision"))
    asking.stage.pen.set()
    await asking.until(lambda: not runner.busy)
    await runner.stop()
    assert changes(asking) == []
    assert "no longer waits" in asking.texts[-1]


def _calls(world: World) -> list[AuditEntry]:
    return [entry for entry in world.audit.entries if entry.kind == "call"]


async def test_each_call_is_on_the_trail_once_also_those_that_were_refused_or_failed_before(asking: World) -> None:
    asking.rules = replace(asking.rules, policy=Policy(Mode.AUTO))
    wanted: list[Any] = [("look", {}), CHANGE, ("secrets", {}), ("nothing", {}), ("change", None)]
    asking.provider.replies = [calls(*wanted), says("So.")]
    await put_up(asking)
    assert sorted((entry.tool, entry.outcome) for entry in _calls(asking)) == [
        ("change", "failed"),
        ("change", "ok"),
        ("change", "started"),
        ("look", "ok"),
        ("nothing", "failed"),
        ("secrets", "refused"),
    ]


async def test_a_change_that_could_not_be_tried_out_is_on_the_trail(asking: World) -> None:
    asking.tools.cannot_try = "Forbidden"
    asking.provider.replies = [calls(CHANGE), says("You may not.")]
    await put_up(asking)
    (entry,) = _calls(asking)
    assert (entry.tool, entry.verdict, entry.outcome, entry.reason) == ("change", "ask", "not put up", "")


async def test_the_word_grants_tells_of_no_grant_that_is_over(asking: World) -> None:
    now = [datetime.now(UTC)]
    asking.rules = replace(asking.rules, now=lambda: now[0])
    (approval_id,) = await put_up(asking)
    await decide(asking, f"grant {approval_id}")
    now[0] += timedelta(minutes=31)
    assert "No standing approvals" in await decide(asking, "grants", MIA, "grants")
    assert (await asking.store.find(THREAD)) is not None


async def test_who_could_not_take_a_change_back_is_not_shown_how_it_was(asking: World) -> None:
    asking.tools.extras["change"] = {"undo": ToolCall("", "change", {"what": "as it was"}), "undo_intent": "Back"}
    (approval_id,) = await put_up(asking)
    await decide(asking, f"approve {approval_id}")
    (undo,) = [undo for ended in asking.stage.answers.values() for e in ended for undo in e.undos]
    asking.rights.lacking[OMAR.user_id] = "patch pods in shop"
    assert "could not do this yourself: patch pods" in await decide(asking, f"undo {undo.id}", OMAR)
    asking.provider.replies = [says("Hello.")]
    await decide(asking, "what was that?", OMAR, "message")
    assert "as it was" not in str(asking.provider.asked[-1])


async def test_after_clear_nothing_can_be_taken_back_by_its_button(asking: World) -> None:
    asking.tools.extras["change"] = {"undo": ToolCall("", "change", {"what": "back"}), "undo_intent": "Back"}
    (approval_id,) = await put_up(asking)
    await decide(asking, f"approve {approval_id}")
    (undo,) = [undo for ended in asking.stage.answers.values() for e in ended for undo in e.undos]
    await decide(asking, "clear", MIA, "clear")
    assert "no longer on record" in await decide(asking, f"undo {undo.id}")
    assert changes(asking) == ["replicas"]


class FailingAudit(MemoryAudit):
    """Takes everything but its n-th entry, counted from when it is told to."""

    at = 0

    async def record(self, entry: AuditEntry) -> None:
        self.at -= 1
        if self.at == 0:
            raise AuditFailed("the disk is full")
        await super().record(entry)


@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("word", ["approve", "grant", "deny"])
async def test_no_change_is_made_whose_approval_or_start_is_not_on_the_trail(
    asking: World, word: str, failing: int
) -> None:
    asking.audit = audit = FailingAudit()
    (approval_id,) = await put_up(asking)
    audit.at = failing
    await decide(asking, f"{word} {approval_id}", OMAR)
    outcomes = [entry.outcome for entry in audit.entries if entry.kind in ("decision", "call") and entry.tool != "look"]
    if changes(asking):
        assert outcomes[:2] == ["approved", "started"]
    assert not ((await session(asking)).approval.get("grants") and "given" not in [e.outcome for e in audit.entries])


async def test_a_stop_before_an_approved_change_runs_leaves_it_undone_and_says_so(asking: World) -> None:
    (approval_id,) = await put_up(asking)
    runner = asking.runner()
    await asyncio.gather(
        runner.receive(asking.message(f"approve {approval_id}", MIA, "decision")),
        runner.receive(asking.message("stop", MIA, "stop")),
    )
    await asking.until(lambda: not runner.busy)
    await runner.stop()
    outcomes = [each.outcome for ended in asking.stage.answers.values() for e in ended for each in e.settled]
    assert outcomes == (["approved and done: change done"] if changes(asking) else ["approved, but not run"])
    assert not (await session(asking)).approval
