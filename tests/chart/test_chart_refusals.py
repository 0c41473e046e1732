"""Values that cannot work are refused before anything is installed, in sentences that say what to do."""

from __future__ import annotations

from typing import Any

import helm_python
import pytest

from tests.chart.rendering import CHART, NAMESPACE, refusal

POSTGRES = {"SESSION_TYPE": "postgres"}
INGRESS = {"enabled": True, "hosts": ["kubeai.shop.example"]}
MIA = {"slack": "U0MIA", "user": "mia@shop.example"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"replicaCount": 2}, "replicaCount is 2, but env.SESSION_TYPE=memory works with one replica only: set"),
    ({"replicaCount": 3, "env": {"SESSION_TYPE": "filesystem"}}, "env.SESSION_TYPE=filesystem works with one replica"),
    ({"autoscaling": {"enabled": True}}, "autoscaling.enabled needs sessions that replicas share"),
    ({"env": {"DATABASE_URL": "postgres://h/d"}}, "env.DATABASE_URL is only used with env.SESSION_TYPE=postgres"),
    ({"cloudnativePG": {"cluster": "db"}}, "cloudnativePG is only used with env.SESSION_TYPE=postgres"),
    (
        {"existingSecret": "", "env": POSTGRES},
        "env.SESSION_TYPE=postgres needs a database: put DATABASE_URL into the Secret of existingSecret",
    ),
    (
        {"env": {**POSTGRES, "DATABASE_URL": "postgres://h/d"}, "cloudnativePG": {"cluster": "db"}},
        "name two databases: remove one of the two",
    ),
    (
        {"env": {"SESSION_TYPE": "filesystem"}, "persistence": {"enabled": False}},
        "env.SESSION_TYPE=filesystem needs a volume, or all sessions are lost with the pod",
    ),
    ({"env": {"SESSIONS_DIR": "/data"}}, "env.SESSIONS_DIR is only used with env.SESSION_TYPE=filesystem"),
    ({"env": {"LISTEN_ADDRESS": "0.0.0.0:1"}}, "env.LISTEN_ADDRESS is set by the chart: use listen.host"),
    ({"config": {"clusters": {}}, "env": {"CONFIG_FILE": "/x"}}, "env.CONFIG_FILE is set by the chart: use config"),
    ({"env": {"SLACK_BOT_TOKEN": "xoxb-1-2-3"}}, "env.SLACK_BOT_TOKEN is a secret in plain text: put it into a Secret"),
    ({"env": {"OPENAI_API_KEY": "sk-abc"}}, "env.OPENAI_API_KEY is a secret in plain text"),
    ({"env": {"MCP_AUTH_GITHUB": "Authorization=Bearer abc"}}, "env.MCP_AUTH_GITHUB is a secret in plain text"),
    (
        {"existingSecret": ""},
        "SLACK_BOT_TOKEN comes from nowhere: put it into a Secret and name that in existingSecret",
    ),
    ({"existingSecret": "", "env": {"MODEL_ID": None}}, "or set env.MODEL_ID."),
    ({"existingSecret": "", "env": {"LLM_PROVIDER": "azure"}}, "AZURE_OPENAI_ENDPOINT comes from nowhere"),
    ({"existingSecret": "", "env": {"LLM_PROVIDER": "vertex"}}, "GOOGLE_CLOUD_PROJECT comes from nowhere"),
    (
        {"env": {"SLACK_SIGNING_SECRET": "piggy:S"}},
        "slackTransport=socket uses SLACK_APP_TOKEN, but SLACK_SIGNING_SECRET is set",
    ),
    ({"externalSecret": {"enabled": True}}, "externalSecret.enabled needs externalSecret.secretStoreRef.name"),
    ({"externalSecret": {"enabled": True}}, "externalSecret.enabled needs externalSecret.data (or dataFrom)"),
    ({"env": {"AUTH_METHOD": "MAPPING"}}, "env.AUTH_METHOD=MAPPING needs people: fill config.identity.users"),
    (
        {"config": {"identity": {"users": [MIA]}}},
        "maps people, but env.AUTH_METHOD is NONE: set env.AUTH_METHOD=MAPPING",
    ),
    ({"config": {"clusters": {}}, "existingConfigMap": "mine"}, "config and existingConfigMap both give CONFIG_FILE"),
    ({"skills": {"files": {"a.md": ""}, "existingConfigMap": "mine"}}, "both give the skills"),
    ({"env": {"IMPERSONATE": False}}, "env.IMPERSONATE=false is for a laptop"),
    (
        {"env": {"AUTH_METHOD": "MAPPING"}, "existingConfigMap": "mine"},
        "rbac cannot see whom the CONFIG_FILE that you give names: list them in rbac.impersonate.users",
    ),
    ({"inCluster": False}, "inCluster=false leaves no cluster to look at: set kubeconfig.existingSecret"),
    ({"env": {"MODIFY_RESOURCES": "auto"}}, "env.MODIFY_RESOURCES=auto needs write rights: set rbac.allowWrite=true"),
    ({"env": {"MODIFY_RESOURCES": "allow"}}, "env.MODIFY_RESOURCES=allow needs write rights"),
    ({"rbac": {"allowWrite": True}}, "rbac.allowWrite=true grants what env.MODIFY_RESOURCES=none never uses"),
    (
        {"rbac": {"impersonation": "constrained"}, "kubeVersion": "1.35.2"},
        "rbac.impersonation=constrained needs Kubernetes 1.36, but this is 1.35.2: set rbac.impersonation=auto",
    ),
    ({"rbac": {"impersonate": {"groups": ["system:masters"]}}}, "system:masters cannot be impersonated"),
    ({"rbac": {"impersonate": {"users": ["*"]}}}, "rbac.impersonate must list names"),
    (
        {
            "env": {"AUTH_METHOD": "MAPPING"},
            "config": {"identity": {"users": [{**MIA, "groups": ["${ON_CALL_GROUP, on-call}"]}]}},
        },
        "is known only when the bot runs: write the name out in config.identity.users",
    ),
    (
        {"rbac": {"extraRules": [{"apiGroups": [""], "resources": ["secrets"]}]}},
        "rbac.extraRules would let the bot see Secrets (secrets in the core group), which it never may",
    ),
    ({"rbac": {"extraRules": [{"apiGroups": ["*"], "resources": ["*"]}]}}, "would let the bot see Secrets (* in"),
    ({"rbac": {"readRules": [{"apiGroups": [""], "resources": ["*/status"]}]}}, "rbac.readRules would let the bot see"),
    (
        {"rbac": {"readRules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}]}},
        "rbac.readRules has the verb delete: put what changes something into rbac.writeRules",
    ),
    (
        {"rbac": {"extraRules": [{"apiGroups": ["shop.example"], "resources": ["orders"], "verbs": ["patch"]}]}},
        "rbac.extraRules has the verb patch, but rbac.allowWrite is false",
    ),
    (
        {"rbac": {"extraRules": [{"apiGroups": [""], "resources": ["serviceaccounts/token"]}]}},
        "serviceaccounts/token, which leads around all other rights",
    ),
    (
        {"rbac": {"sharedView": {"enabled": True, "clusterRole": "edit"}}},
        "sharedView.clusterRole=edit can read Secrets",
    ),
    ({"ingress": INGRESS}, "ingress.enabled makes the bot public, but slackTransport=socket needs no public address"),
    (
        {"slackTransport": "http", "ingress": INGRESS},
        "ingress.enabled needs a way through the NetworkPolicy: name the controller's pods in networkPolicy.allowFrom",
    ),
    ({"slackTransport": "http", "ingress": {"enabled": True}}, "ingress.enabled needs ingress.hosts"),
    ({"slackTransport": "http", "httpRoute": {"enabled": True}}, "httpRoute.enabled needs httpRoute.parentRefs"),
    ({"serviceMonitor": {"enabled": True}}, "serviceMonitor.enabled needs a way through the NetworkPolicy"),
    ({"image": {"tag": "latest"}}, "image.tag=latest changes under a running release"),
    (
        {"env": POSTGRES, "autoscaling": {"enabled": True, "minReplicas": 9}},
        "autoscaling.minReplicas is above autoscaling.maxReplicas",
    ),
    ({"terminationGracePeriodSeconds": 30}, "set it to 35 or more, or running turns are cut off"),
    ({"env": POSTGRES, "rollingUpdate": {"maxSurge": 0}}, "so that no update could begin"),
]


@pytest.mark.parametrize(("values", "words"), REFUSED, ids=[words[:48] for _, words in REFUSED])
def test_what_cannot_work_is_refused_with_what_to_do(values: dict[str, Any], words: str) -> None:
    assert words in refusal(values)


def test_all_faults_are_told_at_once() -> None:
    said = refusal({"replicaCount": 2, "image": {"tag": "latest"}, "inCluster": False})
    assert said.count("\n- ") == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"env": {"SESSION_TYPE": "redis"}},
            "'/env/SESSION_TYPE': value must be one of 'memory', 'filesystem', 'postgres'",
        ),
        ({"replicacount": 2}, "additional properties 'replicacount' not allowed"),
        (
            {"rbac": {"impersonation": "both"}},
            "'/rbac/impersonation': value must be one of 'auto', 'plain', 'constrained'",
        ),
        (
            {"rbac": {"readRules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]}},
            "value must be one of 'get'",
        ),
        ({"env": {"MODEL_ID": ["a"]}}, "'/env/MODEL_ID': got array, want null or boolean or number or string"),
        ({"listen": {"port": 80}}, "'/listen/port': minimum: got 80, want 1,024"),
        ({"image": {"digest": "abc"}}, "'/image/digest': 'abc' does not match pattern"),
    ],
)
def test_the_schema_names_the_value_and_what_is_wanted(values: dict[str, Any], words: str) -> None:
    assert words in refusal(values)


def test_linting_without_values_finds_no_fault_of_the_chart() -> None:
    report = helm_python.lint(CHART, {}, namespace=NAMESPACE)
    assert report["errors"] == []
