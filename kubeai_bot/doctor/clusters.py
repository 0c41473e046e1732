"""Each cluster: reachable, which version, whom the bot may act as there, and what its own account had better not do."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from kubeai_bot.assembly.clusters import connect_clusters
from kubeai_bot.doctor.bounds import BOUND, bounded, side_by_side
from kubeai_bot.doctor.clock import compare_clocks
from kubeai_bot.doctor.finding import Finding, fault, ok, outage, warning
from kubeai_bot.doctor.impersonation import look_at_own_user, look_at_people
from kubeai_bot.doctor.reviews import REVIEW_TIMEOUT, BotRights, trouble_with
from kubeai_bot.domain.cluster import Request
from kubeai_bot.domain.identity import AsBot
from kubeai_bot.errors import ClusterError, ConfigError
from kubeai_bot.kube.client import ImpersonatingCluster
from kubeai_bot.settings.environment import Settings
from kubeai_bot.settings.file import ClustersSection

_VERSION = Request("GET", "/version", timeout=REVIEW_TIMEOUT)


async def look_at_clusters(settings: Settings) -> tuple[Finding, ...]:
    """Each cluster by itself, so that one that is down hides nothing about the others."""
    contexts = settings.kube_contexts
    apart = [settings] if len(contexts) < 2 else [_only(settings, context) for context in contexts]
    return await side_by_side(*(_connected(each) for each in apart))


def _only(settings: Settings, context: str) -> Settings:
    """The settings of a bot that has just this cluster. (That CONFIG_FILE names no other is checked as a whole, by
    Settings.)"""
    users = [
        person.model_copy(update={"clusters": {name: who for name, who in person.clusters.items() if name == context}})
        for person in settings.config.identity.users
    ]
    identity = settings.config.identity.model_copy(update={"users": tuple(users)})
    config = settings.config.model_copy(update={"identity": identity, "clusters": ClustersSection()})
    return settings.model_copy(update={"kube_contexts": (context,), "config": config})


async def _connected(settings: Settings) -> tuple[Finding, ...]:
    context = next(iter(settings.kube_contexts), "the current context")
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(BOUND):
                clusters = await connect_clusters(settings, stack)
        except TimeoutError:
            says = f"the credentials for {context} could not be had within {BOUND:.0f} s"
            fix = f"See what its credential plugin waits for: kubectl --context {context} auth whoami"
            return (outage("clusters.credentials", says, fix),)
        except ConfigError as error:
            fix = "Correct KUBECONFIG and KUBE_CONTEXTS: kubectl config get-contexts"
            return tuple(fault("clusters.kubeconfig", each, fix) for each in error.faults)
        except ClusterError as error:
            return (trouble_with("clusters.credentials", context, error),)
        return await side_by_side(*(_one(settings, cluster) for cluster in clusters.values()))


async def _one(settings: Settings, cluster: ImpersonatingCluster) -> tuple[Finding, ...]:
    """The rest is asked of a cluster that answers only."""
    name = f"clusters.{cluster.name}"
    reached = await bounded(f"{name}.reached", _reached(cluster), f"cluster {cluster.name}")
    if any(each.fix for each in reached):
        return reached
    clock = compare_clocks(f"{name}.clock", f"cluster {cluster.name}", cluster.date)
    people = look_at_people(settings, cluster) if settings.impersonate else look_at_own_user(cluster)
    looks = [bounded(f"{name}.people", people, f"cluster {cluster.name}")]
    looks.append(bounded(f"{name}.metrics", _metrics(cluster), f"cluster {cluster.name}"))
    if settings.impersonate:
        looks.append(bounded(f"{name}.secrets", _secrets(cluster), f"cluster {cluster.name}"))
    return (*reached, clock, *await side_by_side(*looks))


async def _reached(cluster: ImpersonatingCluster) -> Finding:
    check = f"clusters.{cluster.name}.reached"
    try:
        answer = await cluster.request(AsBot(), _VERSION)
    except ClusterError as error:
        return trouble_with(check, cluster.name, error)
    version = (answer.json or {}).get("gitVersion", "of a version it does not tell")
    return ok(check, f"cluster {cluster.name} answers: Kubernetes {version}")


async def _metrics(cluster: ImpersonatingCluster) -> Finding:
    check = f"clusters.{cluster.name}.metrics"
    try:
        served = await cluster.resources()
    except ClusterError as error:
        return trouble_with(check, cluster.name, error)
    if any(resource.group == "metrics.k8s.io" for resource in served):
        return ok(check, "the metrics API is there")
    fix = "helm upgrade --install metrics-server metrics-server/metrics-server --namespace kube-system"
    return warning(check, "there is no metrics API: the bot cannot tell how much CPU and memory is used", fix)


async def _secrets(cluster: ImpersonatingCluster) -> Finding:
    check, rights = f"clusters.{cluster.name}.secrets", BotRights(cluster)
    try:
        verbs = [verb for verb in ("get", "list", "watch") if await rights.may(verb, "secrets")]
    except ClusterError as error:
        return trouble_with(check, cluster.name, error)
    if not verbs:
        return ok(check, "the bot's own account cannot read Secrets")
    fix = "Give the bot an account of its own that may impersonate the people of the bot, and nothing else."
    return warning(
        check, f"the bot's own account may {', '.join(verbs)} Secrets; it never does, and needs no such right", fix
    )
