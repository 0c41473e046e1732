"""Self-reviews: who am I, may I, and what may I here."""

from __future__ import annotations

from typing import Any

from kubeai_bot.playground.cluster.authn import User
from kubeai_bot.playground.cluster.objects import Obj, dig, now, stamp
from kubeai_bot.playground.cluster.rbac import Authorizer
from kubeai_bot.playground.cluster.requestinfo import RequestInfo
from kubeai_bot.playground.cluster.state import Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import Fault422, bad_request, invalid


def answer_review(state: ClusterState, call: Call) -> Answer:
    """The answer to a POST of a review kind: the request with its status filled in."""
    body: Obj = call.body if isinstance(call.body, dict) else {}
    match call.kind.kind:
        case "SelfSubjectReview":
            metadata = {"creationTimestamp": stamp(now())}
            status: Obj = {"userInfo": call.user.user_info()}
            return _answer(call, metadata, None, status)
        case "SelfSubjectAccessReview":
            spec = dig(body, "spec", default={})
            return _answer(call, {}, spec, _access(state.authorizer, call.user, spec))
        case "SubjectAccessReview":
            spec = dig(body, "spec", default={})
            asked = User(spec.get("user", ""), tuple(spec.get("groups", ())))
            return _answer(call, {}, spec, _access(state.authorizer, asked, spec))
        case _:
            namespace = dig(body, "spec", "namespace", default="")
            if not namespace:
                raise bad_request("no namespace on request")
            return _answer(call, {}, {}, _rules(state.authorizer, call.user, namespace))


def _answer(call: Call, metadata: Obj, spec: Obj | None, status: Obj) -> Answer:
    body: Obj = {"kind": call.kind.kind, "apiVersion": call.kind.api_version, "metadata": metadata}
    if spec is not None:
        body["spec"] = spec
    return Answer(201, {**body, "status": status})


def _access(authorizer: Authorizer, user: User, spec: Obj) -> Obj:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (other is None):
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise invalid(
            "authorization.k8s.io",
            "SelfSubjectAccessReview",
            "",
            Fault422("spec.resourceAttributes", f"Invalid value: null: {text}"),
        )
    if resource is not None:
        asked = RequestInfo(
            verb=resource.get("verb", ""),
            path="",
            group=resource.get("group", ""),
            version=resource.get("version", ""),
            namespace=resource.get("namespace", ""),
            resource=resource.get("resource", ""),
            subresource=resource.get("subresource", ""),
            name=resource.get("name", ""),
        )
    else:
        asked = RequestInfo(verb=dig(other, "verb", default=""), path=dig(other, "path", default=""))
    decision = authorizer.decide(user, asked)
    status: Obj = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    return status


def _rules(authorizer: Authorizer, user: User, namespace: str) -> Obj:
    resource_rules: list[Any] = []
    path_rules: list[Any] = []
    missing: list[str] = []
    for grant in authorizer.grants(user, namespace, missing):
        for rule in grant.rules:
            if rule.get("resources"):
                kept = ("verbs", "apiGroups", "resources", "resourceNames")
                resource_rules.append({key: rule[key] for key in kept if rule.get(key)})
            if rule.get("nonResourceURLs"):
                path_rules.append({"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]})
    status: Obj = {"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": False}
    return {**status, "evaluationError": ", ".join(missing)} if missing else status
