"""Where secrets turn up: objects, YAML, logs, events, errors, replies of tools, and what people paste."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml as pyyaml


@dataclass(frozen=True)
class Place:
    """`plant(rng, secret)` gives a carrier with the secret in it."""

    where: str
    plant: Callable[[random.Random, str], Any]


def _two(rng: random.Random, secret: str) -> list[str]:
    return rng.sample([secret, secret[::-1]], 2)


def place(where: str, plant: Callable[[str], Any]) -> Place:
    """A place that is always the same."""
    return Place(where, lambda _rng, secret: plant(secret))


ENV_NAMES = (
    "DB_PASSWORD", "API_TOKEN", "JWT_SECRET", "STRIPE_API_KEY", "AWS_SECRET_ACCESS_KEY", "REDIS_PASS",
    "SECRET_KEY_BASE",
    "SMTP_PASSWD", "ENCRYPTION_KEY", "GITHUB_TOKEN", "PGPASSWORD", "SERVICE_CREDENTIALS", "OAUTH_CLIENT_SECRET",
    "PRIVATE_KEY", "SENTRY_AUTH_TOKEN", "DATADOG_API_KEY", "ADMIN_PASSWORD_2", "KEYSTORE_PASSWORD",
)  # fmt: skip
KEYS = (
    "password", "db.password", "api_key", "apiKey", "clientSecret", "auth_token", "accessToken", "secret_key",
    "passphrase",
    "spring.datasource.password", "signing-key", "adminPassword", "refresh_token", "private_key",
)  # fmt: skip


def pod(**container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "checkout-7d9f8b6c5-x2x4z", "namespace": "shop", "labels": {"app": "checkout"}},
        "spec": {"containers": [{"name": "app", "image": "registry.shop.example/checkout:1.4.2", **container}]},
    }


def config_map(data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "data": data,
    }


def event(message: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "checkout.17f3a9c2b1d0e4f5", "namespace": "shop"},
        "involvedObject": {"kind": "Pod", "name": "checkout-7d9f8b6c5-x2x4z"},
        "reason": "Failed",
        "message": message,
    }


def _env(rng: random.Random, secret: str) -> list[dict[str, str]]:
    return [{"name": "LOG_LEVEL", "value": "info"}, {"name": rng.choice(ENV_NAMES), "value": secret}]


def _deployment_with_history(rng: random.Random, secret: str) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"name": "app", "env": _env(rng, secret)}]}}}
    applied = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout"}, "spec": spec}
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps(applied, separators=(",", ":")) + "\n"
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout", "annotations": annotations}}


def mcp_reply(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": False}


def yaml(document: Any) -> str:
    return pyyaml.safe_dump(document, default_flow_style=False, width=10**6)


def _describe(rng: random.Random, secret: str) -> str:
    return (
        "Name:             checkout-7d9f8b6c5-x2x4z\nNamespace:        shop\nContainers:\n  app:\n    Image:  nginx:1\n"
        "    Environment:\n      LOG_LEVEL:    info\n"
        f"      {rng.choice(ENV_NAMES)}:  {secret}\n"
        "      DB_USER:      <set to the key 'user' in secret 'db'>  Optional: false\n    Mounts:  <none>\n"
    )


STAMP = "2026-09-01T10:00:00.123Z"

FREE_PLACES: list[Place] = [
    Place(
        "log line",
        lambda rng, s: f"{STAMP} WARN shop.auth rejected credential {s} from 10.2.3.4\n" * rng.randint(1, 3),
    ),
    place("log line in quotes", lambda s: f"{STAMP} ERROR upstream said \"bad key '{s}'\" status=401"),
    place("JSON log line", lambda s: json.dumps({"ts": STAMP, "level": "error", "msg": f"could not use {s} here"})),
    place("logfmt line", lambda s: f"ts={STAMP} level=debug using={s} path=/pay status=200"),
    place("event message", lambda s: event(f"Error: hook failed: request with {s} was refused")),
    place(
        "error text", lambda s: f"admission webhook denied the request: spec.template: {s} is not allowed\n  at line 3"
    ),
    place("MCP reply", lambda s: mcp_reply(f"Found in the repository:\n- config.py: {s}\n- README.md: none")),
    place("MCP structured reply", lambda s: {"result": {"rows": [["id", "value"], ["1", s]], "cursor": None}}),
    place("chat paste", lambda s: f"hey <@U0KUBEAI> is this one still valid? `{s}` thanks"),
    place("chat paste in a fence", lambda s: f"I get this:\n```\n$ check\n{s}\n```\nany idea?"),
    place("URL query", lambda s: f"GET https://api.shop.example/v1/pay?amount=3&code={s}&x=1 HTTP/1.1"),
    place(
        "annotation",
        lambda s: {"kind": "Ingress", "metadata": {"name": "shop", "annotations": {"shop.example/note": f"uses {s}"}}},
    ),
    place("container argument", lambda s: pod(command=["sh", "-c", f"exec run --with {s} --port 8080"])),
    place("environment variable without a telling name", lambda s: pod(env=[{"name": "SETTING", "value": s}])),
    place("ConfigMap file", lambda s: config_map({"app.conf": f"[main]\nworkers = 4\nremote = {s}\n"})),
    place("script with escapes", lambda s: json.dumps({"script": f"#!/bin/sh\nX=1\n\t{s}\necho done\n"})),
]

NAMED_PLACES: list[Place] = [
    Place("environment variable", lambda rng, s: pod(env=_env(rng, s))),
    Place("environment variable in YAML text", lambda rng, s: yaml(pod(env=_env(rng, s)))),
    Place(
        "environment variable in JSON text",
        lambda rng, s: json.dumps(pod(env=_env(rng, s)), indent=rng.choice([None, 2, 4])),
    ),
    Place(
        "environment variable, value first",
        lambda rng, s: f"env:\n- value: {json.dumps(s)}\n  name: {rng.choice(ENV_NAMES)}\n",
    ),
    Place("last-applied annotation", _deployment_with_history),
    Place("last-applied annotation in YAML text", lambda rng, s: yaml(_deployment_with_history(rng, s))),
    Place(
        "last-applied annotation in JSON text", lambda rng, s: json.dumps(_deployment_with_history(rng, s), indent=2)
    ),
    Place("list of objects", lambda rng, s: {"kind": "List", "items": [config_map({"a": "b"}), pod(env=_env(rng, s))]}),
    Place("describe text", _describe),
    Place(
        "flag with =",
        lambda rng, s: pod(args=["serve", f"--{rng.choice(['password', 'token', 'api-key', 'client-secret'])}={s}"]),
    ),
    Place(
        "flag and next argument",
        lambda rng, s: pod(args=["serve", rng.choice(["--password", "--token", "--api-key"]), s, "-v"]),
    ),
    Place(
        "flag and next argument in YAML text",
        lambda rng, s: yaml(pod(args=["serve", rng.choice(["--password", "--auth-token"]), s, "-v"])),
    ),
    Place("shell line", lambda rng, s: f"$ export {rng.choice(ENV_NAMES)}='{s}'\n$ ./run\nok\n"),
    Place(
        "shell script in a pod",
        lambda rng, s: pod(command=["sh", "-c", f"set -e\n{rng.choice(ENV_NAMES)}={s} ./run\n"]),
    ),
    Place(
        "annotation with a telling key",
        lambda rng, s: {
            "metadata": {"annotations": {f"shop.example/{rng.choice(['api-token', 'webhook-secret', 'password'])}": s}}
        },
    ),
    Place("ConfigMap value", lambda rng, s: config_map({rng.choice(KEYS): s, "color": "blue"})),
    Place(
        "properties file",
        lambda rng, s: config_map({"application.properties": f"server.port=8080\n{rng.choice(KEYS)}={s}\nname=shop\n"}),
    ),
    Place("ini file", lambda rng, s: config_map({"app.ini": f"[db]\nhost = db\n{rng.choice(KEYS)} = {s}\n"})),
    Place(
        "YAML file in a ConfigMap",
        lambda rng, s: config_map({"config.yaml": f"db:\n  host: db\n  {rng.choice(KEYS)}: {json.dumps(s)}\n"}),
    ),
    Place(
        "JSON file in a ConfigMap",
        lambda rng, s: config_map({"config.json": json.dumps({"db": {"host": "db", rng.choice(KEYS): s}}, indent=2)}),
    ),
    Place(
        "ConfigMap with a file as YAML text",
        lambda rng, s: yaml(config_map({"app.env": f"A=1\n{rng.choice(ENV_NAMES)}={s}\nB=2\n"})),
    ),
    Place(
        "log line with a pair",
        lambda rng, s: (
            f"{STAMP} DEBUG connecting host=db user=shop {rng.choice(['password', 'token', 'secret'])}={s} timeout=3s"
        ),
    ),
    Place("JSON log line with a pair", lambda rng, s: json.dumps({"ts": STAMP, "cfg": {rng.choice(KEYS): s}})),
    Place(
        "printed Python object", lambda rng, s: f"{STAMP} config: " + repr({"host": "db", rng.choice(KEYS): s, "n": 1})
    ),
    place("printed Go map", lambda s: f"{STAMP} values: map[host:db password:{s} port:5432]"),
    Place(
        "error with a pair", lambda rng, s: event(f'failed to start: bad setting {rng.choice(KEYS)}="{s}" in app.conf')
    ),
    Place("MCP reply with a file", lambda rng, s: mcp_reply(f".env:\n\nPORT=80\n{rng.choice(ENV_NAMES)}={s}\n")),
    Place("chat paste of a pair", lambda rng, s: f"I set {rng.choice(ENV_NAMES)}={s} and it still fails"),
    place(
        "chat paste of YAML",
        lambda s: f"my values:\n```\npostgresql:\n  auth:\n    password: {json.dumps(s)}\n```\nwhy?",
    ),
    Place(
        "diff",
        lambda rng, s: (
            f"@@ -3,4 +3,4 @@\n   - name: {rng.choice(ENV_NAMES)}\n"
            + "\n".join(f"{mark}    value: {json.dumps(value)}" for mark, value in zip("-+", _two(rng, s), strict=True))
        ),
    ),
    place("header list", lambda s: {"httpHeaders": [{"name": "X-Api-Key", "value": s}]}),
    place("JSON patch", lambda s: [{"op": "add", "path": "/data/password", "value": s}]),
]
