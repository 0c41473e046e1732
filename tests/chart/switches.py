"""One set of values for every switch of the chart."""

from __future__ import annotations

from typing import Any

_PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
_MIA = {"slack": "U0MIA", "user": "mia@shop.example", "groups": ["shop-developers"]}
_HTTP = {"slackTransport": "http", "networkPolicy": {"allowFrom": [_PEER]}}
_SIDECAR = {"name": "mcp", "image": "registry.example/mcp:1", "resources": {"limits": {"memory": "64Mi"}}}

SWITCHES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "written-out": {
        "env": {"SESSION_TYPE": "postgres", "DATABASE_URL": "postgres://u:p@db:5432/kubeai?sslmode=disable"}
    },
    "filesystem": {"env": {"SESSION_TYPE": "filesystem"}},
    "filesystem-elsewhere": {"env": {"SESSION_TYPE": "filesystem", "SESSIONS_DIR": "/data"}},
    "existing-claim": {"env": {"SESSION_TYPE": "filesystem"}, "persistence": {"existingClaim": "mine"}},
    "storage-class": {
        "env": {"SESSION_TYPE": "filesystem"},
        "persistence": {"storageClass": "fast", "annotations": {"a": "b"}, "keep": False, "size": "5Gi"},
    },
    "postgres": {"env": {"SESSION_TYPE": "postgres"}, "replicaCount": 3},
    "cloudnative-pg": {"env": {"SESSION_TYPE": "postgres"}, "cloudnativePG": {"cluster": "sessions"}},
    "autoscaling": {
        "env": {"SESSION_TYPE": "postgres"},
        "autoscaling": {"enabled": True, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}},
    },
    "no-budget": {
        "env": {"SESSION_TYPE": "postgres"},
        "replicaCount": 2,
        "podDisruptionBudget": {"enabled": False},
    },
    "external-secret": {
        "existingSecret": "",
        "externalSecret": {
            "enabled": True,
            "secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"},
            "data": {
                "SLACK_BOT_TOKEN": {"key": "kubeai", "property": "bot"},
                "SLACK_APP_TOKEN": {"key": "kubeai", "property": "app"},
                "OPENAI_API_KEY": {"key": "kubeai", "property": "openai"},
            },
        },
    },
    "external-secret-whole": {
        "existingSecret": "",
        "externalSecret": {
            "enabled": True,
            "secretStoreRef": {"name": "vault"},
            "dataFrom": [{"extract": {"key": "kubeai"}}],
        },
    },
    "references": {
        "existingSecret": "",
        "env": {
            "SLACK_BOT_TOKEN": "piggy:SLACK_BOT_TOKEN",
            "SLACK_APP_TOKEN": "vault:secret/data/kubeai#app",
            "OPENAI_API_KEY": {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "key"}}},
        },
    },
    "env-from": {"existingSecret": "", "envFrom": [{"secretRef": {"name": "one"}}, {"configMapRef": {"name": "two"}}]},
    "mapping": {"env": {"AUTH_METHOD": "MAPPING"}, "config": {"identity": {"users": [_MIA]}}},
    "config-of-others": {
        "env": {"AUTH_METHOD": "MAPPING"},
        "existingConfigMap": "mine",
        "rbac": {"impersonate": {"users": ["mia@shop.example"], "groups": ["shop-developers"]}},
    },
    "skills": {"skills": {"files": {"orders.md": "---\nname: orders\n---\nLook at the queue first.\n"}}},
    "skills-of-others": {"skills": {"existingConfigMap": "mine"}},
    "write": {"env": {"MODIFY_RESOURCES": "allow"}, "rbac": {"allowWrite": True}},
    "write-plain": {"env": {"MODIFY_RESOURCES": "auto"}, "rbac": {"allowWrite": True, "impersonation": "plain"}},
    "before-1.36": {"kubeVersion": "1.35.4"},
    "custom-resources": {"rbac": {"extraRules": [{"apiGroups": ["shop.example"], "resources": ["orders"]}]}},
    "shared-view": {"rbac": {"sharedView": {"enabled": True}}},
    "shared-view-in-namespaces": {"rbac": {"sharedView": {"enabled": True, "namespaces": ["shop", "payments"]}}},
    "no-rbac": {"rbac": {"create": False}, "serviceAccount": {"create": False}},
    "other-clusters": {"inCluster": False, "kubeconfig": {"existingSecret": "kubeconfigs"}},
    "http-ingress": {
        **_HTTP,
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "hosts": ["kubeai.shop.example"],
            "tls": [{"hosts": ["kubeai.shop.example"], "secretName": "kubeai-tls"}],
        },
    },
    "http-route": {
        **_HTTP,
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["kubeai.shop.example"]},
    },
    "open-network": {"networkPolicy": {"enabled": False}},
    "egress": {
        "env": {"SESSION_TYPE": "postgres"},
        "networkPolicy": {"egress": {"enabled": True, "rules": [{"to": [{"podSelector": {}}]}]}},
    },
    "monitoring": {
        "networkPolicy": {"allowFrom": [_PEER]},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "alertLabels": {"team": "platform"}},
        "dashboard": {"enabled": True},
    },
    "sidecars": {
        "extraContainers": [_SIDECAR],
        "extraInitContainers": [{**_SIDECAR, "name": "first", "restartPolicy": "Always"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    },
    "no-doctor": {"doctor": {"enabled": False}, "preStopSeconds": 0},
    "placement": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "runtimeClassName": "gvisor",
        "hostAliases": [{"ip": "10.0.0.9", "hostnames": ["db"]}],
        "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
        "imagePullSecrets": [{"name": "registry"}],
        "topologySpreadConstraints": [],
    },
    "labels": {
        "commonLabels": {"team": "platform"},
        "podLabels": {"tier": "chat"},
        "podAnnotations": {"a": "b"},
        "deploymentAnnotations": {"c": "d"},
        "fullnameOverride": "chat",
    },
    "digest": {"image": {"digest": "sha256:" + "0" * 64}},
    "own-service": {
        "service": {"type": "LoadBalancer", "port": 80, "annotations": {"a": "b"}},
        "listen": {"port": 9000},
    },
}
