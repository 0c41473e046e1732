"""Draws one App into a scene: Deployment, ReplicaSets, pods, Service, Endpoints, ConfigMap and what was logged."""

from __future__ import annotations

from datetime import timedelta

from kubeai_bot.playground.cluster.apps import App, pod_template
from kubeai_bot.playground.cluster.derived import (
    CHANGE_CAUSE,
    REVISION,
    deployment_status,
    endpoints_for,
    pod_for,
    replica_set_for,
    replica_set_status,
    safe_text,
    template_hash,
)
from kubeai_bot.playground.cluster.kubelet import Outcome
from kubeai_bot.playground.cluster.objects import Obj, name_of, stamp
from kubeai_bot.playground.cluster.podstatus import (
    UNSCHEDULABLE,
    back_off_image,
    back_off_restart,
    pull_error,
)
from kubeai_bot.playground.cluster.scene import Scene, Seen

_ROLLOUT_AGE = timedelta(minutes=52)
_RELEASE_GAP = timedelta(days=4, hours=7)


def draw_app(scene: Scene, app: App) -> list[Obj]:
    """Adds all objects of an app; gives the pods of the newest ReplicaSet, which show its fault if it has one."""
    first_age = app.age + _RELEASE_GAP * len(app.history)
    _config(scene, app, first_age)
    releases = [*app.history, app.tag, *([app.bad_tag] if app.bad_tag else [])]
    deployment = _deployment(scene, app, releases[-1], len(releases), first_age)
    sets: list[Obj] = []
    pods: list[Obj] = []
    shown: list[Obj] = []
    for index, tag in enumerate(releases):
        revision = index + 1
        age = _release_age(app, tag, releases)
        drawn = _release(scene, app, deployment, tag, revision, age)
        wanted = _wanted(app, tag)
        drawn["spec"]["replicas"] = wanted
        shown = [_pod(scene, drawn, number, age) for number in range(wanted)]
        drawn["status"] = replica_set_status(drawn, shown)
        sets.append(drawn)
        pods += shown
        _replica_set_events(scene, deployment, drawn, shown, age)
    since = _ROLLOUT_AGE if app.bad_tag else app.age
    stuck = bool(app.fault) and app.fault != "oom" and since > timedelta(minutes=10)
    deployment["status"] = deployment_status(deployment, sets[-1], pods, scene.ago(since), stuck=stuck)
    deployment["metadata"]["generation"] = deployment["status"]["observedGeneration"] = len(releases)
    _service(scene, app, pods, first_age)
    return shown


def _wanted(app: App, tag: str) -> int:
    if app.bad_tag and tag == app.bad_tag:
        return 1
    return app.replicas if tag == app.tag else 0


def _release_age(app: App, tag: str, releases: list[str]) -> timedelta:
    if app.bad_tag and tag == app.bad_tag:
        return _ROLLOUT_AGE
    return app.age + _RELEASE_GAP * (releases.index(app.tag) - releases.index(tag))


def _config(scene: Scene, app: App, age: timedelta) -> None:
    scene.add(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": app.config_name, "namespace": app.namespace, "labels": {"app": app.name}},
            "data": dict(app.config),
        },
        age,
        applied=True,
    )


def _template(scene: Scene, app: App, tag: str) -> Obj:
    restarted = stamp(scene.ago(app.age)) if app.restarted and tag == app.tag else ""
    return pod_template(app, tag, restarted_at=restarted)


def _cause(app: App, tag: str) -> str:
    return app.change_cause if tag == app.bad_tag else f"release {tag}"


def _deployment(scene: Scene, app: App, tag: str, revision: int, age: timedelta) -> Obj:
    strategy: Obj = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    deployment: Obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": app.name,
            "namespace": app.namespace,
            "labels": {"app": app.name, "team": app.namespace},
            "annotations": {REVISION: str(revision), CHANGE_CAUSE: _cause(app, tag)},
        },
        "spec": {
            "replicas": app.replicas,
            "selector": {"matchLabels": {"app": app.name}},
            "template": _template(scene, app, tag),
            "strategy": {"type": "Recreate"} if app.recreate else strategy,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
    }
    return scene.add(deployment, age, applied=True)


def _release(scene: Scene, app: App, deployment: Obj, tag: str, revision: int, age: timedelta) -> Obj:
    """The ReplicaSet of one release of the Deployment."""
    annotations = {**deployment["metadata"]["annotations"], CHANGE_CAUSE: _cause(app, tag)}
    then: Obj = {
        **deployment,
        "metadata": {**deployment["metadata"], "annotations": annotations},
        "spec": {**deployment["spec"], "template": _template(scene, app, tag)},
    }
    # the hash leaves out when it was restarted, so that names do not depend on the time of day
    hashed = template_hash(pod_template(app, tag))
    drawn = replica_set_for(then, hashed, revision, scene.ago(age), scene.uid())
    return scene.add(drawn, age)


def _pod(scene: Scene, owner: Obj, number: int, age: timedelta) -> Obj:
    at = scene.ago(age - timedelta(seconds=2 * number))
    name = f"{name_of(owner)}-{safe_text(scene.rng.getrandbits(30), 5)}"
    pod = pod_for(owner, name, scene.next_node(), at, scene.uid())
    restarts = max(2, min(int(age.total_seconds() // 310), 17))
    outcome = scene.add_pod(pod, at, restarts=restarts)
    if outcome.kind == "oom" and number == 1:
        # caught in the moment between the kill and the back-off
        status = next(s for s in pod["status"]["containerStatuses"] if s["name"] == outcome.container)
        status["state"] = dict(status["lastState"])
    _pod_events(scene, pod, outcome, age, restarts)
    return pod


def _pod_events(scene: Scene, pod: Obj, outcome: Outcome, age: timedelta, restarts: int) -> None:
    minute = timedelta(minutes=1)
    start = Seen(age, age)
    node = pod["spec"].get("nodeName", "")
    if outcome.kind == "unschedulable":
        retries = max(int(age / (5 * minute)), 1)
        scene.event(pod, "FailedScheduling", UNSCHEDULABLE, "default-scheduler", Seen(age, minute * 2, retries))
        return
    assigned = f"Successfully assigned {pod['metadata']['namespace']}/{name_of(pod)} to {node}"
    scene.event(pod, "Scheduled", assigned, "default-scheduler", start)
    containers = {container["name"]: container for container in pod["spec"]["containers"]}
    name = outcome.container or next(iter(containers))
    image = containers[name]["image"]
    in_container = Seen(age, age, 1, name)
    if outcome.kind == "image":
        pulls = Seen(age, minute * 3, max(int(age / (5 * minute)), 2), name)
        scene.event(pod, "Pulling", f'Pulling image "{image}"', "kubelet", pulls)
        scene.event(pod, "Failed", f'Failed to pull image "{image}": {pull_error(image)}', "kubelet", pulls)
        scene.event(pod, "Failed", "Error: ErrImagePull", "kubelet", pulls)
        backing_off = Seen(age, timedelta(seconds=25), pulls.count * 20, name)
        scene.event(pod, "BackOff", back_off_image(image), "kubelet", backing_off)
        return
    scene.event(pod, "Pulled", f'Container image "{image}" already present on machine', "kubelet", in_container)
    runs = restarts if outcome.kind in {"crash", "oom"} else 1
    last = minute * 3 if runs > 1 else age
    scene.event(pod, "Created", f"Created container: {name}", "kubelet", Seen(age, last, runs, name))
    scene.event(pod, "Started", f"Started container {name}", "kubelet", Seen(age, last, runs, name))
    if outcome.kind in {"crash", "oom"}:
        back_off = Seen(age, timedelta(seconds=11), restarts * 9, name)
        scene.event(pod, "BackOff", back_off_restart(pod, name), "kubelet", back_off)
    if outcome.kind == "unready":
        failures = Seen(age, timedelta(seconds=6), int(age.total_seconds() // 10), name)
        text = "Readiness probe failed: HTTP probe failed with statuscode: 404"
        scene.event(pod, "Unhealthy", text, "kubelet", failures)


def _replica_set_events(scene: Scene, deployment: Obj, owner: Obj, pods: list[Obj], age: timedelta) -> None:
    if not pods:
        return
    at = Seen(age, age)
    text = f"Scaled up replica set {name_of(owner)} from 0 to {len(pods)}"
    scene.event(deployment, "ScalingReplicaSet", text, "deployment-controller", at)
    for pod in pods:
        scene.event(owner, "SuccessfulCreate", f"Created pod: {name_of(pod)}", "replicaset-controller", at)


def _service(scene: Scene, app: App, pods: list[Obj], age: timedelta) -> None:
    port = {"name": "http", "port": 80, "targetPort": 8080}
    service: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": app.name, "namespace": app.namespace, "labels": {"app": app.name}},
        "spec": {"selector": {"app": app.name}, "ports": [port]},
    }
    scene.add(service, age, applied=True)
    metadata = {"name": app.name, "namespace": app.namespace, "labels": {"app": app.name}}
    endpoints: Obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    if subsets := endpoints_for(service, pods):
        endpoints["subsets"] = subsets
    scene.add(endpoints, age)
