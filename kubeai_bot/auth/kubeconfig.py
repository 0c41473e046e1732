"""IMPERSONATE=false: on a laptop, the kubeconfig's own user for the few people its owner has listed."""

from __future__ import annotations

from collections.abc import Collection

from kubeai_bot.auth.shared import Clock, now_utc
from kubeai_bot.domain.identity import Identity, Speaker
from kubeai_bot.errors import UserError
from kubeai_bot.interfaces import IdentityResolver


class KubeconfigOwner(IdentityResolver):
    """No impersonation. Only for `allowed_users` (Slack user ids), checked here too, whatever stands in front; an
    empty list is a ValueError, because it would lend the owner's rights to everybody."""

    def __init__(self, allowed_users: Collection[str], clock: Clock = now_utc) -> None:
        if not allowed_users:
            raise ValueError("the kubeconfig's own user is only lent to people who are listed")
        self._allowed = frozenset(allowed_users)
        self._clock = clock

    async def resolve(self, speaker: Speaker) -> Identity:
        if speaker.user_id not in self._allowed:
            raise UserError(
                "I run on somebody's own computer with their own cluster credentials, and I only answer the people "
                f"they have listed. Ask them to add your Slack user id `{speaker.user_id}` to `ALLOWED_USERS`."
            )
        return Identity(speaker, "kubeconfig", None, self._clock())
