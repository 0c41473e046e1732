"""Who sends a request: bearer tokens of the demo, and the user that an API server makes of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.status import unauthorized

BOT_TOKEN = "demo-token-of-kubeai-bot"  # noqa: S105 - opens the demo cluster only
ADMIN_TOKEN = "demo-token-of-the-cluster-admin"  # noqa: S105 - opens the demo cluster only
BOT_USER = "system:serviceaccount:kubeai:kubeai-bot"

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
MASTERS = "system:masters"


@dataclass(frozen=True)
class User:
    """A user as the API server sees it; groups in the order they were given."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def user_info(self) -> Obj:
        """The `userInfo` of a SelfSubjectReview; empty parts are left out."""
        info: Obj = {"username": self.name}
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {key: list(values) for key, values in self.extra.items()}
        return info


def service_account_groups(namespace: str) -> tuple[str, ...]:
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def split_service_account(username: str) -> tuple[str, str] | None:
    """(namespace, name) of `system:serviceaccount:NAMESPACE:NAME`, None for other users."""
    parts = username.split(":")
    if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] and all(parts[2:]):
        return parts[2], parts[3]
    return None


def demo_tokens() -> dict[str, User]:
    """The tokens that every demo cluster knows."""
    return {
        BOT_TOKEN: User(
            BOT_USER,
            (*service_account_groups("kubeai"), AUTHENTICATED),
            uid="5e1fb0c6-1f4e-4a53-9d1b-7a2f6c0de001",
        ),
        ADMIN_TOKEN: User("kubernetes-admin", (MASTERS, AUTHENTICATED)),
    }


def authenticate(tokens: Mapping[str, User], authorization: str | None) -> User:
    """The user of an Authorization header; anonymous without one, ApiError 401 for a token nobody knows."""
    if not authorization:
        return User(ANONYMOUS, (UNAUTHENTICATED,))
    scheme, _, token = authorization.partition(" ")
    user = tokens.get(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise unauthorized()
    return user
