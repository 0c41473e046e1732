"""System and batch workloads of the demo cluster: CoreDNS, the node agent, a database, a nightly job."""

from __future__ import annotations

from datetime import timedelta

from kubeai_bot.playground.cluster.apps import REGISTRY, App, pod_template
from kubeai_bot.playground.cluster.derived import endpoints_for, pod_for, replica_set_status, safe_text
from kubeai_bot.playground.cluster.furniture import CLUSTER_AGE, CONTROL_PLANE
from kubeai_bot.playground.cluster.kubelet import Program
from kubeai_bot.playground.cluster.logs import ContainerLog, LogLine
from kubeai_bot.playground.cluster.objects import Obj, name_of, namespace_of, owner_reference, stamp
from kubeai_bot.playground.cluster.revisions import REVISION_LABEL, revision_label, revision_of
from kubeai_bot.playground.cluster.scene import WORKERS, Scene
from kubeai_bot.playground.cluster.workloads import draw_app

_DAY = timedelta(days=1)
_NIGHTLY = "nightly-report"


def system_programs() -> list[Program]:
    """The images of this module; none of them fails."""
    images = {
        "log-shipper": ("1.9.2",),
        "coredns": ("1.12.3", "1.12.4"),
        "node-agent": ("3.4.0",),
        "postgres": ("17.6",),
        _NIGHTLY: ("1.4.0",),
    }
    return [Program(f"{REGISTRY}/{name}", frozenset(tags)) for name, tags in images.items()]


def draw_system(scene: Scene) -> None:
    dns = App(
        "coredns",
        "kube-system",
        tag="1.12.4",
        history=("1.12.3",),
        age=timedelta(days=40),
        required_key="",
        config={"Corefile": ".:53 {\n    errors\n    health\n    kubernetes cluster.local\n    cache 30\n}\n"},
    )
    draw_app(scene, dns)
    _draw_node_agent(scene)
    _draw_database(scene)
    _draw_nightly(scene)


def _template(name: str, tag: str, place: str) -> Obj:
    app = App(name, place, tag=tag)
    template = pod_template(app, tag)
    container: Obj = template["spec"]["containers"][0]
    container.pop("envFrom")
    return template


def _draw_node_agent(scene: Scene) -> None:
    age = timedelta(days=63)
    template = _template("node-agent", "3.4.0", "kube-system")
    template["spec"]["tolerations"] = [{"operator": "Exists"}]
    nodes = (CONTROL_PLANE, *WORKERS)
    count = len(nodes)
    agent: Obj = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": "node-agent",
            "namespace": "kube-system",
            "labels": {"app": "node-agent"},
            "generation": 1,
        },
        "spec": {
            "selector": {"matchLabels": {"app": "node-agent"}},
            "template": template,
            "updateStrategy": {"type": "RollingUpdate"},
        },
        "status": {
            "desiredNumberScheduled": count,
            "currentNumberScheduled": count,
            "numberReady": count,
            "updatedNumberScheduled": count,
            "numberAvailable": count,
            "numberMisscheduled": 0,
            "observedGeneration": 1,
        },
    }
    scene.add(agent, age, applied=True)
    revision = scene.add(revision_of(agent, 1, scene.ago(age), scene.uid()), age)
    labels = {REVISION_LABEL: revision_label(revision), "pod-template-generation": "1"}
    for node in nodes:
        name = f"node-agent-{safe_text(scene.rng.getrandbits(30), 5)}"
        scene.add_pod(pod_for(agent, name, node, scene.ago(age), scene.uid(), labels=labels), scene.ago(age))


def _draw_database(scene: Scene) -> None:
    age = timedelta(days=58)
    place = "payments"
    claim_template: Obj = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "standard",
            "resources": {"requests": {"storage": "20Gi"}},
        },
    }
    database: Obj = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "ledger-db",
            "namespace": place,
            "labels": {"app": "ledger-db"},
            "generation": 1,
        },
        "spec": {
            "replicas": 1,
            "serviceName": "ledger-db",
            "selector": {"matchLabels": {"app": "ledger-db"}},
            "template": {
                **_template("postgres", "17.6", place),
                "metadata": {"labels": {"app": "ledger-db", "team": place}},
            },
            "volumeClaimTemplates": [claim_template],
        },
    }
    scene.add(database, age, applied=True)
    revision = scene.add(revision_of(database, 1, scene.ago(age), scene.uid()), age)
    labels = {
        "apps.kubernetes.io/pod-index": "0",
        REVISION_LABEL: revision_label(revision),
        "statefulset.kubernetes.io/pod-name": "ledger-db-0",
    }
    pod = pod_for(database, "ledger-db-0", WORKERS[0], scene.ago(age), scene.uid(), labels=labels)
    scene.add_pod(pod, scene.ago(age))
    counts = replica_set_status(database, [pod])
    counts.pop("fullyLabeledReplicas")
    names = {"currentRevision": name_of(revision), "updateRevision": name_of(revision)}
    database["status"] = {**counts, **names, "currentReplicas": 1, "updatedReplicas": 1, "collisionCount": 0}
    _draw_volume(scene, place, age)
    service: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ledger-db", "namespace": place},
        "spec": {
            "clusterIP": "None",
            "selector": {"app": "ledger-db"},
            "ports": [{"name": "postgres", "port": 5432}],
        },
    }
    scene.add(service, age, applied=True)
    metadata = {"name": "ledger-db", "namespace": place}
    subsets = endpoints_for(service, [pod])
    scene.add({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}, age)


def _draw_volume(scene: Scene, place: str, age: timedelta) -> None:
    size, modes = {"storage": "20Gi"}, ["ReadWriteOnce"]
    volume_name = f"pvc-{scene.uid()}"
    claim: Obj = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-ledger-db-0", "namespace": place, "labels": {"app": "ledger-db"}},
        "spec": {
            "accessModes": modes,
            "resources": {"requests": size},
            "storageClassName": "standard",
            "volumeMode": "Filesystem",
            "volumeName": volume_name,
        },
        "status": {"phase": "Bound", "accessModes": modes, "capacity": size},
    }
    scene.add(claim, age)
    volume: Obj = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name},
        "spec": {
            "capacity": size,
            "accessModes": modes,
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "standard",
            "volumeMode": "Filesystem",
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "namespace": place,
                "name": name_of(claim),
                "uid": claim["metadata"]["uid"],
            },
            "hostPath": {"path": f"/var/lib/demo/{volume_name}"},
        },
        "status": {"phase": "Bound"},
    }
    scene.add(volume, age)


def _draw_nightly(scene: Scene) -> None:
    template = _template(_NIGHTLY, "1.4.0", "shop")
    template["spec"]["restartPolicy"] = "OnFailure"
    template["spec"]["containers"][0].pop("readinessProbe")
    last = timedelta(hours=9)
    cron: Obj = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": _NIGHTLY, "namespace": "shop", "generation": 1},
        "spec": {
            "schedule": "30 1 * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"template": template}},
        },
        "status": {
            "lastScheduleTime": stamp(scene.ago(last)),
            "lastSuccessfulTime": stamp(scene.ago(last - timedelta(minutes=4))),
        },
    }
    scene.add(cron, CLUSTER_AGE, applied=True)
    for age in (last + _DAY, last):
        _draw_job(scene, cron, template, age)


def _draw_job(scene: Scene, cron: Obj, template: Obj, age: timedelta) -> None:
    started, ended = scene.ago(age), scene.ago(age - timedelta(minutes=4))
    name = f"{_NIGHTLY}-{int(started.timestamp() // 60)}"
    condition = {"type": "Complete", "status": "True", "lastTransitionTime": stamp(ended)}
    uid = scene.uid()
    labels = {"batch.kubernetes.io/job-name": name, "app": _NIGHTLY}
    job: Obj = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": uid,
            "generation": 1,
            "labels": labels,
            "ownerReferences": [owner_reference(cron)],
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 6,
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
            "template": {**template, "metadata": {"labels": labels}},
        },
        "status": {
            "startTime": stamp(started),
            "completionTime": stamp(ended),
            "succeeded": 1,
            "ready": 0,
            "conditions": [condition],
        },
    }
    scene.add(job, age)
    pod = pod_for(job, f"{name}-{safe_text(scene.rng.getrandbits(30), 5)}", WORKERS[1], started, scene.uid())
    scene.add_pod(pod, started)
    done = {
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": stamp(started),
        "finishedAt": stamp(ended),
    }
    pod["status"]["phase"] = "Succeeded"
    for condition in pod["status"]["conditions"]:
        if condition["type"] in {"Ready", "ContainersReady"}:
            condition.update(status="False", reason="PodCompleted")
    pod["status"]["containerStatuses"][0].update(state={"terminated": done}, ready=False, started=False)
    lines = ('level=info msg="report written" orders=1284 revenue="48 211.90 EUR"', 'level=info msg="done"')
    key = (namespace_of(pod), name_of(pod), _NIGHTLY)
    scene.logs[key] = ContainerLog([LogLine(ended, text) for text in lines])
