"""The kinds of value that environment variables hold: how each is read and what is refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, StringConstraints

from kubeai_bot.domain.identity import KubeUser
from kubeai_bot.domain.policy import Mode

SLACK_API = "https://slack.com/api/"

_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_DURATION = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhd])")
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})")


def split_commas(text: str) -> tuple[str, ...]:
    """The parts of `a, b`, without empty and repeated ones. Raises ValueError where nothing is left."""
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not parts:
        raise ValueError("it holds nothing but commas")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine's loopback interface."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def parse_url(text: str) -> SplitResult:
    """An http or https URL of a server. Raises ValueError; the error never holds the URL."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.hostname or "") or len(text.split()) != 1:
        raise ValueError("it must be a URL that begins with http:// or https://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("it must have no user name, password, query or fragment")
    _ = parts.port  # raises ValueError for what is no port
    return parts


def _slack_api_url(text: str) -> str:
    parts = parse_url(text)
    host = parts.hostname or ""
    slack = parts.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com")) and not parts.port
    if not slack and not is_loopback(host):
        raise ValueError("the bot's token is sent to Slack or to a simulator on this machine, nowhere else")
    return text.rstrip("/") + "/"


def _server_url(text: str) -> str:
    parse_url(text)
    return text


def _private_url(text: str) -> str:
    parts = parse_url(text)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("it must begin with https://")
    return text


def _address(text: str) -> str:
    split_address(text)
    return text


def split_address(text: str) -> tuple[str, int]:
    """Host (IPv6 without brackets) and port. Raises ValueError."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise ValueError("it must be host:port")
    return found["host"].strip("[]"), int(found["port"])


def _one_word(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text.split()) != 1:
        raise ValueError("it must hold no spaces or line breaks")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it holds a character that no key has, such as the … of a shortened one: copy it whole")
    return secret


def _starting_with(prefix: str) -> Callable[[SecretStr], SecretStr]:
    def check(token: SecretStr) -> SecretStr:
        text = token.get_secret_value()
        if not text.startswith(prefix) or len(text) == len(prefix):
            raise ValueError(f"it must start with {prefix}")
        return _one_word(token)

    return check


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None or not int(found["number"]):
        raise ValueError("it must be a number with s, m, h or d behind it")
    return int(found["number"]) * _UNITS[found["unit"]]


def _database_url(secret: SecretStr) -> SecretStr:
    """What libpq takes as a URL; the store parses it. The error never holds it."""
    scheme, separator, rest = _one_word(secret).get_secret_value().partition("://")
    if not separator or not rest or scheme.removesuffix("+psycopg") not in ("postgres", "postgresql"):
        raise ValueError("it must begin with postgres:// or postgresql://")
    return secret


def _kube_user(name: str) -> str:
    return KubeUser(name).user


def _kube_groups(names: tuple[str, ...]) -> tuple[str, ...]:
    return KubeUser("somebody", names).groups


def _named_urls(value: object) -> object:
    """`name=url, …` as a mapping. Raises ValueError."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in split_commas(value)]
    if any(not equals or not name.strip() or not url.strip() for name, equals, url in pairs):
        raise ValueError("it must be name=url pairs")
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name stands there twice")
    return {name.strip(): url.strip() for name, _, url in pairs}


def _lower(text: str) -> str:
    return text.lower()


def _upper(text: str) -> str:
    return text.upper()


# Lengths are no part of a pattern, which would be large when compiled; and pydantic asks for the signature of each
# function, which takes long for those of the language.
SlackUserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,}$")]

CommaList = Annotated[tuple[str, ...], BeforeValidator(split_commas)]
SlackUserIds = Annotated[tuple[SlackUserId, ...], BeforeValidator(split_commas)]
KubeGroups = Annotated[tuple[str, ...], BeforeValidator(split_commas), AfterValidator(_kube_groups)]
KubeUserName = Annotated[str, AfterValidator(_kube_user)]
Secret = Annotated[SecretStr, AfterValidator(_one_word)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Duration = Annotated[float, BeforeValidator(_seconds)]
SchemaName = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-z_][a-z0-9_]*$")]
BotToken = Annotated[SecretStr, AfterValidator(_starting_with("xoxb-"))]
AppToken = Annotated[SecretStr, AfterValidator(_starting_with("xapp-"))]
SlackApiUrl = Annotated[str, AfterValidator(_slack_api_url)]
ServerUrl = Annotated[str, AfterValidator(_server_url)]
PrivateUrl = Annotated[str, AfterValidator(_private_url)]
Address = Annotated[str, AfterValidator(_address)]
Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^\S+$")]
CloudLocation = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-z0-9-]+$")]
AgentName = Annotated[str, StringConstraints(max_length=40, pattern=r"^\w[\w .-]*$")]
ModifyMode = Annotated[Mode, BeforeValidator(_lower)]
NamedUrls = Annotated[Mapping[str, str], BeforeValidator(_named_urls)]
Lower = BeforeValidator(_lower)
Upper = BeforeValidator(_upper)
