"""Text without secrets that looks like what people, clusters and tools write: for measuring needless redaction."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from collections.abc import Iterator

import yaml

from kubeai_bot.playground.cluster.scenario import Scenario

DOCUMENTED = """\
Secrets hold tokens, passwords and keys. Mount the Secret db-credentials with secretName: db-credentials, or
take one key of it with secretKeyRef. The password is read from DB_PASSWORD_FILE=/run/secrets/db-password at
start. Pass the token with --token-file /var/run/token, or set API_TOKEN_URL. If you see "invalid token:
expired" or "token: invalid", renew it. A token is valid for tokenExpirationSeconds: 3600.
automountServiceAccountToken: false turns it off. Rotate keys often: the key rotation interval is 30 days. The
primary key is the pod's uid. See https://kubernetes.io/docs/concepts/configuration/secret/. An author needs
authorization: ask the platform team. Authentication failed means the credentials are wrong; access denied
means a role is missing. Run kubectl create secret generic db-credentials --from-file=password=./password.txt
to make one. Basic authentication is off. Bearer tokens are checked by the API server. PASSWORD=$(cat
/run/secrets/db) keeps it out of the history; ${DB_PASSWORD} in values.yaml is replaced later.
passwordSecretRef: {name: shop-db, key: password} names the key. error: the password must be at least 12
characters. warning: secret "shop-db" not found in namespace "shop". Environment variables: POSTGRES_USER,
POSTGRES_PASSWORD, REDIS_URL=redis://redis:6379/0, LOG_LEVEL=info, GOMAXPROCS=2. docker pull
registry.shop.example:5000/team/app:1.2.3 works; https://shop.example:8443/path?page=2&sort=name does too.
max_tokens: 4096, prompt_tokens=812 completion_tokens=77 total_tokens=889, tokenizer: cl100k, cache key:
shop/cart/42.
"""

DESCRIBED = """\
Name:             {pod}
Namespace:        shop
Priority:         0
Service Account:  checkout
Node:             node-2/10.0.0.12
Start Time:       Tue, 01 Sep 2026 10:00:00 +0000
Labels:           app=checkout
                  pod-template-hash={hash}
Annotations:      checksum/config: {sha}
                  checksum/secret: {sha2}
                  prometheus.io/scrape: true
Status:           Running
IP:               10.42.0.17
Containers:
  app:
    Container ID:   containerd://{sha}
    Image:          registry.shop.example/checkout:1.4.2
    Image ID:       registry.shop.example/checkout@sha256:{sha2}
    Port:           8080/TCP
    State:          Running
    Ready:          True
    Restart Count:  3
    Environment:
      DB_PASSWORD:       <set to the key 'password' in secret 'shop-db'>  Optional: false
      DB_PASSWORD_FILE:  /run/secrets/db/password
      SECRET_NAME:       shop-db
      TOKEN_TTL:         3600
      LOG_LEVEL:         info
    Mounts:
      /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-x7k2p (ro)
Volumes:
  kube-api-access-x7k2p:
    Type:                    Projected (a volume that contains injected data from multiple sources)
    TokenExpirationSeconds:  3607
    ConfigMapName:           kube-root-ca.crt
  tls:
    Type:        Secret (a volume populated by a Secret)
    SecretName:  shop-tls
QoS Class:                   Burstable
Tolerations:                 node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
Events:
  Type     Reason       Age   From               Message
  ----     ------       ----  ----               -------
  Warning  FailedMount  2m    kubelet            MountVolume.SetUp failed for volume "tls" : secret "shop-tls" not found
  Normal   Pulled       1m    kubelet            Container image "registry.shop.example/checkout:1.4.2" already present
"""

LISTED = """\
NAME                              TYPE                                  DATA   AGE
secret/shop-db                    Opaque                                2      41d
secret/default-token-x7k2p        kubernetes.io/service-account-token   3      41d
pod/secret-rotator-{hash}-x2x4z   1/1     Running   0          5d
pod/token-service-{hash}-bbbbb    0/1     CrashLoopBackOff   17 (3m ago)   61m
deployment.apps/external-secrets  1/1     1            1           41d
"""


def _certificate(rng: random.Random) -> str:
    body = base64.b64encode(rng.randbytes(700)).decode()
    lines = "\n".join(body[n : n + 64] for n in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _logs(rng: random.Random) -> str:
    lines: list[str] = []
    for n in range(400):
        sha, trace = hashlib.sha1(rng.randbytes(8), usedforsecurity=False).hexdigest(), rng.randbytes(16).hex()
        stamp = f"2026-09-01T10:{n // 60:02}:{n % 60:02}.{rng.randrange(1000):03}Z"
        uid = uuid.UUID(bytes=rng.randbytes(16), version=4)
        lines += [
            f"{stamp} INFO  shop.cart request handled method=GET path=/api/v1/cart/{n} status=200 ms={n} trace={trace}",
            f'{{"ts":"{stamp}","level":"warn","msg":"slow query","table":"orders","rows":{n},"request_id":"{uid}"}}',
            f'10.42.0.{n % 250} - - [01/Sep/2026:10:00:00 +0000] "GET /login?next=%2Fcart" 200 {n} "-" "kube-probe"',
            f"I0901 10:00:00.{n:06} 1 reflector.go:351] Caches populated for *v1.Secret from informers/factory.go:159",
            f"{stamp} ERROR auth: token expired for user mia@shop.example (session {uid}), commit {sha}",
            f'level=info ts={stamp} caller=main.go:{n} msg="Starting" version=2.{n}.0 revision={sha[:8]} keys={n}',
        ]
    return "\n".join(lines)


def benign(seed: int) -> Iterator[tuple[str, object]]:
    """What it is, and a text or a Kubernetes object without secrets."""
    rng = random.Random(seed)
    names = {
        "pod": "checkout-7d9f8b6c5-x2x4z",
        "hash": "7d9f8b6c5",
        "sha": rng.randbytes(32).hex(),
        "sha2": rng.randbytes(32).hex(),
    }
    yield "documentation", DOCUMENTED
    yield "kubectl describe", DESCRIBED.format(**names)
    yield "kubectl get", LISTED.format(**names)
    yield "logs", _logs(rng)
    yield "certificate", _certificate(rng)
    certificate = _certificate(rng)
    trust = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "kube-root-ca.crt"},
        "data": {"ca.crt": certificate},
    }
    yield "object", trust
    yield "YAML", yaml.safe_dump(trust)
    hook = {
        "kind": "ValidatingWebhookConfiguration",
        "webhooks": [{"clientConfig": {"caBundle": base64.b64encode(certificate.encode()).decode()}}],
    }
    yield "object", hook
    yield "YAML", yaml.safe_dump(hook, width=10**6)
    scenario = Scenario.build(seed)
    for obj in scenario.objects:
        if obj["kind"] != "Secret":
            yield "object", obj
            yield "YAML", yaml.safe_dump(obj, width=10**6)
