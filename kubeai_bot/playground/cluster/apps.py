"""The shop's own applications as data: what is deployed where, and what its image does."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from kubeai_bot.playground.cluster.kubelet import SERVED_HEALTH_PATH, Program
from kubeai_bot.playground.cluster.objects import Obj

REGISTRY = "registry.shop.example"
SIDECAR_IMAGE = f"{REGISTRY}/log-shipper:1.9.2"
_WARM_MEMORY = 200 * 1024**2

FAULT_KINDS = ("crash-loop", "oom", "readiness", "rollout", "image-pull", "unschedulable")

_CONFIGS = (
    ("PAYMENTS_URL", "PAYMENT_URL", "http://payments-api.payments.svc:8080"),
    ("DATABASE_URL", "DATABASE_URI", "postgres://shop@ledger-db.payments.svc:5432/shop"),
    ("CATALOG_URL", "CATALOGUE_URL", "http://catalog.shop.svc:8080"),
)
_LAST_WORDS = (
    (
        'level=info msg="connecting to database"',
        "level=fatal msg=\"schema check failed: column 'total_minor' of relation 'carts' does not exist\"",
    ),
    (
        'level=info msg="loading pricing rules"',
        "level=fatal msg=\"cannot parse pricing rules: unknown operator 'xor' in rule 17\"",
    ),
)


@dataclass(frozen=True)
class App:
    """One Deployment of the shop. `history` holds the earlier tags, oldest first; `age` is that of the newest."""

    name: str
    namespace: str
    replicas: int = 2
    tag: str = "1.8.3"
    history: tuple[str, ...] = ("1.8.1", "1.8.2")
    age: timedelta = timedelta(days=6, hours=4)
    required_key: str = "CATALOG_URL"
    config: dict[str, str] = field(default_factory=dict[str, str])
    cpu: str = "100m"
    memory: str = "256Mi"
    probe_path: str = SERVED_HEALTH_PATH
    sidecar: bool = False
    recreate: bool = False
    restarted: bool = False
    bad_tag: str = ""
    known_tags: tuple[str, ...] = ()
    memory_needed: int = 0
    last_words: tuple[str, ...] = ()
    change_cause: str = ""
    fault: str = ""

    @property
    def repository(self) -> str:
        return f"{REGISTRY}/{self.name}"

    @property
    def config_name(self) -> str:
        return f"{self.name}-config"

    def program(self) -> Program:
        """What the kubelet needs to know of this app's images."""
        tags = self.known_tags or (*self.history, self.tag, *((self.bad_tag,) if self.bad_tag else ()))
        broken = {self.bad_tag: self.last_words} if self.bad_tag else {}
        return Program(self.repository, frozenset(tags), self.required_key, self.memory_needed, broken)


def healthy_app(name: str, namespace: str, rng: random.Random, *, replicas: int = 2) -> App:
    """An app with its config in order; tags, age and config differ from app to app."""
    minor = rng.randint(2, 40)
    key, _, value = rng.choice(_CONFIGS)
    return App(
        name,
        namespace,
        replicas,
        tag=f"1.{minor}.2",
        history=(f"1.{minor - 1}.0", f"1.{minor}.1"),
        age=timedelta(days=rng.randint(3, 20), minutes=rng.randint(0, 1400)),
        required_key=key,
        config={"LOG_LEVEL": "info", "HTTP_PORT": "8080", key: value},
    )


def _crash_loop(app: App, rng: random.Random) -> App:
    key, wrong, value = rng.choice(_CONFIGS)
    config = {"LOG_LEVEL": "info", "HTTP_PORT": "8080", wrong: value}
    age = timedelta(minutes=rng.randint(30, 55))
    return replace(app, required_key=key, config=config, recreate=True, restarted=True, age=age, sidecar=True)


def _oom(app: App, rng: random.Random) -> App:
    age = timedelta(hours=rng.randint(5, 20), minutes=rng.randint(1, 50))
    return replace(app, memory="96Mi", memory_needed=_WARM_MEMORY, age=age)


def _readiness(app: App, rng: random.Random) -> App:
    age = timedelta(minutes=rng.randint(20, 40))
    return replace(app, probe_path="/healthz", recreate=True, age=age)


def _rollout(app: App, rng: random.Random) -> App:
    major = int(app.tag.split(".")[1]) + 1
    bad_tag = f"1.{major}.0"
    return replace(
        app,
        bad_tag=bad_tag,
        last_words=rng.choice(_LAST_WORDS),
        change_cause=f"release {bad_tag}: new {app.name} pipeline (omar@shop.example)",
    )


def _image_pull(app: App, rng: random.Random) -> App:
    tag = f"2.{rng.randint(0, 9)}.0-rc{rng.randint(1, 4)}"
    return replace(app, tag=tag, known_tags=app.history, history=(), age=timedelta(hours=rng.randint(2, 7)))


def _unschedulable(app: App, rng: random.Random) -> App:
    cpu = str(rng.choice((16, 24, 32)))
    return replace(app, cpu=cpu, history=(), age=timedelta(minutes=rng.randint(15, 50)))


BREAK: dict[str, Callable[[App, random.Random], App]] = {
    "crash-loop": _crash_loop,
    "oom": _oom,
    "readiness": _readiness,
    "rollout": _rollout,
    "image-pull": _image_pull,
    "unschedulable": _unschedulable,
}


def pod_template(app: App, tag: str, *, restarted_at: str = "") -> Obj:
    """The pod template of a release of an app."""
    requests = {"cpu": app.cpu, "memory": "96Mi" if app.memory == "256Mi" else "64Mi"}
    container: Obj = {
        "name": app.name,
        "image": f"{app.repository}:{tag}",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "envFrom": [{"configMapRef": {"name": app.config_name}}],
        "resources": {"requests": requests, "limits": {"memory": app.memory}},
        "readinessProbe": {
            "httpGet": {"path": app.probe_path, "port": 8080, "scheme": "HTTP"},
            "periodSeconds": 10,
            "timeoutSeconds": 1,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
    }
    containers = [container]
    if app.sidecar:
        shipper = {
            "name": "log-shipper",
            "image": SIDECAR_IMAGE,
            "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        }
        containers.append(shipper)
    metadata: Obj = {"labels": {"app": app.name, "team": app.namespace}}
    if restarted_at:
        metadata["annotations"] = {"kubectl.kubernetes.io/restartedAt": restarted_at}
    return {"metadata": metadata, "spec": {"containers": containers}}


_FIXED = (
    ("frontend", "shop", 3, ""),
    ("catalog", "shop", 2, ""),
    ("cart", "shop", 2, "rollout"),
    ("checkout", "shop", 2, "crash-loop"),
    ("recommendations", "shop", 2, "oom"),
    ("search", "shop", 2, "readiness"),
    ("payments-api", "payments", 2, ""),
    ("invoice-worker", "payments", 1, "image-pull"),
    ("fraud-check", "payments", 2, "unschedulable"),
)
_OTHER_NAMES = (
    "storefront",
    "inventory",
    "basket",
    "orders",
    "suggestions",
    "finder",
    "pricing",
    "reviews",
    "shipping",
    "loyalty",
    "wishlist",
    "settlement",
    "refunds",
    "risk-scoring",
    "notifier",
    "tax-engine",
)


def shop_apps(seed: int | None) -> list[App]:
    """The apps of the shop. Without a seed always the same; a seed renames them and moves the faults."""
    rng = random.Random(7 if seed is None else seed)  # noqa: S311 - a repeatable scenario
    rows = list(_FIXED)
    if seed is not None:
        names = rng.sample(_OTHER_NAMES, len(rows))
        faults = ["", "", "", *FAULT_KINDS]
        rng.shuffle(faults)
        rows = [(name, row[1], row[2], fault) for row, name, fault in zip(rows, names, faults, strict=True)]
    apps: list[App] = []
    for name, namespace, replicas, fault in rows:
        app = healthy_app(name, namespace, rng, replicas=replicas)
        apps.append(replace(BREAK[fault](app, rng), fault=fault) if fault else app)
    return apps
