"""Who a Slack user is: `users.info`, kept for a few minutes."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from kubeai_bot.domain.identity import Profile, Speaker
from kubeai_bot.errors import NotNow, UserError
from kubeai_bot.slack.calls import PacedCalls, Refused, SlackTrouble
from kubeai_bot.slack.client import Bot

TRIES = 3

_UNKNOWN = (
    "I cannot see who you are in Slack, so I cannot tell what you may do in Kubernetes. Ask the people who run this bot"
    " whether it is installed in your workspace."
)
_NO_SCOPE = (
    "I may not read Slack profiles, so I cannot tell what you may do in Kubernetes. Ask the people who run this bot to"
    " give it the scopes `users:read` and `users:read.email` and to reinstall it."
)
_NO_ANSWER = "Slack did not tell me who you are. Please ask again in a moment."


class SlackPeople:
    """Profiles of speakers. `ttl` in seconds: how long a change in Slack (guest, deleted, e-mail) may go unnoticed."""

    def __init__(
        self,
        calls: PacedCalls,
        bot: Bot,
        ttl: float = 300.0,
        size: int = 2000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._bot = bot
        self._ttl = ttl
        self._size = size
        self._clock = clock
        self._known: OrderedDict[Speaker, tuple[float, Profile]] = OrderedDict()

    async def profile(self, speaker: Speaker) -> Profile:
        """Raises UserError where Slack does not say who that is."""
        known = self._known.get(speaker)
        if known is not None and self._clock() < known[0]:
            self._known.move_to_end(speaker)
            return known[1]
        profile = profile_from(await self._user(speaker.user_id), speaker, self._bot)
        self._known[speaker] = (self._clock() + self._ttl, profile)
        self._known.move_to_end(speaker)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return profile

    async def _user(self, user_id: str) -> dict[str, Any]:
        for left in reversed(range(TRIES)):
            try:
                answer = await self._calls(self._bot.team_id, self._calls.client.users_info, user=user_id)
            except Refused as refused:
                raise UserError(_NO_SCOPE if refused.code == "missing_scope" else _UNKNOWN) from refused
            except SlackTrouble as trouble:
                if not left:
                    raise NotNow(_NO_ANSWER) from trouble
                await asyncio.sleep(min(trouble.retry_after or 0.2, 10.0))
            else:
                user: dict[str, Any] = answer.get("user") or {}
                return user
        raise NotNow(_NO_ANSWER)


def profile_from(user: dict[str, Any], speaker: Speaker, bot: Bot) -> Profile:
    """The profile behind a user object (https://docs.slack.dev/reference/objects/user-object).

    An e-mail address is only passed on where our own organisation vouches for it: of somebody else's people their
    own administrators set it, and it may be anybody's.
    """
    details: dict[str, Any] = user.get("profile") or {}
    enterprise = (user.get("enterprise_user") or {}).get("enterprise_id") or user.get("enterprise_id")
    same_enterprise = bot.enterprise_id is not None and enterprise == bot.enterprise_id
    foreign = bool(user.get("is_stranger")) or user.get("team_id", bot.team_id) != bot.team_id
    is_external = not same_enterprise and (foreign or speaker.team_id not in (bot.team_id, bot.enterprise_id))
    vouched_for = not is_external and user.get("is_email_confirmed") is not False
    return Profile(
        speaker=speaker,
        name=str(details.get("display_name") or user.get("real_name") or user.get("name") or speaker.user_id),
        email=(details.get("email") or None) if vouched_for else None,
        is_bot=bool(user.get("is_bot")) or speaker.user_id == "USLACKBOT",
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        is_external=is_external,
        is_deleted=bool(user.get("deleted")),
    )
