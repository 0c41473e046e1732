"""The SDK's client for Gemini, told everything: what it is not told it would read from GOOGLE_* variables.

It is given an HTTP client of ours. Left alone it would use aiohttp, whose time limit covers a whole answer, and repeat
failed connections on its own.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ssl import SSLContext

import google.auth
import httpx2
from google import genai
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.genai import types
from google.genai.client import DebugConfig

from kubeai_bot.errors import ConfigError, ProviderRefused
from kubeai_bot.providers.account import Account
from kubeai_bot.providers.connect import ModelOptions

GEMINI_ADDRESS = "https://generativelanguage.googleapis.com"
_CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_MULTI_REGIONS = frozenset({"us", "eu"})
_HELD: ContextVar[AsyncExitStack] = ContextVar("what closes the responses to the request at hand")


@contextmanager
def responses_held_by(stack: AsyncExitStack) -> Generator[None]:
    """Responses to requests that are sent meanwhile are closed with `stack`.

    The SDK closes a response only when it is read to its end: after an error in a chunk, or when its generator is
    closed before, it leaves the connection to the garbage collector.
    """
    token = _HELD.set(stack)
    try:
        yield
    finally:
        _HELD.reset(token)


@dataclass(frozen=True, slots=True)
class VertexPlace:
    project: str
    location: str


@dataclass(frozen=True, slots=True)
class GeminiConnection:
    """The SDK's client and the HTTP client below it, which is ours to close."""

    client: genai.Client
    http: httpx2.AsyncClient

    async def aclose(self) -> None:
        await self.http.aclose()
        self.client.close()


def gemini_connection(api_key: str, base_url: str | None, options: ModelOptions, account: Account) -> GeminiConnection:
    """To the Gemini API, or to what answers for it at `base_url` (without the API version)."""
    trust = httpx2.create_ssl_context()
    http = _http_client(options, account, trust)
    client = genai.Client(
        api_key=api_key,
        vertexai=False,
        http_options=_http_options(base_url or GEMINI_ADDRESS, "v1beta", http, trust),
        debug_config=_no_replays(),
    )
    return GeminiConnection(client, http)


def vertex_connection(
    place: VertexPlace, credentials: Credentials, base_url: str | None, options: ModelOptions, account: Account
) -> GeminiConnection:
    """To Vertex AI, with access tokens from `credentials`."""
    trust = httpx2.create_ssl_context()
    http = _http_client(options, account, trust)
    client = genai.Client(
        vertexai=True,
        project=place.project,
        location=place.location,
        credentials=credentials,
        http_options=_http_options(base_url or _vertex_address(place.location), "v1beta1", http, trust),
        debug_config=_no_replays(),
    )
    return GeminiConnection(client, http)


def default_credentials() -> Credentials:
    """Google's application default credentials. Raises ConfigError where there are none."""
    try:
        credentials, _ = google.auth.default(scopes=[_CLOUD_SCOPE])
    except GoogleAuthError as error:
        fault = (
            "No Google credentials were found: LLM_PROVIDER=vertex uses application default credentials. Set "
            "GOOGLE_APPLICATION_CREDENTIALS to a credentials file, or run where Google gives the workload an identity."
        )
        raise ConfigError([fault]) from error
    return credentials


def _http_options(base_url: str, version: str, http: httpx2.AsyncClient, trust: SSLContext) -> types.HttpOptions:
    """Without a timeout of the SDK's, which would go out as a limit for the server on the whole answer; with `trust`
    also for the clients that are never used, for which it would read all certificates again."""
    return types.HttpOptions(
        base_url=base_url,
        api_version=version,
        httpx_async_client=http,
        client_args={"verify": trust},
        async_client_args={"ssl": trust},
        retry_options=types.HttpRetryOptions(attempts=1),
    )


def _no_replays() -> DebugConfig:
    return DebugConfig(client_mode=None, replays_directory=None, replay_id=None)


def _http_client(options: ModelOptions, account: Account, trust: SSLContext) -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(
        connect=options.connect_timeout,
        read=options.read_timeout,
        write=options.read_timeout,
        pool=options.connect_timeout,
    )

    async def with_timeout(request: httpx2.Request) -> None:  # the SDK asks for "never"
        request.extensions["timeout"] = timeout.as_dict()

    async def hold(response: httpx2.Response) -> None:
        _HELD.get().push_async_callback(response.aclose)

    async def no_web_page(response: httpx2.Response) -> None:
        if response.is_success and "text/html" in response.headers.get("content-type", ""):
            raise ProviderRefused(
                f"{account.vendor} answered with a web page. Check {account.address_setting}.", response.status_code
            )

    hooks = {"request": [with_timeout], "response": [hold, no_web_page]}
    return httpx2.AsyncClient(verify=trust, timeout=timeout, event_hooks=hooks)


def _vertex_address(location: str) -> str:
    """https://docs.cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint"""
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"
