"""One question to the model: fitted to its window, streamed, retried with back-off that the person can see."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import structlog

from kubeai_bot.domain.event import Notice, TextDelta, TextDiscarded
from kubeai_bot.domain.history import estimate_tokens, fit
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import StoredMessage, ToolCall
from kubeai_bot.domain.redaction.redactor import RedactingStream, Redactor
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.errors import ContextOverflow, ProviderUnavailable, RateLimited
from kubeai_bot.interfaces import Emit, ModelFinished, ModelText, Provider

log = structlog.get_logger(__name__)

SHARE_OF_WINDOW = 0.8
TRIES = 4
LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """What goes to the model: system prompt, what of the history its asker may see, the tools it may call."""

    system: str
    history: Sequence[StoredMessage]
    identity: Identity
    tools: Sequence[ToolSpec]


@dataclass(slots=True)
class Asking:
    """Asks one provider on behalf of one turn. `partial` is what the model has said so far in the stream at hand."""

    provider: Provider
    emit: Emit
    redactor: Redactor
    partial: str = ""
    turns_left_out: int = 0
    _shrink: float = field(default=1.0)
    _clean: RedactingStream | None = field(default=None)

    async def ask(self, question: Question) -> ModelFinished:
        """The model's whole message. Raises ProviderError when every try has failed."""
        tries = 0
        while True:
            tries += 1
            try:
                return await self._stream(question)
            except ContextOverflow:
                if self._shrink < 0.1:
                    raise
                self._shrink /= 2
                log.info("context overflow: asking with less history", share=self._shrink)
            except (RateLimited, ProviderUnavailable) as error:
                wait = self._wait(error, tries)
                if tries >= TRIES or wait > LONGEST_WAIT:
                    raise
                log.warning("model call failed, trying again", error=type(error).__name__, wait=round(wait, 2))
                reason = "is over its rate limit" if isinstance(error, RateLimited) else "did not answer"
                await self.emit(
                    Notice(f"The model's API {reason}; trying again in {wait:.0f} s ({tries + 1} of {TRIES}).")
                )
                await asyncio.sleep(wait)
            if self.partial:
                self.partial = ""
                await self.emit(TextDiscarded())

    async def _stream(self, question: Question) -> ModelFinished:
        fixed = estimate_tokens(question.system) + sum(
            estimate_tokens(f"{tool.name}{tool.description}{tool.parameters}") for tool in question.tools
        )
        budget = int(self.provider.window * SHARE_OF_WINDOW * self._shrink) - fixed
        fitted = fit(question.history, question.identity, max(budget, 0))
        self.turns_left_out = max(self.turns_left_out, fitted.turns_left_out)
        self.partial = ""
        clean = self._clean = self.redactor.stream()
        async with aclosing(self.provider.stream(question.system, fitted.messages, question.tools)) as events:
            async for event in events:
                said = clean.feed(event.text) if isinstance(event, ModelText) else clean.finish()
                if said:
                    self.partial += said
                    await self.emit(TextDelta(said))
                if isinstance(event, ModelFinished):
                    self.partial, self._clean = "", None
                    return self._cleaned(event)
        raise ProviderUnavailable("the provider's stream ended without its last event")

    def take_partial(self) -> str:
        """What the model had said when it was interrupted, also what was held back to see whether it is a secret."""
        partial = self.partial + (self._clean.finish() if self._clean else "")
        self.partial, self._clean = "", None
        return partial

    def _cleaned(self, finished: ModelFinished) -> ModelFinished:
        """The model's message without anything that looks like a secret, in its arguments too."""
        text = self.redactor.text(finished.text).text
        calls = tuple(self._cleaned_call(call) for call in finished.calls)
        if (text, calls) == (finished.text, finished.calls):
            return finished
        return replace(finished, text=text, calls=calls, vendor=None)  # the vendor's parts hold it once more

    def _cleaned_call(self, call: ToolCall) -> ToolCall:
        arguments = None if call.arguments is None else self.redactor.json(call.arguments)
        raw = self.redactor.text(call.raw_arguments).text
        return replace(call, arguments=arguments, raw_arguments=raw if arguments == call.arguments else "")

    @staticmethod
    def _wait(error: RateLimited | ProviderUnavailable, tries: int) -> float:
        if isinstance(error, RateLimited) and error.retry_after is not None:
            return error.retry_after
        return min(2.0 ** (tries - 1), LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
