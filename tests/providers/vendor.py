"""What the provider contract suite needs of a vendor: a local server that speaks its wire format and plays
vendor-neutral replies, and a provider that talks to it.

A further vendor joins by implementing `Vendor` and adding itself to `VENDORS` in conftest.py.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import Message, Payload, Source, StoredMessage
from kubeai_bot.domain.session import Usage
from kubeai_bot.interfaces import Provider

KEY = "sk-test-0123456789-never-to-be-seen"
MODEL = "made-up-model-7"

# --- what the server is to say ---


@dataclass(frozen=True)
class Wish:
    """A tool call in the model's answer. `raw` replaces the arguments by text that is no JSON object."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None


@dataclass(frozen=True)
class Answer:
    """A whole answer. `opaque`: with a vendor part on it that has to come back (a thought signature)."""

    texts: Sequence[str] = ()
    wishes: Sequence[Wish] = ()
    usage: Usage = Usage()
    ending: Literal["normal", "truncated", "blocked"] = "normal"
    opaque: bool = False


class Place(enum.Enum):
    BEFORE_THE_FIRST_BYTE = "before the first byte"
    IN_THE_TEXT = "in the text"
    IN_THE_ARGUMENTS = "in the arguments"


@dataclass(frozen=True)
class Broken:
    """An answer that stops somewhere: the connection breaks (`abort`), ends as if all were said (`end`), or the server
    falls silent with the connection open (`silence`)."""

    place: Place
    how: Literal["abort", "end", "silence"]


class Fault(enum.Enum):
    RATE_LIMIT = "rate limit"
    NO_CREDIT = "no credit"
    BAD_KEY = "bad key"
    NOT_ALLOWED = "not allowed"
    UNKNOWN_MODEL = "unknown model"
    BAD_REQUEST = "bad request"
    OVERLOADED = "overloaded"
    CRASH = "crash"
    FILTERED_PROMPT = "filtered prompt"


@dataclass(frozen=True)
class Refusal:
    """An error instead of an answer. `wait` goes into the vendor's way of saying "try again after"."""

    fault: Fault
    wait: float | None = None
    says: str = "no"


Reply = Answer | Broken | Refusal


@dataclass(frozen=True)
class Seen:
    """A request as the server understood it, in vendor-neutral words. `said` holds (role, text) of all that is not a
    call or a result, with the roles user and model; `calls` and `results` (name, value) in order."""

    system: str
    said: Sequence[tuple[str, str]]
    calls: Sequence[tuple[str, Mapping[str, Any]]]
    results: Sequence[tuple[str, str]]
    tools: Sequence[str]
    opaque_came_back: bool


class Vendor(Protocol):
    """One vendor on a loopback port."""

    name: str
    parts_of: str
    """The vendor's name in `VendorParts`."""
    counts_tokens: bool
    """Whether this server reports usage."""
    seen: list[Seen]
    asked: asyncio.Event
    """Set when the server has begun to play a reply."""
    disconnected: asyncio.Event
    """Set when a client has hung up on an unfinished answer."""
    ports: set[int]
    """The client ports that requests came from: one per connection."""
    overflows: Mapping[str, Any]
    """Replies by which this vendor's servers say that the request is too large, by a label."""

    def will(self, *replies: Any) -> None:
        """Play these, one for each request: `Reply`s or entries of `overflows`."""
        ...

    async def shut_down(self) -> None:
        """Stop listening."""
        ...

    async def provider(self, read_timeout: float = 10.0, window: int | None = None) -> Provider: ...


# --- transcripts ---

MIA = Identity(Speaker("T0SHOP", "U0MIA"), "mapping", KubeUser("mia@shop.example"), datetime(2026, 1, 1, tzinfo=UTC))


def transcript(*said: tuple[Source, Payload] | Payload) -> list[StoredMessage]:
    """A numbered transcript of one turn; a bare payload is the model's."""
    pairs = [entry if isinstance(entry, tuple) else (Source.MODEL, entry) for entry in said]
    return [
        StoredMessage(seq, Message("turn-1", source, payload, MIA, datetime(2026, 1, 1, tzinfo=UTC)))
        for seq, (source, payload) in enumerate(pairs, 1)
    ]
