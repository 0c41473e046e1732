"""The model's provider that the settings name. Only its SDK is imported."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from kubeai_bot.interfaces import Provider
from kubeai_bot.providers.connect import ModelOptions, connect_azure, connect_gemini, connect_openai, connect_vertex
from kubeai_bot.settings.environment import Settings


async def connect_provider(settings: Settings) -> Provider:
    windows: Mapping[str, int] = settings.config.models.windows
    model, options = settings.model_id, ModelOptions(window=windows.get(settings.model_id))
    match settings.llm_provider:
        case "openai":
            return await connect_openai(model, _plain(settings.openai_api_key), settings.openai_base_url, options)
        case "azure":
            endpoint, version = settings.azure_openai_endpoint or "", settings.azure_openai_api_version
            return await connect_azure(model, endpoint, _plain(settings.azure_openai_api_key), version, options)
        case "gemini":
            key, address = _plain(settings.gemini_api_key), settings.google_gemini_base_url
            return await connect_gemini(model, key, address, options)
        case "vertex":
            project, location = settings.google_cloud_project or "", settings.google_cloud_location
            return await connect_vertex(model, project, location, settings.google_vertex_base_url, options)


def _plain(secret: SecretStr | None) -> str:
    """Settings.load has refused what is missing; "" is refused where the provider is built."""
    return secret.get_secret_value() if secret else ""
