"""What travels between Slack and an app: JSON objects, and the answer to a call that Slack refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
"""One JSON object as it travels."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that Slack would refuse in a payload. `pointer` is the JSON pointer of the wrong part."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


class Refused(Exception):
    """A Web API call that Slack answers with `{"ok": false, "error": …}`.

    `app_at_fault` tells a wrong payload (the workspace records it as a problem) from a state of the world that a
    correct app must expect, such as an expired stream. `details` are added to the answer as they are.
    """

    def __init__(
        self,
        error: str,
        *,
        messages: Sequence[str] = (),
        app_at_fault: bool = True,
        details: Json | None = None,
    ) -> None:
        self.error = error
        self.messages = tuple(messages)
        self.app_at_fault = app_at_fault
        self.details: Json = details or {}
        super().__init__(error)

    def answer(self) -> Json:
        body: Json = {"ok": False, "error": self.error, **self.details}
        if self.messages:
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


def not_now(error: str) -> Refused:
    """A refusal that the app did not cause by a wrong payload."""
    return Refused(error, app_at_fault=False)


def without_none(value: Json) -> Json:
    return {key: item for key, item in value.items() if item is not None}
