"""can_i and whoami: who the person is to a cluster and what it lets them do.

Both create review objects, which the API server answers and does not store: they read.
"""

from __future__ import annotations

from typing import Any

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.policy import UNREADABLE
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.arguments import CanI, WhoAmI
from kubeai_bot.tools.kubernetes.failures import named
from kubeai_bot.tools.kubernetes.known import ACCESS_REVIEWS, SELF_REVIEWS
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.resolve import full_name
from kubeai_bot.tools.kubernetes.text import one_line
from kubeai_bot.tools.kubernetes.tool import Scene, Step

UNIMPERSONATED = (
    "WARNING: impersonation is off (IMPERSONATE=false). Every request carries the rights of the kubeconfig's own "
    "user, whoever of ALLOWED_USERS asks."
)
_SHARED = "This identity is shared by everybody who talks to the bot (AUTH_METHOD=NONE)."


def plan_can_i(arguments: CanI, scene: Scene) -> Step:
    resource, subresource = _split(arguments.kind, scene)
    attributes: dict[str, Any] = {
        "verb": arguments.verb,
        "group": resource.group,
        "version": resource.version,
        "resource": resource.name,
        "subresource": subresource,
        "namespace": arguments.namespace if resource.namespaced else "",
        "name": arguments.name,
    }
    what = f"{arguments.verb} {full_name(resource)}{f'/{subresource}' if subresource else ''}"
    what += f" {arguments.name}" if arguments.name else ""
    if resource.namespaced:
        what += f" in {arguments.namespace}" if arguments.namespace else " in all namespaces"
    ref = Ref(ACCESS_REVIEWS)

    async def run(reach: Reach) -> ToolResult:
        body = {
            "apiVersion": ACCESS_REVIEWS.api_version,
            "kind": ACCESS_REVIEWS.kind,
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        status = mapping(await reach.create(ref, body), "status")
        allowed = bool(status.get("allowed"))
        who = named(scene.identity.on(reach.cluster.name))
        answer = f"Yes: {who} may {what}" if allowed else f"No: {who} may not {what}"
        text = f"{answer} in cluster {reach.cluster.name}."
        if reason := status.get("reason") or status.get("evaluationError"):
            text += f" ({one_line(reason)})"
        if (resource.group, resource.name) in UNREADABLE:
            text += " This bot itself never reads Secrets, whatever the rights."
        return ToolResult(text, "yes" if allowed else "no")

    return Step(f"May I {what}?", scene.acts(("create", ref)), run)


def _split(word: str, scene: Scene) -> tuple[Resource, str]:
    """A kind and its subresource: of `pods/log`, but not of `apps/v1/deployments`."""
    left, _, right = word.strip().rpartition("/")
    try:
        resource = scene.kinds.find(left)
    except ToolError:
        return scene.kinds.find(word), ""
    if right not in resource.subresources:
        known = ", ".join(sorted(resource.subresources)) or "none"
        raise ToolError(f"{full_name(resource)} has no subresource {right!r}. It has: {known}.")
    return resource, right


def plan_whoami(arguments: WhoAmI, scene: Scene) -> Step:
    del arguments
    ref = Ref(SELF_REVIEWS)

    async def run(reach: Reach) -> ToolResult:
        identity = scene.identity
        sent = named(identity.on(reach.cluster.name))
        lines = [f"Requests to cluster {reach.cluster.name} are made as {sent}."]
        body = {"apiVersion": SELF_REVIEWS.api_version, "kind": SELF_REVIEWS.kind}
        try:
            seen = mapping(await reach.create(ref, body), "status", "userInfo")
        except ApiStatus as error:
            lines.append(f"The cluster did not confirm that: {one_line(error.message)}")
        else:
            groups = ", ".join(map(str, at(seen, "groups") or ())) or "none"
            lines.append(f"The cluster sees: user {seen.get('username')}, groups {groups}.")
        if identity.method == "shared":
            lines.append(_SHARED)
        if identity.method == "kubeconfig":
            lines.append(UNIMPERSONATED)
        return ToolResult("\n".join(lines), one_line(sent, 100))

    return Step("Ask the cluster who I am", scene.acts(("create", ref)), run)
