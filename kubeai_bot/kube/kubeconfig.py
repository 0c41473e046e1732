"""Kubeconfig files: contexts, and the access that one context gives. Blocking: run it in a thread.

The `kubernetes` package's loader reads files, certificates and tokens; credential plugins are run by `plugin`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import structlog
import yaml
from kubernetes.client.exceptions import OpenApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger
from oauthlib.oauth2 import OAuth2Error
from urllib3.exceptions import HTTPError

from kubeai_bot.errors import ConfigError, CredentialsFailed
from kubeai_bot.kube.connection import Access
from kubeai_bot.kube.plugin import run_plugin
from kubeai_bot.kube.tls import TlsContexts, TlsFiles

log = structlog.get_logger(__name__)

DEFAULT_KUBECONFIG = "~/.kube/config"
_RECHECK = 60.0
"""Seconds after which token files and OIDC tokens are looked at again."""

_PROOFS = ("token", "tokenFile", "exec", "auth-provider", "password", "client-certificate", "client-certificate-data")
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
# What the loader raises, beside its own error, for malformed files and failed token refreshes.
_LOADER_ERRORS = (
    ConfigException,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    HTTPError,
    OAuth2Error,
    OpenApiException,
)


def read_kubeconfig(kubeconfig: str | None) -> Any:
    """The merged content of one or more files (joined by ":"). Raises ConfigError."""
    where = kubeconfig or DEFAULT_KUBECONFIG
    try:
        merged: Any = KubeConfigMerger(where).config
    except (ConfigException, OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        words = " ".join(str(error).split())[:200]
        raise ConfigError([f"The kubeconfig {where} cannot be read ({words}). Correct the file."]) from error
    if merged is None:
        raise ConfigError([f"There is no kubeconfig at {where}. Set KUBECONFIG to the path of one that exists."])
    return merged


def context_names(merged: Any) -> tuple[str, ...]:
    """The contexts of a kubeconfig as read by `read_kubeconfig`, in its order."""
    return tuple(str(entry["name"]) for entry in merged.value.get("contexts") or ())


class KubeconfigContext:
    """One context of a kubeconfig. Calling it gives the access of this moment; thread-safe.

    The files are parsed once: a context that is edited later counts after a restart. What they point to (token and
    certificate files, plugins, OIDC tokens) is had anew whenever it may have changed.
    """

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        where = kubeconfig or DEFAULT_KUBECONFIG
        merged = read_kubeconfig(kubeconfig)
        try:
            loader: Any = KubeConfigLoader(merged, active_context=context, config_base_path="")
            chosen = loader.current_context
            self.name: str = chosen["name"]
            self._cluster, self._folder = _resolved(merged["clusters"], chosen["context"]["cluster"])
            self._user, self._user_folder = _resolved(merged["users"], chosen["context"]["user"])
        except (ConfigException, KeyError, TypeError, AttributeError) as error:
            known = ", ".join(context_names(merged)) or "none"
            named = f"Context {context}" if context else "The current-context"
            raise ConfigError([f"{named} of {where} is no use: {error}; its contexts: {known}"]) from error
        self._lock = threading.Lock()
        self._tls = TlsContexts()
        if faults := self._faults(where):
            raise ConfigError(faults)
        if self._cluster.get("insecure-skip-tls-verify"):
            log.warning("kube.tls_not_verified", context=self.name)

    def __call__(self) -> Access:
        """Raises CredentialsFailed."""
        with self._lock:
            user, good_until = self._credential()
            loaded = self._load(user)
            authorization = str(loaded.api_key.get("BearerToken", "")).strip()
            certificate = getattr(loaded, "cert_file", None)
            if not authorization and not certificate:
                raise CredentialsFailed(f"context {self.name} yields no credential: check its user's auth-provider")
            if any(not " " <= char <= "~" for char in authorization):
                raise CredentialsFailed(f"the token of context {self.name} holds characters that no token has")
            files = TlsFiles(
                getattr(loaded, "ssl_ca_cert", None),
                certificate,
                getattr(loaded, "key_file", None),
                getattr(loaded, "verify_ssl", True),
            )
            return Access(
                loaded.host,
                authorization,
                self._tls.context(files),
                proxy=getattr(loaded, "proxy", None),
                server_name=getattr(loaded, "tls_server_name", None),
                good_until=good_until,
            )

    def _faults(self, where: str) -> list[str]:
        faults: list[str] = []
        if self._user.keys() & {"as", "as-groups", "as-uid", "as-user-extra"}:
            faults.append(
                f"Context {self.name} of {where} impersonates (`as:`). That would be ignored here: the bot sets the "
                "impersonated user itself. Remove the `as` fields or use another context."
            )
        if not any(self._user.get(proof) for proof in _PROOFS):
            faults.append(f"The user of context {self.name} of {where} has no credential. Add one: a token, say.")
        if not _is_safe(str(self._cluster.get("server", ""))):
            faults.append(f"The server of context {self.name} of {where} must be an https:// address.")
        return faults

    def _credential(self) -> tuple[Mapping[str, Any], float | None]:
        """The user with a plugin's credential in the plugin's place, and how long that is good."""
        if "exec" in self._user and not (self._user.get("token") or self._user.get("tokenFile")):
            found = run_plugin(self._user["exec"], self._cluster, self._user_folder)
            rest = {key: value for key, value in self._user.items() if key != "exec"}
            return {**rest, **found.user}, found.good_until
        rechecked = self._user.get("tokenFile") or self._user.get("auth-provider")
        return self._user, time.time() + _RECHECK if rechecked else None

    def _load(self, user: Mapping[str, Any]) -> Any:
        config = {
            "current-context": self.name,
            "contexts": [{"name": self.name, "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": self._cluster}],
            "users": [{"name": "it", "user": user}],
        }
        loaded = SimpleNamespace(api_key={})
        try:
            KubeConfigLoader(config, config_base_path="").load_and_set(loaded)
        except _LOADER_ERRORS as error:
            words = " ".join(str(error).split())[:200]
            raise CredentialsFailed(f"the credentials of context {self.name} failed: {words}") from error
        return loaded


def _resolved(entries: Any, name: str) -> tuple[dict[str, Any], str]:
    """A named cluster or user, its paths made absolute, and the folder of the file that it stands in."""
    entry = entries.get_with_name(name)
    folder = Path(entry.path).resolve().parent
    value = dict(entry["cluster" if "cluster" in entry else "user"].value)
    for key in _PATHS:
        if value.get(key):
            value[key] = str(folder / Path(value[key]).expanduser())
    return value, str(folder)


def _is_safe(server: str) -> bool:
    """A token may travel over TLS, or in the clear within this machine."""
    scheme, _, rest = server.partition("://")
    host = rest.split("/", maxsplit=1)[0].rpartition("@")[2]
    return scheme == "https" or (scheme == "http" and host.split(":")[0] in {"127.0.0.1", "localhost"})
