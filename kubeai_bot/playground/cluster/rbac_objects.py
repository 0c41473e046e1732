"""Roles and bindings of the demo's people, and of the bot that acts for them."""

from __future__ import annotations

from kubeai_bot.playground.cluster.default_roles import AGGREGATE, READ, WRITE, binding, cluster_role, rule, subject
from kubeai_bot.playground.cluster.objects import Obj

IMPERSONATED_USERS = ["mia@shop.example", "omar@shop.example", "root@shop.example", "kubeai-shared"]
IMPERSONATED_GROUPS = ["shop-developers", "platform-engineers", "shop-admins", "kubeai-readers"]


def people_rbac() -> list[Obj]:
    """Who may do what in the shop, and whom the bot may impersonate."""
    impersonate = [
        rule([""], ["users"], ["impersonate"], IMPERSONATED_USERS),
        rule([""], ["groups"], ["impersonate"], IMPERSONATED_GROUPS),
    ]
    cluster_view = [rule([""], ["nodes", "namespaces", "persistentvolumes"], READ)]
    cluster_view.append(rule(["apiextensions.k8s.io"], ["customresourcedefinitions"], READ))
    # what kubectl cordon and drain need beyond edit: nodes are in no namespace, and a drain evicts from all of them
    node_keeper = [rule([""], ["nodes"], ["patch"]), rule([""], ["pods/eviction"], ["create"])]
    metrics = cluster_role(
        "system:aggregated-metrics-reader",
        [rule(["metrics.k8s.io"], ["pods", "nodes"], READ)],
        {f"{AGGREGATE}{role}": "true" for role in ("view", "edit", "admin")},
    )
    platform = [subject("Group", "platform-engineers")]
    return [
        cluster_role("kubeai-bot-impersonator", impersonate),
        binding(
            "kubeai-bot-impersonator",
            "kubeai-bot-impersonator",
            [subject("ServiceAccount", "kubeai-bot", "kubeai")],
        ),
        cluster_role("shop-backups-view", [rule(["shop.example"], ["backups"], READ)], {f"{AGGREGATE}view": "true"}),
        cluster_role("shop-backups-edit", [rule(["shop.example"], ["backups"], WRITE)], {f"{AGGREGATE}edit": "true"}),
        metrics,
        cluster_role("cluster-viewer", cluster_view),
        cluster_role("node-keeper", node_keeper),
        binding("shop-developers-view", "view", [subject("Group", "shop-developers")], "shop"),
        binding("platform-engineers-view", "view", platform),
        binding("platform-engineers-cluster-view", "cluster-viewer", platform),
        binding("platform-engineers-node-keeper", "node-keeper", platform),
        binding("platform-engineers-edit", "edit", platform, "shop"),
        binding("platform-engineers-edit", "edit", platform, "payments"),
        binding("kubeai-readers-view", "view", [subject("Group", "kubeai-readers")]),
        binding("shop-admins", "cluster-admin", [subject("Group", "shop-admins")]),
    ]
