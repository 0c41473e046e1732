"""What of a session's history a turn may see, and what of it fits the model's window. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import (
    Source,
    StoredMessage,
    Text,
    ToolCallRequest,
    ToolCallResponse,
)

HIDDEN = "[What was found and answered here is not shown: it was seen with another person's rights.]"
SHORTENED = "[This result was left out to fit the model's window. Call the tool again if it is still needed.]"


def visible(history: Sequence[StoredMessage], identity: Identity) -> list[StoredMessage]:
    """The messages that a turn under `identity` may see.

    Of what ran under another identity only the person's own words remain, with one fixed placeholder for the rest of
    that turn. Words of people who were refused (no identity) are left out altogether.
    """
    seen: list[StoredMessage] = []
    for _, group in groupby(history, key=lambda stored: stored.message.turn_id):
        placeholder_due = True
        for stored in group:
            message = stored.message
            if message.identity is None:
                continue
            if identity.same_rights(message.identity) or (
                message.source is Source.USER and isinstance(message.payload, Text)
            ):
                seen.append(stored)
            elif placeholder_due:
                placeholder_due = False
                hidden = replace(message, source=Source.AGENT, payload=Text(HIDDEN), metadata={})
                seen.append(StoredMessage(stored.seq, hidden))
    return seen


def estimate_tokens(text: str) -> int:
    """Tokens of a text, estimated on the safe side: about 3.5 ASCII characters each, one for every other character."""
    ascii_count = len(text.encode("ascii", "ignore"))
    return int(ascii_count / 3.5) + (len(text) - ascii_count) + 1


def cost(stored: StoredMessage) -> int:
    """Estimated tokens of one message in a request, with what surrounds it."""
    match stored.message.payload:
        case ToolCallRequest(calls=calls, text=text):
            said = text + "".join(f"{call.name}{call.raw_arguments or call.arguments}" for call in calls)
        case ToolCallResponse(content=content):
            said = content
        case Text(text=text):
            said = text
        case payload:
            said = str(payload)
    return estimate_tokens(said) + 8


@dataclass(frozen=True, slots=True)
class Fitted:
    """The messages of a request, and how many whole turns were left out of it."""

    messages: list[StoredMessage]
    turns_left_out: int


def fit(history: Sequence[StoredMessage], identity: Identity, budget: int) -> Fitted:
    """What of `history` is visible to `identity` and costs at most `budget` tokens: whole turns, the newest ones.

    The newest turn always stays; where it alone is too large, its oldest tool results are replaced by a word, the last
    two excepted. Only as much of the history is looked at as fits.
    """
    kept: list[list[StoredMessage]] = []
    left = budget
    end = len(history)
    while end:
        start = _start_of_turn(history, end)
        seen = visible(history[start:end], identity)
        price = sum(map(cost, seen))
        if kept and price > left:
            break
        if not kept and price > left:
            seen = _shorten(seen, price - left)
        kept.append(seen)
        left -= price
        end = start
    left_out = sum(1 for _ in groupby(history[:end], key=lambda stored: stored.message.turn_id))
    return Fitted([stored for turn in reversed(kept) for stored in turn], left_out)


def _start_of_turn(history: Sequence[StoredMessage], end: int) -> int:
    turn_id = history[end - 1].message.turn_id
    start = end - 1
    while start and history[start - 1].message.turn_id == turn_id:
        start -= 1
    return start


def _shorten(turn: list[StoredMessage], excess: int) -> list[StoredMessage]:
    results = [index for index, stored in enumerate(turn) if isinstance(stored.message.payload, ToolCallResponse)]
    shortened = list(turn)
    for index in results[:-2]:
        if excess <= 0:
            break
        stored = turn[index]
        if not isinstance(stored.message.payload, ToolCallResponse):
            continue
        short = StoredMessage(
            stored.seq, replace(stored.message, payload=replace(stored.message.payload, content=SHORTENED))
        )
        excess -= cost(stored) - cost(short)
        shortened[index] = short
    return shortened
