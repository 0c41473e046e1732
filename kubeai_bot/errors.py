"""Every error this package raises on purpose, by the audience that must act on it.

KubeAIError
├── ConfigError                operator: the configuration cannot work (all faults at once)
├── UserError                  person: `reply` is posted as it is
├── ToolError                  model: it may correct its call and try again
│   └── Drifted                a change would now do something else than what was approved
├── AuditFailed                operator: the audit trail takes no entry, so changes are not made
├── ProviderError              the model's API
│   ├── RateLimited            retry after `retry_after` seconds
│   ├── ProviderUnavailable    connection, timeout, cut stream, 5xx: retry
│   ├── ContextOverflow        the request does not fit the model's window
│   ├── QuotaExhausted         billing; retrying does not help
│   ├── ProviderRefused        401, 403, 404, other 4xx: configuration or request is wrong
│   └── AnswerBlocked          the vendor's safety filter withheld the answer
├── ClusterError               a Kubernetes cluster
│   ├── ApiStatus              the API server answered with a Status object
│   ├── Unreachable            no connection, TLS failure, timeout
│   ├── CredentialsFailed      exec plugin, token or certificate could not be had
│   ├── ForbiddenByPolicy      refused here, before any request was sent
│   └── TooLate                not sent: the session may be in other hands by now
└── StoreError                 the session store
    ├── LeaseLost              somebody else holds the session now: stop, write nothing more
    ├── SequenceConflict       the session's history is not where the writer believed
    └── SessionNotFound
"""

from __future__ import annotations

from collections.abc import Sequence


class KubeAIError(Exception):
    """Root of the errors that this package raises on purpose."""


class ConfigError(KubeAIError):
    """The configuration cannot work. `faults` holds one sentence per fault, each saying what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class UserError(KubeAIError):
    """Something the person in Slack must know or do. `reply` is plain Markdown and is posted as it is."""

    def __init__(self, reply: str) -> None:
        self.reply = reply
        super().__init__(reply)


class NotNow(UserError):
    """The same, and it may be otherwise in a moment: Slack did not say who somebody is."""


class ToolError(KubeAIError):
    """A tool call that failed in a way the model should read. The text goes to the model."""


class Drifted(ToolError):
    """Not done: since the approval, what the change would do has changed. It needs a new approval."""


class AuditFailed(KubeAIError):
    """The audit trail could not take an entry anywhere."""


class ProviderError(KubeAIError):
    """The model's API failed. The text is for logs and never holds a key or a request body."""


class RateLimited(ProviderError):
    """429. `retry_after` in seconds, or None where the vendor named no delay."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderUnavailable(ProviderError):
    """Connection failure, timeout, cut stream or 5xx: worth another try."""


class ContextOverflow(ProviderError):
    """The request is larger than the model's context window."""


class QuotaExhausted(ProviderError):
    """The account has no credit or quota left; retrying does not help."""


class ProviderRefused(ProviderError):
    """The vendor refused the request (bad key, unknown model, malformed request); `status` is the HTTP status."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AnswerBlocked(ProviderError):
    """The vendor's content filter withheld the answer."""


class ClusterError(KubeAIError):
    """A Kubernetes cluster could not give what was asked."""


class ApiStatus(ClusterError):
    """The API server answered with a failure (a `Status` object of API machinery, meta/v1).

    `code` is the HTTP status, `reason` the machine-readable word (`Forbidden`, `NotFound`, `Conflict`, …, or ""),
    `message` the server's own sentence.
    """

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class Unreachable(ClusterError):
    """No answer from the API server: connection, TLS or time limit."""


class CredentialsFailed(ClusterError):
    """The cluster's credentials could not be had (exec plugin, token file, certificate). Nothing was sent."""


class ForbiddenByPolicy(ClusterError):
    """Refused by this program before any request was sent."""


class TooLate(ClusterError):
    """Not sent: the lease under which it was to be sent may have ended meanwhile (see `Request.start_before`)."""


class StoreError(KubeAIError):
    """The session store failed."""


class LeaseLost(StoreError):
    """The lease has expired or another holder has taken over; the caller must stop and write nothing more."""


class SequenceConflict(StoreError):
    """`append` expected another last sequence number than the session has."""


class SessionNotFound(StoreError):
    """No session with that id."""
