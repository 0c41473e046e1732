"""Building the configured provider. A vendor's SDK is imported here, when it is needed, in a thread: half a second of
imports and the reading of the system's certificates would hold up the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubeai_bot.providers.gemini import GeminiProvider
    from kubeai_bot.providers.openai import OpenAIProvider


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What an operator may set about a model, whatever the vendor. Timeouts in seconds.

    `window` and `max_output_tokens` in tokens (None: what is known of the model; the vendor's own limit).
    `read_timeout` is how long the server may be silent, before its answer and within it.
    """

    window: int | None = None
    max_output_tokens: int | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 120.0


async def connect_openai(
    model: str, api_key: str | None = None, base_url: str | None = None, options: ModelOptions | None = None
) -> OpenAIProvider:
    """`openai.openai_provider`, off the event loop. Raises ConfigError."""

    def build() -> OpenAIProvider:
        from kubeai_bot.providers.openai import openai_provider  # noqa: PLC0415 - loads the SDK

        return openai_provider(model, api_key, base_url, options)

    return await asyncio.to_thread(build)


async def connect_azure(
    model: str, endpoint: str, api_key: str, api_version: str | None = None, options: ModelOptions | None = None
) -> OpenAIProvider:
    """`openai.azure_provider`, off the event loop. Raises ConfigError."""

    def build() -> OpenAIProvider:
        from kubeai_bot.providers.openai import azure_provider  # noqa: PLC0415 - loads the SDK

        return azure_provider(model, endpoint, api_key, api_version, options)

    return await asyncio.to_thread(build)


async def connect_gemini(
    model: str, api_key: str, base_url: str | None = None, options: ModelOptions | None = None
) -> GeminiProvider:
    """`gemini.gemini_provider`, off the event loop. Raises ConfigError."""

    def build() -> GeminiProvider:
        from kubeai_bot.providers.gemini import gemini_provider  # noqa: PLC0415 - loads the SDK

        return gemini_provider(model, api_key, base_url, options)

    return await asyncio.to_thread(build)


async def connect_vertex(
    model: str, project: str, location: str, base_url: str | None = None, options: ModelOptions | None = None
) -> GeminiProvider:
    """`gemini.vertex_provider`, off the event loop. Raises ConfigError."""

    def build() -> GeminiProvider:
        from kubeai_bot.providers.gemini import vertex_provider  # noqa: PLC0415 - loads the SDK

        return vertex_provider(model, project, location, base_url, options)

    return await asyncio.to_thread(build)
