"""OpenAI's chat completions, and everything that speaks them: Azure OpenAI, gateways, local servers.

Importing this module loads the SDK (half a second): `kubeai_bot.providers.connect` does that off the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx2
import openai
import structlog

from kubeai_bot.domain.message import StoredMessage
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import ConfigError, ProviderRefused
from kubeai_bot.interfaces import ModelEvent, ModelText
from kubeai_bot.providers.account import Account
from kubeai_bot.providers.connect import ModelOptions
from kubeai_bot.providers.openai_answer import Answer
from kubeai_bot.providers.openai_errors import Complaint, error_from, error_from_sdk, error_from_transport
from kubeai_bot.providers.openai_messages import ChatMessage, chat_messages, chat_tools
from kubeai_bot.providers.openai_stream import chunks
from kubeai_bot.providers.telling import call_ids
from kubeai_bot.providers.windows import window_of

log = structlog.get_logger(__name__)

OPENAI_ADDRESS = "https://api.openai.com/v1"
_NO_KEY_NEEDED = "no-key-needed"


def openai_provider(
    model: str, api_key: str | None = None, base_url: str | None = None, options: ModelOptions | None = None
) -> OpenAIProvider:
    """A provider for OpenAI, or for the compatible server at `base_url` (which may want no key).

    Raises ConfigError without a key for OpenAI itself.
    """
    if not api_key and not base_url:
        raise ConfigError(["OPENAI_API_KEY is not set (only a server of your own, OPENAI_BASE_URL, works without)."])
    options = options or ModelOptions()
    client = openai.AsyncOpenAI(
        api_key=api_key or _NO_KEY_NEEDED,
        base_url=base_url or OPENAI_ADDRESS,
        max_retries=0,
        timeout=_timeout(options),
    )
    vendor = "The OpenAI-compatible server" if base_url else "OpenAI"
    account = Account(vendor, "OPENAI_API_KEY", "OPENAI_BASE_URL", model, lambda: api_key or "")
    return OpenAIProvider("openai", client, account, options)


def azure_provider(
    model: str, endpoint: str, api_key: str, api_version: str | None = None, options: ModelOptions | None = None
) -> OpenAIProvider:
    """A provider for Azure OpenAI: `model` is the deployment's name, `endpoint` like `https://shop.openai.azure.com`.

    Without an `api_version` the version-less address `/openai/v1/` is used. Raises ConfigError without a key.
    """
    if not api_key:
        raise ConfigError(["AZURE_OPENAI_API_KEY is not set."])
    options = options or ModelOptions()
    if api_version:
        client: openai.AsyncOpenAI = openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint,
            api_key=api_key,
            api_version=api_version,
            max_retries=0,
            timeout=_timeout(options),
        )
    else:
        client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=f"{endpoint.rstrip('/')}/openai/v1/",
            max_retries=0,
            timeout=_timeout(options),
        )
    settings = "AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_VERSION (MODEL_ID is the deployment's name)"
    return OpenAIProvider(
        "azure", client, Account("Azure OpenAI", "AZURE_OPENAI_API_KEY", settings, model, lambda: api_key), options
    )


class OpenAIProvider:
    """`Provider` over chat completions. Built by `openai_provider` and `azure_provider`; `aclose` it at the end."""

    def __init__(self, name: str, client: openai.AsyncOpenAI, account: Account, options: ModelOptions) -> None:
        self._name = name
        self._client = client
        self._account = account
        self._options = options
        self._window = options.window or window_of(account.model)
        self._usage_on_request = True

    @property
    def name(self) -> str:
        return self._name

    @property
    def model(self) -> str:
        return self._account.model

    @property
    def window(self) -> int:
        return self._window

    async def aclose(self) -> None:
        await self._client.close()

    async def stream(
        self, system: str, messages: Sequence[StoredMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        """As `Provider.stream`. Raises ProviderError."""
        chat = chat_messages(system, messages, self.model)
        answer = Answer()
        try:
            async with AsyncExitStack() as held:
                response = await self._open(held, self._request(chat, tools))
                async with aclosing(chunks(response, answer)) as received:
                    async for chunk in received:
                        if chunk.get("error") or chunk.get("object") == "error":
                            raise error_from(Complaint.from_body(chunk, None), self._account, chat)
                        if piece := answer.add(chunk):
                            yield ModelText(piece)
        except openai.APIError as error:
            raise error_from_sdk(error, self._account, chat) from error
        except httpx2.HTTPError as error:
            raise error_from_transport(error, self._account) from error
        if piece := answer.rest():
            yield ModelText(piece)
        yield answer.finish(self.model, call_ids(messages))

    async def _open(self, held: AsyncExitStack, request: dict[str, Any]) -> httpx2.Response:
        """The response, to be read while `held` is open. Raises ProviderRefused, openai.APIError."""
        create = self._client.chat.completions.with_streaming_response.create
        try:
            raw = await held.enter_async_context(create(**request))
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if "stream_options" not in request or not _minds_stream_options(error):
                raise
            del request["stream_options"]
            raw = await held.enter_async_context(create(**request))
            self._usage_on_request = False
            log.info("this model's server does not know stream_options: token usage may be missing", model=self.model)
        if "text/html" in raw.headers.get("content-type", ""):
            raise ProviderRefused(
                f"{self._account.vendor} answered with a web page. Check {self._account.address_setting}"
                " (such an address usually ends in /v1).",
                raw.status_code,
            )
        return raw.http_response

    def _request(self, chat: list[ChatMessage], tools: Sequence[ToolSpec]) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self.model, "messages": chat, "stream": True}
        if self._usage_on_request:
            request["stream_options"] = {"include_usage": True}
        if tools:
            request["tools"] = chat_tools(tools)
        if self._options.max_output_tokens is not None:
            request["max_completion_tokens"] = self._options.max_output_tokens
        return request


def _minds_stream_options(error: openai.APIStatusError) -> bool:
    said = f"{error.message} {error.body}".lower()
    return any(
        words in said
        for words in (
            "stream_options",
            "unknown field",
            "unknown parameter",
            "unrecognized",
            "extra inputs",
            "extra fields",
        )
    )


def _timeout(options: ModelOptions) -> httpx2.Timeout:
    return httpx2.Timeout(
        connect=options.connect_timeout,
        read=options.read_timeout,
        write=options.read_timeout,
        pool=options.connect_timeout,
    )
