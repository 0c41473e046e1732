"""Schemas of the built-in types that people ask `kubectl explain` about: real names and types, our own short words.

One line a field: two spaces, the name (`!` if required), its type, a colon, the description. A type is a scalar (see
`_SCALARS`), a type named here, or `[]` before one of these. A line that starts with `#` sets the prefix of the types
below it.
"""

from __future__ import annotations

from kubeai_bot.playground.cluster.objects import Obj

_TYPES = """\
# io.k8s.apimachinery.pkg.apis.meta.v1
ObjectMeta: What every object carries: its name, its labels and who owns it.
  name string: Name of the object, unique among objects of its kind in a namespace.
  generateName string: Prefix from which the server makes a name if none is given.
  namespace string: Namespace the object lives in; empty for cluster-scoped kinds.
  uid string: Identity of this object in time and space; set by the server.
  resourceVersion string: Opaque version for optimistic locking and watches.
  generation int64: Counts the changes of the desired state.
  creationTimestamp date-time: When the object was created; set by the server.
  deletionTimestamp date-time: When the object will be gone, once its deletion was asked for.
  labels map: Keys and values to organise and select objects by.
  annotations map: Keys and values that tools keep on an object; not for selection.
  ownerReferences []OwnerReference: Objects this one depends on; it is deleted when all of them are gone.
  finalizers []string: What must be done before the object is removed.
OwnerReference: Identifies an owner of an object.
  apiVersion! string: API version of the owner.
  kind! string: Kind of the owner.
  name! string: Name of the owner.
  uid! string: UID of the owner.
  controller boolean: True if the owner manages this object.
  blockOwnerDeletion boolean: Whether foreground deletion of the owner waits for this object.
LabelSelector: Selects objects by their labels; all conditions must hold, and an empty selector matches everything.
  matchLabels map: Labels that must have exactly these values.
  matchExpressions []LabelSelectorRequirement: Further conditions on labels.
LabelSelectorRequirement: One condition on a label.
  key! string: The label's key.
  operator! string: In, NotIn, Exists or DoesNotExist.
  values []string: The values for In and NotIn.
# io.k8s.api.apps.v1
Deployment: A Deployment keeps a set of pods running and rolls out changes of their template.
  metadata ObjectMeta: Standard object metadata.
  spec DeploymentSpec: What is wanted.
  status DeploymentStatus: What was observed last.
DeploymentSpec: The wanted state of a Deployment.
  replicas int32: Number of pods wanted; 1 if it is not set.
  selector! LabelSelector: Which pods belong to the Deployment; must match the template's labels.
  template! PodTemplateSpec: The pods that are made.
  strategy DeploymentStrategy: How old pods are replaced by new ones.
  minReadySeconds int32: How long a new pod must be ready before it counts as available.
  revisionHistoryLimit int32: How many old ReplicaSets are kept for rollback; 10 if it is not set.
  paused boolean: Whether rollouts are on hold.
  progressDeadlineSeconds int32: How long a rollout may make no progress before it counts as failed; 600 if not set.
DeploymentStrategy: How old pods are replaced by new ones.
  type string: Recreate or RollingUpdate.
  rollingUpdate RollingUpdateDeployment: Bounds of a rolling update.
RollingUpdateDeployment: Bounds of a rolling update.
  maxUnavailable port-or-name: How many pods may be missing during the update, as number or percentage; 25% if not set.
  maxSurge port-or-name: How many pods may exist beyond the wanted number, as number or percentage; 25% if not set.
DeploymentStatus: The observed state of a Deployment.
  observedGeneration int64: The generation that the controller has seen.
  replicas int32: Pods of this Deployment that exist.
  updatedReplicas int32: Pods with the present template.
  readyReplicas int32: Pods that are ready.
  availableReplicas int32: Pods that are available.
  unavailableReplicas int32: Pods that are still missing.
  conditions []DeploymentCondition: Available, Progressing and ReplicaFailure.
DeploymentCondition: One condition of a Deployment.
  type! string: What the condition is about.
  status! string: True, False or Unknown.
  reason string: A word for machines.
  message string: A sentence for people.
  lastUpdateTime date-time: When it was updated last.
  lastTransitionTime date-time: When its status changed last.
# io.k8s.api.core.v1
PodTemplateSpec: Describes the pods that a workload makes.
  metadata ObjectMeta: Labels and annotations of the pods.
  spec PodSpec: What the pods are to be.
Pod: A Pod is a group of containers that run together on one node.
  metadata ObjectMeta: Standard object metadata.
  spec PodSpec: What is wanted.
  status PodStatus: What was observed last.
PodSpec: What a pod is to be.
  containers! []Container: The containers of the pod; at least one.
  initContainers []Container: Containers that must succeed, one after the other, before the others start.
  volumes []Volume: Volumes that containers can mount.
  nodeName string: The node the pod runs on; set by the scheduler.
  nodeSelector map: Labels a node must have to take the pod.
  serviceAccountName string: The ServiceAccount the pod runs as.
  restartPolicy string: Always, OnFailure or Never.
  terminationGracePeriodSeconds int64: How long the containers may take to end.
  priorityClassName string: The importance of the pod.
  hostNetwork boolean: Whether the pod uses the node's network.
Container: A container of a pod.
  name! string: Name of the container, unique in the pod.
  image string: The image to run.
  imagePullPolicy string: Always, Never or IfNotPresent.
  command []string: The program to run instead of the image's entrypoint.
  args []string: Arguments of the program.
  workingDir string: The directory the program starts in.
  ports []ContainerPort: Ports the container listens on.
  env []EnvVar: Environment variables.
  envFrom []EnvFromSource: ConfigMaps and Secrets whose keys become environment variables.
  resources ResourceRequirements: What the container needs and may use at most.
  volumeMounts []VolumeMount: Where volumes appear in the container.
  livenessProbe Probe: The container is restarted when this fails.
  readinessProbe Probe: The pod gets no traffic from Services while this fails.
  startupProbe Probe: The other probes wait until this has succeeded.
ContainerPort: A port of a container.
  name string: Name that Services and probes can refer to.
  containerPort! int32: The port's number.
  protocol string: TCP, UDP or SCTP.
EnvVar: An environment variable.
  name! string: Name of the variable.
  value string: Its value.
EnvFromSource: A source of environment variables.
  prefix string: Put before each key.
  configMapRef ConfigMapEnvSource: A ConfigMap.
  secretRef ConfigMapEnvSource: A Secret.
ConfigMapEnvSource: Refers to an object in the pod's namespace.
  name string: Name of the object.
  optional boolean: Whether it may be missing.
ResourceRequirements: What a container needs and may use at most.
  limits map: The most it may use; beyond its memory limit it is killed.
  requests map: What a node must have free to take the pod.
VolumeMount: Where a volume appears in a container.
  name! string: Name of the volume.
  mountPath! string: The path in the container.
  subPath string: A path inside the volume.
  readOnly boolean: Whether it may be written to.
Volume: A volume of a pod; its source is one of many kinds.
  name! string: Name of the volume.
  configMap ConfigMapEnvSource: A ConfigMap as files.
  secret ConfigMapEnvSource: A Secret as files.
Probe: A check that the kubelet makes regularly.
  httpGet HTTPGetAction: The HTTP request to make; 200 to 399 is success.
  initialDelaySeconds int32: How long after the start the first check is made.
  periodSeconds int32: How often the check is made.
  timeoutSeconds int32: How long it may take.
  successThreshold int32: Successes in a row to count as success.
  failureThreshold int32: Failures in a row to count as failure.
HTTPGetAction: An HTTP request.
  path string: The path to ask for.
  port! port-or-name: The port's number or name.
  host string: The host to ask; the pod's address if it is not set.
  scheme string: HTTP or HTTPS.
PodStatus: The observed state of a pod.
  phase string: Pending, Running, Succeeded, Failed or Unknown.
  reason string: Why the pod is in this state, in a word.
  message string: Why the pod is in this state, in a sentence.
  conditions []PodCondition: PodScheduled, Initialized, ContainersReady and Ready.
  hostIP string: Address of the node.
  podIP string: Address of the pod.
  startTime date-time: When the kubelet took the pod.
  qosClass string: Guaranteed, Burstable or BestEffort.
  initContainerStatuses []ContainerStatus: States of the init containers.
  containerStatuses []ContainerStatus: States of the containers.
PodCondition: One condition of a pod.
  type! string: What the condition is about.
  status! string: True, False or Unknown.
  reason string: A word for machines.
  message string: A sentence for people.
  lastTransitionTime date-time: When its status changed last.
ContainerStatus: The observed state of a container.
  name! string: Name of the container.
  ready! boolean: Whether its readiness probe succeeds.
  restartCount! int32: How often it was restarted.
  started boolean: Whether its startup probe has succeeded.
  image! string: The image it runs.
  imageID! string: The image's digest.
  containerID string: The runtime's identifier.
  state ContainerState: Its present state.
  lastState ContainerState: How it ended the last time.
ContainerState: Exactly one of its fields is set.
  waiting ContainerStateWaiting: It is not running yet.
  running ContainerStateRunning: It is running.
  terminated ContainerStateTerminated: It has ended.
ContainerStateWaiting: Why a container is not running yet.
  reason string: The reason in a word, such as CrashLoopBackOff or ImagePullBackOff.
  message string: The reason in a sentence.
ContainerStateRunning: Since when a container is running.
  startedAt date-time: When it was started.
ContainerStateTerminated: How a container ended.
  exitCode! int32: Exit status.
  signal int32: The signal that ended it.
  reason string: The reason in a word, such as Error, Completed or OOMKilled.
  message string: The reason in a sentence.
  startedAt date-time: When it was started.
  finishedAt date-time: When it ended.
  containerID string: The runtime's identifier.
Service: A Service gives a set of pods one address.
  metadata ObjectMeta: Standard object metadata.
  spec ServiceSpec: What is wanted.
  status ServiceStatus: What was observed last.
ServiceSpec: What a Service is to be.
  type string: ClusterIP, NodePort, LoadBalancer or ExternalName.
  selector map: Labels of the pods that get the traffic.
  ports []ServicePort: Ports the Service offers.
  clusterIP string: Its address in the cluster; None for a headless Service.
  externalName string: The name that an ExternalName Service stands for.
  sessionAffinity string: ClientIP or None.
ServicePort: A port of a Service.
  name string: Name of the port.
  protocol string: TCP, UDP or SCTP.
  port! int32: The port that the Service offers.
  targetPort port-or-name: The pods' port, by number or name.
  nodePort int32: The port on every node, for NodePort and LoadBalancer.
ServiceStatus: The observed state of a Service.
  loadBalancer LoadBalancerStatus: Addresses of the load balancer.
LoadBalancerStatus: Addresses of a load balancer.
  ingress []LoadBalancerIngress: Its addresses.
LoadBalancerIngress: An address of a load balancer.
  ip string: Address as IP.
  hostname string: Address as name.
ConfigMap: A ConfigMap holds configuration for pods to use.
  metadata ObjectMeta: Standard object metadata.
  data map: Keys and values; values are text.
  binaryData map: Keys and values; values are base64.
  immutable boolean: Whether the data can be changed.
"""
_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_SCALARS: dict[str, Obj] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "date-time": {"allOf": [{"$ref": f"#/components/schemas/{_TIME}"}]},
    "port-or-name": {"allOf": [{"$ref": f"#/components/schemas/{_INT_OR_STRING}"}]},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
}


def builtin_schemas() -> dict[str, Obj]:
    """Full type name (`io.k8s.api.core.v1.Pod`) to schema; references are by `$ref` as on the real server."""
    lines: list[str] = [*_TYPES.splitlines()]
    full_names = _full_names(lines)
    schemas: dict[str, Obj] = {
        _TIME: {"type": "string", "format": "date-time"},
        _INT_OR_STRING: {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"},
    }
    current: Obj = {}
    for line in lines:
        if line.startswith("#"):
            continue
        head, _, description = line.partition(": ")
        if not line.startswith(" "):
            current = {"description": description, "type": "object", "properties": {}}
            schemas[full_names[head]] = current
            continue
        name, kind = head.split()
        if name.endswith("!"):
            name = name[:-1]
            current.setdefault("required", []).append(name)
        current["properties"][name] = {"description": description, **_typed(kind, full_names)}
    return schemas


def _full_names(lines: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    prefix = ""
    for line in lines:
        if line.startswith("#"):
            prefix = line.removeprefix("# ")
        elif not line.startswith(" "):
            short = line.partition(":")[0]
            names[short] = f"{prefix}.{short}"
    return names


def _typed(kind: str, full_names: dict[str, str]) -> Obj:
    if kind.startswith("[]"):
        return {"type": "array", "items": _typed(kind[2:], full_names)}
    if kind in _SCALARS:
        return _SCALARS[kind]
    return {"allOf": [{"$ref": f"#/components/schemas/{full_names[kind]}"}]}
