"""AUTH_METHOD=NONE: everybody reads the cluster under one clearly named identity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.interfaces import IdentityResolver

Clock = Callable[[], datetime]

now_utc: Clock = partial(datetime.now, UTC)


class SharedIdentity(IdentityResolver):
    """The same Kubernetes user and groups for every speaker. Raises ValueError for names of the system: space."""

    def __init__(self, user: str, groups: Sequence[str] = (), clock: Clock = now_utc) -> None:
        self._kube = KubeUser(user, tuple(groups))
        self._clock = clock

    async def resolve(self, speaker: Speaker) -> Identity:
        return Identity(speaker, "shared", self._kube, self._clock())
