"""What the model may say to the tools that change something."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from kubeai_bot.tools.kubernetes.arguments import Arguments, KindWord, Name, Namespace

_QUANTITY = re.compile(r"-|[0-9]+(\.[0-9]+)?([mkMGTPE]|[KMGTPE]i)?")
_VARIABLE = re.compile(r"[A-Za-z_.\-][A-Za-z0-9_.\-]*")


def _quantity(text: str) -> str:
    if text and not _QUANTITY.fullmatch(text):
        raise ValueError("must be a quantity such as 250m, 1 or 512Mi, or - to remove it")
    return text


def _variable(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals or not _VARIABLE.fullmatch(name):
        raise ValueError(f"must be NAME=VALUE, not {text[:60]!r}")
    return text


def _mark(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][^=\s]*(=.*|-)", text, re.DOTALL):
        raise ValueError(f"must be key=value, or key- to remove it, not {text[:60]!r}")
    return text


ScopedNamespace = Annotated[Namespace, Field(description="Namespace; left out for cluster-scoped kinds.")]
Rolled = Annotated[
    Literal["deployment", "statefulset", "daemonset"], Field(description="deployment, statefulset, daemonset.")
]
Templated = Annotated[
    Literal["deployment", "statefulset", "daemonset", "cronjob"],
    Field(description="deployment, statefulset, daemonset, cronjob."),
]
Container = Annotated[Name, Field(description="Container; left out where there is only one.")]
Quantity = Annotated[str, AfterValidator(_quantity)]
Grace = Annotated[
    int, Field(ge=-1, le=86_400, description="Seconds to end in; left out: the pod's own; 0 kills at once.")
]
Variables = Annotated[list[Annotated[str, AfterValidator(_variable)]], Field(max_length=50)]
Marks = Annotated[
    list[Annotated[str, Field(max_length=4000), AfterValidator(_mark)]],
    Field(min_length=1, max_length=20, description="`key=value` to set, `key-` to remove."),
]


class Apply(Arguments):
    """Create or change objects by server-side apply of manifests. Secrets are refused."""

    manifest: Annotated[
        str, Field(min_length=1, max_length=200_000, description="YAML, several documents with --- between them.")
    ]
    namespace: Annotated[Namespace, Field(description="For objects whose manifest names no namespace.")] = ""
    force: Annotated[
        bool, Field(description="Take over fields that another manager owns. Only if the person wants that.")
    ] = False


class Patch(Arguments):
    """Change fields of one object. Prefer a tool of its own for it (scale, set_image, …) where there is one."""

    kind: KindWord
    name: Name
    namespace: ScopedNamespace = ""
    patch: Annotated[
        str,
        Field(min_length=2, max_length=100_000, description='JSON or YAML: `{"spec": {…}}`; a list for type json.'),
    ]
    type: Annotated[
        Literal["merge", "strategic", "json"],
        Field(description="merge (default; lists are replaced), strategic (lists merge; no CRDs), json (RFC 6902)."),
    ] = "merge"


class Scale(Arguments):
    """Set the number of replicas. Changes the cluster. Check with rollout_status afterwards."""

    kind: Annotated[
        Literal["deployment", "statefulset", "replicaset"], Field(description="deployment, statefulset, replicaset.")
    ]
    name: Name
    namespace: Namespace
    replicas: Annotated[int, Field(ge=0, le=1000, description="Wanted number; 0 stops all.")]


class RolloutRestart(Arguments):
    """Replace all pods of a workload, step by step, without changing what they run."""

    kind: Rolled = "deployment"
    name: Name
    namespace: Namespace


class RolloutUndo(Arguments):
    """Go back to an earlier revision of a workload's pod template. rollout_history shows the revisions."""

    kind: Rolled = "deployment"
    name: Name
    namespace: Namespace
    to_revision: Annotated[int, Field(ge=0, description="Left out: the one before the present one.")] = 0


class RolloutPause(Arguments):
    """Let changes of a Deployment's template wait until rollout_resume."""

    name: Name
    namespace: Namespace


class RolloutResume(Arguments):
    """Let a paused Deployment roll out."""

    name: Name
    namespace: Namespace


class SetImage(Arguments):
    """Change the image of a workload's container."""

    kind: Templated = "deployment"
    name: Name
    namespace: Namespace
    container: Container = ""
    image: Annotated[
        str, Field(min_length=1, max_length=500, pattern=r"^[^\s]+$", description="As `registry/app:1.2`.")
    ]


class SetEnv(Arguments):
    """Set or remove environment variables of a workload's container. Passwords and tokens come from a Secret by
    `from_secret`, never as a value."""

    kind: Templated = "deployment"
    name: Name
    namespace: Namespace
    container: Container = ""
    variables: Annotated[Variables, Field(description="`NAME=VALUE` to set.")] = Field(default=[])
    from_secret: Annotated[Variables, Field(description="`NAME=secret/key`, for a value in a Secret.")] = Field(
        default=[]
    )
    from_config_map: Annotated[Variables, Field(description="`NAME=configmap/key`.")] = Field(default=[])
    remove: Annotated[list[str], Field(max_length=50, description="Names to remove.")] = Field(default=[])

    @model_validator(mode="after")
    def _something(self) -> SetEnv:
        if not (self.variables or self.from_secret or self.from_config_map or self.remove):
            raise ValueError("give at least one of variables, from_secret, from_config_map, remove")
        return self


class SetResources(Arguments):
    """Set requests and limits of a workload's container; what is left out stays, `-` removes."""

    kind: Templated = "deployment"
    name: Name
    namespace: Namespace
    container: Container = ""
    cpu_request: Annotated[Quantity, Field(description="As 250m.")] = ""
    memory_request: Annotated[Quantity, Field(description="As 256Mi.")] = ""
    cpu_limit: Annotated[Quantity, Field(description="As 1.")] = ""
    memory_limit: Annotated[Quantity, Field(description="As 512Mi.")] = ""

    @model_validator(mode="after")
    def _something(self) -> SetResources:
        if not (self.cpu_request or self.memory_request or self.cpu_limit or self.memory_limit):
            raise ValueError("give at least one of cpu_request, memory_request, cpu_limit, memory_limit")
        return self


class Delete(Arguments):
    """Delete one object of any kind. What it owns goes too."""

    kind: KindWord
    name: Name
    namespace: ScopedNamespace = ""
    propagation: Annotated[
        Literal["background", "foreground", "orphan"],
        Field(description="background (default), foreground (waits for what it owns), orphan (keeps what it owns)."),
    ] = "background"
    grace_seconds: Grace = -1


class Label(Arguments):
    """Set or remove labels of one object."""

    kind: KindWord
    name: Name
    namespace: ScopedNamespace = ""
    labels: Marks


class Annotate(Arguments):
    """Set or remove annotations of one object."""

    kind: KindWord
    name: Name
    namespace: ScopedNamespace = ""
    annotations: Marks


class Cordon(Arguments):
    """Keep new pods away from a node."""

    node: Annotated[Name, Field(description="Node.")]


class Uncordon(Arguments):
    """Let a node take pods again."""

    node: Annotated[Name, Field(description="Node.")]


class Drain(Arguments):
    """Cordon a node and evict its pods, within their disruption budgets. Pods of DaemonSets stay."""

    node: Annotated[Name, Field(description="Node.")]
    evict_unmanaged: Annotated[
        bool, Field(description="Evict pods that nothing creates again too. Only if the person agrees.")
    ] = False
    delete_local_data: Annotated[
        bool, Field(description="Evict pods with emptyDir data too, which is lost. Only if the person agrees.")
    ] = False
    grace_seconds: Grace = -1


class Evict(Arguments):
    """Evict one pod, within its disruption budget; its controller makes a new one."""

    pod: Annotated[Name, Field(description="Pod.")]
    namespace: Namespace
    grace_seconds: Grace = -1


class CreateJobFromCronJob(Arguments):
    """Run a CronJob now, as a Job of its own."""

    cronjob: Annotated[Name, Field(description="CronJob.")]
    namespace: Namespace
    job_name: Annotated[Name, Field(description="Name of the Job; left out: the CronJob's with -manual.")] = ""


class SuspendCronJob(Arguments):
    """Let a CronJob start no more Jobs."""

    cronjob: Annotated[Name, Field(description="CronJob.")]
    namespace: Namespace


class ResumeCronJob(Arguments):
    """Let a suspended CronJob start Jobs again."""

    cronjob: Annotated[Name, Field(description="CronJob.")]
    namespace: Namespace


class Exec(Arguments):
    """Run one command in a container and give its output and exit code. No shell: no pipes, no variables, no
    wildcards. Only where reading tools do not tell."""

    pod: Annotated[Name, Field(description="Pod.")]
    namespace: Namespace
    container: Container = ""
    command: Annotated[
        list[Annotated[str, Field(max_length=4000)]],
        Field(min_length=1, max_length=50, description='Program and its arguments, each by itself: ["ls", "/data"].'),
    ]
    seconds: Annotated[int, Field(ge=1, le=30, description="How long it may run; default 15.")] = 15
