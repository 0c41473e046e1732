"""Impersonation headers: whose request it becomes, or the real refusal.

Both modes of kube-apiserver 1.36 that concern people are spoken: constrained (KEP-5284: `impersonate:user-info`
together with `impersonate-on:user-info:VERB`) and plain `impersonate`. A request passes when either is granted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from multidict import CIMultiDict, CIMultiDictProxy

from kubeai_bot.playground.cluster.authn import (
    ANONYMOUS,
    AUTHENTICATED,
    MASTERS,
    UNAUTHENTICATED,
    User,
    service_account_groups,
    split_service_account,
)
from kubeai_bot.playground.cluster.rbac import Authorizer, refusal
from kubeai_bot.playground.cluster.requestinfo import RequestInfo
from kubeai_bot.playground.cluster.status import ApiError, bad_request

Headers = CIMultiDictProxy[str] | CIMultiDict[str]

_EXTRA = "impersonate-extra-"
_DOMAIN_PATH = re.compile(r"^[a-z0-9][a-z0-9.-]*/\S+$")
_NO_PATH = 'must be a domain-prefixed path (such as "acme.io/foo")'
_AUTHENTICATION = "authentication.k8s.io"


@dataclass(frozen=True)
class Wanted:
    """What the headers ask for, before anything is checked or added."""

    name: str
    groups: tuple[str, ...]
    uid: str
    extra: dict[str, tuple[str, ...]]


def read_headers(headers: Headers) -> Wanted | None:
    """None without impersonation headers; ApiError 400 for groups, uid or extra without a user."""
    extra: dict[str, tuple[str, ...]] = {}
    for name, value in headers.items():
        if name.lower().startswith(_EXTRA):
            key = unquote(name.lower()[len(_EXTRA) :])
            extra[key] = (*extra.get(key, ()), value)
    wanted = Wanted(
        name=headers.get("Impersonate-User", ""),
        groups=tuple(headers.getall("Impersonate-Group", [])),
        uid=headers.get("Impersonate-Uid", ""),
        extra=extra,
    )
    if wanted.name:
        return wanted
    if wanted.groups or wanted.uid or wanted.extra:
        raise bad_request(f"requested {_go_syntax(wanted)} without impersonating a user name")
    return None


def _go_syntax(wanted: Wanted) -> str:
    """How Go prints a user.DefaultInfo with %#v, which is what the server puts into this message."""
    groups = f"[]string{{{_quoted(wanted.groups)}}}" if wanted.groups else "[]string(nil)"
    extra = "map[string][]string(nil)"
    if wanted.extra:
        pairs = (f"{json.dumps(key)}:[]string{{{_quoted(values)}}}" for key, values in sorted(wanted.extra.items()))
        extra = f"map[string][]string{{{', '.join(pairs)}}}"
    return f'&user.DefaultInfo{{Name:"", UID:{json.dumps(wanted.uid)}, Groups:{groups}, Extra:{extra}}}'


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(json.dumps(value) for value in values)


class Impersonation:
    """Decides impersonation with the bot's own RBAC.

    The real server tries the mode first that worked for a requestor the last time, and reports the first refusal. So
    after one plain impersonation the refusals are those of plain impersonation; the demo starts in that state.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._constrained: set[str] = set()

    def impersonate(self, requestor: User, wanted: Wanted, asked: RequestInfo) -> User:
        """The user that the request is made as; ApiError 403 when `requestor` may not impersonate it so."""
        usual = requestor.name in self._constrained
        try:
            self._check(requestor, wanted, asked, constrained=usual)
        except ApiError as refused:
            try:
                self._check(requestor, wanted, asked, constrained=not usual)
            except ApiError:
                raise refused from None
            (self._constrained.discard if usual else self._constrained.add)(requestor.name)
        return _as_user(wanted)

    def _check(self, requestor: User, wanted: Wanted, asked: RequestInfo, *, constrained: bool) -> None:
        if constrained:
            if split_service_account(wanted.name):
                raise refusal(requestor, replace(asked, verb=f"impersonate-on:serviceaccount:{asked.verb}"))
            self._authorizer.require(requestor, replace(asked, verb=f"impersonate-on:user-info:{asked.verb}"))
            _refuse_what_is_never_allowed(requestor, wanted)
        for needed in _needed(wanted, constrained=constrained):
            self._authorizer.require(requestor, needed)


def _needed(wanted: Wanted, *, constrained: bool) -> Iterator[RequestInfo]:
    """Every permission the requestor needs, in the order the server asks for them."""
    verb = "impersonate:user-info" if constrained else "impersonate"
    group = _AUTHENTICATION if constrained else ""
    account = split_service_account(wanted.name)
    if account:
        yield RequestInfo(verb, "", group, "v1", account[0], "serviceaccounts", name=account[1])
    else:
        yield RequestInfo(verb, "", group, "v1", resource="users", name=wanted.name)
    if wanted.uid:
        yield RequestInfo(verb, "", _AUTHENTICATION, "v1", resource="uids", name=wanted.uid)
    for name in wanted.groups:
        yield RequestInfo(verb, "", group, "v1", resource="groups", name=name)
    for key, values in wanted.extra.items():
        for value in values:
            yield RequestInfo(verb, "", _AUTHENTICATION, "v1", "", "userextras", key, value)


def _refuse_what_is_never_allowed(requestor: User, wanted: Wanted) -> None:
    if MASTERS in wanted.groups:
        asked = RequestInfo("impersonate:user-info", "", _AUTHENTICATION, "v1", resource="groups", name=MASTERS)
        raise refusal(requestor, asked, "impersonating the system:masters group is not allowed")
    for key in wanted.extra:
        if not _DOMAIN_PATH.match(key):
            asked = RequestInfo("impersonate:user-info", "", _AUTHENTICATION, "v1", resource="userextras")
            problem = f'extra.key: Invalid value: "{key}": {_NO_PATH}'
            raise refusal(requestor, asked, f"impersonating an invalid key in extra is not allowed: {problem}")


def _as_user(wanted: Wanted) -> User:
    groups = wanted.groups
    account = split_service_account(wanted.name)
    if account and not groups:
        groups = service_account_groups(account[0])
    own = UNAUTHENTICATED if wanted.name == ANONYMOUS else AUTHENTICATED
    if own not in groups and UNAUTHENTICATED not in groups:
        groups = (*groups, own)
    return User(wanted.name, groups, wanted.uid, wanted.extra)
