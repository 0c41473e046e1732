"""What an account may do in a cluster, asked of the cluster by SelfSubjectAccessReviews: answered, never stored."""

from __future__ import annotations

from kubeai_bot.doctor.finding import Finding, defect, fault, outage
from kubeai_bot.domain.cluster import Request
from kubeai_bot.domain.identity import AsBot, ClusterIdentity
from kubeai_bot.errors import ApiStatus, ClusterError, CredentialsFailed, Unreachable
from kubeai_bot.interfaces import Cluster
from kubeai_bot.tools.kubernetes.rights import PATH

REVIEW_TIMEOUT = 8.0
"""Seconds; below the bound of a check, so that it is the cluster's error that is told."""


async def may(
    cluster: Cluster, who: ClusterIdentity, verb: str, resource: str, *, group: str = "", name: str = ""
) -> bool:
    """Whether `who` may do that in all namespaces. Raises ClusterError: ApiStatus 403 where the bot may not ask in
    their name."""
    wanted = {"verb": verb, "group": group, "resource": resource, "name": name}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in wanted.items() if value}},
    }
    answer = await cluster.request(who, Request("POST", PATH, body=body, timeout=REVIEW_TIMEOUT))
    return bool(((answer.json or {}).get("status") or {}).get("allowed"))


class BotRights:
    """What the bot's own account may do in one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def may(self, verb: str, resource: str, *, group: str = "", name: str = "") -> bool:
        """Raises ClusterError."""
        return await may(self._cluster, AsBot(), verb, resource, group=group, name=name)

    async def may_impersonate(self, resource: str, name: str = "") -> tuple[bool, bool]:
        """Whether by plain impersonation, and whether by constrained (KEP-5284: `impersonate:user-info`). Without a
        name: anybody at all. `resource` is users or groups."""
        plain = await self.may("impersonate", resource, name=name)
        constrained = await self.may("impersonate:user-info", resource, group="authentication.k8s.io", name=name)
        return plain, constrained


def trouble_with(check: str, cluster: str, error: ClusterError) -> Finding:
    """What an error of the cluster means. `cluster` is its name, or that of its context."""
    match error:
        case CredentialsFailed() | ApiStatus(code=401):
            fix = f"Renew the bot's credentials for {cluster}; try them: kubectl --context {cluster} auth whoami"
            return fault(check, f"the bot's credentials do not work: {error}", fix)
        case Unreachable():
            fix = f"Start it, or let this machine reach it; try: kubectl --context {cluster} version"
            return outage(check, str(error), fix)
        case ApiStatus(code=code) if code >= 500 or code == 429:
            fix = f"See how its API server is: kubectl --context {cluster} get --raw /readyz?verbose"
            return outage(check, f"cluster {cluster} answers {code}: {error}", fix)
        case _:
            fix = (
                "Bind the bot's account to what every account has: ClusterRoles system:basic-user and system:discovery."
            )
            return defect(check, f"cluster {cluster} refuses: {error}", fix)
