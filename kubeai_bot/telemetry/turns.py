"""Turns, counted and timed where they are shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kubeai_bot.domain.event import TurnEnded, TurnEvent
from kubeai_bot.domain.session import AnswerRef
from kubeai_bot.interfaces import Emit, RecordAnswer, Showing, Stage
from kubeai_bot.telemetry.arrivals import Arrivals
from kubeai_bot.telemetry.metrics import Metrics
from kubeai_bot.telemetry.trace_ids import TurnKey, running_turn
from kubeai_bot.telemetry.traces import AGENT_NAME, OPERATION, Traces

SIGNS = ("agents_sessions_setStatus", "assistant_threads_setStatus", "chat_")
"""Beginnings of the Web API methods by which a person sees that somebody is at work."""

CallOutcome = Literal["ok", "refused", "limited", "unanswered"]


@dataclass(eq=False, slots=True)
class _Watched:
    """One turn while this replica shows it. `final`: its whole answer was put on record as shown."""

    showing: Showing
    arrived: float
    key: TurnKey | None
    signed: bool = False
    final: bool = field(default=False)

    def recording(self, record: RecordAnswer) -> RecordAnswer:
        async def recorded(answer: AnswerRef) -> None:
            await record(answer)
            self.final = self.final or answer.final

        return recorded


class Turns:
    """The turns that this replica works on. `clock` gives Unix time."""

    def __init__(
        self,
        metrics: Metrics,
        traces: Traces,
        arrivals: Arrivals,
        about: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`about`: attributes that the span of every turn has."""
        self._metrics = metrics
        self._traces = traces
        self._arrivals = arrivals
        self._about = about
        self._clock = clock
        self._running: set[_Watched] = set()
        metrics.turns_running.set_function(lambda: len(self._running))

    def shown_on(self, stage: Stage) -> Stage:
        """The stage, watched."""
        return _MeasuredStage(stage, self)

    def slack_called(self, method: str, outcome: CallOutcome) -> None:
        """For PacedCalls: what became of a Web API call. The first that shows something of a turn is its first sign."""
        self._metrics.slack_calls.labels(method, outcome).inc()
        if outcome == "limited":
            self._metrics.slack_limited.inc()
        if outcome != "ok" or not method.startswith(SIGNS) or (key := running_turn()) is None:
            return
        for watched in self._running:
            if watched.key == key and not watched.signed:
                watched.signed = True
                self._metrics.first_sign.observe(self._since(watched))

    def begin(self, showing: Showing) -> _Watched:
        arrived = self._arrivals.of(showing.thread, showing.asked_ts)
        # What an earlier runner has posted was the first sign.
        signed = showing.answer is not None and bool(showing.answer.posted)
        watched = _Watched(showing, arrived, running_turn(), signed)
        self._running.add(watched)
        task = asyncio.current_task()
        if task is not None:  # a runner that lost its lease ends this task
            task.add_done_callback(lambda _: self._running.discard(watched))
        return watched

    def ended(self, watched: _Watched, event: TurnEnded) -> None:
        """A turn whose answer Slack did not take is offered again, and counted then."""
        self._running.discard(watched)
        if not watched.final:
            return
        showing = watched.showing
        self._arrivals.forget(showing.thread, showing.asked_ts)
        self._metrics.turns.labels(event.outcome).inc()
        self._metrics.turn_seconds.observe(self._since(watched))
        if watched.key is not None:
            attributes = {OPERATION: "invoke_agent", **self._about, "kubeai.turn.outcome": event.outcome}
            name = f"invoke_agent {self._about.get(AGENT_NAME, '')}".strip()
            failed = "failed" if event.outcome == "failed" else ""
            self._traces.turn_ended(name, watched.key, watched.arrived, attributes, failed)

    def _since(self, watched: _Watched) -> float:
        return max(self._clock() - watched.arrived, 0.0)


class _MeasuredStage:
    def __init__(self, stage: Stage, turns: Turns) -> None:
        self._stage = stage
        self._turns = turns

    def open(self, showing: Showing) -> Emit:
        watched = self._turns.begin(showing)
        emit = self._stage.open(replace(showing, record=watched.recording(showing.record)))

        async def measured(event: TurnEvent) -> None:
            await emit(event)
            if isinstance(event, TurnEnded):
                self._turns.ended(watched, event)

        return measured
