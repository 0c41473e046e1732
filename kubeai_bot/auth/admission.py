"""Who is answered at all, before anybody asks who they are in Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass

from kubeai_bot.auth.mapping import NOBODY_NAMED, ProfileOf
from kubeai_bot.domain.identity import Identity, Profile, Speaker
from kubeai_bot.errors import UserError
from kubeai_bot.interfaces import IdentityResolver


@dataclass(frozen=True, slots=True)
class Admission(IdentityResolver):
    """Refuses bots and deleted accounts always, guests and people of other organisations unless allowed, and whoever
    is not in `allowed_users` (Slack user ids) where that is not empty; a place there lifts no other refusal.

    Everybody else goes on to `resolver`. `contact` says whom to ask.
    """

    resolver: IdentityResolver
    profile: ProfileOf
    allowed_users: frozenset[str] = frozenset()
    allow_guests: bool = False
    allow_external: bool = False
    contact: str = ""

    async def resolve(self, speaker: Speaker) -> Identity:
        refusal = self._refusal(await self.profile(speaker), speaker)
        if refusal is not None:
            raise UserError(f"{refusal} {self.contact or NOBODY_NAMED}")
        return await self.resolver.resolve(speaker)

    def _refusal(self, profile: Profile, speaker: Speaker) -> str | None:
        if profile.speaker.user_id != speaker.user_id:
            return "Slack could not tell me who you are, so I don't answer."
        if profile.is_bot:
            return "I answer people, not other apps."
        if profile.is_deleted:
            return "This Slack account is deactivated, so I don't act for it."
        if profile.is_external and not self.allow_external:
            return (
                "I only answer members of this workspace's own organisation, and you belong to another one. "
                "Somebody here can ask me for you, or whoever runs me can set `ALLOW_EXTERNAL=true`."
            )
        if profile.is_guest and not self.allow_guests:
            return (
                "I don't answer guests of this workspace. "
                "A full member can ask me for you, or whoever runs me can set `ALLOW_GUESTS=true`."
            )
        if self.allowed_users and speaker.user_id not in self.allowed_users:
            return (
                "I only answer people on a list, and you are not on it. "
                f"Your Slack user id `{speaker.user_id}` has to be added to `ALLOWED_USERS`."
            )
        return None
