"""Spans by the OpenTelemetry SDK over OTLP/HTTP. Imported only where an exporter is configured.

The SDK reads its own standard variables (endpoint, headers, timeouts, batch sizes, sampler, resource attributes:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Nothing is made global: libraries
that would trace by themselves stay quiet, and no `traceparent` is sent to anybody.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import structlog
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from kubeai_bot.telemetry.trace_ids import TurnKey, running_turn
from kubeai_bot.telemetry.traces import CONVERSATION, Attributes, NoSpan, Span

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 5.0
"""How long sending the last spans may hold up the end of the process."""


def open_traces(version: str, flush_seconds: float = FLUSH_SECONDS) -> OpenTelemetry:
    """Spans are sent from a thread of the SDK's, in batches."""
    ids = _Ids()
    provider = TracerProvider(resource=_resource(version), id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OpenTelemetry(provider, ids, flush_seconds)


def _resource(version: str) -> Resource:
    """What the environment says wins."""
    given = Resource.create({})
    unnamed = str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service")
    name = {SERVICE_NAME: "kubeai-bot"} if unnamed else {}
    return Resource({SERVICE_VERSION: version}).merge(given).merge(Resource(name))


class _Ids(RandomIdGenerator):
    """Random ids, but for the span of a whole turn."""

    def __init__(self) -> None:
        self.turn: TurnKey | None = None

    def generate_trace_id(self) -> int:
        return self.turn.trace_id if self.turn else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.turn.root_span_id if self.turn else super().generate_span_id()


class _OpenSpan:
    """A span, and the block that it stands for."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._failed = False

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(dict(attributes))

    def fail(self, reason: str) -> None:
        self._failed = True
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None and kind is not GeneratorExit and not self._failed:
            self.fail(kind.__name__)
        self._span.end()


@contextmanager
def _made_current(span: trace.Span, context: Context | None) -> Generator[None]:
    """Only what begins and ends in one task may make its span current."""
    if context is None:
        yield
        return
    token = attach(trace.set_span_in_context(span, context))
    try:
        yield
    finally:
        detach(token)


class OpenTelemetry:
    """Traces of the seams. Every span of a turn hangs below the turn's own, whose id is known before it is sent: the
    spans of a runner that died stand beside its successor's."""

    def __init__(self, provider: TracerProvider, ids: _Ids, flush_seconds: float) -> None:
        self._provider = provider
        self._ids = ids
        self._flush_seconds = flush_seconds
        self._tracer = provider.get_tracer("kubeai_bot")

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Attributes,
        *,
        client: bool = False,
        current: bool = False,
        turn: TurnKey | None = None,
    ) -> Generator[Span]:
        turn = turn or running_turn()
        if turn is None:
            yield NoSpan()
            return
        context = self._below(turn)
        kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        span = self._tracer.start_span(name, context, kind, {CONVERSATION: turn.session_id, **attributes})
        with _OpenSpan(span) as opened, _made_current(span, context if current else None):
            yield opened

    def turn_ended(self, name: str, turn: TurnKey, began: float, attributes: Attributes, failed: str = "") -> None:
        self._ids.turn = turn
        try:
            started = int(began * 1_000_000_000)
            span = self._tracer.start_span(
                name, Context(), attributes={CONVERSATION: turn.session_id, **attributes}, start_time=started
            )
        finally:
            self._ids.turn = None
        with _OpenSpan(span) as opened:
            if failed:
                opened.fail(failed)

    async def aclose(self) -> None:
        """In a daemon thread: an endpoint that hangs must hold up neither the loop nor the end of the process."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(sent.set)

        threading.Thread(target=send, name="last spans", daemon=True).start()
        try:
            await asyncio.wait_for(sent.wait(), self._flush_seconds)
        except TimeoutError:
            log.warning("the last spans could not be sent in time", seconds=self._flush_seconds)

    def _below(self, turn: TurnKey) -> Context:
        """The span that is current, where it is this turn's; else the turn's own, which may be sent much later."""
        here = trace.get_current_span().get_span_context()
        if here.is_valid and here.trace_id == turn.trace_id:
            return trace.set_span_in_context(trace.get_current_span())
        flags = TraceFlags(TraceFlags.SAMPLED if self._is_sampled(turn) else TraceFlags.DEFAULT)
        root = SpanContext(turn.trace_id, turn.root_span_id, is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(NonRecordingSpan(root), Context())

    def _is_sampled(self, turn: TurnKey) -> bool:
        """Decided by the trace's id alone, so that all replicas agree."""
        return self._provider.sampler.should_sample(Context(), turn.trace_id, "").decision.is_sampled()
