"""read_skill, and the words about skills in the system prompt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json, ToolCall
from kubeai_bot.domain.policy import Effect
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import ToolError
from kubeai_bot.interfaces import Hook, Toolset, TurnContext
from kubeai_bot.tools.skills.shelf import Shelf

NAME = "read_skill"

_PARAMETERS: Json = {
    "type": "object",
    "properties": {"name": {"type": "string", "description": "The skill's name, as the system prompt lists it."}},
    "required": ["name"],
}


class SkillTools(Toolset):
    """Gives the model the body of a skill."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        del identity
        about = "Read a skill: how an expert of this team goes about a kind of fault or task. Read it before you begin."
        return [ToolSpec(NAME, about, _PARAMETERS)]

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        del identity
        name = (call.arguments or {}).get("name")
        if call.name != NAME or not isinstance(name, str):
            raise ToolError(f"{NAME} needs 'name', the name of a skill.")
        return PlannedCall(call, Effect.READ, f"Read the skill {name[:63]}", (), 10.0)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        del identity, context
        raise ToolError(f"{planned.call.name} changes nothing.")

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        del identity, context
        skills = await self._shelf.look()
        skill = skills.named(str((planned.call.arguments or {}).get("name")))
        if skill is None:
            names = ", ".join(each.name for each in skills.skills)
            raise ToolError(f"There is no such skill. Skills: {names}.")
        return ToolResult(f"# Skill {skill.name}\n\n{skill.body}", f"{len(skill.body.splitlines())} lines")


class SkillHints(Hook):
    """Names and descriptions in every turn's prompt, and a hint where the question holds a trigger."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def before(self, turn: TurnContext) -> str:
        skills = await self._shelf.look()
        if not skills.skills:
            return ""
        lines = [f"- {skill.name}: {skill.description}" for skill in skills.skills]
        suggested = ", ".join(skill.name for skill in skills.suggested(turn.question))
        hint = f"\nFor this question, read first: {suggested}." if suggested else ""
        return "Skills, whose text you get with read_skill:\n" + "\n".join(lines) + hint

    async def after(self, turn: TurnContext, ended_at: datetime) -> None:
        del turn, ended_at
