"""How the bot's pod is made: what it may do, what it keeps, how it is replaced."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import Object, bot_of, environment, of_kind, only, pod_of, render, render_texts
from tests.chart.switches import SWITCHES


def _pods(objects: list[Object]) -> list[Object]:
    return [pod_of(objects), *(each["spec"] for each in of_kind(objects, "Pod"))]


def _containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_pod_fits_the_restricted_pod_security_standard(switch: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root."""
    for pod in _pods(render(SWITCHES[switch])):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert pod["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001}.items()
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not [each for each in pod.get("volumes", []) if "hostPath" in each]
        for container in _containers(pod):
            security = container["securityContext"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert (security["allowPrivilegeEscalation"], security["privileged"]) == (False, False)
            assert security["readOnlyRootFilesystem"] is True
            assert security["runAsNonRoot"] is True


@pytest.mark.parametrize("switch", SWITCHES)
def test_the_bots_containers_have_bounds_and_a_fixed_image(switch: str) -> None:
    for pod in _pods(render(SWITCHES[switch])):
        for container in _containers(pod):
            if container["image"].startswith("registry.example/"):
                continue  # the values' own sidecars
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert {"cpu", "memory"} <= set(container["resources"]["limits"])
            assert re.search(r":\d+\.\d+\.\d+$|@sha256:[0-9a-f]{64}$", container["image"]), container["image"]


def test_only_the_bots_own_containers_hold_the_token() -> None:
    objects = render(SWITCHES["sidecars"])
    pod = pod_of(objects)
    holders = {
        container["name"]
        for container in _containers(pod)
        if any(mount["name"] == "service-account" for mount in container.get("volumeMounts", []))
    }
    assert holders == {"kubeai-bot", "doctor"}
    assert pod["automountServiceAccountToken"] is False
    assert only(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    assert only(objects, "Pod")["spec"]["automountServiceAccountToken"] is False


def test_without_its_own_cluster_the_bot_gets_no_token_and_no_rights() -> None:
    objects = render(SWITCHES["other-clusters"])
    assert not of_kind(objects, "ClusterRole")
    assert not [each for each in pod_of(objects)["volumes"] if each["name"] == "service-account"]
    assert environment(bot_of(objects))["KUBECONFIG"] == "/etc/kubeai-bot/kubeconfig/config"


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_mount_has_its_volume(switch: str) -> None:
    pod = pod_of(render(SWITCHES[switch]))
    volumes = {each["name"] for each in pod["volumes"]}
    for container in _containers(pod):
        mounts = container.get("volumeMounts", [])
        assert {each["name"] for each in mounts} <= volumes
        assert len({each["mountPath"] for each in mounts}) == len(mounts)


@pytest.mark.parametrize("switch", ["defaults", "filesystem"])
def test_memory_and_filesystem_stop_the_old_replica_first(switch: str) -> None:
    spec = only(render(SWITCHES[switch]), "Deployment")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["replicas"] == 1


def test_postgres_starts_the_new_replica_first() -> None:
    spec = only(render(SWITCHES["postgres"]), "Deployment")["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert spec["replicas"] == 3


def test_an_autoscaler_alone_decides_the_number_of_replicas() -> None:
    objects = render(SWITCHES["autoscaling"])
    assert "replicas" not in only(objects, "Deployment")["spec"]
    target = only(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "kubeai-bot"}
    assert only(objects, "PodDisruptionBudget")


@pytest.mark.parametrize(("switch", "budgets"), [("defaults", 0), ("postgres", 1), ("no-budget", 0)])
def test_a_budget_is_made_only_where_it_does_not_block_node_drains(switch: str, budgets: int) -> None:
    assert len(of_kind(render(SWITCHES[switch]), "PodDisruptionBudget")) == budgets


@pytest.mark.parametrize(
    ("switch", "path", "claim"),
    [
        ("filesystem", "/home/kubeai/.kubeai/sessions", "kubeai-bot-sessions"),
        ("filesystem-elsewhere", "/data", "kubeai-bot-sessions"),
        ("existing-claim", "/home/kubeai/.kubeai/sessions", "mine"),
    ],
)
def test_filesystem_sessions_are_on_a_volume(switch: str, path: str, claim: str) -> None:
    objects = render(SWITCHES[switch])
    mount = next(each for each in bot_of(objects)["volumeMounts"] if each["name"] == "sessions")
    volume = next(each for each in pod_of(objects)["volumes"] if each["name"] == "sessions")
    assert mount["mountPath"] == path
    assert volume["persistentVolumeClaim"] == {"claimName": claim}
    claims = of_kind(objects, "PersistentVolumeClaim")
    assert [each["metadata"]["name"] for each in claims] == ([] if claim == "mine" else [claim])
    assert all(each["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"} for each in claims)


def test_probes_ask_the_bots_own_port() -> None:
    bot = bot_of(render(SWITCHES["own-service"]))
    paths = {name: bot[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert {bot[f"{name}Probe"]["httpGet"]["port"] for name in paths} == {"http"}
    assert bot["ports"] == [{"name": "http", "containerPort": 9000, "protocol": "TCP"}]
    assert environment(bot)["LISTEN_ADDRESS"] == "0.0.0.0:9000"


def test_a_stop_leaves_time_to_hand_over() -> None:
    pod = pod_of(render({}))
    assert pod["terminationGracePeriodSeconds"] >= 20 + 5 + 5 + 5
    assert bot_of(render({}))["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}


def test_replicas_spread_over_nodes_and_zones() -> None:
    objects = render(SWITCHES["postgres"])
    spread = pod_of(objects)["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    selector = only(objects, "Deployment")["spec"]["selector"]
    assert all(each["labelSelector"] == selector for each in spread)


def test_the_doctor_looks_before_the_bot_starts_and_after_the_sidecars() -> None:
    pod = pod_of(render(SWITCHES["sidecars"]))
    assert [each["name"] for each in pod["initContainers"]] == ["first", "doctor"]
    assert pod["initContainers"][1]["args"] == ["doctor", "--init"]
    assert "initContainers" not in pod_of(render(SWITCHES["no-doctor"]))


def test_the_test_pod_asks_the_service_and_is_not_behind_it() -> None:
    objects = render(SWITCHES["own-service"])
    pod, service = only(objects, "Pod"), only(objects, "Service")
    assert pod["spec"]["containers"][0]["args"][1] == "http://kubeai-bot:80/readyz"
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    compile(pod["spec"]["containers"][0]["args"][0], "the test pod's program", "exec")


@pytest.mark.parametrize("switch", ["http-ingress", "http-route"])
def test_only_slacks_path_is_public(switch: str) -> None:
    objects = render(SWITCHES[switch])
    if switch == "http-ingress":
        paths = only(objects, "Ingress")["spec"]["rules"][0]["http"]["paths"]
        public = [(each["path"], each["pathType"]) for each in paths]
    else:
        matches = only(objects, "HTTPRoute")["spec"]["rules"][0]["matches"]
        public = [(each["path"]["value"], each["path"]["type"]) for each in matches]
    assert public == [("/slack/events", "Exact")]


def test_the_network_policy_lets_in_the_own_namespace_and_the_named_peers() -> None:
    policy = only(render(SWITCHES["monitoring"]), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"][0]["from"] == [{"podSelector": {}}, *SWITCHES["monitoring"]["networkPolicy"]["allowFrom"]]
    egress = only(render(SWITCHES["egress"]), "NetworkPolicy")["spec"]["egress"]
    ports = [(port["port"], port["protocol"]) for rule in egress for port in rule.get("ports", [])]
    assert ports == [(53, "UDP"), (53, "TCP"), (443, "TCP"), (6443, "TCP"), (5432, "TCP")]


def test_notes_say_what_comes_next_and_warn_of_passwords() -> None:
    notes = render_texts({})["NOTES.txt"]
    assert "Its variables come from the Secret kubeai-bot-env" in notes
    assert "they are lost at every restart" in notes
    assert "WARNING" not in notes
    assert "WARNING: env.DATABASE_URL holds a password" in render_texts(SWITCHES["written-out"])["NOTES.txt"]


def test_checkov_finds_nothing(tmp_path: Path) -> None:
    """What Helm renders with --skip-tests, with the two switches that it wants and that cost something."""
    program = shutil.which("checkov")
    if program is None:
        pytest.skip("checkov is not on the PATH: the rules above are checked by the tests above alone")
    values: dict[str, Any] = {**SWITCHES["postgres"], "image": {**SWITCHES["digest"]["image"], "pullPolicy": "Always"}}
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(each for each in render(values) if each["kind"] != "Pod"))
    # CKV_K8S_35 wants secrets as files: the bot, like Slack's and the models' libraries, reads variables
    command = [program, "-f", str(file), "--framework", "kubernetes", "--skip-download", "--quiet", "--compact"]
    done = subprocess.run(  # noqa: S603
        [*command, "--skip-check", "CKV_K8S_35"], capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stdout
