"""The model: reachable, its key accepted, and calling tools. One tiny request, which costs a few tokens."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime

from kubeai_bot.assembly.model import connect_provider
from kubeai_bot.doctor.bounds import bounded
from kubeai_bot.doctor.finding import Finding, defect, fault, ok, outage
from kubeai_bot.domain.message import Message, Source, StoredMessage, Text
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import (
    ConfigError,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from kubeai_bot.interfaces import ModelFinished, Provider
from kubeai_bot.settings.environment import Settings

_SYSTEM = "You answer questions about Kubernetes. Always call the tool that answers the question; never guess."
_QUESTION = "Who am I in Kubernetes?"
_TOOL = ToolSpec(
    "whoami",
    "Tells who the person is to the Kubernetes cluster.",
    {"type": "object", "properties": {}, "additionalProperties": False},
)
_ADDRESSES = {
    "openai": "OPENAI_BASE_URL",
    "azure": "AZURE_OPENAI_ENDPOINT",
    "gemini": "GOOGLE_GEMINI_BASE_URL",
    "vertex": "GOOGLE_VERTEX_BASE_URL",
}
_KEYS = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "vertex": "the application default credentials",
}


async def look_at_model(settings: Settings) -> tuple[Finding, ...]:
    return await bounded("model.answers", _ask(settings), f"the model {settings.model_id}")


async def _ask(settings: Settings) -> tuple[Finding, ...]:
    check, address = "model.answers", _ADDRESSES[settings.llm_provider]
    try:
        provider = await connect_provider(settings)
        try:
            answer = await _answer(provider)
        finally:
            await provider.aclose()
    except ConfigError as error:
        fix = "Correct LLM_PROVIDER and the variables that belong to it: docs/configuration.md."
        return tuple(fault(check, each, fix) for each in error.faults)
    except ProviderError as error:
        return (_refusal(check, error, settings),)
    if answer is None:
        fix = f"See what answers at {address}: it must speak the API of LLM_PROVIDER={settings.llm_provider}."
        return (outage(check, "the model's answer did not come to its end", fix),)
    return (ok(check, f"{settings.model_id} answers"), _tool_calling(answer, settings))


async def _answer(provider: Provider) -> ModelFinished | None:
    question = Message("doctor", Source.USER, Text(_QUESTION), None, datetime.now(UTC))
    async with aclosing(provider.stream(_SYSTEM, [StoredMessage(1, question)], [_TOOL])) as events:
        async for event in events:
            if isinstance(event, ModelFinished):
                return event
    return None


def _tool_calling(answer: ModelFinished, settings: Settings) -> Finding:
    check = "model.tool_calling"
    if any(call.name == _TOOL.name and call.arguments is not None for call in answer.calls):
        return ok(check, f"{settings.model_id} calls tools")
    fix = (
        "Set MODEL_ID to a model with tool calling; a server of your own must have it on (vLLM:"
        " --enable-auto-tool-choice --tool-call-parser …)."
    )
    how = "called a tool with broken arguments" if answer.calls else "answered without calling the tool it was given"
    return defect(check, f"{settings.model_id} {how}: without tools the bot cannot look into a cluster", fix)


def _refusal(check: str, error: ProviderError, settings: Settings) -> Finding:
    address, key = _ADDRESSES[settings.llm_provider], _KEYS[settings.llm_provider]
    match error:
        case ProviderRefused(status=401 | 403):
            return fault(check, str(error), f"Set {key} to one that may use MODEL_ID={settings.model_id}.")
        case ProviderRefused():
            return fault(check, str(error), f"Set MODEL_ID to a model that {address} serves, or correct {address}.")
        case QuotaExhausted():
            return defect(check, str(error), "Add credit to the account, or raise its limit.")
        case RateLimited():
            return outage(check, str(error), "Wait, or have the account's rate limit raised.")
        case ProviderUnavailable():
            return outage(
                check, str(error), f"Let this machine reach the model's server ({address}), and see if it is up."
            )
        case _:
            return defect(check, str(error), f"See whether MODEL_ID={settings.model_id} suits the bot.")
