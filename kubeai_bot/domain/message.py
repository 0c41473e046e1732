"""The transcript: one frozen record per thing that was said or done in a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from kubeai_bot.domain.identity import Identity, Speaker

Json = Mapping[str, Any]


class Source(StrEnum):
    USER = "user"
    AGENT = "agent"
    MODEL = "model"


class MessageType(StrEnum):
    TEXT = "text"
    ERROR = "error"
    TOOL_CALL_REQUEST = "tool-call-request"
    TOOL_CALL_STARTED = "tool-call-started"
    TOOL_CALL_RESPONSE = "tool-call-response"
    USER_INPUT_REQUEST = "user-input-request"
    USER_INPUT_RESPONSE = "user-input-response"
    USER_CHOICE_REQUEST = "user-choice-request"
    USER_CHOICE_RESPONSE = "user-choice-response"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call the model asks for. `arguments` is the parsed object, or None where the model sent no valid JSON
    object; `raw_arguments` is what it sent."""

    id: str
    name: str
    arguments: Json | None
    raw_arguments: str = ""


@dataclass(frozen=True, slots=True)
class VendorParts:
    """What a vendor wants echoed verbatim (thought signatures, reasoning items). Opaque: only the adapter of that
    `vendor` reads `parts`; the others leave them out."""

    vendor: str
    parts: Json


@dataclass(frozen=True, slots=True)
class Text:
    """Something said: by the user, by the model (its final answer), or by the agent (a note to the model)."""

    text: str
    vendor: VendorParts | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that the person was told. `kind` names the error class in kebab case."""

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class ToolCallRequest:
    """The model's wish to call tools, side by side, with what it said before."""

    calls: tuple[ToolCall, ...]
    text: str = ""
    vendor: VendorParts | None = None


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """On record before a write runs: after a crash nobody may repeat it on a guess."""

    call_id: str


@dataclass(frozen=True, slots=True)
class ToolCallResponse:
    """The result of one call, as the model reads it. `ok` False means that it failed or was refused; `changed`
    that it (perhaps) changed something outside; `summary` is one short line for people."""

    call_id: str
    name: str
    content: str
    ok: bool = True
    changed: bool = False
    summary: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class UserInputRequest:
    """A question to the person that ends the turn; the answer arrives as a message."""

    prompt: str


@dataclass(frozen=True, slots=True)
class UserInputResponse:
    text: str


@dataclass(frozen=True, slots=True)
class UserChoiceRequest:
    prompt: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserChoiceResponse:
    choice: str


Payload = (
    Text
    | Failure
    | ToolCallRequest
    | ToolCallStarted
    | ToolCallResponse
    | UserInputRequest
    | UserInputResponse
    | UserChoiceRequest
    | UserChoiceResponse
)

_TYPES: Mapping[type[Any], MessageType] = {
    Text: MessageType.TEXT,
    Failure: MessageType.ERROR,
    ToolCallRequest: MessageType.TOOL_CALL_REQUEST,
    ToolCallStarted: MessageType.TOOL_CALL_STARTED,
    ToolCallResponse: MessageType.TOOL_CALL_RESPONSE,
    UserInputRequest: MessageType.USER_INPUT_REQUEST,
    UserInputResponse: MessageType.USER_INPUT_RESPONSE,
    UserChoiceRequest: MessageType.USER_CHOICE_REQUEST,
    UserChoiceResponse: MessageType.USER_CHOICE_RESPONSE,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One record of a session's history.

    `turn_id` names the turn it belongs to. `identity` is the identity under which it was said or done (None for a
    speaker who was refused); `speaker` the Slack sender for messages of source user. The store numbers messages:
    see `StoredMessage`.
    """

    turn_id: str
    source: Source
    payload: Payload
    identity: Identity | None
    at: datetime
    speaker: Speaker | None = None
    metadata: Json = field(default_factory=dict[str, Any])

    @property
    def type(self) -> MessageType:
        return _TYPES[type(self.payload)]


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message with its place in the history: `seq` starts at 1 and has no gaps; seq is the order, time is not."""

    seq: int
    message: Message
