"""AUTH_METHOD=MAPPING: who a Slack user is in Kubernetes, from a list that an operator wrote."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from kubeai_bot.auth.shared import Clock, now_utc
from kubeai_bot.domain.identity import Identity, KubeUser, Profile, Speaker
from kubeai_bot.errors import UserError
from kubeai_bot.interfaces import IdentityResolver

ProfileOf = Callable[[Speaker], Awaitable[Profile]]
"""Asks Slack who somebody is. Raises UserError where Slack cannot say."""

NOBODY_NAMED = "Ask the people who run this bot."


@dataclass(frozen=True, slots=True)
class MappedPerson:
    """One entry: a Slack user id or an e-mail address, and the Kubernetes user, everywhere or `per_cluster`."""

    kube: KubeUser
    slack: str | None = None
    email: str | None = None
    per_cluster: tuple[tuple[str, KubeUser], ...] = ()

    def __post_init__(self) -> None:
        if (not self.slack) == (not self.email):
            raise ValueError("a mapped person has a Slack user id or an e-mail address, one of the two")


class MappedIdentities(IdentityResolver):
    """Entries by Slack user id win over entries by e-mail address. The latter count for full members of the
    workspace only: others may bring an address that nobody here has verified. `contact` says whom to ask."""

    def __init__(
        self, people: Iterable[MappedPerson], profile: ProfileOf, contact: str = "", clock: Clock = now_utc
    ) -> None:
        people = tuple(people)
        self._by_id = {person.slack: person for person in people if person.slack}
        self._by_email = {_folded(person.email): person for person in people if person.email}
        if len(self._by_id) + len(self._by_email) != len(people):
            raise ValueError("two entries name the same person")
        self._profile = profile
        self._contact = contact or NOBODY_NAMED
        self._clock = clock

    async def resolve(self, speaker: Speaker) -> Identity:
        person = self._by_id.get(speaker.user_id) or await self._find_by_email(speaker)
        if person is None:
            raise UserError(
                "I don't know who you are in Kubernetes, so I don't ask a cluster anything for you. "
                f"Your Slack user id `{speaker.user_id}` has to be mapped to a Kubernetes user. {self._contact}"
            )
        return Identity(speaker, "mapping", person.kube, self._clock(), person.per_cluster)

    async def _find_by_email(self, speaker: Speaker) -> MappedPerson | None:
        if not self._by_email:
            return None
        profile = await self._profile(speaker)
        member = not (profile.is_bot or profile.is_guest or profile.is_external or profile.is_deleted)
        if not member or profile.speaker.user_id != speaker.user_id or not profile.email:
            return None
        return self._by_email.get(_folded(profile.email))


def _folded(email: str) -> str:
    # Beyond ASCII, different addresses can fold to the same text (the Kelvin sign becomes a k): compare those as is.
    return email.lower() if email.isascii() else email
