"""What the model may say to each tool: one model a tool, its docstring the tool's description."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_\-]{0,252}")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?")


def plain_name(text: str) -> str:
    """Raises ValueError for what could be more than one segment of a path."""
    if text and not _NAME.fullmatch(text):
        raise ValueError("must be a plain object name, without a kind or a slash")
    return text


def plain_namespace(text: str) -> str:
    """Raises ValueError for what is no namespace's name."""
    if text and not _NAMESPACE.fullmatch(text):
        raise ValueError("must be the name of one namespace")
    return text


Name = Annotated[str, AfterValidator(plain_name), Field(description="Name of the object.")]
Namespace = Annotated[str, AfterValidator(plain_namespace), Field(description="Namespace.")]
KindWord = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="Kind, plural, short or CRD name: `deploy`, `apps/v1 Deployment`, `issuers.cert-manager.io`.",
    ),
]
LabelSelector = Annotated[
    str, Field(max_length=1000, description="Label selector: `app=checkout,tier!=cache`, `env in (prod,stage)`.")
]
Grep = Annotated[
    str,
    Field(
        max_length=200, description="Keep only lines that hold this text, any case; `a|b` for either. Not a pattern."
    ),
]


class Arguments(BaseModel):
    """Common rules: no unknown arguments; null means left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        return {key: value for key, value in given.items() if value is not None}


class ListResources(Arguments):
    """List objects of a kind (any kind, CRDs too) as the compact table that kubectl shows. Secrets are refused."""

    kind: Annotated[KindWord, Field(description="As `pods`, `deploy`, `issuers.cert-manager.io`; several: `pods,svc`.")]
    namespace: Annotated[Namespace, Field(description="Namespace; left out: all namespaces.")] = ""
    all_namespaces: bool = False
    label_selector: LabelSelector = ""
    field_selector: Annotated[str, Field(max_length=1000, description="As `status.phase=Pending`.")] = ""
    limit: Annotated[int, Field(ge=1, le=500, description="Most rows to show; default 100.")] = 100
    continue_: Annotated[
        str, Field(alias="continue", max_length=4000, description="Token from the last page of the same list.")
    ] = ""
    sort_by: Annotated[
        str,
        Field(max_length=200, description="Column (`restarts`) or path (`.status.startTime`); `-restarts` descends."),
    ] = ""
    grep: Grep = ""
    output: Annotated[
        Literal["table", "wide", "names", "yaml"],
        Field(description="table (default), wide (more columns), names, yaml."),
    ] = "table"

    @model_validator(mode="after")
    def _one_scope(self) -> ListResources:
        if self.namespace and self.all_namespaces:
            raise ValueError("give either namespace or all_namespaces")
        return self


class GetResource(Arguments):
    """One object in full, without bookkeeping fields and defaults. For what is wrong with it, describe_resource."""

    kind: KindWord
    name: Name
    namespace: Annotated[Namespace, Field(description="Namespace; left out for cluster-scoped kinds.")] = ""
    path: Annotated[
        str, Field(max_length=300, description="Only this part: `.spec.template`, `.data['app.conf']`.")
    ] = ""
    output: Annotated[Literal["yaml", "json", "table"], Field(description="yaml (default), json, table.")] = "yaml"


class DescribeResource(Arguments):
    """What an object is and how it fares: owners, children, conditions, container states, events. Start here when
    something is broken."""

    kind: KindWord
    name: Name
    namespace: Annotated[Namespace, Field(description="Namespace; left out for cluster-scoped kinds.")] = ""


class GetLogs(Arguments):
    """Container logs of one pod, or of several by selector or workload. All containers unless one is named."""

    namespace: Namespace
    pod: Annotated[Name, Field(description="Pod. Give exactly one of pod, label_selector, workload.")] = ""
    label_selector: LabelSelector = ""
    workload: Annotated[str, Field(max_length=300, description="As `deployment/checkout`, `job/migrate`.")] = ""
    container: Annotated[Name, Field(description="Container; left out: all.")] = ""
    previous: Annotated[bool, Field(description="Of the run before the last restart (crash loops).")] = False
    since_seconds: Annotated[int, Field(ge=0, le=2_592_000, description="Only newer lines.")] = 0
    tail_lines: Annotated[int, Field(ge=1, le=2000, description="Newest lines of each container; default 100.")] = 100
    grep: Grep = ""
    timestamps: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> GetLogs:
        if sum(map(bool, (self.pod, self.label_selector, self.workload))) != 1:
            raise ValueError("give exactly one of pod, label_selector, workload")
        return self


class GetEvents(Arguments):
    """Events, repeated ones merged, newest last."""

    namespace: Annotated[Namespace, Field(description="Namespace; left out: all namespaces.")] = ""
    kind: Annotated[str, Field(max_length=200, description="Only events about objects of this kind.")] = ""
    name: Annotated[Name, Field(description="Only events about the object of this name.")] = ""
    type: Annotated[Literal["Warning", "Normal", ""], Field(description="Left out: both.")] = ""
    since_seconds: Annotated[int, Field(ge=0, le=2_592_000, description="Only newer events.")] = 0
    limit: Annotated[int, Field(ge=1, le=500, description="Newest merged events to show; default 50.")] = 50
    grep: Grep = ""


class Top(Arguments):
    """CPU and memory used now by pods or nodes, beside their requests, limits or capacity."""

    kind: Annotated[Literal["pods", "nodes"], Field(description="pods or nodes.")]
    namespace: Annotated[Namespace, Field(description="Namespace; left out: all namespaces.")] = ""
    label_selector: LabelSelector = ""
    containers: Annotated[bool, Field(description="A row for each container instead of each pod.")] = False
    sort_by: Annotated[Literal["memory", "cpu", "name"], Field(description="memory (default), cpu, name.")] = "memory"
    limit: Annotated[int, Field(ge=1, le=500, description="Most rows to show; default 30.")] = 30


class Explain(Arguments):
    """Documentation of a kind and its fields, from this cluster's own schema."""

    kind: KindWord
    field: Annotated[str, Field(max_length=300, description="Path, as `spec.template.spec.containers`.")] = ""


class ApiResources(Arguments):
    """The kinds that this cluster serves, CRDs too, with short names."""

    grep: Grep = ""
    namespaced: Annotated[Literal["yes", "no", ""], Field(description="Only namespaced ones, or only others.")] = ""


class RolloutStatus(Arguments):
    """How far a rollout is, and what holds it up."""

    kind: Annotated[
        Literal["deployment", "statefulset", "daemonset"], Field(description="deployment, statefulset, daemonset.")
    ] = "deployment"
    name: Name
    namespace: Namespace
    wait_seconds: Annotated[int, Field(ge=0, le=120, description="Follow it for so long until it is done.")] = 0


class RolloutHistory(Arguments):
    """Revisions of a workload with images and cause, and what changed from the one before to the newest."""

    kind: Annotated[
        Literal["deployment", "statefulset", "daemonset"], Field(description="deployment, statefulset, daemonset.")
    ] = "deployment"
    name: Name
    namespace: Namespace
    revision: Annotated[int, Field(ge=0, description="Show what this revision changed instead of the newest.")] = 0


class CanI(Arguments):
    """Whether the person who asks may do something in the cluster, by its own answer."""

    verb: Annotated[
        str,
        Field(pattern=r"^[a-z*]{1,40}$", description="API verb: get, list, watch, create, update, patch, delete."),
    ]
    kind: Annotated[KindWord, Field(description="Kind, with a subresource after a slash: `pods/log`, `deploy/scale`.")]
    namespace: Annotated[Namespace, Field(description="Namespace; left out: in all namespaces.")] = ""
    name: Name = ""


class WhoAmI(Arguments):
    """As whom requests go to the cluster: the Kubernetes user and groups of the person who asks."""


class ListClusters(Arguments):
    """The clusters that can be asked, with version and whether they answer."""
