"""From what Gemini, Vertex AI and their SDK say to the errors of this package.

Google's errors are `google.rpc.Status` with typed details: https://cloud.google.com/apis/design/errors. The texts made
here name the setting to look at; they never hold a key, and of Google's sentence only what does not quote the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import httpx2
from google.auth.exceptions import GoogleAuthError, TransportError
from google.genai import types
from google.genai.errors import APIError

from kubeai_bot.errors import (
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

_PASSING = frozenset({408, 409, 425, 499})
_BAD_KEY = re.compile(r"api key (?:not valid|expired|not found)", re.IGNORECASE)
_BAD_KEY_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})
_NO_CREDIT = re.compile(r"\blimit: 0\b|credits? (?:are|is|have been) depleted|spend(?:ing)? cap", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent, so that none of it comes back in an error."""

    system: str
    contents: Sequence[types.Content]

    def words(self) -> str:
        words = [self.system]
        for part in (part for content in self.contents for part in content.parts or ()):
            words.append(part.text or "")
            if part.function_call:
                words.append(str(part.function_call.args))
            if part.function_response:
                words += map(str, mapping(part.function_response.response).values())
        return "\n".join(words)


@dataclass(frozen=True, slots=True)
class _Complaint:
    status: int | None
    words: frozenset[str]
    """Machine-readable: the canonical status and the reasons of the details."""
    sentence: str
    details: Sequence[Mapping[str, Any]]
    headers: Mapping[str, str]


def error_from_sdk(error: APIError, account: Account, asked: Asked) -> ProviderError:
    """The error to raise from an exception of the SDK, which loses its own text: chained, it would bring back what a
    server echoed."""
    translated = _error_from(_complaint(error), account, asked)
    error.args = (type(error).__name__,)
    error.message = error.details = error.response = None
    return translated


def error_from_transport(error: httpx2.HTTPError, account: Account, *, begun: bool) -> ProviderUnavailable:
    """The error to raise from a connection that could not be made, broke or stalled; `begun`: within the answer."""
    if isinstance(error, httpx2.TimeoutException):
        said = "the answer stalled in the middle" if begun else "no answer within the time limit"
    elif begun:
        said = "the connection broke in mid-answer"
    else:
        said = f"no connection. If it never worked, check {account.address_setting}."
    return ProviderUnavailable(f"{account.vendor}: {said}")


def error_from_login(error: GoogleAuthError, account: Account) -> ProviderError:
    """The error to raise where Google's token endpoint gives no access token."""
    passing = error.retryable or isinstance(error, TransportError)
    error.args = (type(error).__name__,)
    if passing:
        return ProviderUnavailable(f"{account.vendor}: the login at Google failed for the moment")
    return ProviderRefused(f"{account.vendor} does not accept the credentials. Check {account.key_setting}.")


def _complaint(error: APIError) -> _Complaint:
    outer = mapping(error.details)
    inner = mapping(outer.get("error")) or outer
    details = [mapping(detail) for detail in items(inner.get("details"))]
    words = {text(inner.get("status")), *(text(detail.get("reason")) for detail in details)} - {""}
    status = cast("int | None", error.code)
    headers = cast("Mapping[str, str]", getattr(error.response, "headers", {}))
    return _Complaint(
        status, frozenset(words), text(inner.get("message")) or text(outer.get("error")), details, headers
    )


def _error_from(complaint: _Complaint, account: Account, asked: Asked) -> ProviderError:
    status, sentence = complaint.status, complaint.sentence
    said = account.quotable(sentence, asked.words())
    if is_overflow(status, complaint.words, sentence):
        return ContextOverflow(f"{account.vendor}: the request is too large for {account.model}{said}")
    if _is_exhausted(complaint):
        return QuotaExhausted(f"{account.vendor}: no credit or quota is left{said}")
    if status == 429:
        return RateLimited(f"{account.vendor}: rate limit{said}", _wait(complaint))
    if status is None or status >= 500 or status in _PASSING:
        return ProviderUnavailable(f"{account.vendor}: failed ({status or 'in mid-answer'}){said}")
    bad_key = complaint.words & _BAD_KEY_REASONS or _BAD_KEY.search(sentence)
    return ProviderRefused(account.bad_key(status) if bad_key else account.refusal(status, said), status)


def _is_exhausted(complaint: _Complaint) -> bool:
    """Whether waiting a minute does not help: no credit, no such quota at all, or one that is given out by the day
    (Google names a delay of seconds even then)."""
    if complaint.status == 402 or "BILLING_DISABLED" in complaint.words:
        return True
    if complaint.status != 429:
        return False
    violations = [mapping(found) for detail in complaint.details for found in items(detail.get("violations"))]
    by_the_day = any("PerDay" in text(found.get("quotaId")) for found in violations)
    return by_the_day or _NO_CREDIT.search(complaint.sentence) is not None


def _wait(complaint: _Complaint) -> float | None:
    """Seconds: `retryDelay` of a RetryInfo, else as other vendors say it."""
    for detail in complaint.details:
        delay = _DURATION.fullmatch(text(detail.get("retryDelay")))
        if delay:
            return float(delay.group(1))
    return retry_after(complaint.headers, complaint.sentence, datetime.now(UTC))
