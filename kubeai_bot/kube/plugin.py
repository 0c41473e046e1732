"""Credential plugins of a kubeconfig (`users[].user.exec`), run with a time limit.

The `kubernetes` package prepares the call; it is not used to run it, because its loader only logs a failure and
then sends requests without credentials, and because it waits for the plugin without limit.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from kubernetes.config.config_exception import ConfigException
from kubernetes.config.dateutil import parse_rfc3339
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode

from kubeai_bot.errors import CredentialsFailed

_TIMEOUT = 60.0
_EARLY = 60.0
"""Seconds before its expiry at which a credential is replaced."""


@dataclass(frozen=True, slots=True)
class PluginCredential:
    """What a plugin gave, as fields of a kubeconfig user, and the Unix time until which to use it."""

    user: Mapping[str, str]
    good_until: float | None

    def __repr__(self) -> str:
        return f"PluginCredential(good_until={self.good_until})"


def run_plugin(
    spec: Mapping[str, Any], cluster: Mapping[str, Any], folder: str, timeout: float = _TIMEOUT
) -> PluginCredential:
    """Run the plugin and read its credential. Blocks for up to `timeout` seconds. Raises CredentialsFailed."""
    try:
        provider: Any = ExecProvider(ConfigNode("exec", dict(spec)), folder)
    except (ConfigException, KeyError, TypeError) as error:
        raise CredentialsFailed(f"the credential plugin is not well described: {error}") from error
    info: dict[str, Any] = {"interactive": False}
    if spec.get("provideClusterInfo"):
        info["cluster"] = _cluster_info(cluster)
    question = {"apiVersion": provider.api_version, "kind": "ExecCredential", "spec": info}
    environment = {**provider.env, "KUBERNETES_EXEC_INFO": json.dumps(question)}
    command = f"credential plugin {provider.args[0]!r}"
    answer = _answer(command, _output(command, provider, environment, timeout))
    if answer.get("apiVersion") != provider.api_version:
        raise CredentialsFailed(f"{command} speaks {answer.get('apiVersion')}, the kubeconfig {provider.api_version}")
    return _credential(command, answer.get("status") or {})


def _output(command: str, provider: Any, environment: dict[str, str], timeout: float) -> str:
    try:
        process = subprocess.Popen(  # noqa: S603  # the operator's own kubeconfig names the command
            provider.args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=provider.cwd,
            env=environment,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CredentialsFailed(f"{command} could not be started: {error.strerror}") from error
    with process:
        try:
            output, complaint = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)  # with its children, which hold the pipes open
            raise CredentialsFailed(f"{command} gave no answer within {timeout:g} s") from error
    if process.returncode != 0:
        words = " ".join(complaint.split())[-300:]
        raise CredentialsFailed(f"{command} failed with exit code {process.returncode}: {words or 'no message'}")
    return output


def _answer(command: str, output: str) -> dict[str, Any]:
    try:
        answer: Any = json.loads(output)
    except ValueError as error:
        raise CredentialsFailed(f"{command} did not print JSON") from error
    if not isinstance(answer, dict):
        raise CredentialsFailed(f"{command} did not print a JSON object")
    return cast("dict[str, Any]", answer)


def _credential(command: str, status: Mapping[str, Any]) -> PluginCredential:
    user: dict[str, str] = {}
    if status.get("clientCertificateData") and status.get("clientKeyData"):
        for field, source in (
            ("client-certificate-data", "clientCertificateData"),
            ("client-key-data", "clientKeyData"),
        ):
            user[field] = base64.b64encode(str(status[source]).encode()).decode()
    if status.get("token"):
        user["token"] = str(status["token"])
    if not user:
        raise CredentialsFailed(f"{command} gave neither a token nor a client certificate with its key")
    return PluginCredential(user, _good_until(command, status.get("expirationTimestamp")))


def _good_until(command: str, expires: object) -> float | None:
    """A minute before the expiry; of credentials that live shorter than two minutes, half their life."""
    if not expires:
        return None
    try:
        expiry = parse_rfc3339(str(expires)).timestamp()
    except (ValueError, AttributeError) as error:
        raise CredentialsFailed(f"{command} gave an expiry that is no time: {expires!r}") from error
    now = time.time()
    if expiry <= now:
        raise CredentialsFailed(f"{command} gave a credential that has already expired ({expires})")
    return max(expiry - _EARLY, (now + expiry) / 2)


def _cluster_info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    info = {key: value for key, value in cluster.items() if key != "extensions"}
    for extension in cluster.get("extensions") or ():
        if extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return info
