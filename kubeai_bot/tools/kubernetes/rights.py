"""Whether somebody may do something themselves, asked of the cluster by a SelfSubjectAccessReview
(https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kubeai_bot.domain.cluster import Request
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.policy import Act
from kubeai_bot.errors import Unreachable
from kubeai_bot.interfaces import Clusters, Rights

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
TIMEOUT = 10.0


class ClusterRights(Rights):
    """Asks each cluster as the person. What is not a cluster's to say (a call of an MCP tool) is not asked."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    async def missing(self, identity: Identity, acts: Sequence[Act]) -> str:
        """Raises ClusterError; Unreachable for a cluster that is no longer there."""
        asked = list(dict.fromkeys(act for act in acts if act.cluster))
        allowed = await asyncio.gather(*(self._may(identity, act) for act in asked))
        return "; ".join(
            f"{act.verb} {act.kind} {f'in {act.namespace}' if act.namespace else ''}".strip()
            for act, may in zip(asked, allowed, strict=True)
            if not may
        )

    async def _may(self, identity: Identity, act: Act) -> bool:
        cluster = self._clusters.get(act.cluster)
        if cluster is None:
            raise Unreachable(f"there is no cluster {act.cluster!r} any more")
        attributes = {
            "verb": act.verb,
            "group": act.group,
            "resource": act.resource,
            "subresource": act.subresource,
            "namespace": act.namespace,
            "name": act.name,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        request = Request("POST", PATH, body=body, timeout=TIMEOUT)
        answer = await cluster.request(identity.on(act.cluster), request)
        return bool(((answer.json or {}).get("status") or {}).get("allowed"))
