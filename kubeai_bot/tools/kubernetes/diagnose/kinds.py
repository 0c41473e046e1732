"""The resources that a diagnosis reads, Secrets never among them."""

from __future__ import annotations

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.tools.kubernetes import known


def _resource(group: str, version: str, name: str, kind: str, *, namespaced: bool = True) -> Resource:
    return Resource(group, version, name, kind, namespaced, frozenset({"get", "list"}), kind.lower())


SERVICES = _resource("", "v1", "services", "Service")
CONFIG_MAPS = _resource("", "v1", "configmaps", "ConfigMap")
SERVICE_ACCOUNTS = _resource("", "v1", "serviceaccounts", "ServiceAccount")
CLAIMS = _resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
QUOTAS = _resource("", "v1", "resourcequotas", "ResourceQuota")
LIMIT_RANGES = _resource("", "v1", "limitranges", "LimitRange")
AUTOSCALERS = _resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
BUDGETS = _resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
INGRESSES = _resource("networking.k8s.io", "v1", "ingresses", "Ingress")
NETWORK_POLICIES = _resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
STORAGE_CLASSES = _resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)

TARGETS = {
    **known.WORKLOADS,
    "cronjob": known.CRONJOBS,
    "pod": known.PODS,
    "service": SERVICES,
    "persistentvolumeclaim": CLAIMS,
    "horizontalpodautoscaler": AUTOSCALERS,
}
"""What can be named, by the word of the arguments."""

IN_NAMESPACE = (
    known.DEPLOYMENTS, known.REPLICASETS, known.STATEFULSETS, known.DAEMONSETS, known.CONTROLLER_REVISIONS,
    known.JOBS, known.CRONJOBS, SERVICES, CLAIMS, QUOTAS, LIMIT_RANGES, AUTOSCALERS, BUDGETS, INGRESSES,
    NETWORK_POLICIES, known.POD_METRICS,
)  # fmt: skip
"""What is listed with its content. ConfigMaps and ServiceAccounts are listed by name only."""
