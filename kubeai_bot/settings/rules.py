"""What single values cannot say: which settings need, exclude or endanger one another. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import parse_qs, urlsplit

from kubeai_bot.domain.policy import Mode
from kubeai_bot.settings.file import ConfigFile
from kubeai_bot.settings.values import SLACK_API, is_loopback
from kubeai_bot.settings.variables import Variables

_REQUIRED = ("SLACK_BOT_TOKEN", "MODEL_ID")

_PROVIDER_NEEDS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "azure": ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_API_VERSION"),
    "gemini": ("GEMINI_API_KEY",),
    "vertex": ("GOOGLE_CLOUD_PROJECT",),
}

# GOOGLE_* are left out: Google's own environments set some of them for every program.
_BELONGS_TO = {
    "OPENAI_API_KEY": "openai",
    "OPENAI_BASE_URL": "openai",
    "AZURE_OPENAI_ENDPOINT": "azure",
    "AZURE_OPENAI_API_KEY": "azure",
    "AZURE_OPENAI_API_VERSION": "azure",
    "GEMINI_API_KEY": "gemini",
}

_STORED_BY = {
    "DATABASE_URL": "postgres",
    "DATABASE_URL_FILE": "postgres",
    "DATABASE_MIGRATION_URL": "postgres",
    "DATABASE_SCHEMA": "postgres",
    "DATABASE_POOL_SIZE": "postgres",
    "SESSIONS_DIR": "filesystem",
}

STORE_VARIABLES = frozenset(
    {"SESSION_TYPE", "SESSION_TTL", "RETENTION_DAYS", "SESSION_LIMIT", "SESSION_MESSAGE_LIMIT", *_STORED_BY}
)
"""What the `sessions` commands need of the configuration."""

AUDIT_VARIABLES = STORE_VARIABLES | {"AUDIT_FILE", "AUDIT_KEY", "AUDIT_RETENTION_DAYS", "SLACK_BOT_TOKEN"}
"""What the `audit` commands need of it."""


@dataclass(frozen=True, slots=True)
class Given:
    """The values that could be read; the non-empty variables by name, ours or not; the names whose text could not be
    used (rules about those keep silent: they have their fault); CONFIG_FILE, or None where it could not be read."""

    values: Variables
    texts: Mapping[str, str]
    unusable: frozenset[str]
    config: ConfigFile | None

    def has(self, name: str) -> bool:
        return name in self.texts

    def read(self, name: str) -> bool:
        """Whether the value stands for what was meant."""
        return name not in self.unusable


def find_faults(given: Given) -> Iterator[str]:
    """One sentence for each combination that cannot work."""
    yield from _near_misses(given)
    known = Variables.known()
    yield from (f"{name} is not set: give {known[name].description}." for name in _REQUIRED if not given.has(name))
    yield from _slack(given)
    yield from _provider(given)
    yield from _identity(given)
    yield from _clusters(given)
    yield from _audit(given)
    yield from find_store_faults(given)


def find_store_faults(given: Given) -> Iterator[str]:
    """What cannot work of the variables that say where sessions are kept and how long."""
    values = given.values
    if given.read("SESSION_TYPE"):
        for name, kind in _STORED_BY.items():
            if given.has(name) and values.session_type != kind:
                yield f"{name} is only used with SESSION_TYPE={kind}: remove it, sessions would not be kept there."
        urls = [name for name in ("DATABASE_URL", "DATABASE_URL_FILE") if given.has(name)]
        if values.session_type == "postgres" and not urls:
            yield "DATABASE_URL is not set: SESSION_TYPE=postgres needs it, or DATABASE_URL_FILE, a file that holds it."
        if len(urls) > 1:
            yield "DATABASE_URL and DATABASE_URL_FILE are both set: remove one of the two."
    if values.session_ttl and values.retention_days and values.session_ttl > values.retention_days * 86400:
        yield "SESSION_TTL is longer than RETENTION_DAYS: sessions would be deleted before they expire. Change one."


def find_warnings(given: Given) -> Iterator[str]:
    """One sentence for each setting that works and that whoever runs the bot should know of."""
    values = given.values
    if values.slack_api_url != SLACK_API:
        yield (
            f"SLACK_API_URL is {values.slack_api_url}, which is NOT {SLACK_API}: "
            "unless this is a test or the playground, remove it."
        )
    if not values.impersonate:
        yield (
            "IMPERSONATE=false: every request to a cluster is made with all the rights of the kubeconfig's own user, "
            "for everybody in ALLOWED_USERS. This is for a laptop only."
        )
    elif values.auth_method == "NONE" and (values.allow_guests or values.allow_external):
        who = "guests" if not values.allow_external else "people from other organisations"
        yield f"AUTH_METHOD=NONE lets {who} see all that {values.shared_user} may see."
    if values.database_url and _is_open_database(values.database_url.get_secret_value()):
        yield "DATABASE_URL has sslmode=disable and a host elsewhere: sessions and the password travel unencrypted."
    if values.modify_resources is Mode.AUTO:
        yield "MODIFY_RESOURCES=auto: the model may change clusters without asking anybody."
    if values.openai_base_url and _is_open(values.openai_base_url):
        yield "OPENAI_BASE_URL is not https: prompts, cluster data and the API key travel unencrypted."


def _is_open(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _is_open_database(url: str) -> bool:
    parts = urlsplit(url)
    hosts = [part.rsplit(":", 1)[0].strip("[]") for part in parts.netloc.rpartition("@")[2].split(",")]
    distant = any(host and not host.startswith(("/", "%2F", "%2f")) and not is_loopback(host) for host in hosts)
    return distant and "disable" in parse_qs(parts.query).get("sslmode", ())


def _near_misses(given: Given) -> Iterator[str]:
    """Misspelt names. A stranger's variable that only resembles one of ours is left alone once ours is set."""
    known = [name for name in Variables.known() if not name.startswith("GOOGLE_")]
    for name in given.texts:
        if name in Variables.known():
            continue
        for meant in get_close_matches(name.upper(), known, n=1, cutoff=0.9):
            if not given.has(meant):
                yield f"{name} is not a setting: did you mean {meant}?"


def _slack(given: Given) -> Iterator[str]:
    socket, http = given.has("SLACK_APP_TOKEN"), given.has("SLACK_SIGNING_SECRET")
    if socket and http:
        yield (
            "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: keep SLACK_APP_TOKEN for Socket Mode or "
            "SLACK_SIGNING_SECRET for events over HTTP, and remove the other."
        )
    if not socket and not http:
        yield (
            "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set: give SLACK_APP_TOKEN for Socket Mode (needs no "
            "public address) or SLACK_SIGNING_SECRET for events over HTTP."
        )
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
        if given.has(name):
            yield f"{name} is set, which would switch Slack's library to OAuth without SLACK_BOT_TOKEN: remove it."


def _provider(given: Given) -> Iterator[str]:
    if not given.read("LLM_PROVIDER"):
        return
    provider = given.values.llm_provider
    own_server = provider == "openai" and given.has("OPENAI_BASE_URL")  # such a server may want no key
    for name in _PROVIDER_NEEDS[provider]:
        if not given.has(name) and not own_server:
            yield f"{name} is not set: LLM_PROVIDER={provider} needs it. Give {Variables.known()[name].description}."
    for name, owner in _BELONGS_TO.items():
        if given.has(name) and owner != provider:
            yield f"{name} belongs to LLM_PROVIDER={owner}, but LLM_PROVIDER is {provider}: remove one of the two."


def _identity(given: Given) -> Iterator[str]:
    if not given.read("AUTH_METHOD"):
        return
    values = given.values
    people = None if given.config is None else given.config.identity.users
    if values.auth_method == "MAPPING":
        if not given.has("CONFIG_FILE"):
            yield "AUTH_METHOD=MAPPING needs CONFIG_FILE, with section identity: it says who is who in Kubernetes."
        elif people == ():
            yield "AUTH_METHOD=MAPPING needs people: section identity.users of CONFIG_FILE is missing or empty."
    elif people:
        yield "CONFIG_FILE maps people in identity.users, but AUTH_METHOD is NONE: set AUTH_METHOD=MAPPING."
    if not values.impersonate:
        yield from _without_impersonation(given)
    if values.auth_method != "NONE" or not values.impersonate:
        for name in ("SHARED_USER", "SHARED_GROUPS"):
            if given.has(name):
                yield f"{name} has no effect here: it belongs to AUTH_METHOD=NONE with IMPERSONATE=true. Remove it."


def _without_impersonation(given: Given) -> Iterator[str]:
    if not given.has("SLACK_APP_TOKEN"):
        yield "IMPERSONATE=false works in Socket Mode only: set SLACK_APP_TOKEN, or remove IMPERSONATE."
    if not given.values.allowed_users and given.read("ALLOWED_USERS"):
        yield "IMPERSONATE=false lends your own rights: name the Slack users who may have them in ALLOWED_USERS."
    if given.values.auth_method != "NONE":
        yield f"IMPERSONATE=false and AUTH_METHOD={given.values.auth_method} exclude one another: remove one."


def _audit(given: Given) -> Iterator[str]:
    key = given.values.audit_key
    if key and len(key.get_secret_value()) < 32:
        yield "AUDIT_KEY is too short to prove anything: give a secret of at least 32 characters."


def _clusters(given: Given) -> Iterator[str]:
    contexts = given.values.kube_contexts
    if given.config is None or not contexts or not given.read("KUBE_CONTEXTS"):
        return
    named = {given.config.clusters.default: "clusters.default"} if given.config.clusters.default else {}
    for number, person in enumerate(given.config.identity.users):
        named |= dict.fromkeys(person.clusters, f"identity.users[{number}].clusters")
    for cluster, where in named.items():
        if cluster not in contexts:
            yield f"CONFIG_FILE names cluster {cluster!r} in {where}, but KUBE_CONTEXTS has {', '.join(contexts)}."
