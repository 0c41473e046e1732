"""What an API server's refusal means, in words that the model can act on."""

from __future__ import annotations

from kubeai_bot.domain.identity import ClusterIdentity, KubeUser, describe_user
from kubeai_bot.errors import ApiStatus
from kubeai_bot.tools.kubernetes.text import one_line

_MESSAGE = 500


def named(identity: ClusterIdentity) -> str:
    """The identity as it stands in the cluster's own messages."""
    return describe_user(identity.user, identity.groups) if isinstance(identity, KubeUser) else "the kubeconfig's user"


_MEANING = {
    401: "refused the bot's own credentials; this says nothing about the person",
    409: (
        "has a newer version of this object (somebody, or a controller reporting its status, wrote it meanwhile), so "
        "nothing was changed; look again, and repeat the call if it is still right"
    ),
    410: "no longer knows this continue token; list again without it",
    429: "is asked too much just now; try again later",
}


def explained(error: ApiStatus, identity: ClusterIdentity, cluster: str) -> str:
    """One sentence on what happened, with the server's own message (cut at 500 characters)."""
    message = one_line(error.message, _MESSAGE)
    if error.code == 403:
        return _forbidden(message, named(identity), cluster)
    if error.code == 404:
        unserved = "could not find the requested resource" in message or "page not found" in message
        return f"{'Not served by' if unserved else 'Not found in'} cluster {cluster}: {message}"
    if error.code == 409 and message.startswith("Apply failed with"):
        return (
            f"Other managers own fields that this manifest would change in cluster {cluster}: {message}. Leave these "
            "fields out, or apply with force=true if the person wants to take them over."
        )
    if error.code == 409 and error.reason == "AlreadyExists":
        return f"In cluster {cluster} there is one of that name already: {message}"
    if error.code == 429 and "disruption budget" in message:
        return f"A disruption budget in cluster {cluster} does not allow that now: {message}"
    failed = f"failed (HTTP {error.code})" if error.code >= 500 else f"refused the request (HTTP {error.code})"
    return f"Cluster {cluster} {_MEANING.get(error.code, failed)}: {message}"


def _forbidden(message: str, who: str, cluster: str) -> str:
    if "cannot impersonate" in message or "impersonate:" in message:
        return (
            f"Forbidden: the bot is not allowed to act as {who} in cluster {cluster} in this way. That is for the "
            f"bot's operator to grant, not a right of the person: {message}"
        )
    return f"Forbidden: {who} lacks this right in cluster {cluster}: {message}"
