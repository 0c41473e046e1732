"""How clusters are found and connected to: kubeconfig contexts, or the pod that the bot runs in."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader

from kubeai_bot.errors import ConfigError, CredentialsFailed
from kubeai_bot.kube.client import ImpersonatingCluster
from kubeai_bot.kube.connection import Access, Connection
from kubeai_bot.kube.kubeconfig import KubeconfigContext, context_names, read_kubeconfig
from kubeai_bot.kube.tls import TlsContexts, TlsFiles

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REREAD = 60.0
"""Seconds after which the pod's token file is read again; kubelet replaces it long before it expires."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """The names of a kubeconfig's contexts, in its order, and the current one ("" for none)."""

    names: tuple[str, ...]
    current: str


def contexts(kubeconfig: str | None) -> Contexts:
    """What a kubeconfig offers (None: `~/.kube/config`; several files joined by ":"). Blocks. Raises ConfigError."""
    merged = read_kubeconfig(kubeconfig)
    return Contexts(context_names(merged), str(merged.value.get("current-context") or ""))


async def connect(*, kubeconfig: str | None, context: str | None, impersonate: bool) -> ImpersonatingCluster:
    """The cluster of a kubeconfig context (None: the current one), named like the context.

    Its credentials are had at once, so that faults show at the start. Nothing is sent yet.
    Raises ConfigError (files, context, unusable settings) and CredentialsFailed (plugin, token, certificate).
    """
    chosen = await asyncio.to_thread(KubeconfigContext, kubeconfig, context)
    return await _opened(chosen.name, chosen, impersonate=impersonate)


async def connect_in_cluster(
    *,
    name: str = "in-cluster",
    impersonate: bool = True,
    account: Path = SERVICE_ACCOUNT,
    environment: Mapping[str, str] | None = None,
) -> ImpersonatingCluster:
    """The cluster whose pod this is, as the pod's service account. `environment` stands in for the process's own.

    Raises ConfigError outside of a pod.
    """
    try:
        return await _opened(name, PodAccount(account, environment), impersonate=impersonate)
    except CredentialsFailed as error:
        raise ConfigError([f"{error}. Outside of a cluster, set KUBECONFIG."]) from error


async def _opened(name: str, load: Callable[[], Access], *, impersonate: bool) -> ImpersonatingCluster:
    connection = Connection(load)
    await connection.open()
    return ImpersonatingCluster(name, connection, impersonate=impersonate)


class PodAccount:
    """A pod's service account. Calling it gives the access of this moment; thread-safe, blocking."""

    def __init__(self, account: Path, environment: Mapping[str, str] | None = None) -> None:
        self._account = account
        self._environment = environment
        self._lock = threading.Lock()
        self._tls = TlsContexts()

    def __call__(self) -> Access:
        """Raises CredentialsFailed."""
        ca = str(self._account / "ca.crt")
        environment = {} if self._environment is None else {"environ": self._environment}
        loaded: Any = SimpleNamespace(api_key={})
        with self._lock:
            try:
                InClusterConfigLoader(
                    str(self._account / "token"), ca, try_refresh_token=False, **environment
                ).load_and_set(loaded)
            except (ConfigException, OSError) as error:
                raise CredentialsFailed(f"the pod's service account cannot be used: {error}") from error
            token = str(loaded.api_key["BearerToken"]).split()[-1]
            return Access(
                loaded.host, f"Bearer {token}", self._tls.context(TlsFiles(ca)), good_until=time.time() + _REREAD
            )
