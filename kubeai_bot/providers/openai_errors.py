"""From what OpenAI-compatible servers and their SDK say to the errors of this package.

The texts name the setting to look at. They never hold a key, and of the vendor's sentence only what does not quote the
request: some servers echo what they were sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import openai

from kubeai_bot.errors import (
    AnswerBlocked,
    ContextOverflow,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from kubeai_bot.providers.account import Account
from kubeai_bot.providers.loose import items, mapping, text
from kubeai_bot.providers.overflow import is_overflow
from kubeai_bot.providers.retry_after import retry_after

_NO_CREDIT = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "exceeded_current_quota_error", "insufficient_balance"}
)
_FILTERED = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
_RATE = frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests"})
_PASSING = frozenset({408, 409, 425})


@dataclass(frozen=True, slots=True)
class Complaint:
    """A server's refusal: HTTP status (None in mid-stream), machine-readable words, sentence, headers."""

    status: int | None
    codes: frozenset[str]
    sentence: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def from_body(cls, body: object, status: int | None, headers: Mapping[str, str] | None = None) -> Complaint:
        """From an error body in any of the shapes in use; HTML and other text that is not JSON is left aside."""
        outer = mapping(body[0] if isinstance(body, list) and body else body)
        error = outer.get("error", outer)
        inner = mapping(error)
        words = [inner.get(key) for key in ("code", "type", "status")]
        words.append(mapping(inner.get("innererror")).get("code"))
        code = next((word for word in words if isinstance(word, int) and 400 <= word < 600), None)
        sentence = text(error) or text(inner.get("message")) or text(inner.get("detail"))
        return cls(
            status=status or code,
            codes=frozenset(str(word) for word in words if word is not None),
            sentence=sentence or _details(inner),
            headers=headers or {},
        )


def error_from(complaint: Complaint, account: Account, asked: Sequence[Mapping[str, Any]]) -> ProviderError:
    """The error to raise. `asked` are the messages of the request, so that none of their text comes back in it."""
    status, codes, sentence = complaint.status, complaint.codes, complaint.sentence
    said = account.quotable(sentence, "\n".join(str(value) for message in asked for value in message.values()))
    if is_overflow(status, codes, sentence):
        return ContextOverflow(f"{account.vendor}: the request is too large for {account.model}{said}")
    if codes & _NO_CREDIT or status == 402:
        return QuotaExhausted(f"{account.vendor}: no credit or quota is left{said}")
    if codes & _FILTERED:
        return AnswerBlocked(f"{account.vendor}: the content filter refused the request")
    if status == 429 or (status is None and codes & _RATE):
        wait = retry_after(complaint.headers, sentence, datetime.now(UTC))
        return RateLimited(f"{account.vendor}: rate limit{said}", wait)
    if status is None or status >= 500 or status in _PASSING:
        return ProviderUnavailable(f"{account.vendor}: failed ({status or 'in mid-answer'}){said}")
    return ProviderRefused(account.refusal(status, said), status)


def error_from_sdk(error: openai.APIError, account: Account, asked: Sequence[Mapping[str, Any]]) -> ProviderError:
    """The error to raise from an exception of the SDK, which loses its own text: chained, it would bring back what a
    server echoed."""
    if isinstance(error, openai.APIStatusError):
        translated = error_from(
            Complaint.from_body(error.body, error.status_code, error.response.headers), account, asked
        )
    elif isinstance(error, openai.APITimeoutError):
        translated = ProviderUnavailable(f"{account.vendor}: no answer within the time limit")
    else:
        translated = ProviderUnavailable(
            f"{account.vendor}: no connection. If it never worked, check {account.address_setting}."
        )
    error.args = (type(error).__name__,)
    error.message = type(error).__name__
    error.body = None
    return translated


def error_from_transport(error: httpx2.HTTPError, account: Account) -> ProviderUnavailable:
    """The error to raise from a connection that broke or stalled in mid-answer."""
    if isinstance(error, httpx2.TimeoutException):
        return ProviderUnavailable(f"{account.vendor}: the answer stalled in the middle")
    return ProviderUnavailable(f"{account.vendor}: the connection broke in mid-answer")


def _details(inner: Mapping[str, Any]) -> str:
    """What FastAPI servers say of invalid fields: where and what, without the value."""
    found = [mapping(detail) for detail in items(inner.get("detail"))]
    return "; ".join(f"{'.'.join(map(str, items(item.get('loc'))))}: {text(item.get('msg'))}" for item in found)
