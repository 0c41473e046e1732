"""Which methods exist, which arguments they take, and how arguments are read off a request.

Slack takes query string, form and JSON body for one call, and so does this: all three are merged (slack.md §6.1).
Sources: the method pages of docs.slack.dev and `slack_sdk` 3.47, whose client sends some methods in unusual ways.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from kubeai_bot.playground.workspace.shapes.arguments import ARGUMENTS, ARGUMENTS_OF, RULES_OF
from kubeai_bot.playground.workspace.wire import Fault, Json, Refused

_ALWAYS_ALLOWED = frozenset({"token", "team_id"})
"""Bolt adds `team_id` to every call of a request's client."""

_TRUE = frozenset({"true", "1", "t"})
_FALSE = frozenset({"false", "0", "f", ""})


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method. `arguments` maps a name to its kind; `tier` calls a minute are allowed (None: no limit).
    `caller` is whose token it wants: `bot`, `app`, or `anyone`."""

    name: str
    arguments: Mapping[str, str]
    required: frozenset[str]
    tier: int | None
    caller: str


def _method(name: str, tier: int | None, arguments: str = "", caller: str = "bot") -> Method:
    """Reads `channel! text limit:int`: `!` is required, the kind after `:` is `str` where none is given."""
    kinds: dict[str, str] = {}
    required: set[str] = set()
    for word in arguments.split():
        declared, _, kind = word.partition(":")
        key = declared.removesuffix("!")
        kinds[key] = kind or "str"
        if declared.endswith("!"):
            required.add(key)
    return Method(name, kinds, frozenset(required), tier, caller)


_CONTENT = "text markdown_text blocks:list attachments:list metadata:object"
_AUTHOR = "icon_emoji icon_url username"
_LINKS = "link_names:bool parse mrkdwn:bool unfurl_links:bool unfurl_media:bool"
_PAGE = "cursor limit:int"
_HISTORY = f"channel! {_PAGE} oldest latest inclusive:bool include_all_metadata:bool"
_STREAM = "chunks:list markdown_text"

T2, T3, T4 = 20, 50, 100
"""Calls a minute of Slack's tiers: "20+", "50+", "100+"."""

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        _method("api.test", None, "error foo", caller="anyone"),
        _method("auth.test", None),
        _method("apps.connections.open", T3, caller="app"),
        _method(
            "chat.postMessage",
            None,
            f"channel! {_CONTENT} {_AUTHOR} {_LINKS} as_user:bool thread_ts reply_broadcast:bool",
        ),
        _method(
            "chat.update",
            T3,
            f"channel! ts! {_CONTENT} as_user:bool link_names:bool parse reply_broadcast:bool file_ids:list",
        ),
        _method("chat.delete", T3, "channel! ts! as_user:bool"),
        _method("chat.postEphemeral", T4, f"channel! user! {_CONTENT} {_AUTHOR} {_LINKS} as_user:bool thread_ts"),
        _method("chat.getPermalink", None, "channel! message_ts!"),
        _method(
            "chat.startStream",
            T2,
            f"channel! thread_ts {_STREAM} recipient_user_id recipient_team_id task_display_mode {_AUTHOR}",
        ),
        _method("chat.appendStream", T4, f"channel! ts! {_STREAM}"),
        _method("chat.stopStream", T2, f"channel! ts! {_STREAM} blocks:list metadata:object session_status"),
        _method("agents.sessions.setStatus", T3, f"channel_id! status! thread_ts title initiator_user_id {_AUTHOR}"),
        _method("agents.sessions.rename", T3, "channel_id! title! thread_ts"),
        _method("assistant.threads.setStatus", None, f"channel_id! thread_ts! status! loading_messages:list {_AUTHOR}"),
        _method("assistant.threads.setSuggestedPrompts", T4, "channel_id! prompts!:list title thread_ts"),
        _method("assistant.threads.setTitle", T4, "channel_id! thread_ts! title!"),
        _method("conversations.replies", T3, f"ts! {_HISTORY}"),
        _method("conversations.history", T3, _HISTORY),
        _method("conversations.info", T3, "channel! include_locale:bool include_num_members:bool"),
        _method("conversations.members", T4, f"channel! {_PAGE}"),
        _method("conversations.open", T3, "channel users return_im:bool prevent_creation:bool"),
        _method("conversations.list", T2, f"{_PAGE} types exclude_archived:bool"),
        _method("conversations.join", T3, "channel!"),
        _method("users.info", T4, "user! include_locale:bool"),
        _method("users.lookupByEmail", T3, "email!"),
        _method("team.info", T3, "team domain"),
        _method("bots.info", T3, "bot"),
        _method("reactions.add", T3, "channel! name! timestamp!"),
        _method("reactions.remove", T2, "channel name! timestamp file file_comment"),
        _method("views.open", T4, "view!:object trigger_id interactivity_pointer"),
        _method("views.push", T4, "view!:object trigger_id interactivity_pointer"),
        _method("views.update", T4, "view!:object view_id external_id hash"),
        _method("views.publish", T4, "view!:object user_id! hash interactivity_pointer"),
        _method("files.getUploadURLExternal", T4, "length!:int filename! snippet_type alt_txt"),
        _method(
            "files.completeUploadExternal",
            T4,
            f"files!:list channel_id channels thread_ts initial_comment blocks:list {_AUTHOR}",
        ),
        _method("files.info", T4, "file! count:int page:int limit:int cursor"),
        _method("blocks.validate", None, "blocks:any view:any message:any", caller="anyone"),
        _method("usergroups.users.list", T2, "usergroup! include_disabled:bool"),
    )
}


async def read_arguments(request: web.Request) -> Json:
    """Query string, form fields and JSON object of a call, merged; the body wins."""
    arguments: Json = dict(request.query)
    kind = request.content_type
    if kind == "application/json":
        body = await request.text()
        if body:
            try:
                decoded = json.loads(body)
            except json.JSONDecodeError as error:
                raise Refused("invalid_json") from error
            if not isinstance(decoded, dict):
                raise Refused("json_not_object")
            arguments |= decoded
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        arguments |= {key: value for key, value in form.items() if isinstance(value, str)}
    return arguments


def decode_arguments(method: Method, raw: Json) -> tuple[Json, list[str]]:
    """The arguments by their kinds, and a sentence on each that the method does not know.

    Slack ignores unknown arguments; here each is a problem, because it is always a mistake of the caller. Raises
    `Refused` for a missing or wrongly typed one.
    """
    missing = sorted(method.required - {key for key, value in raw.items() if value is not None})
    if missing:
        raise Refused("invalid_arguments", messages=[f"[ERROR] missing required field: {key}" for key in missing])
    decoded: Json = {}
    unknown: list[str] = []
    for key, value in raw.items():
        kind = method.arguments.get(key)
        if kind is not None:
            if value is not None:
                decoded[key] = _decode(key, kind, value)
        elif key not in _ALWAYS_ALLOWED:
            unknown.append(f"{method.name}: unknown argument {key!r}")
    faults = list(_faults(method.name, decoded))
    if faults:
        raise Refused("invalid_arguments", messages=[str(fault) for fault in faults])
    return decoded, unknown


def _faults(name: str, arguments: Json) -> Iterator[Fault]:
    """What is wrong with arguments of the right kind: length, choice, shape, and which exclude each other."""
    shapes = ARGUMENTS_OF.get(name, {})
    for key, value in arguments.items():
        shape = shapes.get(key) or ARGUMENTS.get(key)
        if shape is not None:
            yield from shape.check(value, f"/{key}")
    for rule in RULES_OF.get(name, ()):
        sentence = rule(arguments)
        if sentence is not None:
            yield Fault("", sentence)


def _decode(key: str, kind: str, value: object) -> object:
    match kind:
        case "str":
            return _text(key, value)
        case "bool":
            return _flag(key, value)
        case "int":
            return _number(key, value)
        case _:
            return _structure(key, kind, value)


def _wrong(key: str, wanted: str) -> Refused:
    return Refused("invalid_arguments", messages=[f"[ERROR] must be {wanted} [json-pointer:/{key}]"])


def _text(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _wrong(key, "a string")


def _flag(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in _TRUE:
        return True
    if str(value).lower() in _FALSE:
        return False
    raise _wrong(key, "a boolean")


def _number(key: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    raise _wrong(key, "an integer")


def _structure(key: str, kind: str, value: object) -> object:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise Refused("invalid_blocks_format" if key == "blocks" else "invalid_arguments") from error
    if kind == "list" and not isinstance(value, list):
        raise Refused("invalid_blocks_format") if key == "blocks" else _wrong(key, "an array")
    if kind == "object" and not isinstance(value, dict):
        raise _wrong(key, "an object")
    return value
