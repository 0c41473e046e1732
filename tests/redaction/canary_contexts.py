"""Places for secrets that only their surroundings give away: Secrets, key files, command lines, URLs, login files."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.redaction.canary_files import FILES
from tests.redaction.canary_places import STAMP, Place, config_map, event, mcp_reply, place, pod, yaml
from tests.redaction.canary_secrets import wrapped


def _secret_object(secret: str) -> dict[str, Any]:
    data = {"username": base64.b64encode(b"shop").decode(), "value": base64.b64encode(secret.encode()).decode()}
    return {
        "apiVersion": "v1",
        "data": data,
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop"},
        "type": "Opaque",
    }


def _applied_secret(secret: str) -> dict[str, Any]:
    applied = json.dumps(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"x": secret}}
    )
    return {
        "kind": "Secret",
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}},
    }


SECRETS: list[Place] = [
    place("Secret", _secret_object),
    place("Secret with stringData", lambda s: {"kind": "Secret", "stringData": {"note": s}}),
    place("list with a Secret", lambda s: {"kind": "List", "items": [config_map({"a": "b"}), _secret_object(s)]}),
    place("SecretList", lambda s: {"kind": "SecretList", "items": [{"metadata": {"name": "db"}, "data": {"x": s}}]}),
    place("Secret as YAML text", lambda s: yaml(_secret_object(s))),
    place(
        "Secrets as YAML text",
        lambda s: yaml({"apiVersion": "v1", "items": [_secret_object("x"), _secret_object(s)], "kind": "List"}),
    ),
    place(
        "written Secret",
        lambda s: f"kind: Secret\napiVersion: v1\nmetadata:\n  name: x\nstringData:\n  note: {json.dumps(s)}\n",
    ),
    place(
        "written Secret with a block",
        lambda s: f"kind: Secret\nmetadata:\n  name: x\nstringData:\n  note: |\n    first\n    {s}\ntype: Opaque\n",
    ),
    place("Secret as JSON text", lambda s: json.dumps(_secret_object(s), indent=4)),
    place(
        "Secret in one line of a log",
        lambda s: f"{STAMP} applied {json.dumps(_secret_object(s), separators=(',', ':'))} ok",
    ),
    place("cut-off Secret in a log", lambda s: f"{STAMP} applied {json.dumps(_secret_object(s))}"[:-9]),
    place("last-applied Secret", _applied_secret),
    place("last-applied Secret as JSON text", lambda s: json.dumps(_applied_secret(s), indent=2)),
    place("MCP reply with a Secret", lambda s: mcp_reply(yaml(_secret_object(s)))),
    place("MCP structured reply with a Secret", lambda s: {"structuredContent": {"object": _secret_object(s)}}),
    place("chat paste of a Secret", lambda s: f"what is wrong?\n```\n{yaml(_secret_object(s))}```"),
]


def _armoured(label: str) -> list[Place]:
    def key(body: str) -> str:
        return wrapped(label, body)

    return [
        place("key in a log", lambda s: f"{STAMP} loaded\n{key(s)}\n{STAMP} ready\n"),
        place("key in a ConfigMap", lambda s: config_map({"tls.pem": key(s) + "\n"})),
        place(
            "key in YAML text",
            lambda s: (
                "data:\n  cert: x\n  my.pem: |\n"
                + "".join(f"    {line}\n" for line in key(s).splitlines())
                + "kind: ConfigMap\n"
            ),
        ),
        place("key in a JSON string", lambda s: json.dumps({"material": key(s), "n": 1})),
        place("key with escapes in an error", lambda s: "could not parse: " + json.dumps(key(s))[1:-1] + " (bad key)"),
        place("key in base64", lambda s: f"{STAMP} blob={base64.b64encode(key(s).encode()).decode()} end"),
        place("key that is cut off", lambda s: key(s)[: len(key(s)) - 40]),
        place("key pasted in chat", lambda s: f"use this:\n```\n{key(s)}\n```\nok?"),
        place("key in a MCP reply", lambda s: mcp_reply(f"id_rsa:\n{key(s)}\n")),
        place("end of a key in a log", lambda s: f"{key(s).split(chr(10), 2)[2]}\n{STAMP} ready\n"),
    ]


def _texts(where: str, *forms: str) -> list[Place]:
    """Each form with the secret at `%s`: as a log line, an error in an event, a reply, a paste, a file, an argument."""
    carriers: list[tuple[str, Callable[[str], Any]]] = [
        ("log", lambda text: f"{STAMP} INFO {text}\n{STAMP} INFO ready\n"),
        ("event", lambda text: event(f"failed: {text}")),
        ("MCP reply", lambda text: mcp_reply(f"here:\n{text}\n")),
        ("chat", lambda text: f"I ran this: `{text}` and it fails"),
        ("ConfigMap", lambda text: config_map({"notes.txt": f"first\n{text}\nlast\n"})),
        ("script", lambda text: pod(command=["sh", "-c", f"set -e; {text}\nsleep 1"])),
    ]
    return [
        place(f"{where} in {name}", lambda s, form=form, wrap=wrap: wrap(form.replace("%s", s)))
        for n, form in enumerate(forms)
        for name, wrap in (carriers if len(forms) < 4 else carriers[n % 3 :: 3])
    ]


def _files(name: str) -> list[Place]:
    """A file in a ConfigMap, as YAML text, and pasted."""
    return [
        one
        for form in FILES[name]
        for one in (
            place(f"{name} in a ConfigMap", lambda s, form=form: config_map({f".{name}": form(s)})),
            place(f"{name} in YAML text", lambda s, form=form: yaml(config_map({f".{name}": form(s), "a": "b"}))),
            place(f"{name} pasted", lambda s, form=form: f"my {name}:\n```\n{form(s)}\n```\n"),
        )
    ]


CONTEXTS: dict[str, list[Place]] = {
    "secret object": SECRETS,
    "helm": [
        place(
            "Helm release in a Secret",
            lambda s: {
                "kind": "Secret",
                "type": "helm.sh/release.v1",
                "data": {"release": base64.b64encode(s.encode()).decode()},
            },
        ),
        place("Helm release in a ConfigMap", lambda s: config_map({"release": s})),
        place("Helm release in YAML text", lambda s: yaml(config_map({"release": s}))),
        place("Helm release in a log", lambda s: f"{STAMP} storing release {s} rev=3"),
    ],
    **{
        f"pem {label}": _armoured(label)
        for label in (
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        )
    },
    "url": _texts(
        "URL",
        "postgres://shop:%s@db.shop:5432/shop?sslmode=off",
        "mysql://root:%s@mysql/x",
        "redis://:%s@redis:6379/0",
        "mongodb+srv://app:%s@cluster0.example.net/?retryWrites=true",
        "amqp://guest:%s@mq:5672/%2f",
        "git clone https://bot:%s@git.example/x.git",
    ),
    "connection string": _texts(
        "connection string",
        "Server=db;Database=x;User Id=sa;Password=%s;Encrypt=true",
        "jdbc:mysql://db/x?user=root&password=%s&ssl=false",
        "host=db user=shop password=%s dbname=shop",
        "Data Source=db;Pwd=%s",
    ),
    "azure": _texts(
        "storage key",
        "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=%s;EndpointSuffix=core.windows.net",
        "az storage blob list --account-key %s",
    ),
    "sas": _texts("SAS", "https://shop.blob.core.windows.net/c/x?sv=2024-11-04&se=2030-01-01&sr=b&sp=r&sig=%s"),
    "aws": _texts("AWS key", "aws_secret_access_key = %s", "AWS_SECRET_ACCESS_KEY=%s", "secret key %s for the bucket"),
    "bearer": _texts(
        "header",
        "Authorization: Bearer %s",
        "curl -H 'Authorization: Bearer %s' https://api",
        "authorization=Bearer %s",
    ),
    "basic": _texts("header", "Authorization: Basic %s", "proxy-authorization: basic %s"),
    "docker config": _files("dockerconfigjson"),
    "command line": _texts(
        "command line",
        "mysql -h db -uroot -p%s shop",
        "docker login -u robot -p %s registry.example",
        "curl -s -u admin:%s https://api",
        "redis-cli -h redis -a %s ping",
        "echo %s | docker login --username x --password-stdin",
        "sshpass -p %s ssh host",
        "helm registry login -u x --password %s reg",
        "mongosh db --username x -p %s",
        "PGPASSWORD=%s psql -h db",
    ),
    "netrc": _files("netrc"),
    "pgpass": _files("pgpass"),
    "npmrc": _files("npmrc"),
    "htpasswd": _files("htpasswd"),
    "kubeconfig key": _files("kubeconfig key"),
    "kubeconfig token": _files("kubeconfig token"),
    "bootstrap": _texts(
        "bootstrap token",
        "kubeadm join 10.0.0.1:6443 --token abcdef.%s --discovery-token-unsafe-skip-ca-verification",
        "use k3x9ab.%s to join",
    ),
    "gcp": _files("gcp"),
    "webhook": _texts(
        "webhook", "https://hooks.slack.com/services/T%s", "url=https://hooks.slack.com/services/T%s retry=3"
    ),
    "cookie": _texts("cookie", "Cookie: theme=dark; session=%s", "Set-Cookie: sid=%s; Path=/; HttpOnly"),
    "putty": _files("putty"),
}
