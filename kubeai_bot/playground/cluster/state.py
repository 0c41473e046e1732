"""The parts of one demo cluster, and what one request knows about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.playground.cluster.authn import User, demo_tokens
from kubeai_bot.playground.cluster.impersonation import Impersonation
from kubeai_bot.playground.cluster.kinds import Kind, Registry, builtin_kinds, metrics_kinds
from kubeai_bot.playground.cluster.logs import LogBook
from kubeai_bot.playground.cluster.objects import Obj, name_of
from kubeai_bot.playground.cluster.rbac import CLUSTER_ROLES, Authorizer, aggregate_cluster_roles
from kubeai_bot.playground.cluster.requestinfo import RequestInfo
from kubeai_bot.playground.cluster.status import ApiError, Fault422, invalid
from kubeai_bot.playground.cluster.store import Change, Store

CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
METRICS_GROUP = "metrics.k8s.io"
_LONGEST_MANAGER = 128
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")


class ClusterState:
    """Everything a running demo cluster holds.

    `tables` False plays a server without Tables (406 to clients that accept nothing else); `metrics` False plays a
    cluster without metrics-server.
    """

    def __init__(self) -> None:
        self.store = Store()
        self.registry = Registry([*builtin_kinds(), *metrics_kinds()])
        self.authorizer = Authorizer(self.store)
        self.impersonation = Impersonation(self.authorizer)
        self.logs = LogBook()
        self.tokens: dict[str, User] = demo_tokens()
        self.tables = True
        self.metrics = True
        self.store.listen(self._keep_in_step)

    def kinds(self) -> list[Kind]:
        """The kinds served at this moment."""
        return [kind for kind in self.registry.all() if self.metrics or kind.group != METRICS_GROUP]

    def kind_of(self, info: RequestInfo) -> Kind | None:
        if info.group == METRICS_GROUP and not self.metrics:
            return None
        return self.registry.find(info.group, info.version, info.resource)

    def stored_kind(self, kind: Kind) -> Kind:
        """The kind as which objects of `kind` are stored: events of both groups are core events."""
        group, plural = kind.key
        return kind if group == kind.group else self.registry.any_version(group, plural) or kind

    def _keep_in_step(self, change: Change) -> None:
        """What follows from a write at once: CRDs are served, aggregated ClusterRoles are filled."""
        if change.place == CRDS:
            if change.type == "DELETED":
                self.registry.withdraw(name_of(change.obj))
            else:
                self.registry.serve(change.obj)
        elif change.place == CLUSTER_ROLES:
            aggregate_cluster_roles(self.store)


@dataclass(frozen=True)
class Call:
    """An authorised request on a served kind. `body` is decoded JSON, None without a body."""

    info: RequestInfo
    kind: Kind
    user: User
    query: Mapping[str, str]
    accept: str = ""
    content_type: str = ""
    agent: str = "unknown"
    """The product in User-Agent, which is the field manager unless the request names one."""
    body: Any = None

    @property
    def dry_run(self) -> bool:
        """Whether a create, update or patch is to store nothing."""
        return bool(self.query.get("dryRun"))

    @property
    def manager(self) -> str:
        """Who owns the fields that this write sets."""
        return self.query.get("fieldManager") or self.agent

    def check_options(self) -> None:
        """ApiError 422 for options of a create, update or patch that the server does not know."""
        asked, named = self.query.get("dryRun", ""), self.query.get("fieldManager", "")
        if asked not in {"", "All"}:
            text = f'Unsupported value: ["{asked}"]: supported values: "All"'
            raise self.bad_option(Fault422("dryRun", text, "FieldValueNotSupported"))
        if len(named.encode()) > _LONGEST_MANAGER:
            text = f"Too long: may not be more than {_LONGEST_MANAGER} bytes"
            raise self.bad_option(Fault422("fieldManager", text, "FieldValueTooLong"))
        validation = self.query.get("fieldValidation", "")
        if validation not in _VALIDATIONS:
            supported = ", ".join(f'"{one}"' for one in _VALIDATIONS)
            text = f'Unsupported value: "{validation}": supported values: {supported}'
            raise self.bad_option(Fault422("fieldValidation", text, "FieldValueNotSupported"))

    def bad_option(self, fault: Fault422) -> ApiError:
        """422 for an option of this request."""
        return invalid("meta.k8s.io", f"{self.info.verb.capitalize()}Options", "", fault)

    @property
    def namespace(self) -> str:
        """The namespace of the stored object: a Namespace object itself lives in none."""
        return self.info.namespace if self.kind.namespaced else ""


@dataclass(frozen=True)
class Answer:
    """A complete JSON answer."""

    status: int
    body: Obj = field(default_factory=dict[str, Any])
    content_type: str = "application/json"
    warnings: tuple[str, ...] = ()
    """Sent as Warning headers."""
