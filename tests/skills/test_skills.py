"""Skills: read from files, offered to the model, suggested by a trigger, reloaded when they change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.redaction.redactor import Redaction
from kubeai_bot.domain.session import Session, ThreadRef
from kubeai_bot.domain.tool import CallContext
from kubeai_bot.errors import ToolError
from kubeai_bot.interfaces import TurnContext
from kubeai_bot.tools.skills.reading import BadSkill, Skill, parse_skill, read_skill, skill_files
from kubeai_bot.tools.skills.shelf import LOOK_AGAIN, SHIPPED, Shelf
from kubeai_bot.tools.skills.toolset import SkillHints, SkillTools

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MIA = Identity(Speaker("T", "U0MIA"), "mapping", KubeUser("mia"), NOW)
GOOD = (
    "---\nname: queue-lag\ndescription: What to do when the queue grows.\ntriggers: [queue, lag behind]\n---\nLook.\n"
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shelf_of(folder: Path | None) -> tuple[Shelf, Clock]:
    clock = Clock()
    return Shelf(folder, clock), clock


async def nothing(_text: str) -> None:
    return


def context() -> CallContext:
    return CallContext("s", "t", "C", Redaction(b"a key for tests only").for_session("x"), nothing)


async def prompt(shelf: Shelf, question: str) -> str:
    session = Session("s", "n", ThreadRef("T", "C", "1.1"), "U0MIA", "p", "m", NOW, NOW)
    return await SkillHints(shelf).before(TurnContext(session, "t", MIA, question))


def test_a_skill_is_read_with_its_triggers_in_lower_case():
    skill = parse_skill(GOOD.replace("queue,", "Queue,"), "a.md")
    assert skill == Skill("queue-lag", "What to do when the queue grows.", ("queue", "lag behind"), "Look.")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("# no frontmatter", 1, "must begin with frontmatter"),
        ("---\nname: a\n", 1, "must begin with frontmatter"),
        ("---\nname: [a\n---\nx", 3, "is not YAML"),
        ("---\n- a\n---\nx", 2, "must hold name"),
        ("---\nname: Has Spaces\ndescription: long enough text\n---\nx", 2, "lower-case"),
        ("---\nname: a\ndescription: short\n---\nx", 3, "10 to 300"),
        ("---\nname: a\ndescription: long enough text\ntriggers: word\n---\nx", 4, "must be a list"),
        ("---\nname: a\ndescription: long enough text\ntriggers: [1]\n---\nx", 4, "must be a list"),
        ("---\nname: a\ndescription: long enough text\nextra: 1\n---\nx", 4, "no key 'extra'"),
        ("---\nname: a\ndescription: long enough text\n---\n\n", 2, "no text below"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(text, line, reason):
    bad = parse_skill(text, "team/x.md")
    assert isinstance(bad, BadSkill)
    assert (bad.file, bad.line) == ("team/x.md", line)
    assert reason in bad.reason
    assert str(bad).startswith(f"team/x.md:{line}: ")


def test_too_large_and_unreadable_files_are_told(tmp_path):
    large = tmp_path / "large.md"
    large.write_text(GOOD + "x" * 70_000)
    assert "larger" in str(read_skill(large, "large.md"))
    binary = tmp_path / "binary.md"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in str(read_skill(binary, "binary.md"))
    assert "cannot be read" in str(read_skill(tmp_path / "none.md", "none.md"))


async def test_subfolders_are_read_and_a_good_skill_stands_beside_bad_ones(tmp_path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "queue.md").write_text(GOOD)
    (tmp_path / "bad.md").write_text("nothing")
    (tmp_path / "notes.txt").write_text("not a skill")
    (tmp_path / "twice.md").write_text(GOOD)
    shelf, _ = shelf_of(tmp_path)
    found = await shelf.look()
    assert found.named("queue-lag") is not None
    assert [(bad.file, bad.line) for bad in found.bad] == [("bad.md", 1), ("twice.md", 1)]


async def test_a_skill_of_the_team_takes_the_place_of_a_shipped_one(tmp_path):
    (tmp_path / "mine.md").write_text(GOOD.replace("queue-lag", "crash-loop"))
    shelf, _ = shelf_of(tmp_path)
    mine = (await shelf.look()).named("crash-loop")
    assert mine is not None
    assert mine.body == "Look."


async def test_a_mounted_configmap_is_read_once_and_again_when_it_is_swapped(tmp_path):
    first, second = tmp_path / "..2026_1", tmp_path / "..2026_2"
    first.mkdir()
    second.mkdir()
    (first / "queue.md").write_text(GOOD)
    (second / "queue.md").write_text(GOOD.replace("Look.", "Look twice."))
    (tmp_path / "..data").symlink_to(first.name)
    (tmp_path / "queue.md").symlink_to("..data/queue.md")
    assert [path.name for path in skill_files(tmp_path)] == ["queue.md"]
    shelf, clock = shelf_of(tmp_path)
    assert (await shelf.look()).named("queue-lag").body == "Look."
    (tmp_path / "..data_tmp").symlink_to(second.name)
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    clock.now += LOOK_AGAIN
    assert (await shelf.look()).named("queue-lag").body == "Look twice."


async def test_changed_new_and_removed_files_are_noticed(tmp_path):
    shelf, clock = shelf_of(tmp_path)
    assert (await shelf.look()).named("queue-lag") is None
    (tmp_path / "queue.md").write_text(GOOD)
    clock.now += LOOK_AGAIN
    assert (await shelf.look()).named("queue-lag") is not None
    (tmp_path / "queue.md").unlink()
    clock.now += LOOK_AGAIN
    assert (await shelf.look()).named("queue-lag") is None


async def test_a_folder_that_is_not_there_leaves_the_shipped_skills(tmp_path):
    shelf, _ = shelf_of(tmp_path / "none")
    found = await shelf.look()
    assert "SKILLS_DIR" in str(found.bad[0])
    assert found.named("crash-loop") is not None


@pytest.mark.parametrize(
    ("question", "suggested"),
    [
        ("Why is checkout in CrashLoopBackOff?", "crash-loop"),
        ("the pod was OOMKilled last night", "out-of-memory"),
        ("ImagePullBackOff on search", "image-pull"),
        ("why is it Pending", "pending-pods"),
        ("no such host: payments-db", "dns"),
        ("the readiness probe fails", "probe-failing"),
        ("my rollout is stuck", "rollout-stuck"),
        ("PVC data-0 does not bind", "storage-claims"),
        ("I get forbidden on pods", "rbac-forbidden"),
        ("node-2 is NotReady", "node-pressure"),
    ],
)
async def test_each_shipped_skill_is_suggested_for_its_fault(question, suggested):
    shelf, _ = shelf_of(None)
    said = await prompt(shelf, question)
    assert suggested in said.split("read first: ")[1]


async def test_nothing_is_suggested_where_no_trigger_stands_as_a_word():
    shelf, _ = shelf_of(None)
    assert "read first" not in await prompt(shelf, "which deployments are there in ecommerce? nodejs ones")


async def test_the_prompt_has_names_and_descriptions_and_the_tool_has_the_text(tmp_path):
    (tmp_path / "queue.md").write_text(GOOD)
    shelf, _ = shelf_of(tmp_path)
    said = await prompt(shelf, "hello")
    assert "- queue-lag: What to do when the queue grows." in said
    assert "Look." not in said
    tools = SkillTools(shelf)
    planned = await tools.plan(ToolCall("1", "read_skill", {"name": "queue-lag"}), MIA)
    assert planned.acts == ()
    result = await tools.call(planned, MIA, context())
    assert result.content == "# Skill queue-lag\n\nLook."
    with pytest.raises(ToolError, match=r"Skills: .*crash-loop"):
        await tools.call(await tools.plan(ToolCall("2", "read_skill", {"name": "none"}), MIA), MIA, context())
    with pytest.raises(ToolError, match="needs 'name'"):
        await tools.plan(ToolCall("3", "read_skill", {}), MIA)


def test_the_shipped_skills_are_all_good_and_short():
    skills = [read_skill(path, path.name) for path in skill_files(SHIPPED)]
    assert len(skills) >= 10
    for skill in skills:
        assert isinstance(skill, Skill), skill
        assert len(skill.body) < 3_000
        assert len(skill.triggers) >= 3
