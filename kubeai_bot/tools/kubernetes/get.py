"""get_resource: one object, whole or a part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.arguments import GetResource
from kubeai_bot.tools.kubernetes.near import found_or_near
from kubeai_bot.tools.kubernetes.paths import at, steps_of
from kubeai_bot.tools.kubernetes.prune import prune, to_json, to_yaml
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.table import TABLE, read_table
from kubeai_bot.tools.kubernetes.target import one_object
from kubeai_bot.tools.kubernetes.text import aligned, cut_middle
from kubeai_bot.tools.kubernetes.tool import Scene, Step


def plan_get(arguments: GetResource, scene: Scene) -> Step:
    ref = one_object(arguments.kind, arguments.namespace, arguments.name, scene)
    steps = steps_of(arguments.path) if arguments.path else ()

    async def run(reach: Reach) -> ToolResult:
        as_table = arguments.output == "table" and not steps
        document = await found_or_near(reach, ref, TABLE if as_table else "application/json")
        if as_table:
            table = read_table(document, scene.now)
            return ToolResult("\n".join(aligned(*table.lines(wide=True, with_namespace=False))), str(ref))
        shown: Any = prune(document)
        if steps:
            shown = at(shown, *steps)
            if shown is None:
                shown = at(document, *steps)
            if shown is None:
                raise ToolError(f"{ref} has nothing at {arguments.path}. {_next_to(document, steps)}")
        text = shown if isinstance(shown, str) else (to_json if arguments.output == "json" else to_yaml)(shown).rstrip()
        return ToolResult(cut_middle(text, scene.budget, "ask for a part with `path`"), str(ref), whole=text)

    listing = ("list", Ref(ref.resource, ref.namespace))
    return Step(f"Get {ref}", scene.acts(("get", ref), listing), run)


def _next_to(document: Mapping[str, Any], steps: Sequence[str | int]) -> str:
    """The keys at the last place on the path that exists."""
    for end in range(len(steps), -1, -1):
        here = at(document, *steps[:end])
        if isinstance(here, Mapping):
            return f"At .{'.'.join(map(str, steps[:end]))} there are: {', '.join(map(str, list(here)[:30]))}."
        if here is not None:
            return f".{'.'.join(map(str, steps[:end]))} is not an object."
    return ""
