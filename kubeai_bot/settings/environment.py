"""The only reader of the environment: every variable and CONFIG_FILE, checked as a whole at start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.file import ConfigFile, read_config_file
from kubeai_bot.settings.rules import Given, find_faults, find_warnings
from kubeai_bot.settings.values import split_address
from kubeai_bot.settings.variables import Variables

_HARMLESS = re.compile(r"[\w.-]{1,20}")


class Settings(Variables):
    """The whole configuration. `warnings` are sentences for the log at start."""

    config: ConfigFile = ConfigFile()
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, environ: Mapping[str, str], env_file: Path | None = None) -> Self:
        """Read `environ` and, below it, a .env file where one is named. Empty values count as unset.

        Raises ConfigError with every fault at once, in sentences that say what to do and never show a secret.
        """
        faults: list[str] = []
        texts = {**_read_env_file(env_file, faults), **environ}
        texts = {name: text.strip() for name, text in texts.items() if text.strip()}
        values = {name.lower(): texts[name] for name in cls.known() if name in texts}
        unusable = _unusable(values)
        faults += unusable.values()
        settings = cls.model_validate({name: text for name, text in values.items() if name.upper() not in unusable})
        config = _read_config(settings.config_file, texts, faults)
        given = Given(settings, texts, frozenset(unusable), config)
        faults += find_faults(given)
        if faults or config is None:
            raise ConfigError(faults)
        return settings.model_copy(update={"config": config, "warnings": tuple(find_warnings(given))})

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
        return tuple(each.get_secret_value() for each in found if isinstance(each, SecretStr))


def _read_env_file(path: Path | None, faults: list[str]) -> dict[str, str]:
    if path is None:
        return {}
    try:
        path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        faults.append(f"{path} cannot be read: {reason}.")
        return {}
    return {name: text for name, text in dotenv_values(path, interpolate=False).items() if text is not None}


def _read_config(path: Path | None, environ: Mapping[str, str], faults: list[str]) -> ConfigFile | None:
    if path is None:
        return ConfigFile()
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
