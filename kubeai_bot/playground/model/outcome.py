"""What came of a change, from the results that the bot has of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.steps import Rule
from kubeai_bot.playground.model.tables import missing_right, quoted, sentence, without_label

_DONE = re.compile(
    r"(?:Annotated|Applied|Changed|Cordoned|Created|Deleted|Drained|Evicted|Labelled|Patched|Paused|Restarted|Resumed"
    r"|Ran|Scaled|Set|Suspended|Took|Uncordoned)\b"
)
_ROLLOUT = re.compile(r"\w+ \S+: (?P<state>complete|in progress|waiting|FAILED|PAUSED)\b[^:]*(?:: ?(?P<says>.*))?")
_LINES_SHOWN = 12


def is_done(result: str) -> bool:
    """Whether a tool's result says that something was changed."""
    return _DONE.match(result) is not None


def outcome(change: str, looks: Sequence[str]) -> str:
    """The change in a sentence, and what was seen afterwards."""
    more = change.partition("\n--- ")[0].splitlines()[1 : 1 + _LINES_SHOWN]  # before the diff
    parts = [sentence(change), *([quoted(more)] if more else [])]
    for look in looks:
        rollout = _ROLLOUT.match(look)
        if rollout is None:
            parts.append(quoted(look.splitlines()[:_LINES_SHOWN]))
        elif rollout["state"] == "complete":
            parts.append(f"Verified: the rollout is complete, **{rollout['says']}**.")
        else:
            says = "does not get on" if rollout["state"] == "FAILED" else "is not complete yet"
            parts += [
                f"**The rollout {says}:**",
                quoted(look.splitlines()[:_LINES_SHOWN]),
            ]
            if not change.startswith("Restarted"):  # a restart has no way back
                parts.append("_Undo_ below takes the change back.")
    return "\n\n".join(parts)


def report_change(conversation: Conversation) -> Rule:
    """After somebody's approval, or a click on Undo, the bot has made the change already."""
    yield from ()
    made = conversation.now.made
    at = next((number for number, each in enumerate(made) if is_done(each.content)), None)
    if at is not None:
        return outcome(made[at].content, [each.content for each in made[at + 1 :]])
    if not made:
        return "I have no result of that change, so I cannot say what came of it."
    if "__" in made[0].tool:  # of an MCP server, whose words for it are its own
        return quoted(without_label(made[0].content)[:_LINES_SHOWN])
    right = missing_right(made[0].content)
    reason = f"the right {right} is missing" if right else sentence(made[0].content)
    return f"Not done: {reason.rstrip('.')}."
