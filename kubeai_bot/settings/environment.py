"""The only reader of the environment: every variable and CONFIG_FILE, checked as a whole at start."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from kubeai_bot.domain.policy import Policy
from kubeai_bot.domain.storage import Retention
from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.file import ConfigFile, read_config_file
from kubeai_bot.settings.mcp_section import AUTH_PREFIX, ServerEntry, from_variables
from kubeai_bot.settings.rules import STORE_VARIABLES, Given, find_faults, find_store_faults, find_warnings
from kubeai_bot.settings.values import split_address
from kubeai_bot.settings.variables import Variables

_HARMLESS = re.compile(r"[\w.-]{1,20}")


class Settings(Variables):
    """The whole configuration. `warnings` are sentences for the log at start."""

    config: ConfigFile = Field(default_factory=ConfigFile.empty)
    warnings: tuple[str, ...] = ()
    mcp_entries: tuple[ServerEntry, ...] = ()
    """Of MCP_SERVERS and of section `mcp`."""

    @classmethod
    def load(cls, environ: Mapping[str, str], env_file: Path | None = None) -> Self:
        """Read `environ` and, below it, a .env file where one is named. Empty values count as unset.

        Raises ConfigError with every fault at once, in sentences that say what to do and never show a secret.
        """
        read = _Read.of(environ, env_file)
        faults = [*read.faults, *find_faults(read.given)]
        config = read.given.config
        if faults or config is None:
            raise ConfigError(faults)
        found: dict[str, Any] = {
            "config": config,
            "warnings": tuple(find_warnings(read.given)),
            "mcp_entries": (*read.mcp, *config.mcp.servers),
        }
        return cls.model_construct(**dict(read.given.values), **found)

    @classmethod
    def load_store(
        cls, environ: Mapping[str, str], env_file: Path | None = None, only: frozenset[str] = STORE_VARIABLES
    ) -> Self:
        """Only what says where sessions are kept (`only`), for commands that need neither Slack nor a model. Raises
        ConfigError."""
        wanted = {name: text for name, text in environ.items() if name in only}
        read = _Read.of(wanted, env_file, only)
        if faults := [*read.faults, *find_store_faults(read.given)]:
            raise ConfigError(faults)
        return cls.model_construct(**dict(read.given.values))

    @property
    def policy(self) -> Policy:
        return Policy(self.modify_resources, tuple(entry.rule for entry in self.config.policy.rules))

    @property
    def sessions_path(self) -> Path:
        """Where SESSION_TYPE=filesystem keeps its sessions."""
        return self.sessions_dir or Path.home() / ".kubeai" / "sessions"

    @property
    def retention(self) -> Retention:
        keep = None if self.retention_days is None else self.retention_days * 86400.0
        return Retention(self.session_ttl, keep, self.session_limit, self.session_message_limit)

    @property
    def uses_socket_mode(self) -> bool:
        """Whether Slack is reached by Socket Mode; otherwise events arrive over HTTP."""
        return self.slack_app_token is not None

    @property
    def listen_host_port(self) -> tuple[str, int]:
        return split_address(self.listen_address)

    def secret_texts(self) -> tuple[str, ...]:
        """Every secret in plain text, for the last filter of the log and for nothing else."""
        found: list[Any] = [getattr(self, name) for name in Variables.model_fields]
        texts = [each.get_secret_value() for each in found if isinstance(each, SecretStr)]
        texts += [text for entry in self.mcp_entries for text in entry.secrets() if text]
        passwords = [urlsplit(text).password or "" for text in texts if "://" in text]
        return (*texts, *(each for password in passwords if password for each in {password, unquote(password)}))


@dataclass(frozen=True, slots=True)
class _Read:
    """What could be read, and the faults so far."""

    given: Given
    mcp: Sequence[ServerEntry]
    faults: Sequence[str]

    @classmethod
    def of(cls, environ: Mapping[str, str], env_file: Path | None, only: frozenset[str] | None = None) -> Self:
        """`only`: the variables that are wanted, where not all are."""
        faults: list[str] = []
        texts = {**_read_env_file(env_file, faults), **environ}
        texts = {name: text.strip() for name, text in texts.items() if text.strip()}
        if only is not None:
            texts = {name: text for name, text in texts.items() if name in only}
        values = {name.lower(): texts[name] for name in Variables.known() if name in texts}
        unusable = _unusable(values)
        faults += unusable.values()
        values = {name: text for name, text in values.items() if name.upper() not in unusable}
        variables = Variables.model_validate(values)
        secrets = _read_database_url(variables.database_url_file, faults)
        config = _read_config(variables.config_file, texts, faults)
        entries = _mcp_entries(variables.mcp_servers or {}, texts, config, faults)
        given = Given(variables.model_copy(update=dict(secrets)), texts, frozenset(unusable), config)
        return cls(given, entries, faults)


def _mcp_entries(
    servers: Mapping[str, str], texts: Mapping[str, str], config: ConfigFile | None, faults: list[str]
) -> list[ServerEntry]:
    """The servers of MCP_SERVERS."""
    auth = {name: text for name, text in texts.items() if name.startswith(AUTH_PREFIX)}
    found = list(from_variables(servers, auth))
    faults += [each for each in found if isinstance(each, str)]
    in_file = {entry.name.lower() for entry in config.mcp.servers} if config else set[str]()
    faults += [
        f"MCP_SERVERS and CONFIG_FILE both name the MCP server {name!r}: keep one."
        for name in servers
        if name.lower() in in_file
    ]
    return [each for each in found if isinstance(each, ServerEntry)]


def _read_database_url(path: Path | None, faults: list[str]) -> Mapping[str, SecretStr]:
    """DATABASE_URL as it stands in DATABASE_URL_FILE."""
    if path is None:
        return {}
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        faults.append(f"DATABASE_URL_FILE: {path} cannot be read: {reason}.")
        return {}
    if unusable := _unusable({"database_url": text}):
        faults.append(f"DATABASE_URL_FILE: what {path} holds cannot be used. {unusable['DATABASE_URL']}")
        return {}
    return {"database_url": SecretStr(text)}


def _read_env_file(path: Path | None, faults: list[str]) -> dict[str, str]:
    if path is None:
        return {}
    try:
        path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        faults.append(f"{path} cannot be read: {reason}.")
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - only laptops have such a file

    return {name: text for name, text in dotenv_values(path, interpolate=False).items() if text is not None}


def _read_config(path: Path | None, environ: Mapping[str, str], faults: list[str]) -> ConfigFile | None:
    if path is None:
        return ConfigFile.empty()
    try:
        return read_config_file(path, environ)
    except ConfigError as error:
        faults += error.faults
        return None


def _unusable(values: Mapping[str, str]) -> dict[str, str]:
    """The variables whose text cannot be used, each with its fault."""
    try:
        Variables.model_validate(values)
    except ValidationError as error:
        return {str(each["loc"][0]).upper(): _sentence(each, values) for each in error.errors(include_url=False)}
    return {}


def _sentence(error: ErrorDetails, values: Mapping[str, str]) -> str:
    name = str(error["loc"][0])
    field = Variables.model_fields[name]
    text = values[name]
    harmless = _HARMLESS.fullmatch(text) is not None and "Secret" not in str(field.annotation)
    shown = f"{name.upper()}={text}" if harmless else name.upper()
    return f"{shown} cannot be used: give {field.description}."
