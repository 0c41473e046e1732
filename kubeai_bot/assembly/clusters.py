"""The clusters that the settings name, connected."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

import structlog

from kubeai_bot.errors import ConfigError
from kubeai_bot.interfaces import Clusters
from kubeai_bot.kube.client import ImpersonatingCluster
from kubeai_bot.kube.config import connect, connect_in_cluster
from kubeai_bot.settings.environment import Settings

log = structlog.get_logger(__name__)

IN_CLUSTER = "in-cluster"
"""In KUBE_CONTEXTS: the cluster whose pod this is."""


async def connect_clusters(settings: Settings, stack: AsyncExitStack) -> Mapping[str, ImpersonatingCluster]:
    """The kubeconfig contexts that are asked for, with `in-cluster` the cluster whose pod this is; where none is asked
    for, that cluster if this is a pod, else the current context. Raises ConfigError.

    A pod's own account is never used without impersonation: its rights are not the askers'.
    """
    found: dict[str, ImpersonatingCluster] = {}
    faults: list[str] = []
    if settings.impersonate and settings.kubeconfig is None and not settings.kube_contexts:
        try:
            cluster = await connect_in_cluster(impersonate=settings.impersonate)
        except ConfigError:
            log.debug("not in a pod, using the kubeconfig")
        else:
            stack.push_async_callback(cluster.aclose)
            _check_names(settings, {cluster.name: cluster})
            return {cluster.name: cluster}
    for context in settings.kube_contexts or (None,):
        try:
            cluster = await _connect(settings, context)
        except ConfigError as error:
            faults += error.faults
            continue
        stack.push_async_callback(cluster.aclose)
        found[cluster.name] = cluster
    if faults:
        raise ConfigError(faults)
    _check_names(settings, found)
    return found


async def _connect(settings: Settings, context: str | None) -> ImpersonatingCluster:
    if context != IN_CLUSTER:
        return await connect(kubeconfig=settings.kubeconfig, context=context, impersonate=settings.impersonate)
    if not settings.impersonate:
        raise ConfigError([f"KUBE_CONTEXTS has {IN_CLUSTER}, which IMPERSONATE=false does not allow: remove one."])
    return await connect_in_cluster(impersonate=True)


def default_cluster(settings: Settings, clusters: Clusters) -> str:
    """The one that is meant where a question names none; "" where the person is to be asked."""
    return settings.config.clusters.default or (next(iter(clusters)) if len(clusters) == 1 else "")


def _check_names(settings: Settings, clusters: Clusters) -> None:
    """A misspelt cluster in CONFIG_FILE would silently give the wrong identity there."""
    config = settings.config
    named = {config.clusters.default, *(name for person in config.identity.users for name in person.clusters)} - {""}
    if unknown := sorted(named - set(clusters)):
        raise ConfigError(
            [f"CONFIG_FILE names cluster {name!r}, but the clusters are {', '.join(clusters)}." for name in unknown]
        )
