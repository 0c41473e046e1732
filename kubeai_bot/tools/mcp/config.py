"""What an operator says about an MCP server. Imports nothing of the SDK, so that settings can be read without it."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["http", "sse", "stdio"]

FORWARDED = frozenset({"user", "groups", "slack_user"})
"""What header templates may name: the Kubernetes user, the Kubernetes groups (comma-separated), the Slack user id."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_PREFIX = re.compile(r"[A-Za-z_](?:[A-Za-z0-9-]|_(?!_)){0,29}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, token
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth 2.1, grant `client_credentials`. The secret goes to `token_url`; or, where `issuer` is given in its place,
    to the token endpoint that this issuer's metadata names, once the MCP server has led to that issuer. `scope` counts
    with `token_url` only: otherwise the MCP server says which it wants (MCP authorization, scope selection)."""

    client_id: str
    client_secret: str = field(repr=False)
    token_url: str = ""
    issuer: str = ""
    scope: str = ""

    def __post_init__(self) -> None:
        if bool(self.token_url) == bool(self.issuer):
            raise ValueError("OAuth client credentials need either a token URL or an issuer")
        _check_url(self.token_url or self.issuer)


@dataclass(frozen=True, slots=True)
class SignedToken:
    """Tells the server who asks: a JWT, signed anew for each request, good for `ttl` seconds.

    Claims: sub (the Kubernetes user), groups, slack_user, slack_team, iss, aud, iat, nbf, exp, jti. `key` is a PEM
    private key, or for HS256 a shared secret of at least 32 bytes. In `Authorization` it goes out as a bearer token.
    """

    key: str = field(repr=False)
    algorithm: Literal["ES256", "ES384", "RS256", "PS256", "HS256"]
    issuer: str
    audience: str
    ttl: float = 60.0
    header: str = "Authorization"

    def __post_init__(self) -> None:
        if self.algorithm == "HS256" and len(self.key.encode()) < 32:
            raise ValueError("a shared secret for HS256 needs at least 32 bytes")
        if self.algorithm != "HS256" and "PRIVATE KEY" not in self.key:
            raise ValueError(f"{self.algorithm} needs a private key in PEM")
        if not self.issuer or not self.audience:
            raise ValueError("a signed token needs an issuer and an audience")
        if not 5 <= self.ttl <= 600:
            raise ValueError("a signed token lives between 5 and 600 seconds")
        _check_header(self.header, "")


@dataclass(frozen=True, slots=True)
class McpServer:
    """One server. `reads`, `sensitive`, `allow` and `deny` are shell patterns over the names its tools have there.

    `generation` legacy spares the probe for the stateless protocol (2026-07-28), which costs ten seconds with stdio
    servers that ignore what they do not know. `trust_hints`: the server's annotations (readOnlyHint, destructiveHint)
    are believed; otherwise, and where there are none, a tool that `reads` does not name counts as changing something.
    `max_bytes` bounds one message of the server. `forward` holds header templates with {user}, {groups}, {slack_user}.
    Raises ValueError, in one sentence, for what cannot work.
    """

    name: str
    url: str = field(default="", repr=False)
    command: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: str = ""
    transport: Kind = "http"
    generation: Literal["auto", "legacy"] = "auto"
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    bearer: str = field(default="", repr=False)
    oauth: ClientCredentials | None = None
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    prefix: str | None = None
    reads: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    trust_hints: bool = False
    timeout: float = 60.0
    connect_timeout: float = 20.0
    max_bytes: int = 1_000_000
    max_tools: int = 200
    forward: Mapping[str, str] = field(default_factory=dict[str, str])
    token: SignedToken | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a server's name is made of letters, digits, dots, hyphens and underscores, at most 40")
        if self.prefix is not None and self.prefix and (not _PREFIX.fullmatch(self.prefix) or self.prefix[-1] == "_"):
            raise ValueError(
                f"the prefix {self.prefix!r} must begin with a letter, hold letters, digits, hyphens and single"
                " underscores, at most 30, and not end in an underscore"
            )
        if self.transport == "stdio":
            self._check_stdio()
        else:
            self._check_http()
        if min(self.timeout, self.connect_timeout, self.max_bytes, self.max_tools) <= 0:
            raise ValueError("time and size limits must be greater than 0")

    @property
    def public_prefix(self) -> str:
        """What the names of its tools begin with, before `__`; "" where the operator wants none."""
        if self.prefix is not None:
            return self.prefix
        plain = re.sub(r"_{2,}", "_", self.name.replace(".", "_")).rstrip("_")[:29].rstrip("_")
        return plain if plain[0].isalpha() else f"_{plain}"

    @property
    def per_person(self) -> bool:
        """Whether the server is told who asks, so that each person needs a connection of their own."""
        return bool(self.forward) or self.token is not None

    def _check_stdio(self) -> None:
        if not self.command or self.url:
            raise ValueError("transport stdio needs a command, and no URL")
        if self.headers or self.bearer or self.oauth or self.per_person:
            raise ValueError("headers and tokens do not exist with stdio: give the server what it needs in its env")
        for name, value in self.env.items():
            if not _ENV_NAME.fullmatch(name) or "\0" in value:
                raise ValueError(f"{name!r} is no name, or has no value, for an environment variable")

    def _check_http(self) -> None:
        if not self.url or self.command:
            raise ValueError(f"transport {self.transport} needs a URL, and no command")
        if self.env or self.cwd:
            raise ValueError(f"env and cwd mean nothing with transport {self.transport}")
        _check_url(self.url)
        for name, value in self.headers.items():
            _check_header(name, value)
        for name, template in self.forward.items():
            _check_header(name, template)
            _check_template(template)
        claimed = [name.lower() for name in (*self.headers, *self.forward)]
        claimed += ["authorization"] * (bool(self.bearer) + (self.oauth is not None))
        claimed += [self.token.header.lower()] if self.token else []
        twice = sorted({name for name in claimed if claimed.count(name) > 1})
        if twice:
            raise ValueError(f"the header {twice[0]!r} would be set twice")
        if not _VALUE.fullmatch(self.bearer):
            raise ValueError("the bearer token holds characters that a header cannot carry")


def _check_url(url: str) -> None:
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?", url):
        raise ValueError("a URL must be http:// or https://, with a host, without user, password and fragment")


def _check_header(name: str, value: str) -> None:
    if not _HEADER.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a header")
    if not _VALUE.fullmatch(value):
        raise ValueError(f"the value of header {name!r} holds characters that a header cannot carry")
    if name.lower() in ("host", "content-length", "content-type", "accept", "accept-encoding", "transfer-encoding"):
        raise ValueError(f"header {name!r} is the protocol's own")


def _check_template(template: str) -> None:
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"the header template {template!r} is not well formed: {error}") from error
    if not named or not named <= FORWARDED:
        raise ValueError(f"the header template {template!r} may hold {{user}}, {{groups}} and {{slack_user}}, and must")
