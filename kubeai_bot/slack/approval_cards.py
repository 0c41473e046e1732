"""The card of a change that waits for an approval: what it would do, to what, as whom, until when, and the buttons.

Pure. A card is found again in any message by its `block_id`s, `approval:ID` and what begins with `approval:ID:`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubeai_bot.domain.approval import Approval, Settled
from kubeai_bot.domain.policy import READING, Act, Ask
from kubeai_bot.slack.block_parts import (
    HEADER_CHARACTERS,
    Block,
    Part,
    actions,
    button,
    code,
    confirm,
    line,
    moment,
    one_line,
    person,
    plain,
    rich,
    user,
    visible,
    words,
)

APPROVE, DENY, GRANT, FULL_DIFF = "approval_approve", "approval_deny", "approval_grant", "approval_diff"
"""Action ids; a button's value is the approval's id and nothing else."""

MOST_CARDS = 6
"""In one message; four blocks each, of Slack's fifty."""

DIFF_CHARACTERS = 6_000
"""Of all diffs in one message together: Slack refuses messages whose blocks are too long, and tells no number."""

LEAST_DIFF = 600
MOST_NAMED = 10
_INTENT, _OBJECT, _WARNING = 300, 120, 300

EXPIRED = "expired; nothing was changed"
"""How an approval ended that nobody decided on in time."""

RISKS: Mapping[str, str] = {"low": "low", "medium": "medium", "high": "HIGH"}


def approval_blocks(approvals: Sequence[Approval]) -> list[Block]:
    """Cards for the first of them; the rest by name, with the words that decide on them."""
    shown, rest = approvals[:MOST_CARDS], approvals[MOST_CARDS:]
    room = max(DIFF_CHARACTERS // max(len(shown), 1), LEAST_DIFF)
    blocks = [block for approval in shown for block in _card(approval, room)]
    if rest:
        lines = [words("These wait too; say it in this thread:", bold=True)]
        for approval in rest[:MOST_NAMED]:
            lines += [words(f"\napprove {approval.id}", bold=True), words(f" · {one_line(approval.intent, _OBJECT)}")]
        if len(rest) > MOST_NAMED:
            lines.append(words(f"\nand {len(rest) - MOST_NAMED} more"))
        blocks.append(rich("approvals:rest", line(lines)))
    return blocks


def typed_words(approvals: Iterable[Approval]) -> list[str]:
    """How to decide without buttons, where Slack does not take the cards."""
    return [
        f"{one_line(approval.intent, _OBJECT)}: say `approve {approval.id}` or `deny {approval.id}`."
        for approval in approvals
    ]


def grant_namespace(approval: Approval) -> str:
    """Where a standing approval would hold; "" where none can be given."""
    namespaces = {act.namespace for act in _changing(approval.acts)}
    return namespaces.pop() if approval.ask.bypass and len(namespaces) == 1 else ""


def mcp_server(approval: Approval) -> str:
    """The MCP server whose tool would be called; "" for a change in a cluster. Such a call concerns no cluster and no
    namespace that anybody here knew of."""
    acts = _changing(approval.acts)
    through = all((act.verb, act.group, act.cluster) == ("call", "mcp", "") for act in acts)
    return acts[0].resource if acts and through else ""


def with_outcome(blocks: Sequence[Block], settled: Settled) -> list[Block] | None:
    """The blocks of a message with the card's buttons replaced by how it ended; None where there is nothing to do."""
    outcome = EXPIRED if settled.outcome == "expired" else one_line(settled.outcome, _INTENT) or "decided"
    parts = [words(outcome[:1].upper() + outcome[1:], bold=True)]
    if settled.by is not None:
        parts += [words(" · "), person(settled.by)]
    new = rich(f"approval:{settled.id}:outcome", line(parts))
    return _replaced(blocks, (f"approval:{settled.id}:actions", f"approval:{settled.id}:gone"), new)


def without_buttons(blocks: Sequence[Block], approval_id: str, why: str) -> list[Block] | None:
    """The same for a card that no longer waits, of which nobody knows how it ended."""
    new = rich(f"approval:{approval_id}:gone", line([words(why)]))
    return _replaced(blocks, (f"approval:{approval_id}:actions",), new)


def has_card(blocks: Iterable[Mapping[str, Any]], approval_id: str) -> bool:
    return any(block.get("block_id") == f"approval:{approval_id}" for block in blocks)


def _replaced(blocks: Sequence[Block], block_ids: Sequence[str], new: Block) -> list[Block] | None:
    if not any(block.get("block_id") in block_ids for block in blocks):
        return None
    return [new if block.get("block_id") in block_ids else block for block in blocks]


def _card(approval: Approval, room: int) -> list[Block]:
    at = f"approval:{approval.id}"
    header: Block = {
        "type": "header",
        "block_id": at,
        "text": plain(one_line(f"Approve? {approval.intent}", HEADER_CHARACTERS)),
    }
    blocks = [header, rich(f"{at}:facts", line(_facts(approval)))]
    if approval.preview.diff.strip():
        blocks.append(rich(f"{at}:diff", *_diff(approval.preview.diff, room)))
    return [*blocks, actions(f"{at}:actions", _buttons(approval))]


def _facts(approval: Approval) -> list[Part]:
    preview, changing = approval.preview, _changing(approval.acts)
    parts: list[Part] = []

    def say(label: str, *said: Part) -> None:
        parts.extend([words(f"\n{label}: " if parts else f"{label}: ", bold=True), *said])

    if len(one_line(f"Approve? {approval.intent}", HEADER_CHARACTERS + 1)) > HEADER_CHARACTERS:
        say("Change", words(one_line(approval.intent, _INTENT)))
    if server := mcp_server(approval):
        say("MCP server", words(one_line(server, _OBJECT)))
        say("Tool", words(_listed(_each(act.name for act in changing)) or "not known"))
    else:
        say("Cluster", words(one_line(approval.cluster, _OBJECT) or "none"))
        say("Namespace", words(_listed(_namespaces(changing)) or "none"))
        say("Objects", words(_listed(preview.objects) or "not known"))
    say("Asked for by", person(approval.requester), words(f", runs as {one_line(approval.who, _INTENT)}"))
    say("Risk", words(RISKS[preview.risk], bold=preview.risk == "high"))
    for warning in preview.warnings[:MOST_NAMED]:
        say("Warning", words(one_line(warning, _WARNING) or "…"))
    say("Expires", moment(approval.expires_at))
    say("Who may approve", *_who_may(approval.ask, approval))
    return parts


def _who_may(ask: Ask, approval: Approval) -> list[Part]:
    """In words; the core judges at the click."""
    parts = [words("whoever may make this change themselves")]
    for wanted in ask.approvers:
        parts.append(words(", and is one of "))
        for number, name in enumerate(wanted[:MOST_NAMED]):
            group = name.removeprefix("group:")
            named = words(f"group {one_line(group, _OBJECT)}") if group != name else user(name)
            parts += [words(", "), named] if number else [named]
        if len(wanted) > MOST_NAMED:
            parts.append(words(f" and {len(wanted) - MOST_NAMED} more"))
    if ask.second_person:
        parts += [words("; a second person: not "), person(approval.requester)]
    return parts


def _diff(diff: str, room: int) -> list[Part]:
    """The beginning of the diff, in whole lines where they are short enough."""
    shown = visible(diff.strip("\n"))
    if len(shown) <= room:
        return [code(shown)]
    head = shown[:room]
    head = head[: head.rfind("\n")] if head.rfind("\n") > room // 2 else head
    left = shown[len(head) :].strip("\n").count("\n") + 1
    return [code(head), line([words(f"… {left} more line{'s' * (left != 1)}: see the full diff.")])]


def _buttons(approval: Approval) -> list[Part]:
    intent, server = approval.intent, mcp_server(approval)
    where = f"through {server}" if server else f"on {approval.cluster}" if approval.cluster else "here"
    approve = button("Approve", APPROVE, approval.id, "primary")
    if approval.preview.risk == "high":
        text = f"This is a change of high risk {where}: {intent}"
        approve |= {"confirm": confirm("Approve this change?", text, "Approve", danger=True)}
    made = [approve, button("Deny", DENY, approval.id)]
    if approval.preview.diff.strip():
        made.append(button("Show full diff", FULL_DIFF, approval.id))
    if namespace := grant_namespace(approval):
        text = (
            f"This change is made, and further changes of this kind in {namespace} that the same person asks for need"
            ' no approval of their own for that time. Say "grants" to see them, "revoke ID" to end one.'
        )
        allow = button("Allow for 30 min", GRANT, approval.id)
        made.append(allow | {"confirm": confirm("Allow this kind of change?", text, "Allow")})
    return [each | {"accessibility_label": _label(each, approval)} for each in made]


def _label(made: Part, approval: Approval) -> str:
    return one_line(f"{made['text']['text']}: {approval.intent}", 75)


def _changing(acts: Iterable[Act]) -> list[Act]:
    return [act for act in acts if act.verb not in READING]


def _namespaces(acts: Iterable[Act]) -> list[str]:
    names = [act.namespace or ("all namespaces" if act.namespaced else "outside of namespaces") for act in acts]
    return _each(names)


def _each(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, _OBJECT) for name in names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown
