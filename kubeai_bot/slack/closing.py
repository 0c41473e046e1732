"""What stands below an answer: cards of changes that wait, buttons for outputs, undoing and a choice, thumbs. Pure.

Everything comes from `TurnEnded`, which is read off the transcript: whoever draws an answer anew draws these too.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeai_bot.domain.event import Choice, Output, TurnEnded, Undo
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.slack.approval_cards import approval_blocks
from kubeai_bot.slack.block_parts import Block, actions, button, line, one_line, person, rich, words
from kubeai_bot.slack.feedback import feedback_blocks

OUTPUT, UNDO, CHOICE = "output", "undo", "choice"
"""Block ids; the action ids of the buttons in them carry a number behind these."""

PICKED = "choice:picked"

MOST_BUTTONS = 10
VALUE_CHARACTERS = 2_000


def closing_blocks(ended: TurnEnded, turn_id: str) -> list[Block]:
    """At most 29 blocks: with an answer's own they stay below Slack's 50. Only what the model answered has thumbs."""
    return [
        *approval_blocks(ended.approvals),
        *output_blocks(ended.outputs),
        *undo_blocks(ended.undos),
        *choice_blocks(ended.choice),
        *(feedback_blocks(turn_id) if ended.outcome == "answered" else []),
    ]


def output_blocks(outputs: Sequence[Output]) -> list[Block]:
    buttons = [
        button(f"Show output: {output.title}", f"{OUTPUT}:{number}", output.handle)
        for number, output in enumerate(outputs[:MOST_BUTTONS])
    ]
    return [actions(OUTPUT, buttons)] if buttons else []


def undo_blocks(undos: Sequence[Undo]) -> list[Block]:
    """An undo is a change of its own: it waits for an approval as any other does, so it needs no confirmation here."""
    buttons = [
        button(f"Undo: {undo.intent}", f"{UNDO}:{number}", undo.id)
        for number, undo in enumerate(undos[:MOST_BUTTONS])
        if undo.id and len(undo.id) <= VALUE_CHARACTERS
    ]
    return [actions(UNDO, buttons)] if buttons else []


def choice_blocks(choice: Choice | None) -> list[Block]:
    """What is not offered as a button can still be said."""
    given = [text for text in (choice.choices if choice else ()) if text.strip() and len(text) <= VALUE_CHARACTERS]
    buttons = [button(text, f"{CHOICE}:{number}", text) for number, text in enumerate(given[: 2 * MOST_BUTTONS])]
    return [actions(CHOICE, buttons)] if buttons else []


def with_pick(blocks: Sequence[Block], label: str, speaker: Speaker) -> list[Block] | None:
    """The blocks of a message with the choice's buttons replaced by what was picked; None where they are gone."""
    if not any(block.get("block_id") == CHOICE for block in blocks):
        return None
    picked = rich(
        PICKED, line([words(one_line(label, 300) or "…", bold=True), words(" · picked by "), person(speaker)])
    )
    return [picked if block.get("block_id") == CHOICE else block for block in blocks]
