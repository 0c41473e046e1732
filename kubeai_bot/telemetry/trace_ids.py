"""One trace per turn, whichever replica works on it: the ids follow from the session's id and the turn's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from structlog.contextvars import get_contextvars
from structlog.typing import EventDict, WrappedLogger


@dataclass(frozen=True, slots=True)
class TurnKey:
    """Names a turn in all stores and on all replicas."""

    session_id: str
    turn_id: str

    @property
    def trace_id(self) -> int:
        """128 bits, never 0 (W3C Trace Context)."""
        return self._number("trace", 16)

    @property
    def root_span_id(self) -> int:
        """64 bits, never 0: the id of the span that stands for the whole turn."""
        return self._number("root span", 8)

    def _number(self, what: str, size: int) -> int:
        digest = hashlib.sha256(f"{what}\0{self.session_id}\0{self.turn_id}".encode()).digest()
        return int.from_bytes(digest[:size], "big") or 1


def running_turn() -> TurnKey | None:
    """The turn that the present task works on: what the agent's log lines carry."""
    return _turn_in(get_contextvars())


def add_trace_id(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """A structlog processor: lines of a turn lead to its trace."""
    turn = _turn_in(event)
    if turn is not None:
        event["trace_id"] = f"{turn.trace_id:032x}"
    return event


def _turn_in(bound: EventDict) -> TurnKey | None:
    session_id, turn_id = bound.get("session"), bound.get("turn")
    return TurnKey(str(session_id), str(turn_id)) if session_id and turn_id else None
