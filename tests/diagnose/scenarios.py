"""Faults as a cluster shows them, each with the words that its root cause's evidence must hold."""

from collections.abc import Callable
from datetime import timedelta

from kubeai_bot.playground.cluster.scene import Scene
from tests.diagnose.stage import Case, Obj, Stage, busy, node_like

APPS, CORE, BATCH = "apps/v1", "v1", "batch/v1"


def bad_image_tag(s: Stage) -> Case:
    image = "registry.shop.example/images/bad-image-tag:9.9.9"
    for container in s.containers():
        container["image"] = image
    why = f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference '
    why += f'"{image}": {image}: not found'
    s.waiting("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {why}')
    s.event(s.pod, "Failed", f'Failed to pull image "{image}": {why}', 9)
    return s.case(image, "not found", "ImagePullBackOff")


def private_registry(s: Stage) -> Case:
    image = "ghcr.example/private/api:3.1"
    for spec in s.everywhere():
        spec["containers"][0]["image"] = image
        spec["imagePullSecrets"] = [{"name": "ghcr-pull"}]
    s.waiting("ImagePullBackOff", f'Back-off pulling image "{image}"')
    why = f'failed to pull and unpack image "{image}": failed to authorize: unexpected status: 401 Unauthorized'
    s.event(s.pod, "Failed", f'Failed to pull image "{image}": {why}', 9)
    s.event(s.pod, "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (ghcr-pull)", 9)
    return s.case("401 Unauthorized", "ghcr-pull", "FailedToRetrieveImagePullSecret")


def out_of_memory(s: Stage) -> Case:
    s.crashing([*busy(180), 'level=info msg="loading catalogue into memory"'], 137, "OOMKilled")
    return s.case("OOMKilled", "256Mi", "137")


def throttled_probe(s: Stage) -> Case:
    for container in s.containers():
        container["resources"]["limits"]["cpu"] = "50m"
        probe = {"httpGet": {"path": "/health", "port": 8080}, "timeoutSeconds": 1, "periodSeconds": 5}
        container["livenessProbe"] = {**probe, "failureThreshold": 3}
    s.unready()
    text = 'Liveness probe failed: Get "http://10.244.1.9:8080/health": context deadline exceeded'
    for pod in s.pods:
        s.event(pod, "Unhealthy", f"{text} (Client.Timeout exceeded while awaiting headers)", 44)
        s.event(pod, "Killing", f"Container {s.name} failed liveness probe, will be restarted", 14, "Normal")
        pod["status"]["containerStatuses"][0].update(restartCount=14)
    s.log(busy())
    return s.case("liveness", "deadline exceeded", "50m", "timeout 1s")


def wrong_probe_port(s: Stage) -> Case:
    for container in s.containers():
        container["readinessProbe"]["httpGet"]["port"] = 9090
    s.unready()
    text = 'Readiness probe failed: Get "http://10.244.1.9:9090/health": dial tcp 10.244.1.9:9090: connect: connection'
    for pod in s.pods:
        s.event(pod, "Unhealthy", f"{text} refused", 120)
    s.log(busy())
    return s.case("readiness", "9090", "connection refused", "http=8080")


def missing_config_key(s: Stage) -> Case:
    reference = {"name": f"{s.name}-config", "key": "DB_HOST"}
    for container in s.containers():
        container["env"] = [{"name": "DB_HOST", "valueFrom": {"configMapKeyRef": reference}}]
    message = f"couldn't find key DB_HOST in ConfigMap {s.name}/{s.name}-config"
    s.waiting("CreateContainerConfigError", message)
    s.event(s.pod, "Failed", f"Error: {message}", 33)
    return s.case("DB_HOST", f"{s.name}-config", "HTTP_PORT")


def missing_secret(s: Stage) -> Case:
    for container in s.containers():
        container["envFrom"].append({"secretRef": {"name": "smtp-login"}})
    s.waiting("CreateContainerConfigError", 'secret "smtp-login" not found')
    s.event(s.pod, "Failed", 'Error: secret "smtp-login" not found', 33)
    return s.case('secret "smtp-login" not found')


def missing_config_map(s: Stage) -> Case:
    for spec in s.everywhere():
        spec["volumes"] = [{"name": "rules", "configMap": {"name": "missing-config-map-rules"}}]
    s.waiting("ContainerCreating", "")
    text = 'MountVolume.SetUp failed for volume "rules" : configmap "missing-config-map-rules" not found'
    s.event(s.pod, "FailedMount", text, 21)
    return s.case("ConfigMap missing-config-map/missing-config-map-rules, which does not exist", "volumes[rules]")


def claim_without_class(s: Stage) -> Case:
    for spec in s.everywhere():
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "uploads"}}]
    wants = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast-ssd", "volumeMode": "Filesystem"}
    spec = {**wants, "resources": {"requests": {"storage": "10Gi"}}}
    claim = s.add(CORE, "PersistentVolumeClaim", "uploads", spec=spec, status={"phase": "Pending"})
    s.event(claim, "ProvisioningFailed", 'storageclass.storage.k8s.io "fast-ssd" not found', 40)
    s.unscheduled("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found")
    return s.case(
        "PersistentVolumeClaim claim-without-class/uploads", "fast-ssd", "standard", also=[("pvc", "uploads")]
    )


def no_such_node(s: Stage) -> Case:
    for spec in s.everywhere():
        spec["nodeSelector"] = {"disktype": "nvme"}
    s.unscheduled("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.")
    return s.case("didn't match Pod's node affinity/selector", "disktype=nvme", "(no such label)")


def tainted_nodes(s: Stage) -> Case:
    s.unscheduled("0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: gpu}.")
    return s.case("untolerated taint {dedicated: gpu}", ".spec.tolerations: none", "dedicated=gpu:NoSchedule")


def too_much_cpu(s: Stage) -> Case:
    for container in s.containers():
        container["resources"]["requests"]["cpu"] = "24"
    s.unscheduled("0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available.")
    return s.case("Insufficient cpu", "cpu 24000m", "of 7910m")


def quota_exceeded(s: Stage) -> Case:
    s.without_pods()
    hard, used = {"requests.cpu": "2", "pods": "10"}, {"requests.cpu": "1950m", "pods": "6"}
    s.add(CORE, "ResourceQuota", "team-quota", spec={"hard": hard}, status={"hard": hard, "used": used})
    pod = f"{s.sets[-1]['metadata']['name']}-x8f2p"
    message = f'pods "{pod}" is forbidden: exceeded quota: team-quota, requested: requests.cpu=100m, used: '
    message += "requests.cpu=1950m, limited: requests.cpu=2"
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    s.sets[-1]["status"]["conditions"] = [failure]
    s.deployment["status"]["conditions"].append(failure)
    s.event(s.sets[-1], "FailedCreate", f"Error creating: {message}", 18)
    return s.case("exceeded quota: team-quota", "requests.cpu 1950m of 2", also=[("resourcequota", "team-quota")])


def rbac_in_logs(s: Stage) -> Case:
    who = f"system:serviceaccount:{s.name}:default"
    line = f'level=error msg="reconcile failed" err="configmaps is forbidden: User \\"{who}\\" cannot list resource '
    line += f'\\"configmaps\\" in API group \\"\\" in the namespace \\"{s.name}\\""'
    s.log([*busy(120), *[line] * 30, *busy(60)])
    return s.case("cannot list resource", "configmaps", who, "serviceAccountName")


def selector_typo(s: Stage) -> Case:
    s.service["spec"]["selector"] = {"app": "selector-typoo"}
    s.log(busy())
    return s.case("Service selector-typo/selector-typo", "app=selector-typoo", "app=selector-typo", "matches 0 of 2",
                  also=[("service", s.name)])  # fmt: skip


def wrong_target_port(s: Stage) -> Case:
    s.service["spec"]["ports"] = [{"name": "http", "port": 80, "targetPort": "web"}]
    s.log(busy())
    return s.case("targetPort web", "http=8080", also=[("service", s.name)])


def _autoscaler(s: Stage, most: int, **status: object) -> None:
    target = {"type": "Utilization", "averageUtilization": 60}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    reference = {"apiVersion": APPS, "kind": "Deployment", "name": s.name}
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": most, "metrics": metrics}
    s.add("autoscaling/v2", "HorizontalPodAutoscaler", s.name, spec=spec, status={"currentReplicas": 2, **status})
    s.log(busy())


def autoscaler_at_limit(s: Stage) -> Case:
    limited = {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}
    limited["message"] = "the desired replica count is more than the maximum replica count"
    now = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 193}}}
    _autoscaler(s, 2, desiredReplicas=2, conditions=[limited], currentMetrics=[now])
    return s.case(".spec.maxReplicas: 2", "193%", "TooManyReplicas", also=[("hpa", s.name)])


def autoscaler_blind(s: Stage) -> Case:
    blind = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}
    blind["message"] = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned"
    _autoscaler(s, 9, desiredReplicas=0, conditions=[blind])
    return s.case("FailedGetResourceMetric", "no metrics returned", also=[("hpa", s.name)])


def job_gave_up(s: Stage) -> Case:
    lines = [*busy(150), "Traceback (most recent call last):", '  File "/app/migrate.py", line 41, in <module>']
    lines += ["    apply(step)", 'psycopg.errors.UndefinedColumn: column "tenant_id" does not exist']
    uid = s.scene.uid()
    labels = {"batch.kubernetes.io/job-name": "migrate"}
    template = {"metadata": {"labels": labels}, "spec": {**s.everywhere()[0], "restartPolicy": "Never"}}
    message = "Job has reached the specified backoff limit"
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": message}
    job = s.add(BATCH, "Job", "migrate", spec={"backoffLimit": 2, "completions": 1, "parallelism": 1,
                "selector": {"matchLabels": labels}, "template": template},
                status={"failed": 3, "conditions": [failed]})  # fmt: skip
    job["metadata"]["uid"] = uid
    owner = {"apiVersion": BATCH, "kind": "Job", "name": "migrate", "uid": uid, "controller": True}
    pod = s.pods.pop()
    s.pods[:0] = [pod]
    ended = {"exitCode": 1, "reason": "Error", "startedAt": pod["status"]["startTime"]}
    pod["metadata"].update(labels=labels, ownerReferences=[owner])
    pod["status"].update(phase="Failed")
    pod["status"]["containerStatuses"][0].update(state={"terminated": ended}, ready=False)
    s.event(job, "BackoffLimitExceeded", message, 1)
    s.log(lines, pod)
    return s.case(
        "BackoffLimitExceeded", 'column "tenant_id" does not exist', "backoffLimit: 2", first=("job", "migrate")
    )


def init_container_fails(s: Stage) -> Case:
    init = {"name": "wait-for-db", "image": "registry.shop.example/wait:1.0", "command": ["/wait", "ledger-db:5432"]}
    for spec in s.everywhere():
        spec["initContainers"] = [init]
    s.waiting("PodInitializing", "")
    for pod in s.pods:
        ended = {"exitCode": 1, "reason": "Error", "startedAt": pod["status"]["startTime"]}
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=wait-for-db"}
        status = {"name": "wait-for-db", "state": {"waiting": waiting}, "lastState": {"terminated": ended}}
        status |= {"ready": False, "restartCount": 12, "image": init["image"], "imageID": ""}
        pod["status"]["initContainerStatuses"] = [status]
        lines = ['level=info msg="waiting"'] * 40 + ['level=fatal msg="gave up after 60s: ledger-db:5432 unreachable"']
        s.log(lines, pod, "wait-for-db")
    return s.case("init container wait-for-db", "gave up after 60s", "initContainerStatuses[wait-for-db]")


def stuck_finalizer(s: Stage) -> Case:
    at = s.scene.ago(timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    held = {"deletionTimestamp": at, "deletionGracePeriodSeconds": 30, "finalizers": ["backup.shop.example/snapshot"]}
    s.pod["metadata"].update(held)
    s.log(busy())
    return s.case("finalizer backup.shop.example/snapshot", "is being deleted", f"Pod {s.name}/", "3h ago")


def dns_fails(s: Stage) -> Case:
    line = 'level=error msg="call failed" err="dial tcp: lookup payments-api.payments.svc.cluster.local on '
    line += '10.96.0.10:53: no such host"'
    s.log([*busy(100), *[line] * 50, *busy(50)])
    return s.case("no such host", "payments-api.payments.svc", "cluster DNS:")


def rollout_stuck(s: Stage) -> Case:
    """A new revision whose one surge pod fits nowhere; maxUnavailable 0 keeps the old ones."""
    s.deployment["spec"]["strategy"]["rollingUpdate"] = {"maxUnavailable": 0, "maxSurge": 1}
    for container in s.containers()[:2]:
        container["resources"] = {"requests": {"cpu": "100m", "memory": "64Gi"}, "limits": {"memory": "64Gi"}}
    s.pod["spec"]["containers"][0]["resources"] = s.containers()[0]["resources"]
    rest, s.pods = s.pods[1:], s.pods[:1]
    s.unscheduled("0/3 nodes are available: 3 Insufficient memory.")
    s.deployment["status"].update(readyReplicas=1, updatedReplicas=1, unavailableReplicas=1)
    message = f'ReplicaSet "{s.sets[-1]["metadata"]["name"]}" has timed out progressing.'
    for condition in s.deployment["status"]["conditions"]:
        if condition["type"] == "Progressing":
            condition.update(status="False", reason="ProgressDeadlineExceeded", message=message)
    s.pods += rest
    return s.case("ProgressDeadlineExceeded", "maxUnavailable 0", "Insufficient memory", "96Mi → 64Gi")


def drain_blocked(s: Stage) -> Case:
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": s.name}}}
    status = {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2}
    s.add("policy/v1", "PodDisruptionBudget", s.name, spec=spec, status=status)
    node = s.node("cordoned-node-4")
    node["spec"]["unschedulable"] = True
    for pod in s.pods:
        pod["spec"]["nodeName"] = "cordoned-node-4"
    s.log(busy())
    return s.case("PodDisruptionBudget drain-blocked/drain-blocked", "minAvailable 2", "cordoned-node-4",
                  also=[("pdb", s.name), ("node", "cordoned-node-4")])  # fmt: skip


def disk_pressure(s: Stage) -> Case:
    node = s.node("full-node-5")
    for condition in node["status"]["conditions"]:
        if condition["type"] == "DiskPressure":
            condition.update(status="True", reason="KubeletHasDiskPressure", message="kubelet has disk pressure")
    message = "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 1Gi."
    s._counts(0)
    for pod in s.pods:
        pod["spec"]["nodeName"] = "full-node-5"
        at = pod["status"]["startTime"]
        pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": message, "startTime": at}
        s.event(pod, "Evicted", message)
        s.scene.logs.pop((s.name, pod["metadata"]["name"], s.name), None)
    return s.case("Evicted", "ephemeral-storage", "DiskPressure=True", "full-node-5", also=[("node", "full-node-5")])


def bad_config_change(s: Stage) -> Case:
    """The newest revision took a variable away, and the program says that it misses it."""
    for container in s.containers():
        container["env"] = [{"name": "REGION", "value": "eu"}]
    for old in s.sets[:-1]:
        env = [{"name": "REGION", "value": "eu"}, {"name": "QUEUE_URL", "value": "amqp://queue"}]
        old["spec"]["template"]["spec"]["containers"][0]["env"] = env
    s.crashing([*busy(40), "panic: environment variable QUEUE_URL is empty", "", "goroutine 1 [running]:",
                "main.main()", "\t/src/main.go:31 +0x1d"])  # fmt: skip
    return s.case("panic: environment variable QUEUE_URL is empty", "env[QUEUE_URL]", "removed")


def missing_service_account(s: Stage) -> Case:
    s.without_pods()
    for template in (s.deployment, s.sets[-1]):
        template["spec"]["template"]["spec"]["serviceAccountName"] = "importer"
    name = s.sets[-1]["metadata"]["name"]
    message = f'pods "{name}-" is forbidden: error looking up service account {s.name}/importer: serviceaccount '
    message += '"importer" not found'
    s.sets[-1]["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    ]
    s.event(s.sets[-1], "FailedCreate", f"Error creating: {message}", 18)
    return s.case('serviceaccount "importer" not found', f"ServiceAccount {s.name}/importer")


SCENARIOS: tuple[Callable[[Stage], Case], ...] = (
    bad_image_tag, private_registry, out_of_memory, throttled_probe, wrong_probe_port, missing_config_key,
    missing_secret, missing_config_map, claim_without_class, no_such_node, tainted_nodes, too_much_cpu,
    quota_exceeded, rbac_in_logs, selector_typo, wrong_target_port, autoscaler_at_limit, autoscaler_blind,
    job_gave_up, init_container_fails, stuck_finalizer, dns_fails, rollout_stuck, drain_blocked, disk_pressure,
    bad_config_change, missing_service_account,
)  # fmt: skip


def draw_scenarios(scene: Scene, worker: Obj) -> list[Case]:
    """Draws every scenario into a scene, each in a namespace of its own name. `worker` is a node in good health."""
    scene.add({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard"},
               "provisioner": "local"}, timedelta(days=90))  # fmt: skip
    gpu = node_like(worker, "gpu-node-3")
    gpu["spec"]["taints"] = [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]
    scene.add(gpu, timedelta(days=90))
    return [make(Stage.draw(scene, make.__name__.replace("_", "-"), worker)) for make in SCENARIOS]
