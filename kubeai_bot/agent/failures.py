"""What a person reads when something failed: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from kubeai_bot.domain.message import Failure
from kubeai_bot.errors import (
    AnswerBlocked,
    ContextOverflow,
    KubeAIError,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UserError,
)

_TEXTS: Mapping[type[ProviderError], tuple[str, str]] = {
    RateLimited: (
        "rate-limited",
        "The model's API is over its rate limit and stayed so. Ask again in a minute.",
    ),
    QuotaExhausted: (
        "quota-exhausted",
        "The model's account has no quota left. Whoever runs this bot has to check its billing.",
    ),
    ContextOverflow: (
        "context-overflow",
        "This no longer fits the model's window. Say `new` to start afresh, or ask about one namespace or workload.",
    ),
    ProviderUnavailable: (
        "model-unavailable",
        "The model's API did not answer, also after several tries. Ask again in a minute.",
    ),
    AnswerBlocked: (
        "answer-blocked",
        "The model vendor's content filter withheld the answer. Try to put the question in other words.",
    ),
    ProviderRefused: (
        "model-refused",
        "The model's API refused the request. Whoever runs this bot finds the reason in its log (key, model, address).",
    ),
}


def failure_from(error: KubeAIError, turn_id: str) -> Failure:
    """The record of a failed turn. `turn_id` is what an operator finds in the log."""
    if isinstance(error, UserError):
        return Failure(error.reply, "refused")
    for error_type, (kind, text) in _TEXTS.items():
        if isinstance(error, error_type):
            return Failure(f"{text} (Reference `{turn_id}`.)", kind)
    return internal_failure(turn_id)


def internal_failure(turn_id: str) -> Failure:
    return Failure(
        "Something went wrong on my side and I could not finish. Ask again; if it happens twice, give whoever runs this"
        f" bot the reference `{turn_id}`.",
        "internal",
    )


def deadline_failure(seconds: float, turn_id: str) -> Failure:
    return Failure(
        f"I stopped because this took longer than {seconds / 60:.0f} minutes. What I found so far is above; a narrower"
        f" question (one namespace, one workload) is quicker. (Reference `{turn_id}`.)",
        "deadline",
    )


def empty_failure(turn_id: str) -> Failure:
    return Failure(
        f"The model gave an empty answer twice. Try to put the question in other words. (Reference `{turn_id}`.)",
        "empty-answer",
    )
