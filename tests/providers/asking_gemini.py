"""Asking a provider, and recording its answers as the loop does."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

from kubeai_bot.domain.message import (
    Source,
    Text,
    ToolCallRequest,
    ToolCallResponse,
    VendorParts,
)
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.interfaces import ModelEvent, ModelFinished, Provider
from tests.providers.vendor import transcript

QUESTION = (Source.USER, Text("Who am I?"))


async def ask(provider: Provider, *said: Any, tools: tuple[ToolSpec, ...] = ()) -> list[ModelEvent]:
    async with aclosing(provider.stream("You are kubeai.", transcript(*(said or (QUESTION,))), tools)) as events:
        return [event async for event in events]


async def finished(provider: Provider, *said: Any) -> ModelFinished:
    last = (await ask(provider, *said))[-1]
    assert isinstance(last, ModelFinished)
    return last


def request_of(answer: ModelFinished) -> ToolCallRequest:
    """As the loop records it, after a way through a JSON store."""
    vendor = answer.vendor and VendorParts(answer.vendor.vendor, json.loads(json.dumps(answer.vendor.parts)))
    return ToolCallRequest(answer.calls, answer.text, vendor)


def results_of(answer: ModelFinished) -> list[ToolCallResponse]:
    return [ToolCallResponse(call.id, call.name, "mia") for call in answer.calls]
