"""What a page may ask for: the verbs of its protocol, each with its fields, their types and their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

LARGEST_UPLOAD = 1024 * 1024
"""Bytes of a file that a person may share."""

LONGEST_SAYING = 40_000

Id = Annotated[str, Field(min_length=1, max_length=200)]
Timestamp = Annotated[str, Field(pattern=r"^\d{1,12}\.\d{6}$")]
Saying = Annotated[str, Field(min_length=1, max_length=LONGEST_SAYING)]
Answer = str | int | list[str] | dict[str, Any] | None
"""What a person enters into one element."""


class Verb(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    id: int


class Personal(Verb):
    """Done by one of the people in the workspace."""

    who: Id = Field(alias="as")


class Say(Personal):
    do: Literal["say"]
    channel: Id
    thread_ts: Timestamp | None = None
    text: Saying


class Edit(Personal):
    do: Literal["edit"]
    channel: Id
    ts: Timestamp
    text: Saying


class Delete(Personal):
    do: Literal["delete"]
    channel: Id
    ts: Timestamp


class React(Personal):
    """Adds the reaction, or takes it back where this person has it already."""

    do: Literal["react"]
    channel: Id
    ts: Timestamp
    name: Annotated[str, Field(pattern=r"^[a-z0-9_+'\-]{1,100}(::skin-tone-[2-6])?$")]


class Upload(Personal):
    do: Literal["upload"]
    channel: Id
    thread_ts: Timestamp | None = None
    text: Annotated[str, Field(max_length=LONGEST_SAYING)] = ""
    name: Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f\x7f]{1,200}$")]
    content_base64: Annotated[str, Field(max_length=LARGEST_UPLOAD * 4 // 3 + 4)]


class Stop(Personal):
    do: Literal["stop"]
    channel: Id
    thread_ts: Timestamp


class Command(Personal):
    do: Literal["command"]
    channel: Id
    command: Annotated[str, Field(pattern=r"^/\S{1,100}$")]
    text: Annotated[str, Field(max_length=LONGEST_SAYING)] = ""


class Shortcut(Personal):
    do: Literal["shortcut"]
    callback_id: Id
    channel: Id | None = None
    ts: Timestamp | None = None


class OpenHome(Personal):
    do: Literal["open_home"]


class OpenMessages(Personal):
    do: Literal["open_messages"]


class Click(Personal):
    do: Literal["click"]
    action_id: Id
    block_id: Id | None = None
    channel: Id | None = None
    ts: Timestamp | None = None
    view_id: Id | None = None
    choose: Answer = None


class Submit(Personal):
    do: Literal["submit"]
    view_id: Id
    values: dict[str, dict[str, Answer]]


class Close(Personal):
    do: Literal["close"]
    view_id: Id


class BotSwitch(Verb):
    do: Literal["bot"]
    action: Literal["stop", "start", "restart"]


class Refresh(Verb):
    do: Literal["refresh"]


AnyVerb = (
    Say
    | Edit
    | Delete
    | React
    | Upload
    | Stop
    | Command
    | Shortcut
    | OpenHome
    | OpenMessages
    | Click
    | Submit
    | Close
    | BotSwitch
    | Refresh
)

_VERBS: TypeAdapter[AnyVerb] = TypeAdapter(Annotated[AnyVerb, Field(discriminator="do")])


def read_verb(frame: object) -> AnyVerb:
    """The verb of a decoded frame. Raises ValueError with a sentence about its first fault."""
    if not isinstance(frame, dict):
        raise ValueError("A frame must be a JSON object.")  # noqa: TRY004 - one kind of error for all faults
    try:
        return _VERBS.validate_python(frame)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "do"
        raise ValueError(f"{where}: {first['msg']}") from None
