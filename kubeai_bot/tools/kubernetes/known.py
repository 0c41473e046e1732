"""Resources that the tools walk by themselves, whatever discovery says."""

from __future__ import annotations

from kubeai_bot.domain.cluster import Resource


def _resource(group: str, version: str, name: str, kind: str, *, namespaced: bool = True) -> Resource:
    return Resource(group, version, name, kind, namespaced, frozenset({"get", "list"}), kind.lower())


PODS = _resource("", "v1", "pods", "Pod")
EVENTS = _resource("", "v1", "events", "Event")
NODES = _resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = _resource("", "v1", "namespaces", "Namespace", namespaced=False)
DEPLOYMENTS = _resource("apps", "v1", "deployments", "Deployment")
STATEFULSETS = _resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMONSETS = _resource("apps", "v1", "daemonsets", "DaemonSet")
REPLICASETS = _resource("apps", "v1", "replicasets", "ReplicaSet")
CONTROLLER_REVISIONS = _resource("apps", "v1", "controllerrevisions", "ControllerRevision")
JOBS = _resource("batch", "v1", "jobs", "Job")
CRONJOBS = _resource("batch", "v1", "cronjobs", "CronJob")
POD_METRICS = _resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics")
NODE_METRICS = _resource("metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", namespaced=False)
ACCESS_REVIEWS = _resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
SELF_REVIEWS = _resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)

WORKLOADS = {resource.singular: resource for resource in (DEPLOYMENTS, STATEFULSETS, DAEMONSETS, REPLICASETS, JOBS)}

ROLLED_OUT = ("deployment", "statefulset", "daemonset")
"""Workloads whose changes roll out, by their singular names."""
