"""Every switch gives objects that Kubernetes knows."""

from __future__ import annotations

import json
import re
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from tests.chart.rendering import CHART, NAMESPACE, Object, render, with_working
from tests.chart.switches import SWITCHES

VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36")
CUSTOM = {"ServiceMonitor", "PrometheusRule", "HTTPRoute", "ExternalSecret"}
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding"}


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_switch_gives_valid_objects(switch: str) -> None:
    objects = render(SWITCHES[switch])
    names = [(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) for each in objects]
    assert len(names) == len(set(names)), "an object is there twice"
    for each in objects:
        assert ("namespace" in each["metadata"]) == (each["kind"] not in CLUSTER_SCOPED), each["metadata"]
        if each["kind"] in CUSTOM:
            _check_custom(each)
    _validate([each for each in objects if each["kind"] not in CUSTOM])


_seen: set[str] = set()


def _validate(objects: list[Object]) -> None:
    """Against each version's strict schema; what was valid before is not read again."""
    for each in objects:
        text = json.dumps(each, sort_keys=True)
        if text not in _seen:
            for version in VERSIONS:
                kubernetes_validate.validate(each, version, strict=True)
            _seen.add(text)


def _check_custom(custom: Object) -> None:
    """The smallest shape of what Kubernetes' own schemas do not have."""
    spec: Any = custom["spec"]
    match custom["kind"]:
        case "ServiceMonitor":
            assert custom["apiVersion"] == "monitoring.coreos.com/v1"
            assert spec["endpoints"][0].items() >= {"port": "http", "path": "/metrics"}.items()
            assert spec["selector"]["matchLabels"]
        case "PrometheusRule":
            assert custom["apiVersion"] == "monitoring.coreos.com/v1"
            rules = spec["groups"][0]["rules"]
            assert all({"alert", "expr", "for", "labels", "annotations"} == set(rule) for rule in rules)
        case "HTTPRoute":
            assert custom["apiVersion"] == "gateway.networking.k8s.io/v1"
            assert spec["parentRefs"]
            assert {"matches", "backendRefs"} == set(spec["rules"][0])
        case "ExternalSecret":
            assert custom["apiVersion"] == "external-secrets.io/v1"
            assert spec["secretStoreRef"]["name"]
            assert spec["target"]["name"]
            assert spec.get("data") or spec.get("dataFrom")
        case kind:
            pytest.fail(f"no shape for {kind}")


@pytest.mark.parametrize("switch", ["defaults", "postgres", "monitoring", "http-ingress", "http-route", "sidecars"])
def test_helms_linter_finds_nothing(switch: str) -> None:
    report = helm_python.lint(CHART, with_working(SWITCHES[switch]), strict=True, namespace=NAMESPACE)
    # the only remark is that a chart may have an icon
    assert [m for m in report["messages"] if "icon" not in m["error"]] == []
    assert report["errors"] == []


DOCS = CHART.parents[1] / "docs" / "helm.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_docs_give_valid_objects(example: str) -> None:
    _validate([each for each in render(yaml.safe_load(example)) if each["kind"] not in CUSTOM])


def test_two_releases_of_one_cluster_share_nothing() -> None:
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in render({"commonLabels": {"a": "b"}}, name=release)}
        for release in ("one", "two")
    ]
    assert not names[0] & names[1]


def test_long_names_stay_within_kubernetes_limit() -> None:
    objects = render(SWITCHES["monitoring"] | {"env": {"SESSION_TYPE": "filesystem"}}, name="a" * 53)
    limited = {"Service", "Deployment", "PersistentVolumeClaim", "ConfigMap", "Pod"}
    assert all(len(each["metadata"]["name"]) <= 63 for each in objects if each["kind"] in limited)
