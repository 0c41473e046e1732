"""Requests to the model: how many, how long, how much."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from kubeai_bot.domain.message import StoredMessage
from kubeai_bot.domain.session import Usage
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import (
    AnswerBlocked,
    ContextOverflow,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from kubeai_bot.interfaces import ModelEvent, ModelFinished, Provider
from kubeai_bot.telemetry.metrics import Metrics
from kubeai_bot.telemetry.traces import (
    CACHED_TOKENS,
    FINISH_REASONS,
    INPUT_TOKENS,
    OPERATION,
    OUTPUT_TOKENS,
    PROVIDER,
    PROVIDERS,
    REQUEST_MODEL,
    Span,
    Traces,
)

OUTCOMES: Mapping[type[ProviderError], str] = {
    RateLimited: "rate_limited",
    ProviderUnavailable: "unavailable",
    ContextOverflow: "context_overflow",
    QuotaExhausted: "quota",
    ProviderRefused: "refused",
    AnswerBlocked: "blocked",
}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; `cached` where cached input is billed apart from the rest."""

    input: float
    output: float
    cached: float | None = None

    def of(self, usage: Usage) -> float:
        cached = self.input if self.cached is None else self.cached
        fresh = usage.input - usage.cached
        return (fresh * self.input + usage.cached * cached + usage.output * self.output) / 1_000_000


class MeasuredProvider:
    """Passes every request on to `provider`. `prices` by model; what has none costs nothing that is known."""

    def __init__(self, provider: Provider, metrics: Metrics, traces: Traces, prices: Mapping[str, Price]) -> None:
        self._provider = provider
        self._metrics = metrics
        self._traces = traces
        self._price = prices.get(provider.model)
        self._labels = (provider.name, provider.model)
        self._about = {
            OPERATION: "chat",
            PROVIDER: PROVIDERS.get(provider.name, provider.name),
            REQUEST_MODEL: provider.model,
        }
        metrics.model_requests.labels(*self._labels, "ok")

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def model(self) -> str:
        return self._provider.model

    @property
    def window(self) -> int:
        return self._provider.window

    async def stream(
        self, system: str, messages: Sequence[StoredMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        began = time.monotonic()
        outcome, answering = "cancelled", False
        try:
            with self._traces.span(f"chat {self.model}", self._about, client=True) as span:
                async with aclosing(self._provider.stream(system, messages, tools)) as events:
                    async for event in events:
                        if not answering:
                            answering = True
                            self._metrics.first_token.observe(time.monotonic() - began)
                        if isinstance(event, ModelFinished):
                            outcome = "ok"
                            self._finished(event, span)
                        yield event
                if outcome != "ok":
                    outcome = "unavailable"  # the stream ended without its last event
                    span.fail(outcome)
        except ProviderError as error:
            outcome = OUTCOMES.get(type(error), "error")
            raise
        finally:
            self._metrics.model_requests.labels(*self._labels, outcome).inc()
            self._metrics.model_seconds.labels(*self._labels).observe(time.monotonic() - began)

    async def aclose(self) -> None:
        await self._provider.aclose()

    def _finished(self, event: ModelFinished, span: Span) -> None:
        usage = event.usage
        reason = "length" if event.truncated else "tool_call" if event.calls else "stop"
        span.note(
            {
                FINISH_REASONS: (reason,),
                INPUT_TOKENS: usage.input,
                OUTPUT_TOKENS: usage.output,
                CACHED_TOKENS: usage.cached,
            }
        )
        for kind, count in (
            ("input", max(usage.input - usage.cached, 0)),
            ("cached", usage.cached),
            ("output", usage.output),
        ):
            self._metrics.tokens.labels(*self._labels, kind).inc(count)
        if self._price is not None:
            self._metrics.cost.labels(*self._labels).inc(self._price.of(usage))
