"""CONFIG_FILE: what does not fit into environment variables. docs/configuration.md is its reference."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails

from kubeai_bot.domain.identity import KubeUser
from kubeai_bot.errors import ConfigError
from kubeai_bot.settings import yaml_lines
from kubeai_bot.settings.mcp_section import McpSection
from kubeai_bot.settings.policy_section import PolicySection
from kubeai_bot.settings.strict import Strict
from kubeai_bot.settings.yaml_lines import Document, read_yaml

MAX_BYTES = 1024 * 1024


def _user_name(name: str) -> str:
    return KubeUser(name).user


def _group_name(name: str) -> str:
    return KubeUser("somebody", (name,)).groups[0]


UserName = Annotated[str, AfterValidator(_user_name)]
GroupName = Annotated[str, AfterValidator(_group_name)]
SlackId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]


class KubeNames(Strict):
    """A Kubernetes user and groups."""

    user: UserName
    groups: tuple[GroupName, ...] = ()

    @property
    def kube(self) -> KubeUser:
        return KubeUser(self.user, self.groups)


class Person(KubeNames):
    """One entry of `identity.users`: a Slack user id or an e-mail address, and who that is in Kubernetes.

    `clusters` replaces user and groups on single clusters.
    """

    slack: SlackId | None = None
    email: Email | None = None
    clusters: Mapping[str, KubeNames] = Field(default_factory=dict[str, KubeNames])

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if (self.slack is None) == (self.email is None):
            raise ValueError("name the person by `slack` (user id) or by `email`, one of the two")
        return self

    @property
    def per_cluster(self) -> tuple[tuple[str, KubeUser], ...]:
        """In the shape of `Identity.per_cluster`."""
        return tuple((cluster, names.kube) for cluster, names in self.clusters.items())


class IdentitySection(Strict):
    """`contact` is the end of a sentence of refusal: whom to ask, and where."""

    users: tuple[Person, ...] = ()
    contact: str = ""


class ClustersSection(Strict):
    """`default`: the cluster that is meant when a question names none."""

    default: str = ""


class PriceEntry(Strict):
    """US dollars per million tokens; `cached` as `input` if left out."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cached: Annotated[float, Field(ge=0)] | None = None


class ModelsSection(Strict):
    """`windows`: the context window in tokens of models that the bot does not know by itself; `prices`: what models
    cost, for the metric of costs."""

    windows: Mapping[str, Annotated[int, Field(ge=1024)]] = Field(default_factory=dict[str, int])
    prices: Mapping[str, PriceEntry] = Field(default_factory=dict[str, PriceEntry])


class ConfigFile(Strict):
    """The whole file; every section may be left out."""

    identity: IdentitySection = Field(default_factory=IdentitySection.empty)
    mcp: McpSection = Field(default_factory=McpSection.empty)
    policy: PolicySection = Field(default_factory=PolicySection.empty)
    clusters: ClustersSection = Field(default_factory=ClustersSection.empty)
    models: ModelsSection = Field(default_factory=ModelsSection.empty)


def read_config_file(path: Path, environ: Mapping[str, str]) -> ConfigFile:
    """Read and check the file. Raises ConfigError with all faults, each with file and line."""
    document = read_yaml(_text_of(path), environ)
    faults = list(document.faults)
    config = ConfigFile.empty()
    try:
        config = ConfigFile.model_validate({key: value for key, value in document.data.items() if value is not None})
    except ValidationError as error:
        faults += (_explain(document, each) for each in error.errors(include_url=False, include_input=False))
    faults += _repeated_people(document)
    if faults:
        raise ConfigError([f"{path}:{line}: {sentence}" for line, sentence in sorted(set(faults))])
    return config


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"CONFIG_FILE: {path} cannot be read: {error.strerror or error}"]) from error
    if len(raw) > MAX_BYTES:
        raise ConfigError([f"CONFIG_FILE: {path} is larger than {MAX_BYTES // 1024} KiB, which no configuration is"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([f"CONFIG_FILE: {path} is not UTF-8 text: {error.reason} at byte {error.start}"]) from error


def _explain(document: Document, error: ErrorDetails) -> tuple[int, str]:
    """Line and sentence for one pydantic error."""
    path: yaml_lines.Path = error["loc"]
    line, where = document.line_of(path), _dotted(path)
    match error["type"]:
        case "extra_forbidden" if len(path) == 1:
            return line, f"there is no section {where!r}: use {', '.join(ConfigFile.model_fields)}"
        case "extra_forbidden":
            return line, f"{_dotted(path[:-1])} has no key {path[-1]!r}"
        case "missing":
            return line, f"{where} is missing"
        case kind:
            return line, f"{where}: {_WANTED.get(kind) or _said(error)}"


_WANTED = {
    "tuple_type": "a list is wanted here",
    "string_type": "text is wanted here (a number or date must be put in quotes)",
    "model_type": "keys with values are wanted here",
    "dict_type": "keys with values are wanted here",
    "int_type": "a whole number is wanted here",
    "int_parsing": "a whole number is wanted here",
    "bool_parsing": "true or false is wanted here",
    "bool_type": "true or false is wanted here",
    "enum": "none, allow or auto is wanted here",
}


def _said(error: ErrorDetails) -> str:
    match error["loc"][-1]:
        case "slack":
            return "a Slack user id looks like U012ABCDEF"
        case "email":
            return "an e-mail address looks like mia@shop.example"
        case _:
            # A ValueError of ours says it best; pydantic's own sentence stands in "msg".
            return str(error.get("ctx", {}).get("error", error["msg"]))


def _dotted(path: yaml_lines.Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _repeated_people(document: Document) -> Iterator[tuple[int, str]]:
    """Entries of identity.users under a name that stands there already; read from the raw data, so that they are
    found beside other faults."""
    match document.data:
        case {"identity": {"users": [*users]}}:
            people = [(number, person) for number, person in enumerate(users) if isinstance(person, dict)]
        case _:
            people = []
    first: dict[tuple[str, str], int] = {}
    for (number, person), key in itertools.product(people, ("slack", "email")):
        name: Any = person.get(key)
        if not isinstance(name, str):
            continue
        line = document.line_of(("identity", "users", number, key))
        met_on = first.setdefault((key, name.lower()), line)
        if met_on != line:
            yield line, f"{name} stands in identity.users a second time (first on line {met_on})"
