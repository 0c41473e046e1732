"""All rules of the diagnosis, as one table: to teach it a fault, write a function and add a row. Pure.

A rule looks at the Picture and yields Findings; its score says how likely what it finds is the root cause.
"""

from __future__ import annotations

from kubeai_bot.tools.kubernetes.diagnose import containers_seen as containers
from kubeai_bot.tools.kubernetes.diagnose import network, scheduling, storage
from kubeai_bot.tools.kubernetes.diagnose import workloads_seen as workloads
from kubeai_bot.tools.kubernetes.diagnose.finding import Rule
from kubeai_bot.tools.kubernetes.diagnose.logs_seen import log_signs

RULES = (
    # What keeps pods from existing, being placed or starting: nothing after it can work.
    Rule("namespace is being deleted", 97, workloads.namespace_leaving),
    Rule("pods refused", 96, workloads.refused_pods),
    Rule("image pull", 95, containers.image_pull),
    Rule("container configuration", 95, containers.container_config),
    Rule("missing reference", 94, storage.missing_references),
    Rule("out of memory", 93, containers.out_of_memory),
    Rule("unschedulable", 92, scheduling.unschedulable),
    Rule("claim unbound", 91, storage.claim_unbound),
    Rule("sandbox or volume", 90, scheduling.sandbox),
    Rule("eviction", 88, scheduling.evicted),
    # What makes running things fail.
    Rule("log sign", 82, log_signs),
    Rule("Service without pods", 86, network.service_without_pods),
    Rule("probe", 82, containers.probes),
    Rule("crash", 84, containers.crash),
    Rule("Service port", 78, network.service_port),
    Rule("stuck deletion", 85, scheduling.stuck_deletion),
    Rule("switched off", 76, workloads.switched_off),
    Rule("autoscaler", 74, workloads.autoscaler),
    Rule("job failed", 72, workloads.job_failed),
    Rule("cron job", 72, workloads.cronjob_late),
    Rule("Ingress backend", 70, network.ingress_backend),
    Rule("rollout", 66, workloads.rollout),
    Rule("node", 62, scheduling.node_trouble),
    Rule("load balancer", 60, network.load_balancer),
    # Symptoms, and what only matters in company.
    Rule("Service warning", 45, network.not_reached),
    Rule("disruption budget", 35, workloads.disruption_budget),
    Rule("Service not ready", 30, network.service_not_ready),
    Rule("not ready", 20, workloads.unready_pods),
)
