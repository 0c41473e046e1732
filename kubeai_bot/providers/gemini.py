"""Gemini, through the Gemini API and through Vertex AI (now "Gemini Enterprise Agent Platform").

Importing this module loads the SDK (a second): `kubeai_bot.providers.connect` does that off the event loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing

import httpx2
from google.auth.exceptions import GoogleAuthError
from google.genai import types
from google.genai.errors import APIError

from kubeai_bot.domain.message import StoredMessage
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import ConfigError, ProviderUnavailable
from kubeai_bot.interfaces import ModelEvent, ModelText
from kubeai_bot.providers.account import Account
from kubeai_bot.providers.connect import ModelOptions
from kubeai_bot.providers.gemini_answer import Answer, Origin
from kubeai_bot.providers.gemini_client import (
    GeminiConnection,
    VertexPlace,
    default_credentials,
    gemini_connection,
    responses_held_by,
    vertex_connection,
)
from kubeai_bot.providers.gemini_contents import to_contents, to_tools
from kubeai_bot.providers.gemini_errors import Asked, error_from_login, error_from_sdk, error_from_transport
from kubeai_bot.providers.loose import well_formed
from kubeai_bot.providers.telling import call_ids
from kubeai_bot.providers.windows import window_of

TAIL_SECONDS = 2.0
"""How long to wait for what may follow the end of an answer (its usage, the end of the stream)."""

_Chunk = types.GenerateContentResponse
_GARBLED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""The SDK's ways to meet JSON of the wrong shape."""


def gemini_provider(
    model: str, api_key: str, base_url: str | None = None, options: ModelOptions | None = None
) -> GeminiProvider:
    """A provider for the Gemini API, or for what answers for it at `base_url`.

    Raises ConfigError without a key, and for a model whose name could lead to another address.
    """
    if not api_key:
        raise ConfigError(["GEMINI_API_KEY is not set."])
    _check(model)
    options = options or ModelOptions()
    account = Account("Gemini", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", model, lambda: api_key)
    connection = gemini_connection(api_key, base_url, options, account)
    return GeminiProvider(Origin("gemini", model), connection, account, options)


def vertex_provider(
    model: str, project: str, location: str, base_url: str | None = None, options: ModelOptions | None = None
) -> GeminiProvider:
    """A provider for Gemini on Vertex AI, as the application default credentials.

    Raises ConfigError without a project, for a model whose name could lead to another address, and where there are no
    such credentials.
    """
    if not project:
        raise ConfigError(["GOOGLE_CLOUD_PROJECT is not set: LLM_PROVIDER=vertex needs it."])
    _check(model)
    options = options or ModelOptions()
    settings = "GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION and GOOGLE_VERTEX_BASE_URL"
    credentials = default_credentials()
    account = Account(
        "Vertex AI", "GOOGLE_APPLICATION_CREDENTIALS", settings, model, lambda: str(credentials.token or "")
    )
    connection = vertex_connection(VertexPlace(project, location), credentials, base_url, options, account)
    return GeminiProvider(Origin("vertex", model), connection, account, options)


def _check(model: str) -> None:
    """A model's name becomes part of a path."""
    if ".." in model or not re.fullmatch(r"[\w./@:-]+", model):
        raise ConfigError(["MODEL_ID is not a model of Gemini: give its id, like gemini-2.5-flash."])


class GeminiProvider:
    """`Provider` over `generate_content_stream`. Built by `gemini_provider` and `vertex_provider`; `aclose` it at the
    end."""

    def __init__(self, origin: Origin, connection: GeminiConnection, account: Account, options: ModelOptions) -> None:
        self._origin = origin
        self._connection = connection
        self._account = account
        self._options = options
        self._window = options.window or window_of(origin.model)

    @property
    def name(self) -> str:
        return self._origin.service

    @property
    def model(self) -> str:
        return self._origin.model

    @property
    def window(self) -> int:
        return self._window

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def stream(
        self, system: str, messages: Sequence[StoredMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        """As `Provider.stream`. Raises ProviderError."""
        asked = Asked(well_formed(system), to_contents(messages, self._origin))
        answer = Answer()
        async with aclosing(self._chunks(asked, tools, answer)) as received:
            async for chunk in received:
                if piece := answer.add(chunk):
                    yield ModelText(piece)
        if not answer.complete:
            raise ProviderUnavailable("the answer was cut off: the stream ended without a finish reason")
        yield answer.finish(self._origin, call_ids(messages))

    async def _chunks(self, asked: Asked, tools: Sequence[ToolSpec], answer: Answer) -> AsyncGenerator[_Chunk, None]:
        """What the SDK gives, with its errors translated. Raises ProviderError."""
        begun = False
        async with AsyncExitStack() as held:
            try:
                received = await self._connection.client.aio.models.generate_content_stream(
                    model=self.model, contents=list(asked.contents), config=self._config(asked.system, tools)
                )
                while (chunk := await _next(received, held, answer)) is not None:
                    begun = True
                    yield chunk
            except APIError as error:
                raise error_from_sdk(error, self._account, asked) from error
            except httpx2.HTTPError as error:
                raise error_from_transport(error, self._account, begun=begun) from error
            except GoogleAuthError as error:
                raise error_from_login(error, self._account) from error
            except _GARBLED:
                # Not chained: their texts quote what was received.
                raise ProviderUnavailable(f"{self._account.vendor}: the answer was cut off or garbled") from None

    def _config(self, system: str, tools: Sequence[ToolSpec]) -> types.GenerateContentConfig:
        return types.GenerateContentConfig(
            system_instruction=system if system.strip() else None,
            tools=list(to_tools(tools)),
            max_output_tokens=self._options.max_output_tokens,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            automatic_continuation=False,
        )


async def _next(received: AsyncIterator[_Chunk], held: AsyncExitStack, answer: Answer) -> _Chunk | None:
    """The next chunk; None when there is no more. Once the answer is complete, nothing that follows is a failure."""
    try:
        async with asyncio.timeout(TAIL_SECONDS if answer.complete else None):
            with responses_held_by(held):
                return await anext(received, None)
    except (APIError, httpx2.HTTPError, TimeoutError, *_GARBLED):
        if not answer.complete:
            raise
        return None
