"""Who speaks in Slack, and who that is in Kubernetes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Speaker:
    """The sender of one Slack message, as the event names them."""

    team_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack knows of a person (`users.info`). Facts, not permissions."""

    speaker: Speaker
    name: str
    email: str | None = None
    is_bot: bool = False
    is_guest: bool = False
    """`is_restricted` or `is_ultra_restricted`."""
    is_external: bool = False
    """Belongs to another organisation (Slack Connect)."""
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class KubeUser:
    """A Kubernetes user name and groups, as sent in `Impersonate-User` and `Impersonate-Group`.

    Raises ValueError for an empty name and for names and groups of the `system:` space, which no resolver may give
    out (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings).
    """

    user: str
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for kind, name in (("user", self.user), *(("group", group) for group in self.groups)):
            if not name.strip() or name != name.strip():
                raise ValueError(f"a Kubernetes {kind} must be a non-empty name without outer spaces, not {name!r}")
            if name.lower().startswith("system:"):
                raise ValueError(f"{kind} {name!r} is refused: names of the system: space are never impersonated")
            if any(ord(char) < 0x20 or ord(char) == 0x7F for char in name):
                raise ValueError(f"a Kubernetes {kind} must not hold control characters: {name!r}")


Method = Literal["shared", "mapping", "kubeconfig"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Under whose name a turn acts: resolved anew from the sender of each message, never from the thread.

    `kube` is None only with method `kubeconfig` (IMPERSONATE=false on a laptop): requests then carry the
    kubeconfig's own credentials. `per_cluster` overrides `kube` for single clusters.
    """

    speaker: Speaker
    method: Method
    kube: KubeUser | None
    resolved_at: datetime
    per_cluster: tuple[tuple[str, KubeUser], ...] = ()

    def __post_init__(self) -> None:
        if (self.kube is None) != (self.method == "kubeconfig"):
            raise ValueError("an identity has a Kubernetes user unless it is the kubeconfig's own")

    def on(self, cluster: str) -> ClusterIdentity:
        """The identity to send to that cluster."""
        if self.kube is None:
            return AsKubeconfig()
        return dict(self.per_cluster).get(cluster, self.kube)

    def same_rights(self, other: Identity | None) -> bool:
        """Whether both may see the same: same person, same Kubernetes names everywhere."""
        return other is not None and replace(other, resolved_at=self.resolved_at) == self

    def describe(self) -> str:
        """For `whoami` and cards: `mia@shop.example (shop-developers)`."""
        if self.kube is None:
            return "the kubeconfig's own user (no impersonation)"
        return describe_user(self.kube.user, self.kube.groups)


@dataclass(frozen=True, slots=True)
class AsKubeconfig:
    """Not a person: the kubeconfig's own user, unimpersonated (IMPERSONATE=false, Socket Mode, ALLOWED_USERS only)."""


@dataclass(frozen=True, slots=True)
class AsBot:
    """Not a person: the bot's own account, for GET on discovery paths and for asking what it may do itself."""


ClusterIdentity = KubeUser | AsKubeconfig | AsBot


def describe_user(user: str, groups: Sequence[str]) -> str:
    return f"{user} ({', '.join(groups)})" if groups else user
