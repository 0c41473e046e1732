"""Section `mcp` of CONFIG_FILE, and MCP_SERVERS beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from kubeai_bot.settings.strict import Strict
from kubeai_bot.tools.mcp.config import ClientCredentials, McpServer, SignedToken

AUTH_PREFIX = "MCP_AUTH_"

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class OAuthEntry(Strict):
    """OAuth client credentials."""

    client_id: str
    client_secret: SecretStr
    token_url: str = ""
    issuer: str = ""
    scope: str = ""


class TokenEntry(Strict):
    """A signed token that tells the server who asks."""

    key: SecretStr
    algorithm: Literal["ES256", "ES384", "RS256", "PS256", "HS256"] = "ES256"
    issuer: str
    audience: str
    ttl: float = 60.0
    header: str = "Authorization"


class ServerEntry(Strict):
    """One entry of `mcp.servers`, in the terms of `McpServer`; `transport` is guessed from `url` and `command`."""

    name: str
    url: str = ""
    command: tuple[str, ...] = ()
    env: Mapping[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    cwd: str = ""
    transport: Literal["http", "sse", "stdio"] | None = None
    generation: Literal["auto", "legacy"] = "auto"
    headers: Mapping[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    bearer: SecretStr = SecretStr("")
    oauth: OAuthEntry | None = None
    allow: tuple[Pattern, ...] = ("*",)
    deny: tuple[Pattern, ...] = ()
    prefix: str | None = None
    reads: tuple[Pattern, ...] = ()
    sensitive: tuple[Pattern, ...] = ()
    trust_hints: bool = False
    timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
    connect_timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    max_bytes: Annotated[int, Field(gt=0, le=50_000_000)] = 1_000_000
    max_tools: Annotated[int, Field(gt=0, le=1000)] = 200
    forward: Mapping[str, str] = Field(default_factory=dict[str, str])
    token: TokenEntry | None = None

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        _ = self.server  # raises ValueError
        return self

    @property
    def server(self) -> McpServer:
        """Raises ValueError for what cannot work."""
        own = {"transport", "env", "headers", "bearer", "oauth", "token"}
        plain = {name: getattr(self, name) for name in type(self).model_fields if name not in own}
        return McpServer(
            **plain,
            transport=self.transport or ("stdio" if self.command else "http"),
            env=_plain(self.env),
            headers=_plain(self.headers),
            bearer=self.bearer.get_secret_value(),
            oauth=self._oauth,
            token=self._token,
        )

    @property
    def _oauth(self) -> ClientCredentials | None:
        given = self.oauth
        if given is None:
            return None
        secret = given.client_secret.get_secret_value()
        return ClientCredentials(given.client_id, secret, given.token_url, given.issuer, given.scope)

    @property
    def _token(self) -> SignedToken | None:
        given = self.token
        if given is None:
            return None
        key = given.key.get_secret_value()
        return SignedToken(key, given.algorithm, given.issuer, given.audience, given.ttl, given.header)

    def secrets(self) -> Iterator[str]:
        """Every secret of the entry, for the last filter of the log."""
        for held in (*self.env.values(), *self.headers.values(), self.bearer):
            yield held.get_secret_value()
        if self.oauth:
            yield self.oauth.client_secret.get_secret_value()
        if self.token:
            yield self.token.key.get_secret_value()


class McpSection(Strict):
    """`servers`: the MCP servers whose tools the bot offers."""

    servers: tuple[ServerEntry, ...] = ()

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [entry.name.lower() for entry in self.servers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"there are two servers named {twice[0]!r}")
        return self


def from_variables(servers: Mapping[str, str], auth: Mapping[str, str]) -> Iterator[ServerEntry | str]:
    """The servers of MCP_SERVERS (`name=url`), with the headers of MCP_AUTH_NAME; a fault in a sentence where one
    cannot work. `auth` is by variable name."""
    for name, url in servers.items():
        headers: dict[str, SecretStr] = {}
        variable = AUTH_PREFIX + _variable(name)
        for part in auth.get(variable, "").split(","):
            header, equals, value = part.strip().partition("=")
            if equals:
                headers[header.strip()] = SecretStr(value.strip())
            elif part.strip():
                yield f"{variable} cannot be used: give Header=value, with commas between several."
        try:
            yield ServerEntry(name=name, url=url, headers=headers)
        except ValueError as error:
            reason = str(error).rsplit("Value error, ", 1)[-1].split(" [type=", 1)[0]
            yield f"MCP_SERVERS: server {name!r} cannot be used: {reason}."
    wanted = {AUTH_PREFIX + _variable(name) for name in servers}
    for variable in sorted(set(auth) - wanted):
        yield f"{variable} belongs to no server of MCP_SERVERS: remove it, or name the server there."


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _plain(held: Mapping[str, SecretStr]) -> dict[str, str]:
    return {name: secret.get_secret_value() for name, secret in held.items()}
