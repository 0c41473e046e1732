"""`views.*` (home tabs and modals) and `blocks.validate`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace.changes import ViewChanged
from kubeai_bot.playground.workspace.content import with_ids
from kubeai_bot.playground.workspace.limits import MAX_VIEW_BYTES, MAX_VIEW_STACK
from kubeai_bot.playground.workspace.people import APP_ID, BOT_ID, TEAM_ID
from kubeai_bot.playground.workspace.state import SimView, State, Trigger
from kubeai_bot.playground.workspace.validation import check_message_blocks, check_view
from kubeai_bot.playground.workspace.wire import Fault, Json, Refused, not_now

TRIGGER_LIFETIME = 3.0
"""Seconds that a `trigger_id` can be exchanged for a modal."""


def to_view(shown: SimView) -> Json:
    """The view object as answers and payloads carry it."""
    given = shown.view
    return {
        "id": shown.id,
        "team_id": TEAM_ID,
        "type": given["type"],
        "blocks": given["blocks"],
        "private_metadata": given.get("private_metadata", ""),
        "callback_id": given.get("callback_id", ""),
        "external_id": given.get("external_id", ""),
        "title": given.get("title"),
        "submit": given.get("submit"),
        "close": given.get("close"),
        "clear_on_close": given.get("clear_on_close", False),
        "notify_on_close": given.get("notify_on_close", False),
        "state": {"values": {}},
        "hash": shown.hash,
        "previous_view_id": shown.previous,
        "root_view_id": shown.root,
        "app_id": APP_ID,
        "bot_id": BOT_ID,
        "app_installed_team_id": TEAM_ID,
        "submit_disabled": False,
    } | ({"external_id": given["external_id"]} if given.get("external_id") else {})


def checked_view(view: Json, kind: str | None = None) -> Json:
    """The view with the ids that Slack fills in. Refuses a faulty one."""
    faults = check_view(view)
    if kind is not None and view.get("type") != kind:
        faults = [Fault("/view/type", f"must be {kind}"), *faults]
    if faults:
        raise Refused("invalid_arguments", messages=[str(fault) for fault in faults])
    if len(json.dumps(view).encode()) > MAX_VIEW_BYTES:
        raise Refused("view_too_large")
    return {**view, "blocks": with_ids(view["blocks"])}


def checked_errors(shown: SimView, errors: object) -> dict[str, str]:
    """Errors of a refused submission: sentences by the `block_id` of an input block."""
    inputs = {block["block_id"] for block in shown.view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise Refused("invalid_arguments", messages=["errors must be an object with at least one sentence"])
    wrong = sorted(key for key, value in errors.items() if key not in inputs or not isinstance(value, str) or not value)
    if wrong:
        raise Refused("invalid_arguments", messages=[f"no input block with this block_id: {', '.join(wrong)}"])
    return {str(key): str(value) for key, value in errors.items()}


def show_modal(state: State, user: str, view: Json, *, on: SimView | None = None) -> SimView:
    """Opens a modal, on top of another one where `on` is given."""
    view_id = state.mint_id("V")
    shown = SimView(view_id, user, view, secrets.token_hex(5), on.root if on else view_id, on.id if on else None)
    state.views[view_id] = shown
    state.modals.setdefault(user, []).append(view_id)
    state.publish(ViewChanged(user, to_view(shown)))
    return shown


def replace_view(state: State, shown: SimView, view: Json) -> None:
    shown.view, shown.hash = view, secrets.token_hex(5)
    shown.errors.clear()
    state.publish(ViewChanged(shown.user, to_view(shown)))


def close_modals(state: State, user: str, view_ids: list[str]) -> None:
    for view_id in view_ids:
        state.modals[user].remove(view_id)
        del state.views[view_id]
    state.publish(ViewChanged(user, None))


def _exchange(state: State, args: Json) -> Trigger:
    trigger = state.triggers.get(args.get("trigger_id") or args.get("interactivity_pointer") or "")
    if trigger is None:
        raise Refused("invalid_trigger_id")
    if trigger.used:
        raise Refused("exchanged_trigger_id")
    if state.clock() - trigger.at > TRIGGER_LIFETIME:
        raise not_now("expired_trigger_id")
    trigger.used = True
    return trigger


def _check_external_id(state: State, view: Json, own: SimView | None = None) -> None:
    external_id = view.get("external_id")
    if external_id and any(v.view.get("external_id") == external_id for v in state.views.values() if v is not own):
        raise Refused("duplicate_external_id")


def open_view(state: State, args: Json) -> Json:
    view = checked_view(args["view"], "modal")
    _check_external_id(state, view)
    trigger = _exchange(state, args)
    return {"view": to_view(show_modal(state, trigger.user, view))}


def push(state: State, args: Json) -> Json:
    view = checked_view(args["view"], "modal")
    _check_external_id(state, view)
    trigger = _exchange(state, args)
    below = state.views.get(trigger.view_id or "")
    if below is None:
        raise Refused("not_found")
    if len(state.modals.get(trigger.user, ())) >= MAX_VIEW_STACK:
        raise Refused("push_limit_reached")
    return {"view": to_view(show_modal(state, trigger.user, view, on=below))}


def update(state: State, args: Json) -> Json:
    shown = _named(state, args)
    if shown is None:
        raise not_now("not_found")
    view = checked_view(args["view"], shown.view["type"])
    _check_external_id(state, view, shown)
    if args.get("hash") and args["hash"] != shown.hash:
        raise not_now("hash_conflict")
    replace_view(state, shown, view)
    return {"view": to_view(shown)}


def _named(state: State, args: Json) -> SimView | None:
    if args.get("view_id"):
        return state.views.get(args["view_id"])
    external_id = args.get("external_id")
    if not external_id:
        raise Refused("invalid_arguments", messages=["[ERROR] view_id or external_id is required"])
    return next((shown for shown in state.views.values() if shown.view.get("external_id") == external_id), None)


def publish(state: State, args: Json) -> Json:
    view = checked_view(args["view"], "home")
    user = state.person(args["user_id"])
    shown = state.views.get(state.homes.get(user.id, ""))
    _check_external_id(state, view, shown)
    if args.get("hash") and (shown is None or args["hash"] != shown.hash):
        raise not_now("hash_conflict")
    if shown is None:
        view_id = state.mint_id("V")
        shown = state.views[view_id] = SimView(view_id, user.id, view, "", view_id)
        state.homes[user.id] = view_id
    replace_view(state, shown, view)
    return {"view": to_view(shown)}


def validate(_: State, args: Json) -> Json:
    """`blocks.validate`: exactly one of blocks, view, message; every fault with pointer and code."""
    given = [key for key in ("blocks", "view", "message") if args.get(key) is not None]
    if len(given) != 1:
        raise Refused("invalid_arguments", messages=["must provide exactly one of `blocks`, `view`, or `message`"])
    kind, value = given[0], args[given[0]]
    if kind == "view":
        faults = check_view(value)
    elif kind == "message" and not isinstance(value, dict):
        faults = [Fault("", "must be an object")]
    else:
        faults = check_message_blocks(value.get("blocks", []) if kind == "message" else value)
    if faults:
        errors = [{"code": "failed_constraint", "message": f.message, "pointer": f.pointer} for f in faults]
        raise Refused(f"invalid_{kind}", app_at_fault=False, details={"errors": errors})
    return {}


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {
    "views.open": open_view,
    "views.push": push,
    "views.update": update,
    "views.publish": publish,
    "blocks.validate": validate,
}
