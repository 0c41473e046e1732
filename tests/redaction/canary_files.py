"""Files that hold logins, with a secret in them."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.redaction.canary_secrets import wrapped


def _kubeconfig(user: str) -> str:
    return (
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\n  name: demo\n"
        f"users:\n- name: mia\n  user:\n    {user}\ncontexts: []\n"
    )


def _gcp(secret: str) -> str:
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key": wrapped("PRIVATE KEY", secret) + "\n",
        "client_email": "x@shop.iam.gserviceaccount.com",
    }
    return json.dumps(account, indent=2)


def _putty(secret: str) -> str:
    lines = secret.splitlines()
    return (
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: mia\nPublic-Lines: 1\nAAAAC3NzaC1lZDI1NTE5\n"
        f"Private-Lines: {len(lines)}\n{secret}\nPrivate-MAC: 00ff"
    )


FILES: dict[str, list[Callable[[str], str]]] = {
    "dockerconfigjson": [
        lambda s: json.dumps({"auths": {"registry.example": {"auth": s}}}),
        lambda s: json.dumps({"auths": {"registry.example": {"username": "robot", "auth": s}}}, indent=2),
    ],
    "netrc": [
        lambda s: f"machine api.example login mia password {s}\n",
        lambda s: f"machine api.example\n  login mia\n  password {s}\n",
    ],
    "pgpass": [lambda s: f"db.shop:5432:shop:mia:{s}\n", lambda s: f"*:*:*:postgres:{s}\n"],
    "npmrc": [
        lambda s: f"registry=https://npm.example/\n//npm.example/:_authToken={s}\n",
        lambda s: f"//npm.example/:_password={s}\nalways-auth=true\n",
    ],
    "htpasswd": [lambda s: f"mia:{s}\n", lambda s: f"# users\nomar:{s}\n"],
    "kubeconfig key": [lambda s: _kubeconfig(f"client-key-data: {s}")],
    "kubeconfig token": [
        lambda s: _kubeconfig(f"token: {s}"),
        lambda s: _kubeconfig(f"password: {s}\n    username: mia"),
    ],
    "gcp": [_gcp],
    "putty": [_putty],
}
