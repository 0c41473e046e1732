"""Whether the bot may act in a cluster as those it acts as, and whether they may see anything there.

The proof is a harmless question asked in their name. Only where that is refused, it is asked which right is lacking, in
both forms: plain `impersonate`, and constrained impersonation (KEP-5284, beta since Kubernetes 1.36).
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from kubeai_bot.assembly.clusters import IN_CLUSTER
from kubeai_bot.doctor.finding import Finding, defect, fault, ok, warning
from kubeai_bot.doctor.reviews import BotRights, may, trouble_with
from kubeai_bot.domain.identity import AsKubeconfig, KubeUser
from kubeai_bot.errors import ApiStatus, ClusterError
from kubeai_bot.interfaces import Cluster
from kubeai_bot.settings.environment import Settings

MOST = 100
"""People who are tried; of a longer list the first."""

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Tried:
    """`sees`: they may list pods in all namespaces. `refused`: the cluster's words where the bot may not be them."""

    person: KubeUser
    sees: bool = False
    refused: str = ""


def people_of(settings: Settings, cluster: str) -> tuple[KubeUser, ...]:
    """Whom the bot acts as in that cluster, each once."""
    if settings.auth_method == "NONE":
        return (KubeUser(settings.shared_user, settings.shared_groups),)
    everybody = settings.config.identity.users
    return tuple(dict.fromkeys(dict(person.per_cluster).get(cluster, person.kube) for person in everybody))


async def look_at_people(settings: Settings, cluster: Cluster) -> tuple[Finding, ...]:
    name = f"clusters.{cluster.name}"
    people = people_of(settings, cluster.name)
    gate = asyncio.Semaphore(_AT_ONCE)
    try:
        tried = await asyncio.gather(*(_try(cluster, person, gate) for person in people[:MOST]))
        refused = [each for each in tried if each.refused]
        if refused:
            found = [await _refusal(cluster, refused, len(tried))]
        else:
            rest = f" (the first of {len(people)})" if len(people) > len(tried) else ""
            found = [ok(f"{name}.impersonation", f"the bot may act as {_counted(len(tried))}{rest}")]
        return (*found, *await _form(cluster, people), *_sight(name, tried))
    except ClusterError as error:
        return (trouble_with(f"{name}.impersonation", cluster.name, error),)


async def look_at_own_user(cluster: Cluster) -> Finding:
    """With IMPERSONATE=false: what the kubeconfig's own user may see."""
    check = f"clusters.{cluster.name}.sight"
    try:
        sees = await may(cluster, AsKubeconfig(), "list", "pods")
    except ClusterError as error:
        return trouble_with(check, cluster.name, error)
    if sees:
        return ok(check, "the kubeconfig's own user may list pods in all namespaces")
    fix = "Use a context whose user may read: kubectl auth can-i list pods --all-namespaces"
    return warning(check, "the kubeconfig's own user may not list pods in all namespaces", fix)


async def _try(cluster: Cluster, person: KubeUser, gate: asyncio.Semaphore) -> _Tried:
    async with gate:
        try:
            return _Tried(person, await may(cluster, person, "list", "pods"))
        except ApiStatus as status:
            if status.code != 403:
                raise
            return _Tried(person, refused=status.message)


async def _refusal(cluster: Cluster, refused: Sequence[_Tried], asked: int) -> Finding:
    """Which names are lacking. That some people are lacking keeps nobody else from being served."""
    check, rights = f"clusters.{cluster.name}.impersonation", BotRights(cluster)
    users = [name for name in _users(refused) if not any(await rights.may_impersonate("users", name))]
    groups = [name for name in _groups(refused) if not any(await rights.may_impersonate("groups", name))]
    who = (
        f"the bot may not act as {_counted(len(refused))} of {asked}" if asked > 1 else "the bot may not act as anybody"
    )
    lacking = [*(f"user {name}" for name in users), *(f"group {name}" for name in groups)]
    tell = fault if len(refused) == asked else defect
    if lacking:
        return tell(check, f"{who}: it may not impersonate {', '.join(lacking)}", _grant(cluster, users, groups))
    fix = (
        "Grant it: verb impersonate-on:user-info:create on selfsubjectaccessreviews.authorization.k8s.io; the chart's"
        " ClusterRole has it."
    )
    return tell(check, f"{who}: {refused[0].refused}", fix)


def _users(tried: Sequence[_Tried]) -> list[str]:
    return list(dict.fromkeys(each.person.user for each in tried))


def _groups(tried: Sequence[_Tried]) -> list[str]:
    return list(dict.fromkeys(group for each in tried for group in each.person.groups))


def _grant(cluster: Cluster, users: Sequence[str], groups: Sequence[str]) -> str:
    if cluster.name == IN_CLUSTER:
        listed = f"{{users: [{', '.join(users)}], groups: [{', '.join(groups)}]}}"
        return f"In the chart's values: rbac: {{impersonate: {listed}}}"
    kinds = ",".join([*(["users"] if users else []), *(["groups"] if groups else [])])
    names = " ".join(f"--resource-name={shlex.quote(name)}" for name in (*users, *groups))
    return (
        f"kubectl create clusterrole kubeai-bot-people --verb=impersonate --resource={kinds} {names};"
        " then bind it to the bot's account."
    )


async def _form(cluster: Cluster, people: Sequence[KubeUser]) -> tuple[Finding, ...]:
    """Rights that are too wide, and a constraint that is undone or cannot read."""
    check, rights = f"clusters.{cluster.name}.constraint", BotRights(cluster)
    anybody = [kind for kind in ("users", "groups") if any(await rights.may_impersonate(kind))]
    plain, constrained = await rights.may_impersonate("users", people[0].user)
    found: list[Finding] = []
    if anybody:
        fix = "Name them: resourceNames in the rules for impersonate, the users and groups of the bot's people."
        found.append(warning(check, f"the bot's account may impersonate any of the {' and '.join(anybody)}", fix))
    elif plain and constrained:
        fix = "Take the verb impersonate away: it undoes the constraint of impersonate:user-info."
        found.append(warning(check, "the bot's account has both forms of impersonation", fix))
    if constrained and not plain and not await rights.may("impersonate-on:user-info:list", "pods"):
        fix = "Grant it impersonate-on:user-info:get, …:list and …:watch on what people may read, as the chart does."
        found.append(fault(check, "constrained impersonation does not let the bot list pods as anybody", fix))
    return tuple(found)


def _sight(name: str, tried: Sequence[_Tried]) -> tuple[Finding, ...]:
    check = f"{name}.sight"
    known = [each for each in tried if not each.refused]
    blind = [each.person for each in known if not each.sees]
    if not known:
        return ()
    if not blind:
        return (ok(check, f"{_counted(len(known))} may list pods in all namespaces"),)
    if len(blind) < len(known):
        single = ", ".join(person.user for person in blind[:5]) + (", …" if len(blind) > 5 else "")
        return (
            ok(
                check, f"{_counted(len(known) - len(blind))} may list pods in all namespaces; at most in some: {single}"
            ),
        )
    first = blind[0]
    subject = f"--group={shlex.quote(first.groups[0])}" if first.groups else f"--user={shlex.quote(first.user)}"
    fix = f"kubectl create clusterrolebinding kubeai-view --clusterrole=view {subject} (or a rolebinding a namespace)"
    return (warning(check, f"{_counted(len(blind))} may not list pods in all namespaces", fix),)


def _counted(number: int) -> str:
    return f"{number} {'identity' if number == 1 else 'identities'}"
