"""What the model may say to `diagnose`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from kubeai_bot.tools.kubernetes.arguments import Arguments, Name, Namespace

_SHORT = {
    "deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "rs": "replicaset", "cj": "cronjob",
    "po": "pod", "svc": "service", "pvc": "persistentvolumeclaim", "hpa": "horizontalpodautoscaler",
}  # fmt: skip


def _singular(word: object) -> object:
    """`Deployments`, `deployments.apps` and `deploy` are all `deployment`."""
    if not isinstance(word, str):
        return word
    plain = word.strip().lower().split(".")[0]
    return _SHORT.get(plain) or _SHORT.get(plain.removesuffix("s")) or plain.removesuffix("s")


class Diagnose(Arguments):
    """Why a workload does not work (no name: whatever is unhealthy in the namespace). Start here for any fault: ranked
    evidence from states, events, logs, rollouts, references, scheduling, storage, Services, autoscaling, quotas."""

    namespace: Annotated[Namespace, Field(min_length=1)]
    kind: Annotated[
        Literal[
            "deployment", "statefulset", "daemonset", "replicaset", "job", "cronjob", "pod", "service",
            "persistentvolumeclaim", "horizontalpodautoscaler", "",
        ],
        BeforeValidator(_singular),
        Field(description="Kind of `name`; default deployment."),
    ] = ""  # fmt: skip
    name: Annotated[Name, Field(description="Left out: whatever is unhealthy in the namespace.")] = ""
    detail: Annotated[
        Literal["short", "normal", "full"], Field(description="How much to show: short, normal (default), full.")
    ] = "normal"
    wider: Annotated[
        bool,
        Field(description="Look outside the namespace too (nodes, storage classes, cluster DNS); default true."),
    ] = True

    @model_validator(mode="after")
    def _kind_needs_name(self) -> Diagnose:
        if self.kind and not self.name:
            raise ValueError("give `name` with `kind`, or neither for the whole namespace")
        return self
