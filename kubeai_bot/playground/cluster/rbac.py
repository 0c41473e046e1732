"""Authorization by the Role, ClusterRole and binding objects in the store, as the RBAC authorizer does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubeai_bot.playground.cluster.authn import MASTERS, User, split_service_account
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, namespace_of
from kubeai_bot.playground.cluster.requestinfo import RequestInfo
from kubeai_bot.playground.cluster.selectors import selector_matcher
from kubeai_bot.playground.cluster.status import ApiError, forbidden, forbidden_path
from kubeai_bot.playground.cluster.store import Store

RBAC_GROUP = "rbac.authorization.k8s.io"
CLUSTER_ROLES = (RBAC_GROUP, "clusterroles")


@dataclass(frozen=True)
class Decision:
    """`reason` names the binding that allows, or what could not be resolved."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True)
class Grant:
    """One binding that includes the user, with the rules of the role it refers to."""

    source: str
    rules: list[Obj]


class Authorizer:
    """Answers may-I questions from the RBAC objects that are in the store at that moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def decide(self, user: User, asked: RequestInfo) -> Decision:
        if MASTERS in user.groups:
            return Decision(True)
        missing: list[str] = []
        for grant in self.grants(user, asked.namespace, missing):
            if any(rule_allows(rule, asked) for rule in grant.rules):
                return Decision(True, f"RBAC: allowed by {grant.source}")
        return Decision(False, f"RBAC: {_joined(missing)}" if missing else "")

    def require(self, user: User, asked: RequestInfo) -> None:
        """Raises the real 403 when `user` may not do what is asked."""
        decision = self.decide(user, asked)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)

    def grants(self, user: User, namespace: str, missing: list[str] | None = None) -> Iterator[Grant]:
        """The grants of `user` that hold in `namespace` (empty: cluster scope); names of lost roles go to `missing`."""
        for binding in self._store.list((RBAC_GROUP, "clusterrolebindings")):
            yield from self._grant(user, binding, missing)
        if namespace:
            for binding in self._store.list((RBAC_GROUP, "rolebindings"), namespace):
                yield from self._grant(user, binding, missing)

    def _grant(self, user: User, binding: Obj, missing: list[str] | None) -> Iterator[Grant]:
        namespace = namespace_of(binding)
        subject = next((s for s in binding.get("subjects", ()) if _includes(s, user, namespace)), None)
        if subject is None:
            return
        ref = binding["roleRef"]
        place = CLUSTER_ROLES if ref["kind"] == "ClusterRole" else (RBAC_GROUP, "roles")
        role = self._store.get(place, "" if ref["kind"] == "ClusterRole" else namespace, ref["name"])
        if role is None:
            if missing is not None:
                missing.append(f'{ref["kind"].lower()}.{RBAC_GROUP} "{ref["name"]}" not found')
            return
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        place_name = f"{name_of(binding)}/{namespace}" if namespace else name_of(binding)
        source = f'{kind} "{place_name}" of {ref["kind"]} "{ref["name"]}" to {_subject_text(subject)}'
        yield Grant(source, role.get("rules") or [])


def _joined(messages: list[str]) -> str:
    return messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"


def _subject_text(subject: Obj) -> str:
    if subject["kind"] == "ServiceAccount":
        return f'ServiceAccount "{subject["name"]}/{subject["namespace"]}"'
    return f'{subject["kind"]} "{subject["name"]}"'


def _includes(subject: Obj, user: User, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return subject["name"] == user.name
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            account = split_service_account(user.name)
            return account == (subject.get("namespace") or namespace, subject["name"])
        case _:
            return False


def rule_allows(rule: Obj, asked: RequestInfo) -> bool:
    """Whether one PolicyRule covers the request."""
    if not _listed(rule.get("verbs"), asked.verb):
        return False
    if not asked.is_resource:
        return any(_path_matches(url, asked.path) for url in rule.get("nonResourceURLs") or ())
    names: list[str] = rule.get("resourceNames") or []
    return (
        _listed(rule.get("apiGroups"), asked.group)
        and _resource_listed(rule.get("resources") or [], asked)
        and (not names or asked.name in names)
    )


def _listed(values: list[str] | None, wanted: str) -> bool:
    return bool(values) and ("*" in values or wanted in values)


def _resource_listed(resources: list[str], asked: RequestInfo) -> bool:
    if "*" in resources:
        return True
    if not asked.subresource:
        return asked.resource in resources
    return f"{asked.resource}/{asked.subresource}" in resources or f"*/{asked.subresource}" in resources


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in {"*", path} or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def refusal(user: User, asked: RequestInfo, reason: str = "") -> ApiError:
    """The 403 of the real server for a request that `user` may not make."""
    suffix = f": {reason}" if reason else ""
    if not asked.is_resource:
        return forbidden_path(f'User "{user.name}" cannot {asked.verb} path "{asked.path}"{suffix}')
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    message = (
        f'User "{user.name}" cannot {asked.verb} resource "{resource}" in API group "{asked.group}" {where}{suffix}'
    )
    return forbidden(message, asked.group, asked.resource, asked.name)


def aggregated_rules(store: Store, role: Obj) -> list[Obj] | None:
    """The rules an aggregated ClusterRole must have now; None for a role without an aggregationRule."""
    selectors = dig(role, "aggregationRule", "clusterRoleSelectors")
    if not selectors:
        return None
    matchers = [selector_matcher(selector) for selector in selectors]
    rules: list[Obj] = []
    for other in store.list(CLUSTER_ROLES):
        if name_of(other) != name_of(role) and any(matches(other) for matches in matchers):
            rules.extend(rule for rule in other.get("rules") or () if rule not in rules)
    return rules


def aggregate_cluster_roles(store: Store) -> None:
    """Fills the rules of aggregated ClusterRoles until nothing changes, as the controller manager does."""
    changed = True
    while changed:
        changed = False
        for role in store.list(CLUSTER_ROLES):
            rules = aggregated_rules(store, role)
            if rules is not None and rules != (role.get("rules") or []):
                store.replace(CLUSTER_ROLES, {**role, "rules": rules})
                changed = True
