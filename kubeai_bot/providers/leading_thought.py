"""Local models whose server does not separate their reasoning open an answer with `<think>…</think>`."""

from __future__ import annotations

from typing import Literal

_OPEN, _CLOSE = "<think>", "</think>"


class LeadingThought:
    """Takes a `<think>` block off the front of a streamed text; a text without one passes unchanged.

    Only the very beginning counts: `<think>` further on is part of the answer.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state: Literal["deciding", "thinking", "gap", "answer"] = "deciding"

    def feed(self, piece: str) -> str:
        """What of the text so far is answer and has not been given out yet."""
        if self._state == "answer":
            return piece
        self._held += piece
        if self._state == "deciding":
            self._decide()
        if self._state == "thinking":
            thought, closed, rest = self._held.partition(_CLOSE)
            self._held = rest if closed else thought[-len(_CLOSE) :]
            self._state = "gap" if closed else "thinking"
        if self._state == "gap":
            self._held = self._held.lstrip()
            self._state = "answer" if self._held else "gap"
        return self._release() if self._state == "answer" else ""

    def end(self) -> str:
        """What was still held back when the text ended."""
        return self._release() if self._state == "deciding" else ""

    def _decide(self) -> None:
        start = self._held.lstrip()
        if start.startswith(_OPEN):
            self._held = start[len(_OPEN) :]
            self._state = "thinking"
        elif not _OPEN.startswith(start):
            self._state = "answer"

    def _release(self) -> str:
        held, self._held = self._held, ""
        return held
