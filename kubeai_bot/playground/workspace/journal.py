"""The record of what passed between Slack and the app: calls one way, deliveries the other, problems found."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubeai_bot.playground.workspace.wire import Json


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One Web API call. `arguments` are query, form and JSON merged and decoded; `token` is `bot`, `app` or `none`;
    `problems` is what was wrong with it (the same sentences as in `Workspace.problems`); `at` in clock seconds."""

    method: str
    arguments: Json
    token: str
    status: int
    response: Json
    problems: tuple[str, ...]
    at: float

    @property
    def ok(self) -> bool:
        return bool(self.response.get("ok"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand over an envelope. `outcome`: `acked`, `timeout`, `http_error`, `no_retry` (an HTTP error
    with `X-Slack-No-Retry: 1`) or `connection_failed`; `replica` is the socket's number or the URL that got it."""

    number: int
    replica: str
    outcome: str
    status: int | None
    seconds: float


@dataclass(slots=True)
class Delivery:
    """One envelope and what became of it. `status`: `sending`, `acked` or `unacked` (given up)."""

    envelope_id: str
    kind: str
    payload: Json
    transport: str
    at: float
    status: str = "sending"
    response: Json | None = None
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    seconds_to_ack: float | None = None

    @property
    def event(self) -> Json:
        """The inner event, or an empty object for interactions and commands."""
        event: Json = self.payload.get("event") or {}
        return event

    @property
    def event_id(self) -> str | None:
        return self.payload.get("event_id")

    @property
    def acked(self) -> bool:
        return self.status == "acked"
