"""The edges of the bot's world: each simulated here or real, with the environment that leads the bot there, and a
sentence that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kubeai_bot.errors import ConfigError
from kubeai_bot.playground.suggestions import REQUESTER
from kubeai_bot.settings.rules import STORE_VARIABLES

SIMULATED_PEOPLE = (
    {"email": "mia@shop.example", "user": "mia@shop.example", "groups": ["shop-developers"]},
    {"slack": "U0OMAR", "user": "omar@shop.example", "groups": ["platform-engineers"]},
)
CONTACT = "Ask #platform to add you."

_SLACK = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "ALLOWED_USERS", "ALLOW_GUESTS", "ALLOW_EXTERNAL")
MAPPED = {"AUTH_METHOD": "MAPPING"}

_IDENTITY = ("AUTH_METHOD", "CONFIG_FILE", "IMPERSONATE", "SHARED_USER", "SHARED_GROUPS")
_MODEL: Mapping[str, Sequence[str]] = {
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "MODEL_ID"),
    "azure": ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_API_VERSION", "MODEL_ID"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "MODEL_ID"),
    "vertex": ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_VERTEX_BASE_URL", "MODEL_ID"),
}
_ADDRESSES = ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL")


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge as people are told of it."""

    edge: str
    real: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Real:
    """What of the world is real. `given` is where its tokens, keys and addresses are taken from, by name and only
    those that the edge needs.

    `kubeconfig` or `context`: a real cluster; there `as_user` with `as_groups` is whom the requester (Mia) is
    impersonated as, and without it the requester acts as the kubeconfig's own user. `provider`, `base_url` or `model`:
    a real model. `session_type` as SESSION_TYPE.
    """

    given: Mapping[str, str] = field(default_factory=dict[str, str])
    slack: bool = False
    kubeconfig: Path | None = None
    context: str | None = None
    as_user: str | None = None
    as_groups: tuple[str, ...] = ()
    provider: str | None = None
    base_url: str | None = None
    model: str | None = None
    session_type: str | None = None

    @property
    def cluster(self) -> bool:
        return self.kubeconfig is not None or self.context is not None

    @property
    def has_model(self) -> bool:
        return any((self.provider, self.base_url, self.model))

    def check(self, *, http: bool) -> None:
        """Raises ConfigError with every combination that makes no sense."""
        faults: list[str] = []
        if self.slack and http:
            faults.append("--slack uses Socket Mode, which needs no public address: leave --http away.")
        if self.cluster and not self.slack and self.as_user is None and http:
            faults.append(
                "A real cluster without --as-user lends your own rights, in Socket Mode only: leave --http away."
            )
        if self.as_user and not self.cluster:
            faults.append("--as-user is for a real cluster: give --kubeconfig or --context too.")
        if self.as_groups and not self.as_user:
            faults.append("--as-group needs --as-user.")
        if self.as_user and self.slack:
            faults.append("--as-user is for the simulated people. With --slack set AUTH_METHOD and what belongs to it.")
        if self.base_url and self.provider not in (None, "openai"):
            faults.append(f"--base-url is for OpenAI-compatible servers: leave --provider {self.provider} away.")
        if self.has_model and not (self.model or self.given.get("MODEL_ID")):
            faults.append("A real model needs --model, or MODEL_ID in the environment.")
        if faults:
            raise ConfigError(faults)

    def taken(self, *names: str) -> dict[str, str]:
        return {name: self.given[name] for name in names if self.given.get(name)}


def cluster_environment(
    real: Real, folder: Path, kubeconfig: str | None, sections: Mapping[str, Any]
) -> dict[str, str]:
    """Where the cluster is and who is who in it. `kubeconfig`: the text of the simulated cluster's; `sections`: what
    else stands in CONFIG_FILE."""
    environment, identity = _cluster(real, folder, kubeconfig)
    written = {**identity, **sections}
    if not written:
        return environment
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(written), encoding="utf-8")
    return {**environment, "CONFIG_FILE": str(config)}


def _cluster(real: Real, folder: Path, kubeconfig: str | None) -> tuple[dict[str, str], dict[str, Any]]:
    """The environment, and section `identity`."""
    if kubeconfig is not None:
        path = folder / "kubeconfig"
        path.write_text(kubeconfig, encoding="utf-8")
        if real.slack:
            own = real.taken(*_IDENTITY)
            everybody = {
                "AUTH_METHOD": "NONE",
                "SHARED_USER": "omar@shop.example",
                "SHARED_GROUPS": "platform-engineers",
            }
            return {"KUBECONFIG": str(path), **(own or everybody)}, {}
        return {"KUBECONFIG": str(path), **MAPPED}, _identity(SIMULATED_PEOPLE)
    where = {"KUBECONFIG": str(real.kubeconfig)} if real.kubeconfig else real.taken("KUBECONFIG")
    if real.context:
        where["KUBE_CONTEXTS"] = real.context
    if real.slack:
        return {**where, **real.taken(*_IDENTITY)}, {}
    if real.as_user:
        person = {"slack": REQUESTER, "user": real.as_user, "groups": list(real.as_groups)}
        return {**where, **MAPPED}, _identity((person,))
    return {**where, "IMPERSONATE": "false", "ALLOWED_USERS": REQUESTER}, {}


def _identity(people: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"identity": {"contact": CONTACT, "users": [dict(person) for person in people]}}


def slack_environment(real: Real) -> dict[str, str]:
    """For real Slack."""
    return real.taken(*_SLACK)


def model_environment(real: Real) -> dict[str, str]:
    """For a real model."""
    provider = real.provider or "openai"
    chosen = real.taken(*_MODEL.get(provider, ("MODEL_ID",)))
    if real.base_url:
        chosen["OPENAI_BASE_URL"] = real.base_url
    if real.model:
        chosen["MODEL_ID"] = real.model
    return {"LLM_PROVIDER": provider, **chosen}


def session_environment(real: Real) -> dict[str, str]:
    """The playground keeps its files apart from those of a bot that runs on the same machine."""
    if not real.session_type:
        return {}
    given = real.taken(*STORE_VARIABLES)
    if real.session_type == "filesystem":
        given.setdefault("SESSIONS_DIR", str(Path.home() / ".kubeai" / "playground-sessions"))
    return {**given, "SESSION_TYPE": real.session_type}


def edges(real: Real, environment: Mapping[str, str], *, http: bool) -> tuple[Edge, ...]:
    """All four, in the words that the page shows."""
    return (
        _slack(real, http=http),
        _kubernetes(real, environment),
        _model(real, environment),
        _sessions(environment),
    )


def _slack(real: Real, *, http: bool) -> Edge:
    if real.slack:
        return Edge("Slack", True, "your Slack workspace, over Socket Mode; it is not shown on this page")
    way = "signed HTTP" if http else "Socket Mode"
    return Edge("Slack", False, f"a workspace on this machine, over {way}")


def _kubernetes(real: Real, environment: Mapping[str, str]) -> Edge:
    if not real.cluster:
        people = "; everybody in your Slack is its platform engineer Omar" if "SHARED_USER" in environment else ""
        return Edge("Kubernetes", False, f"a cluster on this machine with things gone wrong in it{people}")
    which = f"context {real.context}" if real.context else "the current context"
    where = f"{which} of {environment.get('KUBECONFIG', 'your kubeconfig')}"
    if real.slack:
        who = "who is who is what your settings say"
    elif real.as_user:
        named = f"{real.as_user} ({', '.join(real.as_groups)})" if real.as_groups else real.as_user
        who = f"Mia is {named}, by impersonation; everybody else is refused"
    else:
        who = "Mia has all the rights of the kubeconfig's own user, without impersonation; everybody else is refused"
    return Edge("Kubernetes", True, f"{where}: {who}. Its requests are seen in the API server's audit log only")


def _model(real: Real, environment: Mapping[str, str]) -> Edge:
    name = environment.get("MODEL_ID", "")
    if not real.has_model:
        return Edge("Model", False, f"{name}: fixed rules instead of an AI")
    provider = real.provider or "openai"
    at = next((f" at {environment[name]}" for name in _ADDRESSES if name in environment), "")
    return Edge("Model", True, f"{name} ({provider}{at}); what the bot finds in the cluster is sent there")


def _sessions(environment: Mapping[str, str]) -> Edge:
    kind = environment.get("SESSION_TYPE", "memory")
    words = {
        "memory": "memory: gone when the bot stops",
        "filesystem": f"files in {environment.get('SESSIONS_DIR')}: they outlive the bot",
        "postgres": "PostgreSQL: they outlive the bot",
    }
    return Edge("Sessions", True, words.get(kind, kind))
