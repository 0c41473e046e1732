"""The same changes against a real API server, for what needs no kubelet and no controllers (KUBEBUILDER_ASSETS)."""

import os
import sys
from pathlib import Path

import httpx2
import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import Drifted, ToolError
from kubeai_bot.kube.config import connect
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

sys.path.insert(0, str(Path(__file__).parent.parent / "cluster_contract"))

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "registry.example/web:1", env: [{name: MODE, value: a}]}
"""
PLACE = {"name": "web", "namespace": "default"}
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/web"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from real_backend import assets, real_backend

    found = assets()
    if found is None:
        pytest.skip("KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver: only the demo is checked")
    with real_backend(found, tmp_path_factory.mktemp("apiserver")) as running:
        yield running


@pytest.fixture
def admin(server):
    from seeding import ADMIN_TOKEN

    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    with httpx2.Client(base_url=server.url, verify=server.verify, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
async def desk(server, admin, tmp_path, scripted):
    """As cluster admin through impersonation, so that nothing but the tools is in question."""
    from seeding import ADMIN_TOKEN

    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "root"},
        "subjects": [{"kind": "User", "name": "root@shop.example", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    }
    assert admin.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", json=body).status_code in (201, 409)
    path = tmp_path / "kubeconfig"
    authority = next(Path(os.fspath(server._audit_log)).parent.glob("tls.crt"))
    path.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: real
clusters: [{{name: real, cluster: {{server: "{server.url}", certificate-authority: "{authority}"}}}}]
users: [{{name: bot, user: {{token: {ADMIN_TOKEN}}}}}]
contexts: [{{name: real, context: {{cluster: real, user: bot}}}}]
"""
    )
    cluster = await connect(kubeconfig=str(path), context=None, impersonate=True)
    yield type(scripted)(KubernetesTools({"real": cluster}, "real", Mode.AUTO))
    await cluster.aclose()
    admin.delete(DEPLOYMENT)


@pytest.fixture
async def web(desk, root):
    """A Deployment, and the digest under which it was approved."""
    preview = await desk.try_out(root, "apply", manifest=WEB)
    assert (await desk.run(await desk.plan(root, "apply", manifest=WEB), root, preview.digest)).ok


def label(admin, **labels):
    response = admin.patch(
        DEPLOYMENT, json={"metadata": {"labels": labels}}, headers={"Content-Type": "application/merge-patch+json"}
    )
    assert response.status_code == 200


CHANGES = [
    ("scale", {"kind": "deployment", **PLACE, "replicas": 5}),
    ("patch", {"kind": "deploy", **PLACE, "patch": "{spec: {minReadySeconds: 5}}"}),
    ("patch", {"kind": "deploy", **PLACE, "patch": '[{"op": "add", "path": "/spec/minReadySeconds", "value": 4}]',
               "type": "json"}),
    ("set_image", {**PLACE, "image": "registry.example/web:2"}),
    ("set_env", {**PLACE, "variables": ["A=1"], "from_secret": ["MODE=web/mode"]}),
    ("set_resources", {**PLACE, "cpu_request": "100m", "memory_limit": "64Mi"}),
    ("label", {"kind": "deploy", **PLACE, "labels": ["tier=web"]}),
    ("annotate", {"kind": "deploy", **PLACE, "annotations": ["note=x"]}),
    ("rollout_pause", PLACE),
    ("delete", {"kind": "deploy", **PLACE}),
    ("apply", {"manifest": WEB.replace("replicas: 2", "replicas: 3")}),
]  # fmt: skip


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize(("tool", "arguments"), CHANGES, ids=[f"{t}-{n}" for n, (t, _) in enumerate(CHANGES)])
async def test_a_change_is_tried_out_drifts_is_made_and_taken_back(desk, admin, root, tool, arguments):
    before = admin.get(DEPLOYMENT).json()
    preview = await desk.try_out(root, tool, **arguments)
    assert preview.diff
    assert admin.get(DEPLOYMENT).json() == before, "a preview changes nothing"
    planned = await desk.plan(root, tool, **arguments)

    label(admin, drift="yes")
    if tool not in ("scale",):  # the Scale has no labels of the object
        with pytest.raises(Drifted):
            await desk.run(planned, root, preview.digest)
        assert admin.get(DEPLOYMENT).json()["spec"] == before["spec"]
    label(admin, drift=None)
    result = await desk.run(planned, root, preview.digest)
    assert result.ok
    assert result.audit_ids

    undone = await desk.follow(root, result.undo)
    assert undone.ok
    assert admin.get(DEPLOYMENT).json()["spec"] == before["spec"]


@pytest.mark.usefixtures("web")
async def test_another_managers_field_is_a_conflict_until_it_is_forced(desk, admin, root):
    headers = {"Content-Type": "application/merge-patch+json"}
    admin.patch(f"{DEPLOYMENT}?fieldManager=argocd", json={"spec": {"replicas": 4}}, headers=headers)
    with pytest.raises(ToolError, match=r'Other managers own fields.*"argocd".*spec\.replicas.*force=true'):
        await desk.try_out(root, "apply", manifest=WEB)
    assert (await desk.ask(root, "apply", manifest=WEB, force=True)).ok
    assert admin.get(DEPLOYMENT).json()["spec"]["replicas"] == 2


async def test_an_apply_never_writes_over_what_came_into_being_meanwhile(desk, admin, root):
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: late, namespace: default}, data: {a: '1'}}"
    preview = await desk.try_out(root, "apply", manifest=manifest)
    planned = await desk.plan(root, "apply", manifest=manifest)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"b": "2"}}
    assert admin.post("/api/v1/namespaces/default/configmaps", json=body).status_code == 201
    with pytest.raises(Drifted):
        await desk.run(planned, root, preview.digest)
    assert admin.get("/api/v1/namespaces/default/configmaps/late").json()["data"] == {"b": "2"}
    gone = await desk.try_out(root, "apply", manifest=manifest)
    admin.delete("/api/v1/namespaces/default/configmaps/late")
    with pytest.raises(Drifted):
        await desk.run(planned, root, gone.digest)


async def test_created_objects_have_a_steady_digest_whatever_the_server_draws(desk, root):
    service = (
        "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: default}, "
        "spec: {type: NodePort, ports: [{port: 80}]}}"
    )
    job = (
        "{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: default}, spec: {template: {spec: "
        "{restartPolicy: Never, containers: [{name: a, image: b}]}}}}"
    )
    for manifest in (service, job):
        first = await desk.try_out(root, "apply", manifest=manifest)
        second = await desk.try_out(root, "apply", manifest=manifest)
        assert first.digest == second.digest
        assert first.diff == second.diff


async def test_an_unknown_field_and_a_missing_namespace_are_told(desk, root):
    with pytest.raises(ToolError, match=r"bogus.* field not declared in schema"):
        await desk.ask(root, "apply", manifest=WEB.replace("replicas: 2", "bogus: 2"))
    with pytest.raises(ToolError, match='namespaces "nowhere" not found'):
        await desk.ask(root, "apply", manifest=WEB.replace("namespace: default", "namespace: nowhere"))


@pytest.mark.usefixtures("web")
async def test_who_may_not_is_refused_by_the_real_server_too(desk, admin, mia):
    with pytest.raises(ToolError, match=r"Forbidden: mia@shop.example"):
        await desk.try_out(mia, "scale", kind="deployment", **PLACE, replicas=0)
