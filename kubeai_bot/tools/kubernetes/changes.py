"""The tools that change something, in the order in which a model sees them."""

from __future__ import annotations

from typing import Any

from kubeai_bot.domain.policy import Effect
from kubeai_bot.tools.kubernetes import arguments_write as said
from kubeai_bot.tools.kubernetes.changes_jobs import plan_job, plan_suspend, plan_unsuspend
from kubeai_bot.tools.kubernetes.changes_nodes import plan_cordon, plan_evict, plan_uncordon
from kubeai_bot.tools.kubernetes.changes_objects import plan_annotate, plan_apply, plan_delete, plan_label, plan_patch
from kubeai_bot.tools.kubernetes.changes_workloads import (
    plan_env,
    plan_image,
    plan_pause,
    plan_resources,
    plan_restart,
    plan_resume,
    plan_scale,
)
from kubeai_bot.tools.kubernetes.command import plan_exec
from kubeai_bot.tools.kubernetes.drain import plan_drain
from kubeai_bot.tools.kubernetes.rollback import plan_undo
from kubeai_bot.tools.kubernetes.tool import Tool

_W = Effect.WRITE

CHANGES: tuple[Tool[Any], ...] = (
    Tool("apply", said.Apply, plan_apply, _W),
    Tool("patch", said.Patch, plan_patch, _W),
    Tool("scale", said.Scale, plan_scale, _W, discovers=False),
    Tool("rollout_restart", said.RolloutRestart, plan_restart, _W, discovers=False),
    Tool("rollout_undo", said.RolloutUndo, plan_undo, _W, discovers=False),
    Tool("rollout_pause", said.RolloutPause, plan_pause, _W, discovers=False),
    Tool("rollout_resume", said.RolloutResume, plan_resume, _W, discovers=False),
    Tool("set_image", said.SetImage, plan_image, _W, discovers=False),
    Tool("set_env", said.SetEnv, plan_env, _W, discovers=False),
    Tool("set_resources", said.SetResources, plan_resources, _W, discovers=False),
    Tool("delete", said.Delete, plan_delete, _W),
    Tool("label", said.Label, plan_label, _W),
    Tool("annotate", said.Annotate, plan_annotate, _W),
    Tool("cordon", said.Cordon, plan_cordon, _W, discovers=False),
    Tool("uncordon", said.Uncordon, plan_uncordon, _W, discovers=False),
    Tool("drain", said.Drain, plan_drain, _W, discovers=False),
    Tool("evict", said.Evict, plan_evict, _W, discovers=False),
    Tool("create_job_from_cronjob", said.CreateJobFromCronJob, plan_job, _W, discovers=False),
    Tool("suspend_cronjob", said.SuspendCronJob, plan_suspend, _W, discovers=False),
    Tool("resume_cronjob", said.ResumeCronJob, plan_unsuspend, _W, discovers=False),
    Tool("exec", said.Exec, plan_exec, Effect.SENSITIVE, discovers=False),
)
