"""What Slack's other surfaces (Home tab, slash command, shortcuts, buttons) need of the program around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from kubeai_bot.domain.identity import Identity, Speaker
from kubeai_bot.domain.session import FeedbackKind, Session, ThreadRef
from kubeai_bot.domain.storage import AboutPerson, KeptResult, SessionPage


@dataclass(frozen=True, slots=True)
class About:
    """How the bot introduces itself: its name, one sentence on what it may change, its clusters, its help text
    (Markdown), and `keeping`, which completes "Sessions are kept …"."""

    name: str
    changes: str
    clusters: tuple[str, ...]
    help: str
    keeping: str


class ListSessions(Protocol):
    """`SessionStore.list`."""

    async def __call__(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage: ...


class RecordFeedback(Protocol):
    """`SessionStore.record_feedback`."""

    async def __call__(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class Surfaces:
    """`resolve` as `IdentityResolver.resolve`; `forget` deletes a session that nobody works on, and says whether it
    did; the others as the methods of SessionStore whose names they bear. All but `about` may raise errors of
    `kubeai_bot.errors`, and every one of them is then told to the person."""

    about: About
    resolve: Callable[[Speaker], Awaitable[Identity]]
    list: ListSessions
    find: Callable[[ThreadRef], Awaitable[Session | None]]
    forget: Callable[[str], Awaitable[bool]]
    record_feedback: RecordFeedback
    about_person: Callable[[str], Awaitable[AboutPerson]]
    kept_result: Callable[[str, str], Awaitable[KeptResult | None]]
