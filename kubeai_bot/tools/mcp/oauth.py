"""OAuth with client credentials, as an `httpx2.Auth`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote

import httpx2
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from kubeai_bot.errors import KubeAIError
from kubeai_bot.tools.mcp.config import ClientCredentials, McpServer
from kubeai_bot.tools.mcp.wording import one_line

_EARLY = 30.0
"""Seconds before its expiry at which a token is replaced."""


class NoToken(KubeAIError):
    """The authorization server gave no token; what was to be sent was not."""


def oauth_of(server: McpServer) -> httpx2.Auth | None:
    """One for all connections to the server, so that they share the token."""
    given = server.oauth
    if given is None:
        return None
    if given.token_url:
        return _FromTokenUrl(given)
    return ClientCredentialsOAuthProvider(
        server_url=server.url,
        storage=_InMemory(),
        client_id=given.client_id,
        client_secret=given.client_secret,
        scope=given.scope or None,
        issuer=given.issuer,
    )


class _FromTokenUrl(httpx2.Auth):
    """RFC 6749, 4.4, at an endpoint that the operator has named: the secret goes nowhere else."""

    requires_response_body = False

    def __init__(self, given: ClientCredentials) -> None:
        self._given = given
        self._token = ""
        self._good_until = 0.0
        self._lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        async with self._lock:
            if time.monotonic() >= self._good_until:
                response = yield self._question()
                await response.aread()
                self._keep(response)
            token = self._token
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == 401:  # revoked: the next request asks for another
            self._good_until = 0.0

    def _question(self) -> httpx2.Request:
        given = self._given
        form = {"grant_type": "client_credentials", **({"scope": given.scope} if given.scope else {})}
        pair = httpx2.BasicAuth(quote(given.client_id, safe=""), quote(given.client_secret, safe=""))
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        return next(pair.auth_flow(httpx2.Request("POST", given.token_url, data=form, headers=headers)))

    def _keep(self, response: httpx2.Response) -> None:
        try:
            said: Any = response.json()
        except ValueError:
            said = None
        if response.status_code != 200 or not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
            why = one_line(said.get("error", ""), 60) if isinstance(said, dict) else ""
            words = f" ({why})" if why else ""
            raise NoToken(f"the authorization server gave no token: HTTP {response.status_code}{words}")
        self._token = said["access_token"]
        lives = said.get("expires_in")
        lives = float(lives) if isinstance(lives, int | float) and lives > 0 else 300.0
        self._good_until = time.monotonic() + max(lives - _EARLY, lives / 2)


class _InMemory:
    """The SDK's TokenStorage."""

    def __init__(self) -> None:
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info
