"""Who is who: `auth.test`, `apps.connections.open`, people, the team, the bot, user groups."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace.people import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_USER_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    TEAM_NAME,
    bot_user,
)
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json, Refused, not_now


def api_test(_: State, args: Json) -> Json:
    if args.get("error"):
        raise Refused(args["error"], app_at_fault=False)
    return {"args": args}


def auth_test(_state: State, _args: Json) -> Json:
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": BOT_NAME,
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def open_connection(state: State, _args: Json) -> Json:
    """A single-use address for Socket Mode."""
    ticket = secrets.token_urlsafe(18)
    state.socket_tickets.add(ticket)
    return {"url": f"{state.base_url.replace('http://', 'ws://')}/link?ticket={ticket}&app_id={APP_ID}"}


def user_info(state: State, args: Json) -> Json:
    if args["user"] == BOT_USER_ID:
        return {"user": bot_user()}
    return {"user": state.person(args["user"]).to_user()}


def lookup_by_email(state: State, args: Json) -> Json:
    for person in state.people.values():
        if person.email.lower() == args["email"].lower() and not person.is_stranger and not person.deleted:
            return {"user": person.to_user()}
    raise not_now("users_not_found")


def team_info(_: State, args: Json) -> Json:
    if args.get("team") not in (None, TEAM_ID):
        raise not_now("team_not_found")
    return {
        "team": {
            "id": TEAM_ID,
            "name": TEAM_NAME,
            "url": f"https://{TEAM_DOMAIN}.slack.com/",
            "domain": TEAM_DOMAIN,
            "email_domain": "shop.example",
            "icon": {"image_default": True},
        }
    }


def bot_info(_: State, args: Json) -> Json:
    if args.get("bot") not in (None, BOT_ID):
        raise not_now("bot_not_found")
    return {"bot": {"id": BOT_ID, "deleted": False, "name": BOT_NAME, "app_id": APP_ID, "user_id": BOT_USER_ID}}


def usergroup_users(state: State, args: Json) -> Json:
    users = state.usergroups.get(args["usergroup"])
    if users is None:
        raise not_now("no_such_subteam")
    return {"users": list(users)}


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "apps.connections.open": open_connection,
    "users.info": user_info,
    "users.lookupByEmail": lookup_by_email,
    "team.info": team_info,
    "bots.info": bot_info,
    "usergroups.users.list": usergroup_users,
}
