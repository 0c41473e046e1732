"""What somebody types instead of clicking a card's buttons, and when it counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from kubeai_bot.domain.approval import Approval, Approvals, Decision
from kubeai_bot.domain.message import Source, StoredMessage, Text, UserChoiceRequest
from kubeai_bot.domain.session import Incoming
from kubeai_bot.domain.turn import APPROVAL, SETTLED

YES = frozenset({"yes", "y", "approve", "approved", "do it", "go ahead", "ok", "okay", "confirm"})
NO = frozenset({"no", "n", "deny", "cancel", "don't", "do not", "stop it", "reject"})

NOTHING_WAITS = "Nothing waits for a decision in this thread any more."

_REVOKE = re.compile(r"revoke( `?g-[0-9a-f]*`?)?")


def typed_decision(
    incoming: Incoming, approvals: Approvals, history: Sequence[StoredMessage], now: datetime
) -> Decision | str | None:
    """What the text decides; or why it decides nothing, for the person; None where it is meant for the model.

    A yes or no is about the card that was shown last, unless the model has said or asked something since: then that may
    be what is meant. It counts from whoever asked for the one change that waits, and only as the first word on it."""
    word = incoming.text.strip().strip(".!").lower()
    clicked = any(key.startswith("act:") for key in incoming.keys)  # a choice: its label is the model's own words
    if incoming.kind != "message" or clicked:
        return None
    if _REVOKE.fullmatch(word):
        return _revoked(word, approvals)
    if word not in YES | NO:
        return None
    asked, decided_since = _last_card(history)
    if not asked:
        return None
    waiting = [approval for approval in approvals.pending if now < approval.expires_at]
    if not waiting:
        return Decision("approve", asked) if approvals.find(asked) else NOTHING_WAITS  # expired: that closes its card
    if len(waiting) > 1 or decided_since or waiting[0].id != asked:
        return _by_buttons(waiting)
    if waiting[0].requester != incoming.speaker:
        return (
            f"A typed {word!r} counts only from <@{waiting[0].requester.user_id}>, who asked for this change. Whoever"
            " else may decide on it uses the buttons on its card."
        )
    return Decision("approve" if word in YES else "deny", asked)


def _last_card(history: Sequence[StoredMessage]) -> tuple[str, bool]:
    """The id of the approval that was asked for last, "" where something else was said or asked since; and whether
    anything was decided since."""
    decided = False
    for stored in reversed(history):
        message = stored.message
        if card := message.metadata.get(APPROVAL):
            return str(card.get("id", "")), decided
        decided = decided or SETTLED in message.metadata
        if isinstance(message.payload, UserChoiceRequest) or (
            isinstance(message.payload, Text) and message.source is Source.MODEL
        ):
            break
    return "", decided


def _by_buttons(waiting: Sequence[Approval]) -> str:
    one = len(waiting) == 1
    wishes = "\n".join(f"- {approval.intent}" for approval in waiting)
    which = "1 change still waits" if one else f"{len(waiting)} changes wait"
    cards = "its card" if one else "their cards"
    return f"{which} in this thread, and nothing was decided: use the buttons on {cards}.\n{wishes}"


def _revoked(word: str, approvals: Approvals) -> Decision | str:
    """Without an id it means the one grant that stands."""
    if word == "revoke" and len(approvals.grants) == 1:
        return Decision("revoke", approvals.grants[0].id)
    return grants_text(approvals)


def grants_text(approvals: Approvals) -> str:
    """What the word `grants` answers."""
    if not approvals.grants:
        return "No standing approvals in this thread: every change waits for one of its own."
    lines = [
        f"- `{grant.id}`: {', '.join(grant.verbs)} of {', '.join(grant.kinds)} in {grant.cluster}/{grant.namespace} for"
        f" <@{grant.requester.user_id}>, until {grant.until:%H:%M} UTC (given by <@{grant.given_by.user_id}>)"
        for grant in approvals.grants
    ]
    return "\n".join(["Standing approvals in this thread (say `revoke ID` to end one):", *lines])
