"""What may leave for an API server, and in whose name: decided before a connection is touched."""

from __future__ import annotations

import re
from typing import assert_never

from kubeai_bot.domain.api_path import acts_on, is_discovery
from kubeai_bot.domain.cluster import Command, Request
from kubeai_bot.domain.identity import AsBot, AsKubeconfig, ClusterIdentity, KubeUser
from kubeai_bot.domain.policy import SECRETS_REFUSED, UNREADABLE
from kubeai_bot.errors import ForbiddenByPolicy

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

DOORS = frozenset({"proxy", "exec", "attach", "portforward"})
"""Subresources that lead out of the API (into containers, kubelets, services), where no rule on resources holds."""

OWN_RIGHTS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
"""Where the bot's own account may ask what it may do itself (`kubeai-bot doctor`): answered, and not stored."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.\-]{0,251}[a-z0-9])?")

Headers = list[tuple[bytes, bytes]]


def check_request(request: Request) -> None:
    """Raises ForbiddenByPolicy for a request that this program never sends, whoever asks."""
    if request.method not in METHODS:
        raise ForbiddenByPolicy(f"method {request.method!r} is not used")
    try:
        address = acts_on(request.path)
    except ValueError as error:
        raise ForbiddenByPolicy(str(error)) from error
    if address is None:
        if not is_discovery(request.method, request.path):
            raise ForbiddenByPolicy(f"{request.method} {request.path} is neither a resource nor discovery")
        return
    if address in UNREADABLE:
        raise ForbiddenByPolicy(SECRETS_REFUSED)
    if address[1] != address[1].lower():
        raise ForbiddenByPolicy(f"resource names are lower case: {request.path!r}")
    _check_subresource(request.path, address)


def _check_subresource(path: str, address: tuple[str, str]) -> None:
    segments = path.split("/")[1:]
    rest = segments[3:] if address[0] else segments[2:]
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        rest = rest[2:]
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource in DOORS or len(rest) > 3:
        raise ForbiddenByPolicy(f"{path!r} leads out of the Kubernetes API, where no permission check reaches")
    if (*address, subresource) == ("", "serviceaccounts", "token"):
        raise ForbiddenByPolicy("This bot never asks for service account tokens.")


def exec_request(command: Command) -> Request:
    """What opens the one door that is used: a command in a container. Raises ForbiddenByPolicy for what is no name."""
    for name in (command.namespace, command.pod, command.container):
        if not _NAME.fullmatch(name):
            raise ForbiddenByPolicy(f"{name!r} is not the name of a namespace, a pod or a container")
    if not command.argv or not command.argv[0]:
        raise ForbiddenByPolicy("there is no command")
    path = f"/api/v1/namespaces/{command.namespace}/pods/{command.pod}/exec"
    where = (("container", command.container), ("stdout", "true"), ("stderr", "true"))
    query = (*(("command", part) for part in command.argv), *where)
    return Request("GET", path, query, timeout=command.timeout, start_before=command.start_before)


def impersonation(identity: ClusterIdentity, request: Request, *, impersonate: bool) -> Headers:
    """The headers that make the request `identity`'s: one `Impersonate-User`, one `Impersonate-Group` per group.

    Names go out as UTF-8. Raises ForbiddenByPolicy where the identity may not send this request: the bot's own
    account anything but discovery and questions about its own rights, the kubeconfig's own user anything while
    impersonation is on.
    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    """
    match identity:
        case KubeUser(user=user, groups=groups):
            try:
                return [
                    (b"Impersonate-User", user.encode()),
                    *((b"Impersonate-Group", group.encode()) for group in groups),
                ]
            except UnicodeEncodeError as error:
                raise ForbiddenByPolicy(f"the Kubernetes name {user!r} or a group of it is not valid text") from error
        case AsBot():
            about_itself = (request.method, request.path) == ("POST", OWN_RIGHTS)
            if not about_itself and not is_discovery(request.method, request.path):
                raise ForbiddenByPolicy(f"the bot's own account may not send {request.method} {request.path}")
        case AsKubeconfig():
            if impersonate:
                raise ForbiddenByPolicy("impersonation is on: nothing is sent as the kubeconfig's own user")
        case _:
            assert_never(identity)
    return []
