"""The resources the demo cluster serves: the built-in table, and what CustomResourceDefinitions add to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kubeai_bot.playground.cluster.objects import Obj, dig

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ_VERBS = ("get", "list")
REVIEW_VERBS = ("create",)


@dataclass(frozen=True)
class Subresource:
    """`name` as in the path (`scale`), the kind it speaks, and its verbs."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


STATUS = ("get", "patch", "update")
SCALE = Subresource("scale", "Scale", STATUS, "autoscaling", "v1")
POD_SUBRESOURCES = (
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
)


@dataclass(frozen=True)
class Kind:
    """One served resource. `plural` is the path segment; storage is keyed by (group, plural)."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    printer_columns: tuple[Obj, ...] = field(default=(), hash=False)
    schema: Obj | None = field(default=None, hash=False)
    """The openAPIV3Schema of a custom kind."""
    storage_group: str | None = None
    custom: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def type_name(self) -> str:
        """`io.k8s.api.apps.v1.Deployment`; custom groups are reversed, as `example.shop.v1.Backup`."""
        if self.custom:
            return f"{'.'.join(reversed(self.group.split('.')))}.{self.version}.{self.kind}"
        group = self.group.partition(".")[0] or "core"
        return f"io.k8s.api.{group}.{self.version}.{self.kind}"

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def key(self) -> tuple[str, str]:
        """Where objects of this kind are stored; core and events.k8s.io events share one place."""
        return (self.group if self.storage_group is None else self.storage_group, self.plural)

    @property
    def bulk(self) -> str:
        return f"{self.kind}List"

    def subresource(self, name: str) -> Subresource | None:
        return next((sub for sub in self.subresources if sub.name == name), None)


def _group(group: str, version: str, *rows: Kind) -> list[Kind]:
    return [replace(row, group=group, version=version) for row in rows]


def _row(kind: str, plural: str, short: str = "", *, also: tuple[Subresource, ...] = (), status: bool = True) -> Kind:
    subresources = (*also, Subresource("status", kind, STATUS)) if status else also
    return Kind("", "", kind, plural, short_names=tuple(short.split()), subresources=subresources)


def _cluster_wide(row: Kind) -> Kind:
    return replace(row, namespaced=False)


def _in_all(row: Kind) -> Kind:
    """A kind that `kubectl get all` asks for."""
    return replace(row, categories=("all",))


def _review(kind: str, plural: str) -> Kind:
    return Kind("", "", kind, plural, namespaced=False, verbs=REVIEW_VERBS)


def builtin_kinds() -> list[Kind]:
    """Every built-in resource, in the order of discovery."""
    return [*_core(), *_workloads(), *_access(), *_rest()]


def _core() -> list[Kind]:
    return _group(
        "",
        "v1",
        _row("ConfigMap", "configmaps", "cm", status=False),
        _row("Endpoints", "endpoints", "ep", status=False),
        _row("Event", "events", "ev", status=False),
        _cluster_wide(_row("Namespace", "namespaces", "ns")),
        _cluster_wide(_row("Node", "nodes", "no")),
        _row("PersistentVolumeClaim", "persistentvolumeclaims", "pvc"),
        _cluster_wide(_row("PersistentVolume", "persistentvolumes", "pv")),
        _in_all(_row("Pod", "pods", "po", also=POD_SUBRESOURCES)),
        _row("Secret", "secrets", status=False),
        _row("ServiceAccount", "serviceaccounts", "sa", status=False),
        _in_all(_row("Service", "services", "svc")),
    )


def _workloads() -> list[Kind]:
    return [
        *_group(
            "apps",
            "v1",
            _row("ControllerRevision", "controllerrevisions", status=False),
            _in_all(_row("DaemonSet", "daemonsets", "ds")),
            _in_all(_row("Deployment", "deployments", "deploy", also=(SCALE,))),
            _in_all(_row("ReplicaSet", "replicasets", "rs", also=(SCALE,))),
            _in_all(_row("StatefulSet", "statefulsets", "sts", also=(SCALE,))),
        ),
        *_group("autoscaling", "v2", _in_all(_row("HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"))),
        *_group("batch", "v1", _in_all(_row("CronJob", "cronjobs", "cj")), _in_all(_row("Job", "jobs"))),
        *_group("policy", "v1", _row("PodDisruptionBudget", "poddisruptionbudgets", "pdb")),
    ]


def _access() -> list[Kind]:
    return [
        *_group("authentication.k8s.io", "v1", _review("SelfSubjectReview", "selfsubjectreviews")),
        *_group(
            "authorization.k8s.io",
            "v1",
            _review("SelfSubjectAccessReview", "selfsubjectaccessreviews"),
            _review("SelfSubjectRulesReview", "selfsubjectrulesreviews"),
            _review("SubjectAccessReview", "subjectaccessreviews"),
        ),
        *_group(
            "rbac.authorization.k8s.io",
            "v1",
            _cluster_wide(_row("ClusterRoleBinding", "clusterrolebindings", status=False)),
            _cluster_wide(_row("ClusterRole", "clusterroles", status=False)),
            _row("RoleBinding", "rolebindings", status=False),
            _row("Role", "roles", status=False),
        ),
    ]


def _rest() -> list[Kind]:
    return [
        *_group("events.k8s.io", "v1", replace(_row("Event", "events", "ev", status=False), storage_group="")),
        *_group(
            "networking.k8s.io",
            "v1",
            _row("Ingress", "ingresses", "ing"),
            _row("NetworkPolicy", "networkpolicies", "netpol", status=False),
        ),
        *_group("coordination.k8s.io", "v1", _row("Lease", "leases", status=False)),
        *_group(
            "apiextensions.k8s.io",
            "v1",
            _cluster_wide(_row("CustomResourceDefinition", "customresourcedefinitions", "crd crds")),
        ),
    ]


def metrics_kinds() -> list[Kind]:
    """What metrics-server adds through aggregation: computed, never stored."""
    return _group(
        "metrics.k8s.io",
        "v1beta1",
        Kind("", "", "NodeMetrics", "nodes", namespaced=False, verbs=READ_VERBS),
        Kind("", "", "PodMetrics", "pods", verbs=READ_VERBS),
    )


def custom_kinds(crd: Obj) -> list[Kind]:
    """The resources that one CustomResourceDefinition serves, one for each served version."""
    spec = crd["spec"]
    names = spec["names"]
    found: list[Kind] = []
    for version in spec.get("versions", []):
        if not version.get("served"):
            continue
        has_status = dig(version, "subresources", "status") is not None
        found.append(
            Kind(
                spec["group"],
                version["name"],
                names["kind"],
                names["plural"],
                namespaced=spec.get("scope") == "Namespaced",
                short_names=tuple(names.get("shortNames", ())),
                categories=tuple(names.get("categories", ())),
                subresources=(Subresource("status", names["kind"], STATUS),) if has_status else (),
                printer_columns=tuple(version.get("additionalPrinterColumns", ())),
                schema=dig(version, "schema", "openAPIV3Schema"),
                custom=True,
            )
        )
    return found


class Registry:
    """The kinds served now: built-ins and those of the CustomResourceDefinitions in the store."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._builtin = list(kinds)
        self._custom: dict[str, list[Kind]] = {}

    def all(self) -> list[Kind]:
        return [*self._builtin, *(kind for kinds in self._custom.values() for kind in kinds)]

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        wanted = (group, version, plural)
        return next((k for k in self.all() if (k.group, k.version, k.plural) == wanted), None)

    def any_version(self, group: str, plural: str) -> Kind | None:
        return next((k for k in self.all() if (k.group, k.plural) == (group, plural)), None)

    def of_object(self, obj: Obj) -> Kind | None:
        """The kind that `obj` declares in apiVersion and kind."""
        wanted = (obj.get("apiVersion"), obj.get("kind"))
        return next((k for k in self.all() if (k.api_version, k.kind) == wanted), None)

    def serve(self, crd: Obj) -> None:
        """Start serving what `crd` defines, replacing what an earlier version of it defined."""
        self._custom[crd["metadata"]["name"]] = custom_kinds(crd)

    def withdraw(self, crd_name: str) -> None:
        self._custom.pop(crd_name, None)
